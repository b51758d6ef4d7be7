"""A linear model seen from inside: exact additive contributions, in log-odds, per payload field."""

from dataclasses import dataclass

import numpy as np

from countersign_inference.domain.features import Features, Matrix


@dataclass(frozen=True, slots=True)
class Calibrator:
    """Platt scaling: p = sigmoid(slope * logit + intercept), fitted on a slice the model never saw.

    J. Platt, Probabilistic Outputs for Support Vector Machines, 1999.
    """

    version: str
    slope: float
    intercept: float

    def calibrated_logit(self, probability: Matrix) -> Matrix:
        """Return the calibrated log-odds of the model's own probabilities, each strictly between 0 and 1."""
        return self.slope * logit(probability) + self.intercept


@dataclass(frozen=True, slots=True)
class LinearWeights:
    """Weights of a logistic regression on standardised columns: z = (x - mean) / spread, logit = z @ weight + bias."""

    mean: Matrix
    spread: Matrix
    weight: Matrix
    bias: float

    def standardise(self, matrix: Matrix) -> Matrix:
        """Return the columns in units of their spread over the training data."""
        return (matrix - self.mean) / self.spread


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
