"""Calibrators: functions that turn a model's confidence into a probability that can be taken at its word.

All are fitted on labels from blind answers; judge them on other labels than they were fitted on (``reliability``).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Method = Literal["platt", "beta", "isotonic", "identity"]
Floats = NDArray[np.float64]

EDGE = 1e-6
"""Confidences are kept this far from 0 and 1 before logarithms are taken."""
LEAST_ISOTONIC = 5_000
"""Labels below which an isotonic fit follows the noise rather than the model."""
STEPS = 100


@dataclass(frozen=True, slots=True)
class Calibrator:
    """A fitted calibrator: its method and its parameters, as ``calibrator.proposed`` carries them."""

    method: Method
    parameters: Mapping[str, float | list[float]]

    def apply(self, confidence: ArrayLike) -> Floats:
        """Return the probability of being right for each confidence."""
        s = np.asarray(confidence, dtype=np.float64)
        given = self.parameters
        if self.method == "identity":
            return s
        if self.method == "isotonic":
            return np.interp(s, np.asarray(given["x"], dtype=np.float64), np.asarray(given["y"], dtype=np.float64))
        a, b, c = (float(np.asarray(given[name])) for name in ("a", "b", "c"))
        clipped = np.clip(s, EDGE, 1.0 - EDGE)
        return _expit(a * np.log(clipped) - b * np.log1p(-clipped) + c)


IDENTITY = Calibrator("identity", {})


def fit(method: Method, confidence: ArrayLike, right: ArrayLike) -> Calibrator:
    """Fit a calibrator to confidences and whether the proposal was right (1) or not (0).

    Labels that are all alike, or isotonic on fewer than 5,000, are a ``ValueError`` that says so.
    """
    s, y = np.asarray(confidence, dtype=np.float64), np.asarray(right, dtype=np.float64)
    if s.shape != y.shape or not np.all((s >= 0.0) & (s <= 1.0)) or not np.all((y == 0.0) | (y == 1.0)):
        raise ValueError("every label needs a confidence between 0 and 1 and an answer that is 0 or 1")
    if not len(y) or y.min() == y.max():
        raise ValueError("a calibrator needs labels of both kinds: proposals that were right and that were wrong")
    if method == "platt":
        return platt(s, y)
    if method == "beta":
        return beta(s, y)
    return isotonic(s, y) if method == "isotonic" else IDENTITY


def platt(s: Floats, y: Floats) -> Calibrator:
    """Fit 1 / (1 + exp(-(a logit(s) + c))).

    J. Platt, "Probabilistic outputs for support vector machines", 1999, on the logit of the confidence,
    with his targets (N+ + 1) / (N+ + 2) and 1 / (N- + 2) against overfitting, by the Newton method of H.-T. Lin, C.-J.
    Lin and R. C. Weng, "A note on Platt's probabilistic outputs", Machine Learning 68 (2007) 267-276.
    """
    positive = float(y.sum())
    target = np.where(y == 1.0, (positive + 1.0) / (positive + 2.0), 1.0 / (len(y) - positive + 2.0))
    clipped = np.clip(s, EDGE, 1.0 - EDGE)
    a, c = _logistic(np.column_stack([np.log(clipped) - np.log1p(-clipped), np.ones(len(s))]), target)
    return Calibrator("platt", {"a": a, "b": a, "c": c})


def beta(s: Floats, y: Floats) -> Calibrator:
    """Fit 1 / (1 + exp(-(a ln s - b ln(1 - s) + c))) with a, b >= 0.

    M. Kull, T. Silva Filho and P. Flach, "Beta calibration: a well-founded and easily implemented improvement on
    logistic calibration for binary classifiers", AISTATS 2017, section 3; a negative exponent is left out and the
    rest fitted again, as they do, so that a higher confidence never gives a lower probability.
    """
    clipped = np.clip(s, EDGE, 1.0 - EDGE)
    left, right, one = np.log(clipped), -np.log1p(-clipped), np.ones(len(s))
    a, b, c = _logistic(np.column_stack([left, right, one]), y)
    if a < 0.0:
        (b, c), a = _logistic(np.column_stack([right, one]), y), 0.0
    elif b < 0.0:
        (a, c), b = _logistic(np.column_stack([left, one]), y), 0.0
    if a < 0.0 or b < 0.0:
        a, b, c = 0.0, 0.0, math.log(float(y.mean()) / (1.0 - float(y.mean())))
    return Calibrator("beta", {"a": a, "b": b, "c": c})


def isotonic(s: Floats, y: Floats) -> Calibrator:
    """Fit the best function that never falls, by pooling adjacent violators.

    M. Ayer, H. D. Brunk, G. M. Ewing, W. T. Reid and E. Silverman, "An empirical distribution function for sampling
    with incomplete information", Annals of Mathematical Statistics 26 (1955) 641-647. Equal confidences come first.
    """
    if len(s) < LEAST_ISOTONIC:
        raise ValueError(f"an isotonic fit needs {LEAST_ISOTONIC:,} labels, there are {len(s):,}; use platt or beta")
    from scipy.optimize import isotonic_regression

    x, place = np.unique(s, return_inverse=True)
    weight = np.bincount(place).astype(np.float64)
    fitted = np.asarray(isotonic_regression(np.bincount(place, weights=y) / weight, weights=weight).x)
    # Inner points of a flat stretch say nothing that its ends do not.
    corner = np.ones(len(x), dtype=bool)
    corner[1:-1] = (fitted[1:-1] != fitted[:-2]) | (fitted[1:-1] != fitted[2:])
    return Calibrator("isotonic", {"x": x[corner].tolist(), "y": fitted[corner].tolist()})


def _logistic(columns: Floats, target: Floats) -> list[float]:
    """Return the maximum-likelihood coefficients by Newton steps, halved while they do not help."""
    w = np.zeros(columns.shape[1])
    loss = _loss(columns, target, w)
    for _ in range(STEPS):
        p = _expit(columns @ w)
        slope = columns.T @ (p - target)
        curve = (columns * (p * (1.0 - p))[:, None]).T @ columns + 1e-12 * np.eye(len(w))
        step = np.linalg.solve(curve, slope)
        size = 1.0
        while (tried := _loss(columns, target, w - size * step)) > loss and size > 1e-10:  # noqa: PLR2004 - nothing left
            size /= 2.0
        w = w - size * step
        if abs(loss - tried) <= 1e-13 * (1.0 + abs(loss)):
            break
        loss = tried
    return [float(value) for value in w]


def _loss(columns: Floats, target: Floats, w: Floats) -> float:
    z = columns @ w
    return float(np.sum(np.logaddexp(0.0, z) - target * z))


def _expit(z: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(z), dtype=np.float64)
