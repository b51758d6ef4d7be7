"""Measures of probabilities that training, evaluation and cards share; each names its source."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from countersign_inference.domain.features import Matrix

ECE_BINS = 15
INTERVAL = 0.95
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """A share k of n, with its exact 95 % interval (Clopper and Pearson, 1934)."""

    k: int
    n: int
    share: float | None
    low: float
    high: float


def share_of(flags: Iterable[bool]) -> Interval:
    """Return how many flags are true."""
    from scipy.stats import beta

    counted = [bool(flag) for flag in flags]
    k, n, tail = sum(counted), len(counted), (1 - INTERVAL) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return Interval(k, n, round(k / n, DIGITS) if n else None, round(low, DIGITS), round(high, DIGITS))


def ece(confidence: Matrix, right: Matrix) -> float:
    """Return the expected calibration error in equal bins (Naeini, Cooper and Hauskrecht, 2015)."""
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=ECE_BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def honest_ece(confidence: Matrix, draws: int, rng: np.random.Generator, percentile: float = 95.0) -> float:
    """Return the given percentile of ECE, were every confidence exactly right: at the same n and the same scores.

    A small sample has an ECE above zero however honest the model is; this is how far that reaches.
    """
    simulated = [ece(confidence, (rng.random(len(confidence)) < confidence).astype(float)) for _ in range(draws)]
    return float(np.percentile(simulated, percentile))


def auroc(positive: Matrix, negative: Matrix) -> float:
    """Return how often a value of the first kind is above one of the second, ties counted half (Mann and Whitney)."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative)))
