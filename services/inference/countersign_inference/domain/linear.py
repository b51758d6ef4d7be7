"""A linear model seen from inside: exact additive contributions, in log-odds, per payload field."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from countersign_inference.domain.features import Features, Matrix


class Curve(Protocol):
    """A map of probabilities to probabilities that never falls."""

    def apply(self, base: Matrix) -> Matrix:
        """Return the calibrated probabilities."""


@dataclass(frozen=True, slots=True)
class Calibrator:
    """What makes calibrated probabilities of a model's own, fitted on cases the model never saw.

    Platt scaling is p = sigmoid(slope * logit + intercept) (J. Platt, Probabilistic Outputs for Support Vector
    Machines, 1999). Any other method is a `curve` over probabilities, with a slope of 1 and an intercept of 0: what it
    moves is in nobody's contribution, so it is part of an explanation's `rest`.
    """

    version: str
    slope: float = 1.0
    intercept: float = 0.0
    curve: Curve | None = None

    def calibrated_logit(self, probability: Matrix) -> Matrix:
        """Return the calibrated log-odds of the model's own probabilities, each strictly between 0 and 1."""
        return self.linear_logit(probability) if self.curve is None else logit(self.curve.apply(probability))

    def linear_logit(self, probability: Matrix) -> Matrix:
        """Return the part of them that contributions sum to."""
        return self.slope * logit(probability) + self.intercept


@dataclass(frozen=True, slots=True)
class Scale:
    """Mean and spread of each column over the training data."""

    mean: Matrix
    spread: Matrix

    def standardise(self, matrix: Matrix) -> Matrix:
        """Return the columns in units of their spread over the training data."""
        return (matrix - self.mean) / self.spread

    def columns(self, standardised: Matrix) -> Matrix:
        """Return the columns that were standardised."""
        return standardised * self.spread + self.mean


@dataclass(frozen=True, slots=True)
class LinearWeights:
    """Weights of a logistic regression on standardised columns: logit = z @ weight + bias."""

    weight: Matrix
    bias: float


def logit(probability: Matrix) -> Matrix:
    """Return log(p / (1 - p)); float32 models saturate, so the ends are held at one in a million."""
    held = np.clip(probability, 1e-6, 1 - 1e-6)
    return np.log(held) - np.log1p(-held)


def sigmoid(value: Matrix) -> Matrix:
    """Return 1 / (1 + exp(-value)) without overflow at either end."""
    return np.exp(-np.logaddexp(0.0, -value))


def contributions(features: Features, weights: LinearWeights, calibrator: Calibrator, standardised: Matrix) -> Matrix:
    """Return what each input adds to the calibrated log-odds of the positive outcome, (cases, inputs).

    Exact, not an estimate: together with `base` they sum to the log-odds of the confidence. Zero is the average
    case of the training data, because the columns are centred there.
    """
    per_column = standardised * (weights.weight * calibrator.slope)
    out = np.zeros((standardised.shape[0], len(features.inputs)))
    for index, position in enumerate(features.column_inputs):
        out[:, position] += per_column[:, index]
    return out


def base(weights: LinearWeights, calibrator: Calibrator) -> float:
    """Return the calibrated log-odds of the positive outcome for the average case of the training data."""
    return calibrator.slope * weights.bias + calibrator.intercept
