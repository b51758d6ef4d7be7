"""From a model's figures for a batch to proposals in the shape of `case.scored`."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from countersign_inference.domain.explanations import (
    LEAST_EFFECT,
    MOST_FACTORS,
    NOT_EXPLAINED,
    Wording,
    summary,
    unexplained,
    why_lower,
)
from countersign_inference.domain.features import Matrix
from countersign_inference.domain.linear import base, contributions, sigmoid
from countersign_inference.domain.models import Outcome, TabularModel
from countersign_inference.domain.permutation import Effects, Exchange, Now
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


Predict = Callable[[Matrix], Matrix]
"""From the model's columns to its own probability of the positive outcome."""


class Proposer:
    """Turns a model's probabilities into proposals with explanations: exact for linear models, otherwise measured."""

    def __init__(self, model: TabularModel, predict: Predict, now: Now) -> None:
        self._model = model
        self._predict = predict
        self._now = now
        self._wording = Wording(model.features.inputs)
        self._sides = {True: (model.positive, model.negative), False: (model.negative, model.positive)}
        self._sample = model.reference.points.shape[0]
        self._exchange = None
        if model.weights is None:
            background = model.scale.columns(model.reference.points)
            self._exchange = Exchange(
                model.features, background, self._log_odds, model.budget, seed=model.artifact_sha256
            )

    def propose(self, payloads: Sequence[Mapping[str, Any]], matrix: Matrix, outside: Matrix) -> list[Scored]:
        """Return a proposal per case.

        `outside` counts inputs beyond what the model distinguishes; each puts a case as much further from the sample as
        one spread of a column does.
        """
        model = self._model
        standardised = model.scale.standardise(matrix)
        probability = self._predict(matrix)
        log_odds = model.calibrator.calibrated_logit(probability)
        effects = self._effects(matrix, standardised, probability, log_odds)
        distance = model.reference.distance(standardised) + outside
        p_value = model.reference.p_value(distance)
        # All effects below count towards the proposed outcome, whichever of the two it is.
        sign = np.where(log_odds >= 0.0, 1.0, -1.0)
        confidence = sigmoid(np.abs(log_odds))
        values = (np.where(effects.certain, effects.values, 0.0) * sign[:, None]).round(DIGITS)
        order = np.argsort(-np.abs(values), axis=1, kind="stable")[:, :MOST_FACTORS]
        named = np.take_along_axis(values, order, axis=1)
        start = (effects.base * sign).round(DIGITS)
        # base + the factors' effects + rest = log-odds of the confidence, up to rounding.
        rest = np.abs(log_odds) - start - np.where(np.abs(named) >= LEAST_EFFECT, named, 0.0).sum(axis=1)
        rows = zip(
            payloads, (log_odds >= 0.0).tolist(), confidence.tolist(), (2.0 * confidence - 1.0).round(DIGITS).tolist(),
            probability.tolist(), p_value.round(DIGITS).tolist(), distance.round(DIGITS).tolist(), values.tolist(),
            start.tolist(), rest.round(DIGITS).tolist(), order.tolist(), effects.explained.tolist(), strict=True,
        )  # fmt: skip
        return [self._scored(*row) for row in rows]

    def _effects(self, matrix: Matrix, standardised: Matrix, probability: Matrix, log_odds: Matrix) -> Effects:
        model, weights = self._model, self._model.weights
        if self._exchange is not None:
            return self._exchange.effects(matrix, log_odds, self._now)
        if weights is None:
            raise DisagreementError("a model without weights is explained by exchanging fields")
        expected = sigmoid(standardised @ weights.weight + weights.bias)
        # Asked this way round, so that what is no number disagrees, too.
        if not np.abs(expected - probability).max() <= AGREEMENT:
            raise DisagreementError(f"artifact and weights of {model.name} {model.version} differ")
        values = contributions(model.features, weights, model.calibrator, standardised)
        everything = np.ones(values.shape, dtype=bool)
        return Effects(values, base(weights, model.calibrator), everything, everything[:, 0])

    def _log_odds(self, matrix: Matrix) -> Matrix:
        return self._model.calibrator.calibrated_logit(self._predict(matrix))

    def _scored(
        self, payload: Mapping[str, Any], is_positive: bool, confidence: float, margin: float, raw: float,
        p_value: float, distance: float, effects: list[float], start: float, rest: float, order: list[int],
        explained: bool,
    ) -> Scored:  # fmt: skip
        best, other = self._sides[is_positive]
        spoken = self._wording.speak(payload, effects, order)
        if explained:
            why = why_lower(spoken)
            explanation = {
                "summary": summary(best.label, confidence, spoken), "factors": spoken.factors,
                "base": start, "rest": rest,
            }  # fmt: skip
        else:
            why = NOT_EXPLAINED
            explanation = {"summary": unexplained(best.label, confidence), "factors": []}
        proposal = {
            "outcome": best.code,
            "outcome_params": _params(best, payload),
            "confidence": confidence,
            "raw_score": raw,
            "alternatives": [{"outcome": other.code, "confidence": 1.0 - confidence, "why_lower": why}],
            "explanation": explanation,
        }
        return Scored(
            proposal,
            {"value": confidence, "detail": {"margin": margin}},
            {"value": p_value, "detail": {"distance": distance, "sample": self._sample}},
        )


def _params(outcome: Outcome, payload: Mapping[str, Any]) -> dict[str, Any]:
    return {name: payload[field] for name, field in outcome.params.items() if payload.get(field) is not None}
