"""What a decision comes down to, for the person it is about: facts first, words later.

Only what was used is told: where people decided without having been shown the proposal, its factors are not there.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.contracts.field_formats import Format
from countersign_shared.contracts.key_facts import Field
from countersign_shared.contracts.terms import kind_of, read_terms

MAX_FACTORS = 5
MAX_REASONS = 4
AUTOMATIC = "automatic"
WITH_AI = "human_with_ai"

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """One detail and its value: yes or no and dates as they are, else in English words, for a language to write."""

    label: str
    value: str | bool | None
    kind: Format = "text"


@dataclass(frozen=True, slots=True)
class Weighed(Told):
    """One detail of the case that counted in the proposal, and which way."""

    towards: bool = False


@dataclass(frozen=True, slots=True)
class Explanation:
    """What was decided, on which terms, by whom or what, on what grounds.

    ``outcome`` is null for a case that is open, or closed without a decision.
    """

    case_id: str
    decision_type: str
    language: str | None
    decision_id: str | None
    decided_at: str | None
    outcome: str | None
    closed_as: str | None
    mode: str | None
    relation: str | None
    replaces: bool
    disclosure: str | None
    terms: Sequence[Told] = field(default=())
    factors: Sequence[Weighed] = field(default=())
    reasons: Sequence[str] = field(default=())
    rules: Sequence[str] = field(default=())


def explain(case_id: str, bodies: Mapping[str, Sequence[Body]], known: DecisionType | None) -> Explanation:
    """Explain a case out of what its entries hold, by topic, in the order of the log.

    ``known`` says what people call its fields and outcomes, and which fields nobody may use: those are never named.
    """
    created, scored = _last(bodies, "case.created"), _last(bodies, "case.scored")
    routed, decision = _last(bodies, "case.routed"), _standing(bodies.get("decision.made", ()))
    case = created or _part(scored, "case")
    mode = decision.get("mode")
    used = mode in {AUTOMATIC, WITH_AI}
    outcome, params = _text(decision.get("outcome")), _part(decision, "outcome_params")
    labels = {name: one.label for name, one in known.outcomes.items()} if known else {}
    return Explanation(
        case_id=case_id, decision_type=str(case.get("decision_type") or decision.get("decision_type") or ""),
        language=_text(case.get("language")), decision_id=_text(decision.get("decision_id")),
        decided_at=_text(decision.get("decided_at")), closed_as=_text(decision.get("closed_as")), mode=_text(mode),
        outcome=outcome and labels.get(outcome, outcome),
        terms=_terms(outcome, params, known),
        relation=_text(decision.get("relation")), replaces=bool(decision.get("supersedes")),
        disclosure=_text(decision.get("disclosure")),
        factors=_factors(scored, known) if used else (), reasons=_reasons(decision),
        rules=_rules(routed) if mode == AUTOMATIC else (),
    )  # fmt: skip


def _standing(decisions: Sequence[Body]) -> Body:
    """Return the decision that no later one has replaced."""
    replaced = {one.get("supersedes") for one in decisions}
    standing = [one for one in decisions if one.get("decision_id") not in replaced]
    return standing[-1] if standing else {}


def _factors(scored: Body, known: DecisionType | None) -> list[Weighed]:
    said = _part(_part(scored, "proposal"), "explanation").get("factors")
    factors = [one for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    protected = known.protected_fields if known else frozenset()
    kept = [one for one in factors if isinstance(one.get("field"), str) and one["field"] not in protected]
    kept.sort(key=lambda one: -abs(one["effect"]) if isinstance(one.get("effect"), int | float) else 0.0)
    fields = _fields(known)
    return [_weighed(one, fields.get(one["field"])) for one in kept[:MAX_FACTORS]]


def _weighed(factor: Body, known: Field | None) -> Weighed:
    value: Any = factor.get("value")
    label = known.label if known else factor["field"]
    kind = known.format if known else "text"
    if value is not None and not _as_it_is(value, kind):
        value = known.formatted(value) if known else _plain(value)
    return Weighed(label, value, kind, factor.get("direction") == "for")


def _terms(outcome: str | None, params: Body, known: DecisionType | None) -> list[Told]:
    fields = _fields(known)
    told = []
    for term in known.terms(outcome, params) if known else read_terms(params):
        value, name = params[term["name"]], term["name"]
        kind = fields[name].format if name in fields else kind_of(value)
        told.append(Told(term["label"], value if _as_it_is(value, kind) else term["formatted"], kind))
    return told


def _as_it_is(value: Any, kind: Format) -> bool:
    return isinstance(value, bool) or (kind == "date" and isinstance(value, str))


def _fields(known: DecisionType | None) -> dict[str, Field]:
    return {one.name: one for one in known.fields} if known else {}


def _plain(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value).replace("_", " ")


def _reasons(decision: Body) -> list[str]:
    said = decision.get("principal_reasons")
    texts = [one.get("text") for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return [text for text in texts if isinstance(text, str)][:MAX_REASONS]


def _rules(routed: Body) -> list[str]:
    said = routed.get("reasons")
    texts = [one.get("text") for one in said if isinstance(one, dict)] if isinstance(said, list) else []
    return [text for text in texts if isinstance(text, str)][:MAX_REASONS]


def _last(bodies: Mapping[str, Sequence[Body]], topic: str) -> Body:
    found = bodies.get(topic, ())
    return found[-1] if found else {}


def _part(body: Body, name: str) -> Body:
    value = body.get(name)
    return value if isinstance(value, dict) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
