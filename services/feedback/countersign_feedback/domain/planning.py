"""Before the fact: how many labels, reviewer hours and days until the first certificate, or why there never is one."""

import math
from dataclasses import dataclass

from countersign_feedback.domain.attempts import FIRST, sizes
from countersign_feedback.domain.certify import FIRST_START, least_labels, spent

POWER = 0.8
"""About the chance that a certificate is proposed by the planned number, where the assumed error is the true one."""
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
    """Labels, hours and days until the first certificate, with about chance ``POWER`` if the assumed error is true.

    Fewer than ``least_labels`` prove nothing, even without one error. ``labels`` are those of try number ``tries``,
    which allows for ``errors_allowed``; the first one is made at ``first_try`` labels (``attempts``).
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
    tries: int = 1
    first_try: int = 0


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
    error = given.alpha / 2 if given.error is None else given.error
    a_day = given.traffic * given.label_share
    if given.traffic <= 0.0:
        return NoPlan("no_labels", "No case a day comes in, so there will never be a label, and never a certificate.")
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
    first = next(sizes(given.alpha, delta))
    if first / a_day > given.days:
        return NoPlan("too_little_traffic", _too_little(given, first, first / a_day, delta))
    found = planned_try(given.alpha, delta, error)
    if found is None or found[1] / a_day > given.days:
        needed = math.inf if found is None else found[1] / a_day
        return NoPlan("too_little_traffic", _too_little(given, found[1] if found else MOST_LABELS, needed, delta))
    return _planned(given, delta, error, first, found)


def _planned(given: Assumptions, delta: float, error: float, first: int, found: tuple[int, int, int]) -> Plan:
    number, labels, allowed = found
    least = least_labels(given.alpha, delta)
    hours = labels * given.answers * given.minutes / 60.0
    days = labels / (given.traffic * given.label_share)
    text = (
        f"{labels:,} blind labels ({given.answers:g} answers of {given.minutes:g} minutes each: {hours:,.0f} hours of "
        f"reviewers' time) in about {math.ceil(days):,} days, if {_percent(error)} are wrong: try {number}, in which "
        f"up to {allowed:,} of them may be errors. By then a certificate is proposed in about {100 * POWER:g} % of "
        f"such plans. Tries begin at {first:,} labels; fewer than {least:,} prove nothing, even without an error."
    )
    return Plan(
        given.alpha, delta, error, least, labels, allowed, hours, days, text, tries=number, first_try=first
    )  # fmt: skip


def planned_try(alpha: float, delta: float, error: float, power: float = POWER) -> tuple[int, int, int] | None:
    """Return the first try that passes with probability ``power`` at the true error: number, labels, errors allowed.

    Tries rest on the labels that ``attempts.sizes`` says, each on its own part of delta, of which the loosest place
    where its walk begins has the rest that ``starting_shares`` leaves it. With that level d the most errors allowed are
    the largest c with BinomCDF(c; n, alpha) <= d, and the try passes with BinomCDF(c; n, error). (Acceptance sampling
    by attributes: H. F. Dodge and H. G. Romig, *Sampling Inspection Tables*, 1944.) None beyond ten million labels.
    """
    from scipy.special import bdtr

    for number, labels in enumerate(sizes(alpha, delta), 1):
        if labels > MOST_LABELS:
            return None
        allowed = _errors_allowed(labels, alpha, _level_of(number, labels, alpha, delta))
        if allowed is not None and bdtr(allowed, labels, error) >= power:
            return number, labels, allowed
    return None


def _level_of(number: int, labels: int, alpha: float, delta: float) -> float:
    whole = spent(delta, number)
    starts = int(math.log2(labels / (2 * least_labels(alpha, whole)))) + 1
    return whole if starts == 1 else whole * (1.0 - FIRST_START) / starts


def _errors_allowed(labels: int, alpha: float, level: float) -> int | None:
    from scipy.special import bdtr

    if bdtr(0, labels, alpha) > level:
        return None
    low, high = 0, labels
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if bdtr(middle, labels, alpha) <= level else (low, middle - 1)
    return low


def _too_little(given: Assumptions, labels: int, days: float, delta: float) -> str:
    a_day = given.traffic * given.label_share
    often = "never" if math.isinf(days) else f"in {math.ceil(days):,} days"
    within = int(min(a_day * given.days, MOST_LABELS))
    # The least alpha whose first try flawless labels of the whole time would reach.
    reachable = -math.expm1(FIRST * math.log(spent(delta, 1)) / within) if within else 1.0
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
    if given.tiers < 1 or not 0.0 < given.days < math.inf:
        raise ValueError("tiers must be 1 or more, and days a number above 0")
