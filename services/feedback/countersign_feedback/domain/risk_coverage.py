"""Risk against coverage: what share is wrong, and what share is decided, for each threshold, with a band.

The band holds for all thresholds of the grid at once with confidence 1 - delta: each exact interval is wrong with
probability at most delta / |grid| (Bonferroni; C. J. Clopper and E. S. Pearson, Biometrika 26 (1934) 404-413). The
curve is that of R. El-Yaniv and Y. Wiener, "On the foundations of noise-free selective classification", JMLR 11 (2010)
1605-1641.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from countersign_feedback.domain.certify import GRID, check_grid, counts_above
from countersign_feedback.domain.intervals import clopper_pearson_interval


@dataclass(frozen=True, slots=True)
class RiskPoint:
    """Among the labelled cases with a score of ``threshold`` or more (``coverage`` of all): k of n wrong, with a band.

    ``risk`` is None where no labelled case is that sure.
    """

    threshold: float
    coverage: float
    n: int
    k: int
    risk: float | None
    lower: float
    upper: float


def risk_coverage(
    scores: ArrayLike,
    errors: ArrayLike,
    *,
    delta: float,
    grid: Sequence[float] = GRID,
    traffic: ArrayLike | None = None,
) -> tuple[RiskPoint, ...]:
    """Return one point per threshold, strict to loose; coverage is measured on ``traffic`` where that is given."""
    thresholds = check_grid(grid)
    s, e = np.asarray(scores, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    n, k = counts_above(s, e, thresholds)
    seen = s if traffic is None else np.asarray(traffic, dtype=np.float64)
    reached, _ = counts_above(seen, np.zeros(len(seen)), thresholds)
    each = delta / len(thresholds)
    return tuple(
        _point(threshold, int(above) / max(len(seen), 1), int(count), int(wrong), each)
        for threshold, above, count, wrong in zip(thresholds, reached, n, k, strict=True)
    )


def _point(threshold: float, coverage: float, n: int, k: int, delta: float) -> RiskPoint:
    lower, upper = clopper_pearson_interval(k, n, delta)
    return RiskPoint(threshold, coverage, n, k, k / n if n else None, lower, upper)
