"""Exact binomial bounds: what k errors among n say about the true share, whatever that share is.

Source: C. J. Clopper and E. S. Pearson, "The use of confidence or fiducial limits illustrated in the case of the
binomial", Biometrika 26 (1934) 404-413. The bounds are quantiles of beta distributions (N. L. Johnson, A. W. Kemp and
S. Kotz, *Univariate Discrete Distributions*, 3rd ed., 2005, section 3.8.3). They never promise more than they keep:
over repeated samples the bound holds at least as often as it says.
"""

import math


def clopper_pearson_upper(k: int, n: int, delta: float) -> float:
    """Return the share that is exceeded by the true one with probability at most ``delta``, after k of n.

    It is the largest p for which seeing k or fewer still has probability ``delta``: the 1 - delta quantile of
    Beta(k + 1, n - k). With n = 0 nothing is known and the bound is 1. Counts that cannot be are a ``ValueError``.
    """
    _check(k, n, delta)
    if k == n:
        return 1.0
    if k == 0:
        return -math.expm1(math.log(delta) / n)
    from scipy.special import betaincinv

    return float(betaincinv(k + 1, n - k, 1.0 - delta))


def clopper_pearson_lower(k: int, n: int, delta: float) -> float:
    """Return the share that the true one falls below with probability at most ``delta``, after k of n.

    It is the ``delta`` quantile of Beta(k, n - k + 1), the mirror image of the upper bound; 0 when k = 0.
    """
    _check(k, n, delta)
    if k == 0:
        return 0.0
    if k == n:
        return math.exp(math.log(delta) / n)
    from scipy.special import betaincinv

    return float(betaincinv(k, n - k + 1, delta))


def clopper_pearson_interval(k: int, n: int, delta: float) -> tuple[float, float]:
    """Return both bounds, each wrong with probability at most ``delta`` / 2; ``delta`` 0.05 gives 95 %."""
    return clopper_pearson_lower(k, n, delta / 2), clopper_pearson_upper(k, n, delta / 2)


def _check(k: int, n: int, delta: float) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a count of successes among trials")
    if not 0.0 < delta < 1.0:
        raise ValueError(f"delta must lie strictly between 0 and 1, got {delta}")
