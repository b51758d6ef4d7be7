"""Before the fact: how many labels, reviewer hours and days until the first certificate, or why there never is one."""

import math
from dataclasses import dataclass

from countersign_feedback.domain.certify import least_labels

POWER = 0.8
"""The chance that the planned number of labels is enough, where the assumed error is the true one."""
MOST_LABELS = 10_000_000
"""A plan beyond this is none."""


@dataclass(frozen=True, slots=True)
class Assumptions:
    """What a plan rests on.

    ``traffic`` is cases a day that would be automated in the tier, ``label_share`` how many of them are judged blind,
    ``error`` the true share of wrong ones expected, ``answers`` people per label (two, often a third to adjudicate),
    ``minutes`` each answer takes, ``tiers`` among which delta is split, ``days`` the certificate may take: a model or a
    policy seldom stays unchanged for longer, and a change starts anew.
    """

    alpha: float
    delta: float
    traffic: float
    label_share: float = 1.0
    error: float | None = None
    answers: float = 2.1
    minutes: float = 4.0
    tiers: int = 1
    days: float = 180.0


@dataclass(frozen=True, slots=True)
class Plan:
    """Labels, hours and days until the first certificate, with probability ``POWER`` if the assumed error is true.

    ``least_labels`` would do if not one label were an error; ``labels`` allow for ``errors_allowed``.
    """

    alpha: float
    delta: float
    error: float
    least_labels: int
    labels: int
    errors_allowed: int
    reviewer_hours: float
    days: float
    text: str


@dataclass(frozen=True, slots=True)
class NoPlan:
    """It cannot be certified under these assumptions, and what would have to change."""

    code: str
    text: str


def plan(given: Assumptions) -> Plan | NoPlan:
    """Return the way to the first certificate, or why there is none.

    Values that are no shares or counts are a ``ValueError`` naming the field.
    """
    _check(given)
    delta = given.delta / given.tiers
    least = least_labels(given.alpha, delta)
    error = given.alpha / 2 if given.error is None else given.error
    a_day = given.traffic * given.label_share
    if a_day <= 0.0:
        return NoPlan(
            "no_labels", "No case a day is judged blind, so there will never be a label. " + _raise_share(given)
        )
    if error >= given.alpha:
        return NoPlan(
            "error_too_high",
            f"The expected error of {_percent(error)} is not below the {_percent(given.alpha)} to be promised. "
            "No number of labels proves what is not so. A stricter threshold, a better model or a larger alpha can.",
        )
    if least / a_day > given.days:
        return NoPlan("too_little_traffic", _too_little(given, least, least / a_day, delta))
    found = labels_needed(given.alpha, delta, error)
    if found is None or found[0] / a_day > given.days:
        needed = math.inf if found is None else found[0] / a_day
        return NoPlan("too_little_traffic", _too_little(given, found[0] if found else MOST_LABELS, needed, delta))
    labels, allowed = found
    hours = labels * given.answers * given.minutes / 60.0
    days = labels / a_day
    text = (
        f"{labels:,} blind labels ({given.answers:g} answers of {given.minutes:g} minutes each: {hours:,.0f} hours of "
        f"reviewers' time) in about {math.ceil(days):,} days, if {_percent(error)} are wrong; up to {allowed:,} "
        f"of them may be errors. Without a single error {least:,} would do."
    )
    return Plan(given.alpha, delta, error, least, labels, allowed, hours, days, text)


def labels_needed(alpha: float, delta: float, error: float, power: float = POWER) -> tuple[int, int] | None:
    """Return the least (labels, errors allowed) whose exact test passes with probability ``power`` at the true error.

    For each number c of errors allowed, n(c) is the least n with BinomCDF(c; n, alpha) <= delta; the answer is the
    first c with BinomCDF(c; n(c), error) >= power. (Acceptance sampling by attributes: H. F. Dodge and H. G. Romig,
    *Sampling Inspection Tables*, 1944.) None where it takes more than ten million labels.
    """
    from scipy.special import bdtr

    def first_size(allowed: int) -> int:
        low, high = allowed + 1, 2 * (allowed + 1)
        while bdtr(allowed, high, alpha) > delta:
            low, high = high, 2 * high
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if bdtr(allowed, middle, alpha) <= delta else (middle + 1, high)
        return high

    def enough(allowed: int) -> bool:
        return bool(bdtr(allowed, first_size(allowed), error) >= power)

    high = 0
    while not enough(high):
        high = 2 * high + 1
        if first_size(high) > MOST_LABELS:
            return None
    # The power is not strictly monotone in c; the first that is enough lies within the last doubling.
    low = high // 2
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle + 1, high)
    return first_size(high), high


def _too_little(given: Assumptions, labels: int, days: float, delta: float) -> str:
    a_day = given.traffic * given.label_share
    often = "never" if math.isinf(days) else f"in {math.ceil(days):,} days"
    within = int(a_day * given.days)
    # The least alpha for which flawless labels of the whole time would do.
    reachable = -math.expm1(math.log(delta) / within) if within else 1.0
    hint = (
        f"The least that flawless labels could prove in that time is {_percent(reachable)}."
        if reachable < 1.0
        else "Not one label comes in that time."
    )
    return (
        f"At most {_percent(given.alpha)} wrong cannot be certified with this traffic: it takes {labels:,} blind "
        f"labels, {a_day:,.3g} a day come in, so it would be done {often}, not within {given.days:,.0f}. {hint} "
        + _raise_share(given)
    )


def _raise_share(given: Assumptions) -> str:
    if given.label_share < 1.0:
        return (
            f"Judging more than {_percent(given.label_share)} of the cases blind, or a larger alpha, would shorten it."
        )
    return "Every case is judged blind already: only a larger alpha, or more traffic under one promise, can help."


def _percent(value: float) -> str:
    return f"{100 * value:.3g} %"


def _check(given: Assumptions) -> None:
    shares = {"alpha": given.alpha, "delta": given.delta}
    for name, value in shares.items():
        if not 0.0 < value < 1.0:
            raise ValueError(f"{name} must lie strictly between 0 and 1, got {value}")
    if not 0.0 <= given.label_share <= 1.0:
        raise ValueError(f"label_share must lie between 0 and 1, got {given.label_share}")
    if given.error is not None and not 0.0 <= given.error <= 1.0:
        raise ValueError(f"error must lie between 0 and 1, got {given.error}")
    for name, least in (("traffic", given.traffic), ("answers", given.answers), ("minutes", given.minutes)):
        if not (math.isfinite(least) and least >= 0.0):
            raise ValueError(f"{name} must be 0 or more, got {least}")
    if given.tiers < 1 or not given.days > 0.0:
        raise ValueError("tiers must be 1 or more, and days more than 0")
