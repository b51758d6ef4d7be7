"""From counts to figures: rates that say what they rest on, and when they rest on too little."""

from dataclasses import dataclass, fields
from typing import Self

from countersign_feedback.domain.intervals import clopper_pearson_interval
from countersign_shared.shares import between as ends
from countersign_shared.shares import percent

DELTA = 0.05
"""Every interval is a 95 % interval."""
MINIMUM = 30
"""Below this many cases no rate is named: around one half the exact interval would be wider than 37 points."""


@dataclass(frozen=True, slots=True)
class Counts:
    """How many cases of one kind went which way. Sums of counts are counts.

    ``assisted_*`` are people's decisions made with the proposal in sight, ``blind_*`` those made without it, compared
    with the stored proposal afterwards. ``audits`` are randomly drawn automatic decisions judged again without seeing
    the first answer, ``weight`` the sum over them of 1 / (probability of being drawn), scaled by ``WEIGHT_SCALE`` and
    rounded, so that sums are exact in any order.
    """

    cases: int = 0
    automatic: int = 0
    assisted_agreed: int = 0
    assisted_modified: int = 0
    assisted_overrode: int = 0
    blind_agreed: int = 0
    blind_modified: int = 0
    blind_overrode: int = 0
    no_proposal: int = 0
    closed: int = 0
    reversed: int = 0
    audits: int = 0
    audit_errors: int = 0
    weight: int = 0
    weight_squared: int = 0
    error_weight: int = 0
    controls: int = 0
    control_errors: int = 0

    def __add__(self, other: Self) -> Self:
        return type(self)(*(getattr(self, name) + getattr(other, name) for name in NAMES))

    @property
    def assisted(self) -> int:
        """People's decisions with the proposal in sight."""
        return self.assisted_agreed + self.assisted_modified + self.assisted_overrode

    @property
    def blind(self) -> int:
        """People's decisions without the proposal in sight, where there was one."""
        return self.blind_agreed + self.blind_modified + self.blind_overrode

    @property
    def decided(self) -> int:
        """Cases that ended with an outcome, by machine or by a person."""
        return self.automatic + self.assisted + self.blind + self.no_proposal

    @property
    def waiting(self) -> int:
        """Cases that nobody has decided or closed yet."""
        return self.cases - self.decided - self.closed


NAMES = tuple(field.name for field in fields(Counts))


@dataclass(frozen=True, slots=True)
class Proportion:
    """``k`` of ``n``, with the exact 95 % interval; ``rate`` is None while n is below ``needed``."""

    k: int
    n: int
    needed: int
    rate: float | None
    lower: float
    upper: float
    text: str

    @property
    def enough(self) -> bool:
        """Tell whether the figure rests on enough cases to name a rate."""
        return self.rate is not None


def proportion(k: int, n: int, *, of: str, minimum: int = MINIMUM) -> Proportion:
    """Return k of n as a figure; ``of`` names in the plural what is counted, for the sentence."""
    lower, upper = clopper_pearson_interval(k, n, DELTA)
    rate = k / n if n >= minimum else None
    if rate is None:
        text = f"not enough yet: {n:,} of the {minimum:,} {of} a figure needs"
    else:
        text = f"{percent(rate)} [{percent(lower)}, {percent(upper)}]: {k:,} of {n:,} {of}"
    return Proportion(k=k, n=n, needed=minimum, rate=rate, lower=lower, upper=upper, text=text)


@dataclass(frozen=True, slots=True)
class WeightedShare:
    """The share of errors among *all* automatic decisions, each audit counted for as many as it stands for.

    ``effective_n`` is how many evenly drawn audits would say as much. ``even`` tells that every audit was drawn with
    the same probability; then the share equals the plain k / n and the exact interval of that applies to it.
    """

    share: float | None
    effective_n: float
    even: bool


def weighted_share(counts: Counts) -> WeightedShare:
    """Estimate the error of the whole from audits drawn with differing, logged probabilities.

    sum(error / q) / sum(1 / q): D. G. Horvitz and D. J. Thompson, "A generalization of sampling without replacement
    from a finite universe", JASA 47 (1952) 663-685, in the ratio form of J. Hájek (1971). Effective size
    (sum w)^2 / sum w^2: L. Kish, *Survey Sampling* (1965). None without audits.
    """
    if not counts.weight:
        return WeightedShare(share=None, effective_n=0.0, even=True)
    return WeightedShare(
        share=counts.error_weight / counts.weight,
        effective_n=counts.weight**2 / counts.weight_squared,
        # Cauchy-Schwarz is an equality exactly when all weights are the same; the sums are whole numbers.
        even=counts.weight**2 == counts.audits * counts.weight_squared,
    )


@dataclass(frozen=True, slots=True)
class Figures:
    """What is known about one group of cases."""

    counts: Counts
    automation: Proportion
    override: Proportion
    blind_disagreement: Proportion
    audit_error: Proportion
    audit_error_weighted: WeightedShare


def figures(counts: Counts, *, minimum: int = MINIMUM) -> Figures:
    """Return the rates of a group.

    ``override`` is a monitoring signal about reviews and says nothing about how often the model is wrong: reviewed
    cases are the hard ones, and people saw the proposal. Only ``audit_error`` estimates that, for automatic decisions.
    """
    return Figures(
        counts=counts,
        automation=proportion(counts.automatic, counts.cases, of="cases", minimum=minimum),
        override=proportion(counts.assisted_overrode, counts.assisted, of="assisted reviews", minimum=minimum),
        blind_disagreement=proportion(counts.blind_overrode, counts.blind, of="blind reviews", minimum=minimum),
        audit_error=proportion(counts.audit_errors, counts.audits, of="blind audits", minimum=minimum),
        audit_error_weighted=weighted_share(counts),
    )


def between(figure: Proportion) -> str:
    """Write a figure's interval without the unit."""
    return ends(figure.lower, figure.upper)


def weighted(figures: Figures) -> str | None:
    """Say the share that stands for all automatic decisions, where the plain one does not: audits drawn unevenly."""
    found = figures.audit_error_weighted
    if found.even or found.share is None or figures.audit_error.rate is None:
        return None
    return f"weighted {percent(found.share)}"
