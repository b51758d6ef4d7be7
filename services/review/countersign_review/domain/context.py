"""The context package: everything needed to decide, in seven parts, and nothing that must not be told."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from countersign_review.domain.blind import tells_nothing
from countersign_review.domain.saying import Saying
from countersign_review.domain.spans import factor_value, spans_of

TIERS = ("negligible", "low", "medium", "high", "critical")
BANDS = ("high", "medium", "low")
NEW = "new"
"""The flag of a fact that an answer to a question brought."""
MOST_FACTORS = 8
"""More bars than that nobody reads; the strongest come first."""
EARLIER = ("No earlier case of this subject is known.", "Earlier cases of the same subject, newest first.")
SIMILAR = (
    "No case like it has been decided by a person here.",
    "Similar cases are of other subjects, were decided by people, and are found by their facts alone.",
)


@dataclass(frozen=True, slots=True)
class Handed:
    """A review that somebody passed on: to the leads, or to a colleague."""

    escalated: bool
    by: str
    reason: str | None

    def words(self, *, withheld: bool) -> str:
        """Say it. Whoever passed it on may have seen the proposal: to one who must not, the reason is not told."""
        text = f"{self.by} passed it on to the leads" if self.escalated else f"{self.by} handed it on to you"
        return f"{text}: {self.reason}" if self.reason and not withheld else f"{text}."


@dataclass(frozen=True, slots=True)
class View:
    """What a context package is made of.

    ``facts`` are the payload's fields as people see them, protected ones left out; ``protected`` names those, so that
    nothing else brings them back. ``others`` are actions beside the outcomes: (name, why not or None). ``dispute`` is
    what people have said of the case before, where the reviewer is to know it. ``saying`` puts outcomes and terms into
    words. ``handed`` says who passed it on to the reviewer, and why. ``salt`` is chance that no other view has.
    """

    routed: Mapping[str, Any]
    withheld: bool
    type_label: str
    headline: str
    facts: Sequence[Mapping[str, Any]]
    protected: Collection[str]
    saying: Saying
    salt: str
    evidence: Sequence[str] = ()
    history: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    similar: Sequence[Mapping[str, Any]] = field(default_factory=tuple)
    others: Sequence[tuple[str, str | None]] = ()
    dispute: Mapping[str, Any] | None = None
    handed: "Handed | None" = None


def context_package(view: View) -> dict[str, Any]:
    """Build the package. A judgement looks exactly like a decision that is asked for blind."""
    routed = view.routed
    withheld = view.withheld
    proposal = None if withheld else routed.get("proposal")
    return {
        "decision_required": {
            "headline": view.headline, "decision_type": routed["decision_type"],
            "decision_type_label": view.type_label, "tenant": routed["tenant"], "case_id": routed["case_id"],
            "kind": "decision",
        },
        "recommendation": _recommendation(proposal, view) if proposal else None,
        "no_recommendation": None if withheld or proposal else _abstention(routed),
        "withheld": withheld,
        "matrix": None if withheld else _matrix(routed),
        "key_facts": [_fact(fact, routed.get("entities") or (), withheld=withheld) for fact in view.facts],
        "flags": _flags(view, withheld=withheld),
        "history": {
            "subject": list(view.history), "similar": list(view.similar),
            "note": f"{EARLIER[bool(view.history)]} {SIMILAR[bool(view.similar)]}",
        },
        "policy_reference": _policy(routed, withheld=withheld),
        "actions": _actions(view, withheld=withheld),
        "dispute": view.dispute,
        "salt": view.salt,
    }  # fmt: skip


def _recommendation(proposal: Mapping[str, Any], view: View) -> dict[str, Any]:
    routed = view.routed
    saying = view.saying
    outcome, params = proposal["outcome"], proposal.get("outcome_params") or {}
    explanation, model = proposal["explanation"], routed.get("model")
    confidence, band = proposal["confidence"], routed.get("band")
    alternatives = proposal.get("alternatives") or ()
    return {
        "outcome": outcome,
        "label": saying.label(outcome),
        "outcome_params": params,
        "terms": saying.terms(outcome, params),
        "confidence": confidence,
        "band": band,
        "plain_words": plain_confidence(confidence, band),
        "second_choice": _second(alternatives[0], saying) if alternatives else None,
        "factors": _factors(explanation["factors"], view),
        "summary": explanation["summary"],
        "thresholds": _thresholds(routed.get("thresholds")),
        "model": f"{model['name']} {model['version']}" if model else None,
    }


def plain_confidence(confidence: float, band: str | None) -> str:
    """Say a probability in words that people judge well: how many of a hundred."""
    right = round(confidence * 100)
    sure = f"Of 100 proposals as sure as this one, about {right} are right and {100 - right} are wrong."
    return f"{sure} That counts as {band} confidence here." if band else sure


def _second(alternative: Mapping[str, Any], saying: Saying) -> dict[str, Any]:
    return {
        "outcome": alternative["outcome"], "label": saying.label(alternative["outcome"]),
        "confidence": alternative["confidence"], "why_lower": alternative.get("why_lower"),
    }  # fmt: skip


def _factors(factors: Sequence[Mapping[str, Any]], view: View) -> list[dict[str, Any]]:
    facts = {fact["field"]: fact for fact in view.facts}
    shown = [factor for factor in factors if factor["field"] not in view.protected]
    return [
        {
            "field": factor["field"],
            "label": facts[factor["field"]]["label"] if factor["field"] in facts else factor["field"],
            "formatted": factor_value(factor, facts.get(factor["field"])),
            "effect": factor["effect"],
            "direction": factor["direction"],
            "text": factor.get("text"),
        }
        for factor in sorted(shown, key=lambda factor: -abs(factor["effect"]))[:MOST_FACTORS]
    ]


def _thresholds(limits: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if limits is None:
        return None
    return {
        "high": limits["bands"]["high"], "medium": limits["bands"]["medium"],
        "adjustments": [item["id"] for item in limits.get("adjustments") or ()],
    }  # fmt: skip


def _abstention(routed: Mapping[str, Any]) -> str:
    abstained = routed.get("abstained") or {}
    return str(abstained.get("detail") or abstained.get("reason") or "The AI made no proposal.")


def _matrix(routed: Mapping[str, Any]) -> dict[str, Any] | None:
    consequence, band = routed.get("consequence"), routed.get("band")
    if not consequence or not band:
        return None
    table = routed["handling"].get("matrix")
    return {
        "tiers": list(TIERS), "bands": list(BANDS),
        "levels": [[table[tier][column] for column in BANDS] for tier in TIERS] if table else None,
        "tier": consequence["tier"], "band": band, "level": routed["level"], "level_name": routed["level_name"],
    }  # fmt: skip


def _fact(fact: Mapping[str, Any], entities: Sequence[Mapping[str, Any]], *, withheld: bool) -> dict[str, Any]:
    names = ("field", "label", "value", "formatted", "format", "unit")
    flag = fact.get("flag")
    # A rule that raised its hand about a fact may have done so because of the proposal.
    return {
        **{name: fact.get(name) for name in names},
        "flag": None if withheld and flag != NEW else flag,
        # What a model claims to have found may tell what it thinks.
        "spans": [] if withheld else spans_of(fact, entities),
    }


def _flags(view: View, *, withheld: bool) -> list[dict[str, Any]]:
    routed = [
        {"code": reason["code"], "text": reason["text"], "rule_id": reason.get("rule_id")}
        for reason in view.routed["reasons"]
        if not withheld or tells_nothing(reason)
    ]
    handed = [("handed_on", view.handed.words(withheld=withheld))] if view.handed else []
    happened = [*handed, *(("new_evidence", text) for text in view.evidence)]
    return routed + [{"code": code, "text": text, "rule_id": None} for code, text in happened]


def _policy(routed: Mapping[str, Any], *, withheld: bool) -> dict[str, Any] | None:
    section, policy = routed["handling"].get("policy_section"), routed.get("policy")
    if not section:
        return None
    return {
        "title": section["title"], "text": section["text"],
        "policy": policy["id"] if policy else None, "version": policy["version"] if policy else None,
        "rules": [
            {"rule_id": reason["rule_id"], "text": reason["text"]}
            for reason in routed["reasons"]
            if reason.get("rule_id") and (not withheld or tells_nothing(reason))
        ],
    }  # fmt: skip


def _actions(view: View, *, withheld: bool) -> dict[str, Any]:
    handling = view.routed["handling"]
    names = ("outcome", "label", "key", "colour", "adverse", "rejects", "params_schema")
    outcomes = [{name: item.get(name) for name in names} for item in handling["allowed_outcomes"]]
    # An unseen answer always needs a reason; asking only when it differs would tell the proposal.
    documented = [item["outcome"] for item in outcomes] if withheld else ["overrode", *handling["must_document"]]
    return {
        "outcomes": outcomes,
        "reason_codes": [{"code": item["code"], "text": item["text"]} for item in handling["reason_codes"]],
        "principal_reason_codes": [
            {"code": item["code"], "text": item["text"]} for item in handling["principal_reason_codes"]
        ],
        "must_document": list(dict.fromkeys(documented)),
        "other": [{"action": name, "available": why is None, "why": why} for name, why in view.others],
    }
