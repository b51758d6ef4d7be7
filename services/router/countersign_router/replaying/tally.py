"""What a replay counts. Tallies of parts add up to the tally of the whole, in any order."""

import heapq
from collections import Counter
from dataclasses import dataclass, field
from typing import NamedTuple

from countersign_router.domain.policy import TIERS
from countersign_router.replaying.facts import Facts

MOST_LISTED = 200
"""Cases listed by name; all are counted."""
MOST_VALUES = 12
"""A field with more values makes no segments."""
MOST_UNEXPLAINED = 20

Move = tuple[Facts, Facts]
"""What a case was and what it would be."""


class Case(NamedTuple):
    """A case that changes sides, as far as somebody needs it to look it up."""

    tenant: str
    case_id: str
    routed_at: str
    outcome: str | None
    confidence: float | None
    before: Facts
    after: Facts


class SegmentKey(NamedTuple):
    """Which way a case went, and to which segment it belongs."""

    field: str
    value: str
    automatic_before: bool
    automatic_after: bool
    would_before: bool
    would_after: bool
    raised: bool
    lowered: bool


class Judged(NamedTuple):
    """A judged case: which population it counts for, and with what chance it was chosen to be judged."""

    automatic_before: bool
    automatic_after: bool
    would_before: bool
    would_after: bool
    error: bool
    chance: float


@dataclass(slots=True)
class Tally:
    """Counts over some of the cases."""

    cases: int = 0
    tests: int = 0
    rederived: int = 0
    unpoliced: int = 0
    unknown_key: int = 0
    held_back: int = 0
    moves: Counter[Move] = field(default_factory=Counter)
    versions: Counter[tuple[str, int, str]] = field(default_factory=Counter)
    segments: Counter[SegmentKey] = field(default_factory=Counter)
    too_many: set[str] = field(default_factory=set)
    judged: Counter[Judged] = field(default_factory=Counter)
    unlabelled_gains: int = 0
    becoming: list[tuple[tuple[int, float, str, str], Case]] = field(default_factory=list)
    leaving: list[tuple[tuple[int, float, str, str], Case]] = field(default_factory=list)
    unexplained: int = 0
    unexplained_cases: list[tuple[str, str]] = field(default_factory=list)
    since: str | None = None
    until: str | None = None

    def add(self, other: "Tally") -> None:
        """Count another part in."""
        for name in ("cases", "tests", "rederived", "unpoliced", "unknown_key", "held_back", "unlabelled_gains",
                     "unexplained"):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.moves.update(other.moves)
        self.versions.update(other.versions)
        self.segments.update(other.segments)
        self.judged.update(other.judged)
        self.too_many |= other.too_many
        self.becoming += other.becoming
        self.leaving += other.leaving
        self.unexplained_cases += other.unexplained_cases
        self.since = min((one for one in (self.since, other.since) if one), default=None)
        self.until = max((one for one in (self.until, other.until) if one), default=None)
        self.prune()

    def prune(self) -> None:
        """Keep of each list what is shown, and of fields those with few values."""
        self.becoming = heapq.nsmallest(MOST_LISTED, self.becoming)
        self.leaving = heapq.nsmallest(MOST_LISTED, self.leaving)
        self.unexplained_cases = sorted(self.unexplained_cases)[:MOST_UNEXPLAINED]
        values: dict[str, set[str]] = {}
        for key in self.segments:
            values.setdefault(key.field, set()).add(key.value)
        self.too_many |= {name for name, found in values.items() if len(found) > MOST_VALUES}
        for key in [key for key in self.segments if key.field in self.too_many]:
            del self.segments[key]


def changes_sides(before: Facts, after: Facts) -> tuple[bool, bool]:
    """Tell whether a case comes to the machine, and whether it leaves it.

    Where a certificate is still missing, what would be automatic with one counts.
    """
    gains = (after.automatic and not before.automatic) or (after.would_automate and not before.would_automate)
    loses = (before.automatic and not after.automatic) or (before.would_automate and not after.would_automate)
    return gains, loses


def urgency(case: Case) -> tuple[int, float, str, str]:
    """Order listed cases: what weighs most first, there the least sure."""
    tier = case.after.tier or case.before.tier
    weight = TIERS.index(tier) if tier in TIERS else len(TIERS)
    return -weight, case.confidence if case.confidence is not None else 0.0, case.tenant, case.case_id
