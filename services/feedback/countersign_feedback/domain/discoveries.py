"""Many tests at once: which findings to believe when a known share of them may be false."""

from collections.abc import Sequence


def benjamini_hochberg(p_values: Sequence[float], q: float) -> tuple[bool, ...]:
    """Return which hypotheses to reject so that on average at most ``q`` of the rejected ones were true.

    Reject the i smallest, i the largest with p_(i) <= i q / m: Y. Benjamini and Y. Hochberg, "Controlling the false
    discovery rate: a practical and powerful approach to multiple testing", JRSS B 57 (1995) 289-300, equation (1).
    """
    ranked = sorted(p_values)
    last = max((rank for rank, p in enumerate(ranked, 1) if p <= rank * q / len(ranked)), default=0)
    return tuple(last > 0 and p <= ranked[last - 1] for p in p_values)


def at_least_two(p_values: Sequence[float]) -> float:
    """Return the p-value of "fewer than two of these hypotheses are false", whatever the dependence between them.

    (m - 1) times the second smallest: the Bonferroni form of Y. Benjamini and R. Heller, "Screening for partial
    conjunction hypotheses", Biometrics 64 (2008) 1215-1222, with u = 2. With one hypothesis it is 1.
    """
    if len(p_values) < 2:  # noqa: PLR2004 - two cannot be found among fewer
        return 1.0
    return min(1.0, (len(p_values) - 1) * sorted(p_values)[1])
