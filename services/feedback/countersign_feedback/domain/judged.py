"""Judged cases, and the one population that a certificate is about."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from countersign_feedback.domain.certify import NoCertificate


@dataclass(frozen=True, slots=True, order=True)
class Population:
    """What a certificate binds to. Whatever changes here makes another population, and labels never move to it."""

    tenant: str
    decision_type: str
    tier: str
    model_name: str
    model_version: str
    calibrator_version: str
    automation_sha256: str


@dataclass(frozen=True, slots=True)
class JudgedCase:
    """A case that would be automated were a certificate live, and what a blind, adjudicated answer said of it.

    ``error`` is None while nobody has judged it; then it only tells which confidences occur. ``probability`` is the
    logged chance with which it was drawn to be judged, None or 0 for a check for cause, which is no label.
    """

    population: Population
    case_id: str
    confidence: float | None
    error: bool | None = None
    probability: float | None = None
    routed_at: datetime | None = None
    judged_at: datetime | None = None

    @property
    def label(self) -> bool:
        """Tell whether it counts as a label: judged, and drawn by a logged chance."""
        return self.error is not None and bool(self.probability)


def by_population(cases: Iterable[JudgedCase]) -> dict[Population, list[JudgedCase]]:
    """Return the cases of each population apart, populations in order."""
    groups: dict[Population, list[JudgedCase]] = defaultdict(list)
    for case in cases:
        groups[case.population].append(case)
    return {population: groups[population] for population in sorted(groups)}


def unfit(cases: Sequence[JudgedCase], *, population: Population, now: datetime) -> NoCertificate | None:
    """Return why these cases cannot carry a certificate at all: mixed, repeated, or with times that cannot be."""
    strangers = sorted({case.population for case in cases} - {population})
    if strangers:
        return NoCertificate(
            "mixed_population",
            f"Some of these cases belong to another population: {_difference(population, strangers[0])} A certificate "
            "is about one: what was learned under another model, calibrator or policy says nothing here.",
        )
    ids = {case.case_id for case in cases}
    if len(ids) < len(cases):
        return NoCertificate(
            "repeated_case", f"{len(cases) - len(ids):,} cases appear more than once. Each may count once."
        )
    odd = [case for case in cases if _jumped(case, now)]
    if odd:
        return NoCertificate(
            "clock",
            f"{len(odd):,} cases were judged before they were routed, or lie in the future ({odd[0].case_id} is one). "
            "A clock jumped: find out which, because it decides what belongs to which day and version.",
        )
    return None


def _jumped(case: JudgedCase, now: datetime) -> bool:
    times = [moment for moment in (case.routed_at, case.judged_at) if moment is not None]
    return any(moment > now for moment in times) or (len(times) > 1 and times[0] > times[1])


def _difference(one: Population, other: Population) -> str:
    apart = next(name for name in Population.__slots__ if getattr(one, name) != getattr(other, name))
    return f"{apart} is {getattr(other, apart)!r} and not {getattr(one, apart)!r}."
