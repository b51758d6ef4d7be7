"""Error rates from judged cases, each weighted by how many it stands for."""

import math
from collections.abc import Callable, Iterable

from countersign_router.domain.binomial import at_most
from countersign_router.replaying.report import ErrorEstimate
from countersign_router.replaying.tally import Judged

MINIMUM = 30
"""Below this many judged cases no rate is named: around one half its interval would be wider than 37 points."""
DELTA = 0.05
STEPS = 50
"""Halvings of [0, 1]: more digits than a double has room for near one half."""


def estimate(judged: Iterable[tuple[Judged, int]]) -> ErrorEstimate:
    """Estimate the share of errors in the population that judged cases (with how often each occurred) stand for."""
    found = list(judged)
    n = sum(count for _, count in found)
    k = sum(count for one, count in found if one.error)
    if n < MINIMUM:
        return ErrorEstimate(judged=n, errors=k, rate=None, lower=None, upper=None)
    weight = math.fsum(count / one.chance for one, count in found)
    wrong = math.fsum(count / one.chance for one, count in found if one.error)
    even = len({one.chance for one, _ in found}) == 1
    lower, upper = interval(k, n) if even else (None, None)
    return ErrorEstimate(judged=n, errors=k, rate=wrong / weight, lower=lower, upper=upper)


def interval(k: int, n: int) -> tuple[float, float]:
    """Return the exact 95 % interval of a share.

    C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits", Biometrika 26 (1934) 404-413.
    """
    lower = 0.0 if k == 0 else _root(lambda p: 1.0 - at_most(k - 1, n, p) < DELTA / 2)
    upper = 1.0 if k == n else _root(lambda p: at_most(k, n, p) > DELTA / 2)
    return lower, upper


def _root(below: Callable[[float], bool]) -> float:
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (middle, high) if below(middle) else (low, middle)
    return (low + high) / 2
