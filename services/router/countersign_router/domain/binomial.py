"""The binomial distribution, exactly, as far as the promises of certificates and error rates need it."""

import math


def at_most(k: int, n: int, p: float) -> float:
    """Return P(X <= k) for X ~ Binomial(n, p), summed in logarithms."""
    if k >= n or p <= 0.0:
        return 1.0
    if p >= 1.0:
        return 0.0
    top = math.lgamma(n + 1)
    log_p, log_q = math.log(p), math.log1p(-p)
    terms = (top - math.lgamma(i + 1) - math.lgamma(n - i + 1) + i * log_p + (n - i) * log_q for i in range(k + 1))
    return min(math.fsum(map(math.exp, terms)), 1.0)
