"""A case that was drawn by a logged chance to be judged blind, judged or not."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from countersign_feedback.domain.facts import Purpose
from countersign_feedback.domain.judged import JudgedCase, Population


@dataclass(frozen=True, slots=True)
class DrawnCase:
    """A drawn case: ``error`` None while nobody has judged it.

    ``probability`` is the logged chance it was drawn with, ``draw`` its own uniform number for thinning,
    ``certificate_id`` the certificate it was decided under.
    """

    case_id: str
    purpose: Purpose
    routed_at: datetime
    confidence: float | None
    probability: float
    draw: float
    certificate_id: str | None = None
    error: bool | None = None
    judged_at: datetime | None = None

    def kept(self, floor: float) -> bool:
        """Tell whether thinning to a least probability keeps it (``labels.thin``).

        One drawn with less than the floor is kept: its fellows of that time were drawn with as little.
        """
        return self.draw * self.probability < floor


def of_one_chance(cases: Iterable[DrawnCase]) -> list[DrawnCase]:
    """Return the cases whose chances belong to one scheme: audits, and blind samples where there are any.

    Cases that people decide without the AI are drawn beside both, much more seldom. Thinning all to that chance would
    cost nearly every label, so they count only where nothing else is drawn.
    """
    found = list(cases)
    others = [case for case in found if case.purpose is not Purpose.HUMAN_ONLY]
    return others or found


def as_judged(cases: Iterable[DrawnCase], population: Population) -> list[JudgedCase]:
    """Return drawn cases as what assessments are made of."""
    return [
        JudgedCase(
            population=population, case_id=case.case_id, confidence=case.confidence, error=case.error,
            probability=case.probability, routed_at=case.routed_at, judged_at=case.judged_at,
        )
        for case in cases
    ]  # fmt: skip
