"""Rules as a method of their own: what they say of a case, and how clearly."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

CLEAR, SILENT, CONFLICT = 1.0, 0.5, 0.0
"""Values of the rule-clarity signal. Silence is the middle: it speaks neither for nor against the proposal."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: `when` is an expression over the inputs, `outcome` what it asks for when that is true.

    `confidence` is how often cases like this were right before people, as whoever wrote the rule has measured it; it
    is needed only where rules propose by themselves. `reads` are the payload fields it looks at.
    """

    id: str
    outcome: str
    text: str
    confidence: float | None
    reads: tuple[str, ...]


class Verdict(NamedTuple):
    """What the rules say: those that match, and those that cannot be told because an input is missing or odd."""

    matched: Sequence[Rule]
    undecided: Sequence[str] = ()

    @property
    def outcomes(self) -> list[str]:
        """Return the outcomes asked for, each once, sorted."""
        return sorted({rule.outcome for rule in self.matched})

    @property
    def outcome(self) -> str | None:
        """Return what the rules agree on, or None when none matches or they contradict each other."""
        outcomes = self.outcomes
        return outcomes[0] if len(outcomes) == 1 else None


def rule_clarity(verdict: Verdict) -> dict[str, Any]:
    """Return the signal: 1 when the matching rules agree, 0 when they contradict each other, 0.5 when none matches."""
    outcomes = verdict.outcomes
    state = "clear" if len(outcomes) == 1 else "conflict" if outcomes else "none"
    detail: dict[str, Any] = {"state": state, "matched": [rule.id for rule in verdict.matched], "outcomes": outcomes}
    if verdict.undecided:
        detail["undecided"] = list(verdict.undecided)
    return {"value": {"clear": CLEAR, "none": SILENT, "conflict": CONFLICT}[state], "detail": detail}


def consensus(proposed: str, opinions: Sequence[tuple[str, str | None]]) -> dict[str, Any]:
    """Return the signal: of the other methods that take a view, the share that proposes the same outcome.

    `opinions` are (method, outcome or None). With no view beside the proposal there is no consensus to speak of.
    """
    agree = [name for name, outcome in opinions if outcome == proposed]
    differ = [{"method": name, "outcome": outcome} for name, outcome in opinions if outcome not in {None, proposed}]
    silent = [name for name, outcome in opinions if outcome is None]
    detail: dict[str, Any] = {"agree": agree, "differ": differ, "silent": silent}
    if not agree and not differ:
        return {"value": None, "reason": "no other method takes a view of this case", "detail": detail}
    return {"value": round(len(agree) / (len(agree) + len(differ)), 4), "detail": detail}


def outcomes_known(rules: Sequence[Rule], outcomes: Mapping[str, Any]) -> str | None:
    """Return the id of the first rule whose outcome does not exist, or None."""
    return next((rule.id for rule in rules if rule.outcome not in outcomes), None)
