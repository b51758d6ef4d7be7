"""What every event of this service is made of: the case, the actor, the step in the life of a review."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from countersign_review.domain.review import Kind


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


def routing_summary(routed: Mapping[str, Any], event_id: str) -> dict[str, Any]:
    """Return what the router had said, so that readers of a decision need not join topics."""
    proposal, consequence = routed.get("proposal"), routed.get("consequence")
    return {
        "event_id": event_id, "tier": consequence["tier"] if consequence else None, "band": routed.get("band"),
        "level": routed["level"], "would_automate": routed["would_automate"], "sampling": routed["sampling"],
        "policy": routed.get("policy"), "model": routed.get("model"),
        "confidence": proposal["confidence"] if proposal else None,
        "proposed": proposal["outcome"] if proposal else None,
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
