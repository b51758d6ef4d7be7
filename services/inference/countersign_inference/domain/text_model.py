"""One linear text model version: proposals, exact contributions of words, likeness to the training texts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from countersign_inference.domain.explanations import (
    LEAST_EFFECT,
    MOST_FACTORS,
    Spoken,
    summary,
    why_lower,
)
from countersign_inference.domain.features import Matrix
from countersign_inference.domain.linear import Calibrator, sigmoid
from countersign_inference.domain.models import Outcome
from countersign_inference.domain.scoring import Scored
from countersign_inference.domain.similarity import NEIGHBOURS, Reference
from countersign_inference.domain.text_features import Terms, TextFeatures

DIGITS = 4
NO_WORD_STANDS_OUT = "No word stands out: none that the model knows says much for or against it."
"""A word's effect is counted from a text without it: where no effect is large, the text may be like no other."""


@dataclass(frozen=True, slots=True)
class TextReference:
    """Training texts to compare with, (terms, sample), and the distances of ordinary texts, sorted ascending."""

    points: Matrix
    ordinary: Matrix

    def distance(self, terms: Terms) -> float:
        """Return 1 - the mean cosine to the nearest texts of the sample; 1 when nothing is in common."""
        cosines = terms.values @ self.points[terms.places] if len(terms.places) else np.zeros(self.points.shape[1])
        return float(1.0 - np.partition(cosines, -NEIGHBOURS)[-NEIGHBOURS:].mean())

    def p_value(self, distance: float) -> float:
        """Return the conformal p-value, as for tables."""
        return float(Reference(np.empty((0, 0)), self.ordinary).p_value(np.array([distance]))[0])


@dataclass(frozen=True, slots=True)
class TextModel:
    """A two-outcome classifier, linear in its terms, with what is needed to calibrate, explain and compare.

    `labels` says payload fields in words.
    """

    name: str
    version: str
    artifact_sha256: str
    negative: Outcome
    positive: Outcome
    features: TextFeatures
    weight: Matrix
    bias: float
    calibrator: Calibrator
    reference: TextReference
    labels: Mapping[str, str]

    def block(self) -> dict[str, str]:
        """Return the `model` block of a scored event."""
        return {
            "name": self.name, "version": self.version, "artifact_sha256": self.artifact_sha256,
            "calibrator_version": self.calibrator.version,
        }  # fmt: skip

    def propose(self, payload: Mapping[str, Any]) -> Scored:
        """Return the proposal for a readable payload."""
        terms = self.features.vector(payload)
        effects = terms.values * self.weight[terms.places]
        raw = float(sigmoid(np.array([effects.sum() + self.bias]))[0])
        log_odds = float(self.calibrator.calibrated_logit(np.array([raw]))[0])
        positive = log_odds >= 0.0
        sign = self.calibrator.slope if positive else -self.calibrator.slope
        confidence = float(sigmoid(np.array([abs(log_odds)]))[0])
        spoken = self._speak(terms, effects * sign)
        best, other = (self.positive, self.negative) if positive else (self.negative, self.positive)
        start = (self.calibrator.slope * self.bias + self.calibrator.intercept) * (1.0 if positive else -1.0)
        told = sum(factor["effect"] for factor in spoken.factors)
        distance = self.reference.distance(terms)
        return Scored(
            {
                "outcome": best.code, "outcome_params": {}, "confidence": confidence, "raw_score": raw,
                "alternatives": [
                    {"outcome": other.code, "confidence": 1.0 - confidence, "why_lower": why_lower(spoken)},
                ],
                "explanation": {
                    "summary": summary(best.label, confidence, spoken, NO_WORD_STANDS_OUT),
                    "factors": spoken.factors,
                    "base": round(start, DIGITS), "rest": round(abs(log_odds) - start - told, DIGITS),
                },
            },
            {"value": confidence, "detail": {"margin": round(2.0 * confidence - 1.0, DIGITS)}},
            {
                "value": round(self.reference.p_value(distance), DIGITS),
                "detail": {
                    "distance": round(distance, DIGITS), "sample": self.reference.points.shape[1],
                    "unknown_words": terms.strange,
                },
            },
        )  # fmt: skip

    def _speak(self, terms: Terms, effects: Matrix) -> Spoken:
        """Say the strongest terms in words; what a pair adds goes to the pair, what a word adds to the word."""
        factors: list[dict[str, Any]] = []
        in_favour: list[str] = []
        opposed: list[str] = []
        for position in np.argsort(-np.abs(effects), kind="stable")[:MOST_FACTORS]:
            effect = round(float(effects[position]), DIGITS)
            if abs(effect) < LEAST_EFFECT:
                break
            field, value, text = self._words(self.features.terms[int(terms.places[position])])
            (in_favour if effect > 0 else opposed).append(text)
            direction = "for" if effect > 0 else "against"
            factors.append({"field": field, "value": value, "effect": effect, "direction": direction, "text": text})
        return Spoken(factors, in_favour, opposed)

    def _words(self, term: str) -> tuple[str, str, str]:
        for field in self.features.category_fields:
            if term.startswith(f"{field}="):
                value = term.removeprefix(f"{field}=")
                return field, value, f"{self.labels.get(field, field)}: {value}"
        field = self.features.text_field
        said = " ".join(KINDS.get(word, word) for word in term.split())
        quoted = said if term in KINDS else f'"{said}"'
        return field, said, f"{self.labels.get(field, field)} has {quoted}"


KINDS = {
    "<link>": "a link", "<mention>": "a name with @", "<hashtag>": "a hashtag", "<number>": "a number",
}  # fmt: skip


def raw_probabilities(vectors: Sequence[Terms], weight: Matrix, bias: float) -> Matrix:
    """Return the model's own probabilities of the positive outcome."""
    return sigmoid(np.array([float(one.values @ weight[one.places]) + bias for one in vectors]))
