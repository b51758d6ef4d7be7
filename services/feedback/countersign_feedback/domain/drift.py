"""Has a rate risen? An alarm that sounds falsely no more than once in so many days on average.

The Shiryaev-Roberts e-detector M_t = L_t (M_{t-1} + 1) adds up the bets that began on each day; stopping at M >= A
has, while nothing has changed, a mean time to a false alarm of at least A: J. Shin, A. Ramdas and A. Rinaldo,
"E-detectors: a nonparametric framework for sequential change detection", New England Journal of Statistics in Data
Science 2 (2024) 229-260, the e-SR procedure; the recursion is A. N. Shiryaev's (1963) and S. W. Roberts' (1966).
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

FACTORS = (1.25, 1.5, 2.0, 3.0)
"""How much higher the odds after the change are taken to be; the detector is the mean over them."""
FALSE_ALARM_DAYS = 1_000.0
"""On average at least so many days pass between two false alarms."""


@dataclass(frozen=True, slots=True)
class Drift:
    """Whether a rate rose above its baseline: ``log_evidence`` against ``log_bar``, and the first day it reached it."""

    days: int
    baseline: float
    log_evidence: float
    log_bar: float
    alarm_day: int | None
    text: str


def detect_rise(days: Iterable[tuple[int, int]], *, baseline: float, mean_days: float = FALSE_ALARM_DAYS) -> Drift:
    """Return where the detector stands after the given days of (k, n), oldest first.

    ``baseline`` must be a rate that the unchanged process does not exceed: the upper bound of a reference period, not
    its estimate. Each day's bet is the likelihood ratio of its counts at raised odds, whose mean is at most 1 while the
    rate is at most the baseline.
    """
    if not 0.0 < baseline < 1.0:
        raise ValueError(f"the baseline must lie strictly between 0 and 1, got {baseline}")
    raised = [factor * baseline / (1.0 - baseline + factor * baseline) for factor in FACTORS]
    logs = [-math.inf] * len(raised)
    bar, alarm, seen, level = math.log(mean_days), None, 0, -math.inf
    for k, n in days:
        if not 0 <= k <= n:
            raise ValueError(f"{k} of {n} on day {seen} is not a count")
        logs = [_next(before, k, n, rate, baseline) for before, rate in zip(logs, raised, strict=True)]
        level = _log_mean(logs)
        if alarm is None and level >= bar:
            alarm = seen
        seen += 1
    return Drift(seen, baseline, level, bar, alarm, _sentence(alarm, seen, baseline, mean_days))


def _next(before: float, k: int, n: int, rate: float, baseline: float) -> float:
    likelihood = k * math.log(rate / baseline) + (n - k) * math.log((1.0 - rate) / (1.0 - baseline))
    # ln(L (M + 1)) without overflow.
    return likelihood + (max(before, 0.0) + math.log1p(math.exp(-abs(before))) if before > -math.inf else 0.0)


def _log_mean(logs: Sequence[float]) -> float:
    top = max(logs)
    if top == -math.inf:
        return top
    return top + math.log(sum(math.exp(value - top) for value in logs) / len(logs))


def _sentence(alarm: int | None, seen: int, baseline: float, mean_days: float) -> str:
    often = f"This alarm sounds falsely at most once in {mean_days:,.0f} days on average."
    if alarm is None:
        return f"No rise above {100 * baseline:.2f} % in {seen:,} days. {often}"
    return f"The rate rose above {100 * baseline:.2f} %: noticed on day {alarm + 1:,} of {seen:,}. {often}"
