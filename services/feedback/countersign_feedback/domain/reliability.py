"""How far a confidence can be taken at its word: a reliability diagram in numbers, and four scores.

Sources: A. H. Murphy and R. L. Winkler, "Reliability of subjective probability forecasts of precipitation and
temperature", Applied Statistics 26 (1977) 41-47 (the diagram); M. Pakdaman Naeini, G. F. Cooper and M. Hauskrecht,
"Obtaining well calibrated probabilities using Bayesian binning", AAAI 2015 (ECE); G. W. Brier, "Verification of
forecasts expressed in terms of probability", Monthly Weather Review 78 (1950) 1-3; I. J. Good, "Rational decisions",
Journal of the Royal Statistical Society B 14 (1952) 107-114 (logarithmic score).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from countersign_feedback.domain.intervals import clopper_pearson_interval

BINS = 15
EDGE = 1e-15
"""Confidences are kept this far from 0 and 1 in the logarithmic score, which would be infinite there."""


@dataclass(frozen=True, slots=True)
class Bin:
    """The cases whose confidence lies in (low, high]: what was said on average, and what was so."""

    low: float
    high: float
    n: int
    right: int
    said: float
    lower: float
    upper: float

    @property
    def was(self) -> float:
        """The share that was right."""
        return self.right / self.n

    @property
    def fits(self) -> bool:
        """Tell whether what was said lies within the interval of what was so."""
        return self.lower <= self.said <= self.upper


@dataclass(frozen=True, slots=True)
class Reliability:
    """Calibration of n confidences.

    ``ece`` is the mean distance between said and was, ``brier`` and ``log_loss`` are mean scores; 0 is perfect.
    """

    n: int
    ece: float
    brier: float
    log_loss: float
    bins: tuple[Bin, ...]

    @property
    def misfits(self) -> int:
        """How many bins contradict what was said in them; a few in a hundred do so by chance."""
        return sum(not one.fits for one in self.bins)


def reliability(
    confidence: ArrayLike, right: ArrayLike, *, bins: int = BINS, delta: float = 0.05
) -> Reliability | None:
    """Return the calibration of confidences against whether the proposal was right; None without labels.

    ECE = sum over equally wide bins of n_b / n |was - said|. Every bin's interval holds with 1 - delta by itself.
    Confidences outside [0, 1] or labels other than 0 and 1 are a ``ValueError``.
    """
    s, y = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if s.shape != y.shape or not np.all((s >= 0.0) & (s <= 1.0)) or not np.all((y == 0.0) | (y == 1.0)):
        raise ValueError("every label needs a confidence between 0 and 1 and an answer that is 0 or 1")
    if not len(s):
        return None
    place = np.clip(np.ceil(s * bins).astype(np.int64) - 1, 0, bins - 1)
    n = np.bincount(place, minlength=bins)
    was, said = np.bincount(place, weights=y, minlength=bins), np.bincount(place, weights=s, minlength=bins)
    clipped = np.clip(s, EDGE, 1.0 - EDGE)
    return Reliability(
        n=len(s),
        ece=float(np.abs(was - said).sum() / len(s)),
        brier=float(np.mean((s - y) ** 2)),
        log_loss=float(-np.mean(y * np.log(clipped) + (1.0 - y) * np.log1p(-clipped))),
        bins=tuple(
            _bin(number / bins, (number + 1) / bins, int(n[number]), int(was[number]), float(said[number]), delta)
            for number in range(bins)
            if n[number]
        ),
    )


def _bin(low: float, high: float, n: int, right: int, said: float, delta: float) -> Bin:
    lower, upper = clopper_pearson_interval(right, n, delta)
    return Bin(low, high, n, right, said / n, lower, upper)
