"""The bodies of decisions and judgements. Digests, numbers, ids and times come in; nothing is looked up."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from countersign_review.domain.answer import Answer
from countersign_review.domain.binding import Bound, views_to_quote
from countersign_review.domain.events import CaseRef, routing_summary
from countersign_review.domain.opinions import Opinion
from countersign_review.domain.relation import same_json

SEEN_DISCLOSURE = "A computer program proposed an outcome. A person saw the proposal and the evidence, and decided."
UNSEEN_DISCLOSURE = "A person decided from the evidence, without seeing any proposal by a computer program."
SEVERAL_DISCLOSURE = "More than one person answered, none of them knowing what the others had said."
REVERSED_DISCLOSURE = "It replaces an earlier decision, which was looked at again."
WITHDRAWN_DISCLOSURE = "The case was withdrawn before anybody decided it."
MOST_CODES = 20
MOST_TAGS = 50


@dataclass(frozen=True, slots=True)
class Decider:
    """A person who answers, as records know them."""

    pseudonym: str
    role: str
    authority: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Said:
    """What one person answered, with all that a final record quotes of it; times are RFC 3339.

    ``blind``: they answered before they saw a proposal. ``shown`` are the digests of the views they were served.
    """

    answer: Answer
    decider: Decider
    opened_at: str
    decided_at: str
    blind: bool
    shown: Sequence[str]

    @property
    def opinion(self) -> Opinion:
        """The answer as it is compared with others."""
        return Opinion(self.answer.outcome, self.answer.outcome_params)

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        answer, decider = self.answer, self.decider
        return {
            "outcome": answer.outcome, "outcome_params": dict(answer.outcome_params), "reason": reason_body(answer),
            "tags": list(answer.tags), "principal_reasons": list(answer.principal_reasons),
            "pseudonym": decider.pseudonym, "role": decider.role, "authority": dict(decider.authority),
            "opened_at": self.opened_at, "decided_at": self.decided_at, "blind": self.blind, "shown": list(self.shown),
        }  # fmt: skip

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> "Said":
        """Return what ``as_dict`` wrote."""
        reason = stored["reason"]
        answer = Answer(
            outcome=stored["outcome"], outcome_params=stored["outcome_params"], codes=reason["codes"],
            other_text=reason["other_text"], note=reason["note"], category=reason["category"], tags=stored["tags"],
            principal_reasons=stored["principal_reasons"],
        )  # fmt: skip
        decider = Decider(stored["pseudonym"], stored["role"], stored["authority"])
        return cls(answer, decider, stored["opened_at"], stored["decided_at"], stored["blind"], stored["shown"])


@dataclass(frozen=True, slots=True)
class Answered:
    """An answer with everything around it; ``others`` are what other people answered before, oldest first.

    ``seen``: the proposal was on the screen when they answered.
    """

    said: Said
    relation: str
    seen: bool
    sla_met: bool
    payload_sha256: str
    execute_sha256: str
    execute: Mapping[str, Any] | None
    others: Sequence[Said] = field(default_factory=tuple)

    @property
    def everybody(self) -> list[Said]:
        """Everybody's answers, oldest first."""
        return [*self.others, self.said]

    @property
    def binding(self) -> Bound:
        """The views that people were served, the newest of very many, and what the outcome is bound to."""
        shown = views_to_quote([digest for said in self.everybody for digest in said.shown])
        return Bound(self.payload_sha256, shown, self.execute_sha256)


def confirms(answer: Answer, earlier: Answer) -> bool:
    """Tell whether an answer says what an earlier one said, to the terms."""
    return answer.outcome == earlier.outcome and same_json(answer.outcome_params, earlier.outcome_params)


def with_reasons_of(answer: Answer, earlier: Answer) -> Answer:
    """Return an answer that confirms an earlier one, under the reasons given then; a changed one brings its own."""
    if not confirms(answer, earlier) or answer.codes or answer.note:
        return answer
    return replace(
        answer, codes=earlier.codes, other_text=earlier.other_text, note=earlier.note, category=earlier.category,
        tags=answer.tags or earlier.tags, principal_reasons=answer.principal_reasons or earlier.principal_reasons,
    )  # fmt: skip


