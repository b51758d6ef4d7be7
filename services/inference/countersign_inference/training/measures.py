"""Measures of probabilities that training, evaluation and cards share; each names its source."""

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from countersign_inference.domain.features import Matrix
from countersign_inference.domain.linear import logit, sigmoid

ECE_BINS = 15
INTERVAL = 0.95
AT_ONCE = 1_000_000
"""Labels drawn at once: eight megabytes, however large the sample."""
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


def surer(probability: Matrix) -> tuple[NDArray[np.bool_], Matrix]:
    """Return which of two outcomes is proposed, true for the positive one, and the confidence in it."""
    positive = probability >= 0.5  # noqa: PLR2004 - the surer of two outcomes
    return positive, np.where(positive, probability, 1.0 - probability)


def ece(confidence: Matrix, right: Matrix) -> float:
    """Return the expected calibration error in equal bins (Naeini, Cooper and Hauskrecht, 2015)."""
    return float(eces(confidence, right[None, :])[0])


def eces(confidence: Matrix, right: Matrix) -> Matrix:
    """Return the calibration error of the same confidences for each row of `right`, (draws, cases)."""
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    order = np.argsort(bins, kind="stable")
    starts = np.flatnonzero(np.diff(bins[order], prepend=-1))
    gaps = np.add.reduceat(confidence[order] - right[:, order], starts, axis=1)
    total: Matrix = np.abs(gaps).sum(axis=1) / len(confidence)
    return total


def honest_eces(confidence: Matrix, draws: int, rng: np.random.Generator) -> Matrix:
    """Return the calibration errors of as many draws in which every confidence is exactly right.

    At the same n and the same scores: a small sample has an ECE above zero however honest the model is, and this is
    how far that reaches.
    """
    at_once = max(1, AT_ONCE // len(confidence))
    return np.concatenate([
        eces(confidence, (rng.random((min(at_once, draws - done), len(confidence))) < confidence).astype(np.float64))
        for done in range(0, draws, at_once)
    ])  # fmt: skip


@dataclass(frozen=True, slots=True)
class Estimate:
    """A number with its 95 % interval."""

    value: float
    low: float
    high: float

    def holds(self, truth: float) -> bool:
        """Return whether the interval has it."""
        return self.low <= truth <= self.high


def cox(probability: Matrix, truth: Matrix) -> tuple[Estimate, Estimate]:
    """Return calibration slope and calibration in the large (Cox, 1958), each with Wald's interval.

    The slope is that of true on stated log-odds: 1 is honest, below 1 boasts. The other is what is added to the stated
    log-odds on the whole, with a slope of 1: 0 is honest. Neither has bins, and both see what ECE hides at small n.
    """
    stated = logit(probability)
    (_, slope), spread = _likeliest(np.column_stack([np.ones(len(stated)), stated]), np.zeros(len(stated)), truth)
    (added,), off = _likeliest(np.ones((len(stated), 1)), stated, truth)
    return _estimate(slope, spread[1]), _estimate(added, off[0])


def gain(raw: Matrix, calibrated: Matrix, truth: Matrix) -> Estimate:
    """Return by how much calibration lowers the log loss of a case, with the interval of a paired difference."""
    better = _log_losses(raw, truth) - _log_losses(calibrated, truth)
    return _estimate(float(better.mean()), float(better.std(ddof=1)) / math.sqrt(len(better)))


def _log_losses(probability: Matrix, truth: Matrix) -> Matrix:
    log_odds = logit(probability)
    return np.logaddexp(0.0, np.where(truth == 1.0, -log_odds, log_odds))


def _estimate(value: float, spread: float) -> Estimate:
    from scipy.stats import norm

    reach = float(norm.ppf((1 + INTERVAL) / 2)) * spread
    return Estimate(*(round(float(one), DIGITS) for one in (value, value - reach, value + reach)))


def _likeliest(design: Matrix, offset: Matrix, truth: Matrix) -> tuple[Matrix, Matrix]:
    """Return coefficients of a logistic regression and their standard errors; Newton's method."""
    found = np.zeros(design.shape[1])
    for _ in range(25):
        chance = sigmoid(design @ found + offset)
        bend = (design * (chance * (1.0 - chance))[:, None]).T @ design
        step = np.linalg.solve(bend, design.T @ (truth - chance))
        found = found + step
        if np.abs(step).max() < 1e-10:  # noqa: PLR2004 - settled
            break
    return found, np.sqrt(np.diag(np.linalg.inv(bend)))


def auroc(positive: Matrix, negative: Matrix) -> float:
    """Return how often a value of the first kind is above one of the second, ties counted half (Mann and Whitney)."""
    from scipy.stats import mannwhitneyu

    return float(mannwhitneyu(positive, negative).statistic / (len(positive) * len(negative)))
