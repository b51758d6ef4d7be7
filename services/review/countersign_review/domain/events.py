"""The bodies of the events this service writes. Digests, numbers, ids and times come in; nothing is looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from countersign_review.domain.answer import Answer
from countersign_review.domain.binding import Bound
from countersign_review.domain.review import Kind

SEEN_DISCLOSURE = "A computer program proposed an outcome. A person saw the proposal and the evidence, and decided."
UNSEEN_DISCLOSURE = "A person decided from the evidence, without seeing any proposal by a computer program."
WITHDRAWN_DISCLOSURE = "The case was withdrawn before anybody decided it."


@dataclass(frozen=True, slots=True)
class CaseRef:
    """Which case an event is about."""

    tenant: str
    case_id: str
    decision_type: str
    subject_ref: str | None

    @classmethod
    def of(cls, routed: Mapping[str, Any]) -> "CaseRef":
        """Return the reference in a routed case."""
        return cls(routed["tenant"], routed["case_id"], routed["decision_type"], routed.get("subject_ref"))

    def fields(self, sequence: int) -> dict[str, Any]:
        """Return the fields every case event carries."""
        return {
            "tenant": self.tenant, "case_id": self.case_id, "decision_type": self.decision_type,
            "subject_ref": self.subject_ref, "sequence": sequence,
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decider:
    """The person who answers, as records know them."""

    pseudonym: str
    role: str
    authority: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with everything around it; times are RFC 3339."""

    answer: Answer
    decider: Decider
    relation: str
    seen: bool
    opened_at: str
    decided_at: str
    sla_met: bool
    binding: Bound
    execute: Mapping[str, Any] | None


def routing_summary(routed: Mapping[str, Any], event_id: str) -> dict[str, Any]:
    """Return what the router had said, so that readers of a decision need not join topics."""
    proposal, consequence = routed.get("proposal"), routed.get("consequence")
    return {
        "event_id": event_id, "tier": consequence["tier"] if consequence else None, "band": routed.get("band"),
        "level": routed["level"], "would_automate": routed["would_automate"], "sampling": routed["sampling"],
        "policy": routed.get("policy"), "model": routed.get("model"),
        "confidence": proposal["confidence"] if proposal else None,
    }  # fmt: skip


def decision_made(
    routed: Mapping[str, Any], answered: Answered, *, event_id: str, routed_event_id: str, sequence: int
) -> dict[str, Any]:
    """Return the body of a person's decision."""
    answer, handling = answered.answer, routed["handling"]
    texts = {item["code"]: item["text"] for item in handling["principal_reason_codes"]}
    assisted = answered.seen and routed.get("proposal") is not None
    return {
        **CaseRef.of(routed).fields(sequence),
        "decision_id": event_id,
        "outcome": answer.outcome,
        "outcome_params": dict(answer.outcome_params),
        "closed_as": "decided",
        "mode": "human_with_ai" if assisted else "human",
        "relation": answered.relation,
        "supersedes": None,
        "deciders": [_decider(answered)],
        "reason": reason_body(answer),
        "tags": list(answer.tags),
        "principal_reasons": [{"code": code, "text": texts.get(code, code)} for code in answer.principal_reasons],
        "disclosure": (routed.get("disclosure") or SEEN_DISCLOSURE) if assisted else UNSEEN_DISCLOSURE,
        "routing": routing_summary(routed, routed_event_id),
        "opened_at": answered.opened_at,
        "decided_at": answered.decided_at,
        "sla_met": answered.sla_met,
        "binding": {
            "payload_sha256": answered.binding.payload,
            "shown_sha256": list(answered.binding.shown),
            "execute_sha256": answered.binding.execute if answered.execute is not None else None,
        },
        "execute": answered.execute,
        "test": bool(routed["case"].get("test", False)),
    }


def reason_body(answer: Answer) -> dict[str, Any]:
    """Return the reason as events carry it."""
    return {
        "codes": list(answer.codes), "other_text": answer.other_text, "note": answer.note, "category": answer.category,
    }  # fmt: skip


def _decider(answered: Answered) -> dict[str, Any]:
    decider = answered.decider
    return {
        "pseudonym": decider.pseudonym, "role": decider.role, "authority": dict(decider.authority),
        "decided_at": answered.decided_at, "outcome": answered.answer.outcome, "blind": not answered.seen,
    }  # fmt: skip


def withdrawn_decision(
    routed: Mapping[str, Any], *, event_id: str, routed_event_id: str, sequence: int, payload_sha256: str,
    decided_at: str, reason: str,
) -> dict[str, Any]:  # fmt: skip
    """Return the body that closes a case nobody needs decided any more; nobody decided, so there are no deciders."""
    return {
        **CaseRef.of(routed).fields(sequence),
        "decision_id": event_id,
        "outcome": None,
        "outcome_params": {},
        "closed_as": "withdrawn",
        "mode": "automatic",
        "relation": "no_proposal",
        "supersedes": None,
        "deciders": [],
        "reason": {"codes": ["withdrawn"], "other_text": None, "note": reason, "category": "none"},
        "tags": [],
        "principal_reasons": [],
        "disclosure": WITHDRAWN_DISCLOSURE,
        "routing": routing_summary(routed, routed_event_id),
        "opened_at": None,
        "decided_at": decided_at,
        "sla_met": None,
        "binding": {"payload_sha256": payload_sha256, "shown_sha256": [], "execute_sha256": None},
        "execute": None,
        "test": bool(routed["case"].get("test", False)),
    }


def judgement(
    routed: Mapping[str, Any], answered: Answered, *, judged_decision_id: str, routed_event_id: str
) -> dict[str, Any]:
    """Return what a person, asked afterwards and blind, would have decided; an error is another outcome."""
    answer, decider = answered.answer, answered.decider
    return {
        "judged_decision_id": judged_decision_id,
        "answers": [
            {
                "pseudonym": decider.pseudonym, "role": decider.role, "outcome": answer.outcome,
                "outcome_params": dict(answer.outcome_params), "decided_at": answered.decided_at,
                "blind": True, "reason": reason_body(answer),
            }
        ],
        "final_outcome": answer.outcome,
        "error": answered.relation == "overrode",
        "routing": routing_summary(routed, routed_event_id),
    }  # fmt: skip


def activity(
    case: CaseRef, kind: str, body: Mapping[str, Any], *, sequence: int, occurred_at: str,
    actor: Mapping[str, Any],
) -> dict[str, Any]:  # fmt: skip
    """Return the body of an activity about a case; fields without a value are left out."""
    return {
        **case.fields(sequence),
        "kind": kind,
        "occurred_at": occurred_at,
        "actor": dict(actor),
        "body": {name: value for name, value in body.items() if value is not None},
    }


def person(pseudonym: str, role: str) -> dict[str, Any]:
    """Return a person as an actor."""
    return {"kind": "person", "pseudonym": pseudonym, "role": role}


SERVICE: Mapping[str, Any] = {"kind": "service", "pseudonym": "review"}
"""This service as an actor: leases that run out, cases that are withdrawn."""


def review_fact(
    review: Any, *, claim_id: str | None = None, reviewer: str | None = None, **more: Any
) -> dict[str, Any]:
    """Return the body of a step in the life of a review."""
    return {
        "review_id": review["review_id"], "review_kind": Kind(review["kind"]).value, "queue": review["queue"],
        "level": review["level"], "claim_id": claim_id, "reviewer": reviewer, **more,
    }  # fmt: skip


def shown_digests(packages: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return the digests of the views that were served, in order, each once."""
    return list(dict.fromkeys(package["sha256"] for package in packages))
