"""Does a reviewer decide, or wave through? Several signals, exact tests, and a limit on false accusations.

High agreement with an accurate proposal is what good reviewers show, so agreement alone never flags anybody. A
reviewer is pointed out only when at least two of three signals contradict an honest reading of the cases, and among
those pointed out at most ``q`` on average are honest (``discoveries``).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from countersign_feedback.domain.discoveries import at_least_two, benjamini_hochberg
from countersign_feedback.domain.intervals import clopper_pearson_interval

WORDS_PER_MINUTE = 300.0
"""A pace above which text is scanned, not read: 238 words a minute is the mean of silent reading, 300 is fast (M.
Brysbaert, "How many words do we read per minute?", Journal of Memory and Language 109 (2019) 104047)."""
LEAST_CATCH = 0.5
"""Share of seeded errors that an attentive reviewer catches at the least."""
FAIR_ODDS = 2.0
"""How many times the odds of agreeing may rise because a good proposal, once seen, convinces."""
MOST_TOO_FAST = 0.10
"""Share of decisions below the reading time that known cases and clear flags explain."""
LEAST_REVIEWS = 30
"""Reviews below which nothing is said about anybody."""
FALSE_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Reviews:
    """What is counted of one reviewer, under a pseudonym.

    ``assisted_agreed`` of ``assisted``: decisions with the proposal in sight that followed it. ``blind_agreed`` of
    ``blind``: answers given before it was shown. ``caught`` of ``seeded``: known errors put before them. ``too_fast``
    of ``timed``: decisions quicker than the shown text can be read. ``overrode_wrong`` of ``wrong`` and
    ``overrode_right`` of ``right``: assisted decisions where it is known whether the proposal was wrong.
    """

    reviewer: str
    assisted_agreed: int = 0
    assisted: int = 0
    blind_agreed: int = 0
    blind: int = 0
    caught: int = 0
    seeded: int = 0
    too_fast: int = 0
    timed: int = 0
    overrode_wrong: int = 0
    wrong: int = 0
    overrode_right: int = 0
    right: int = 0

    def __post_init__(self) -> None:
        for k, n in (
            (self.assisted_agreed, self.assisted), (self.blind_agreed, self.blind), (self.caught, self.seeded),
            (self.too_fast, self.timed), (self.overrode_wrong, self.wrong), (self.overrode_right, self.right),
        ):  # fmt: skip
            if not 0 <= k <= n:
                raise ValueError(f"{self.reviewer}: {k} of {n} is not a count")


@dataclass(frozen=True, slots=True)
class Share:
    """k of n with the exact 95 % interval."""

    k: int
    n: int
    lower: float
    upper: float


@dataclass(frozen=True, slots=True)
class Finding:
    """What the signals say about one reviewer, or about a team where ``reviewer`` is None.

    ``anchored``, ``missed`` and ``hurried`` are p-values of the three signals, ``p_value`` that of "at most one of them
    is real". ``discrimination`` is P(override | proposal wrong) - P(override | proposal right), None where unknown.
    """

    reviewer: str
    reviews: int
    assisted: Share
    blind: Share
    caught: Share
    too_fast: Share
    discrimination: float | None
    anchored: float
    missed: float
    hurried: float
    p_value: float
    flagged: bool
    text: str


def reading_floor_seconds(words: int) -> float:
    """Return the time below which the shown text cannot have been read: words / 300 minutes."""
    return 60.0 * words / WORDS_PER_MINUTE


def examine(desk: Sequence[Reviews], *, q: float = FALSE_SHARE, least: int = LEAST_REVIEWS) -> tuple[Finding, ...]:
    """Return what can be said about each reviewer with at least ``least`` assisted and blind reviews, as given."""
    known = [one for one in desk if one.assisted >= least and one.blind >= least]
    signals = [(anchored(one), missed(one), hurried(one)) for one in known]
    together = [at_least_two(three) for three in signals]
    flags = benjamini_hochberg(together, q)
    return tuple(_finding(*each) for each in zip(known, signals, together, flags, strict=True))


def anchored(reviews: Reviews, *, fair_odds: float = FAIR_ODDS) -> float:
    """Return the p-value of "the odds of agreeing are at most ``fair_odds`` times as high with the proposal in sight".

    One-sided exact test of two shares with fixed margins: R. A. Fisher, *Statistical Methods for Research Workers*,
    5th ed., 1934, section 21.02, for odds other than 1 with the noncentral hypergeometric distribution of R. A. Fisher,
    "The logic of inductive inference", JRSS 98 (1935) 39-82. The blind share is the baseline, never 100 %.
    """
    k, n = reviews.assisted_agreed, reviews.assisted
    agreed, whole = k + reviews.blind_agreed, n + reviews.blind
    # k or more of all agreements fall on the n assisted ones.
    first, last = max(0, n - (whole - agreed)), min(agreed, n)
    logs = [
        _log_choose(agreed, i) + _log_choose(whole - agreed, n - i) + i * math.log(fair_odds)
        for i in range(first, last + 1)
    ]
    top = max(logs)
    weights = [math.exp(value - top) for value in logs]
    return min(1.0, math.fsum(weights[k - first :]) / math.fsum(weights))


def missed(reviews: Reviews) -> float:
    """Return the p-value of "catches at least half of the seeded errors": BinomCDF(caught; seeded, 1/2)."""
    if not reviews.seeded:
        return 1.0
    from scipy.special import bdtr

    return float(bdtr(reviews.caught, reviews.seeded, LEAST_CATCH))


def hurried(reviews: Reviews) -> float:
    """Return the p-value of "at most a tenth are decided faster than can be read": P(Bin(timed, 0.1) >= too_fast)."""
    if not reviews.too_fast:
        return 1.0
    from scipy.special import bdtrc

    return float(bdtrc(reviews.too_fast - 1, reviews.timed, MOST_TOO_FAST))


def discrimination(reviews: Reviews) -> float | None:
    """Return P(override | proposal wrong) - P(override | proposal right): 1 is perfect, 0 is a coin or a stamp."""
    if not reviews.wrong or not reviews.right:
        return None
    return reviews.overrode_wrong / reviews.wrong - reviews.overrode_right / reviews.right


def _log_choose(n: int, k: int) -> float:
    return math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)


def _finding(reviews: Reviews, signals: tuple[float, float, float], p_value: float, flagged: bool) -> Finding:
    return Finding(
        reviewer=reviews.reviewer, reviews=reviews.assisted + reviews.blind,
        assisted=share(reviews.assisted_agreed, reviews.assisted), blind=share(reviews.blind_agreed, reviews.blind),
        caught=share(reviews.caught, reviews.seeded), too_fast=share(reviews.too_fast, reviews.timed),
        discrimination=discrimination(reviews), anchored=signals[0], missed=signals[1], hurried=signals[2],
        p_value=p_value, flagged=flagged, text=_sentence(reviews, flagged),
    )  # fmt: skip


def share(k: int, n: int) -> Share:
    """Return k of n with its exact 95 % interval."""
    return Share(k, n, *clopper_pearson_interval(k, n, 0.05))


def _sentence(reviews: Reviews, flagged: bool) -> str:
    facts = (
        f"agrees {reviews.assisted_agreed:,} of {reviews.assisted:,} times with the proposal in sight and "
        f"{reviews.blind_agreed:,} of {reviews.blind:,} blind, caught {reviews.caught:,} of {reviews.seeded:,} seeded "
        f"errors, decided {reviews.too_fast:,} of {reviews.timed:,} faster than the text can be read"
    )
    if flagged:
        return f"Worth a talk, and no more than that: {facts}."
    return f"Nothing that two signals agree on: {facts}."