def decision_made(
    routed: Mapping[str, Any], answered: Answered, *, event_id: str, routed_event_id: str, sequence: int,
    supersedes: str | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the body of a decision that people made."""
    answer, binding = answered.said.answer, answered.binding
    texts = {item["code"]: item["text"] for item in routed["handling"]["principal_reason_codes"]}
    assisted = answered.seen and routed.get("proposal") is not None
    return {
        **CaseRef.of(routed).fields(sequence),
        "decision_id": event_id,
        "outcome": answer.outcome,
        "outcome_params": dict(answer.outcome_params),
        "closed_as": "decided",
        "mode": "human_with_ai" if assisted else "human",
        "relation": answered.relation,
        "supersedes": supersedes,
        "deciders": [_decider(said) for said in answered.everybody],
        "reason": _reasons(answered),
        "tags": _united(answered, "tags", MOST_TAGS),
        "principal_reasons": [{"code": code, "text": texts.get(code, code)} for code in answer.principal_reasons],
        "disclosure": _disclosure(routed, answered, assisted=assisted, supersedes=supersedes),
        "routing": routing_summary(routed, routed_event_id),
        "opened_at": answered.said.opened_at,
        "decided_at": answered.said.decided_at,
        "sla_met": answered.sla_met,
        "binding": {
            "payload_sha256": binding.payload,
            "shown_sha256": list(binding.shown),
            "execute_sha256": binding.execute if answered.execute is not None else None,
        },
        "execute": answered.execute,
        "test": bool(routed["case"].get("test", False)),
    }


def reason_body(answer: Answer) -> dict[str, Any]:
    """Return the reason as events carry it."""
    return {
        "codes": list(answer.codes), "other_text": answer.other_text, "note": answer.note, "category": answer.category,
    }  # fmt: skip


def _reasons(answered: Answered) -> dict[str, Any]:
    """The last person's words, with the codes of everybody who came to the same outcome."""
    return {**reason_body(answered.said.answer), "codes": _united(answered, "codes", MOST_CODES)}


def _united(answered: Answered, name: str, most: int) -> list[str]:
    outcome = answered.said.answer.outcome
    agreeing = [said.answer for said in answered.everybody if said.answer.outcome == outcome]
    # The last person's first: theirs is the decision.
    return list(dict.fromkeys(item for answer in reversed(agreeing) for item in getattr(answer, name)))[:most]


def _disclosure(routed: Mapping[str, Any], answered: Answered, *, assisted: bool, supersedes: str | None) -> str:
    said = [(routed.get("disclosure") or SEEN_DISCLOSURE) if assisted else UNSEEN_DISCLOSURE]
    if answered.others:
        said.append(SEVERAL_DISCLOSURE)
    if supersedes is not None:
        said.append(REVERSED_DISCLOSURE)
    return " ".join(said)


def _decider(said: Said) -> dict[str, Any]:
    decider = said.decider
    return {
        "pseudonym": decider.pseudonym, "role": decider.role, "authority": dict(decider.authority),
        "decided_at": said.decided_at, "outcome": said.answer.outcome, "blind": said.blind,
    }  # fmt: skip


def closed_decision(
    routed: Mapping[str, Any], *, event_id: str, routed_event_id: str, sequence: int, payload_sha256: str,
    decided_at: str, reason: str, code: str = "withdrawn", disclosure: str = WITHDRAWN_DISCLOSURE,
) -> dict[str, Any]:  # fmt: skip
    """Return the body that closes a case nobody decides any more; nobody decided, so there are no deciders."""
    return {
        **CaseRef.of(routed).fields(sequence),
        "decision_id": event_id,
        "outcome": None,
        "outcome_params": {},
        "closed_as": "withdrawn",
        "mode": "automatic" if code == "withdrawn" else "human",
        "relation": "no_proposal",
        "supersedes": None,
        "deciders": [],
        "reason": {"codes": [code], "other_text": None, "note": reason, "category": "none"},
        "tags": [],
        "principal_reasons": [],
        "disclosure": disclosure,
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
    """Return what people came to who did not know what was proposed or decided; an error is another outcome."""
    return {
        "judged_decision_id": judged_decision_id,
        "answers": [_judged(said) for said in answered.everybody],
        "final_outcome": answered.said.answer.outcome,
        "error": answered.relation == "overrode",
        "routing": routing_summary(routed, routed_event_id),
    }


def _judged(said: Said) -> dict[str, Any]:
    answer, decider = said.answer, said.decider
    return {
        "pseudonym": decider.pseudonym, "role": decider.role, "outcome": answer.outcome,
        "outcome_params": dict(answer.outcome_params), "decided_at": said.decided_at, "blind": said.blind,
        "reason": reason_body(answer),
    }  # fmt: skip
