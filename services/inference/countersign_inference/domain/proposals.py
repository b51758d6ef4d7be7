"""From a model's figures for a batch to proposals in the shape of `case.scored`."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from countersign_inference.domain.explanations import LEAST_EFFECT, MOST_FACTORS, Wording, summary, why_lower
from countersign_inference.domain.features import Matrix
from countersign_inference.domain.linear import base, contributions, sigmoid
from countersign_inference.domain.models import LinearModel, Outcome
from countersign_inference.domain.scoring import Scored

DIGITS = 4
"""Decimals of effects and signals in an event: finer than any reader needs, and every byte travels four topics."""

AGREEMENT = 1e-4
"""Largest gap between the artifact's probability and the one its weights give.

The artifact computes in float32, which is good for about 1e-6 here; more than this means that weights and artifact
are not from the same training.
"""


class DisagreementError(ValueError):
    """The model's artifact and its weights answer differently: an explanation would be a story."""


class Proposer:
    """Turns a linear model's probabilities into proposals with exact explanations."""

    def __init__(self, model: LinearModel) -> None:
        self._model = model
        self._wording = Wording(model.features.inputs)
        start = round(base(model.weights, model.calibrator), DIGITS)
        self._sides = {True: (model.positive, model.negative, start), False: (model.negative, model.positive, -start)}
        self._sample = model.reference.points.shape[0]

    def propose(
        self, payloads: Sequence[Mapping[str, Any]], matrix: Matrix, probability: Matrix, outside: Matrix
    ) -> list[Scored]:
        """Return a proposal per case; `probability` is the model's own, of the positive outcome, uncalibrated.

        `outside` counts inputs beyond what the model distinguishes; each puts a case as much further from the sample as
        one spread of a column does.
        """
        model = self._model
        standardised = model.weights.standardise(matrix)
        self._check(standardised, probability)
        log_odds = model.calibrator.calibrated_logit(probability)
        effects = contributions(model.features, model.weights, model.calibrator, standardised)
        distance = model.reference.distance(standardised) + outside
        p_value = model.reference.p_value(distance)
        # All effects below count towards the proposed outcome, whichever of the two it is.
        sign = np.where(log_odds >= 0.0, 1.0, -1.0)
        confidence = sigmoid(np.abs(log_odds))
        effects = (effects * sign[:, None]).round(DIGITS)
        order = np.argsort(-np.abs(effects), axis=1, kind="stable")[:, :MOST_FACTORS]
        named = np.take_along_axis(effects, order, axis=1)
        rest = effects.sum(axis=1) - np.where(np.abs(named) >= LEAST_EFFECT, named, 0.0).sum(axis=1)
        rows = zip(
            payloads, (log_odds >= 0.0).tolist(), confidence.tolist(), (2.0 * confidence - 1.0).round(DIGITS).tolist(),
            probability.tolist(), p_value.round(DIGITS).tolist(), distance.round(DIGITS).tolist(), effects.tolist(),
            rest.round(DIGITS).tolist(), order.tolist(), strict=True,
        )  # fmt: skip
        return [self._scored(*row) for row in rows]

    def _check(self, standardised: Matrix, probability: Matrix) -> None:
        weights = self._model.weights
        expected = sigmoid(standardised @ weights.weight + weights.bias)
        if not np.allclose(expected, probability, rtol=0.0, atol=AGREEMENT):
            raise DisagreementError(f"artifact and weights of {self._model.name} {self._model.version} differ")

    def _scored(
        self, payload: Mapping[str, Any], is_positive: bool, confidence: float, margin: float, raw: float,
        p_value: float, distance: float, effects: list[float], rest: float, order: list[int],
    ) -> Scored:  # fmt: skip
        best, other, start = self._sides[is_positive]
        spoken = self._wording.speak(payload, effects, order)
        proposal = {
            "outcome": best.code,
            "outcome_params": _params(best, payload),
            "confidence": confidence,
            "raw_score": raw,
            "alternatives": [
                {"outcome": other.code, "confidence": 1.0 - confidence, "why_lower": why_lower(spoken)},
            ],
            "explanation": {
                "summary": summary(best.label, confidence, spoken),
                "factors": spoken.factors,
                # base + the factors' effects + rest = log-odds of the confidence, up to rounding.
                "base": start,
                "rest": rest,
            },
        }
        return Scored(
            proposal,
            {"value": confidence, "detail": {"margin": margin}},
            {"value": p_value, "detail": {"distance": distance, "sample": self._sample}},
        )


def _params(outcome: Outcome, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: payload[field] for name, field in outcome.params.items() if payload.get(field) is not None}
