"""Calibrators that came into force after a model was trained: what they make of its confidence.

One maps the *base confidence* - what the model version says of its own proposal, as it was trained - to the
probability that the proposal is right. The base stays the same whichever calibrator is in force, so each one is fitted
to the model and never to another calibrator's output.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from countersign_inference.domain.explanations import in_per_cent
from countersign_inference.domain.features import Matrix
from countersign_inference.domain.scoring import Scored

EDGE = 1e-6
"""Confidences are kept this far from 0 and 1 before logarithms are taken, as where calibrators are fitted."""
MOST_STEPS = 20_000
DIGITS = 6


class CalibratorError(ValueError):
    """Parameters that make no calibrator; the message says why."""


@dataclass(frozen=True, slots=True, eq=False)
class RunningCalibrator:
    """One calibrator: method `platt`, `beta`, `isotonic` or `identity`, with the parameters of its state."""

    version: str
    method: str
    parameters: Mapping[str, Any]

    def apply(self, base: Matrix) -> Matrix:
        """Return the probability of being right for each base confidence.

        platt     sigmoid(slope logit(s) + intercept), or the form of beta with a = b (Platt, 1999)
        beta      sigmoid(a ln s - b ln(1 - s) + c), a and b >= 0 (Kull, Silva Filho and Flach, 2017)
        isotonic  straight lines between the points (x, y), flat beyond the outermost (Ayer et al., 1955)
        """
        if self.method == "identity":
            return base
        if self.method == "isotonic":
            steps: Matrix = np.interp(base, np.array(self.parameters["x"]), np.array(self.parameters["y"]))
            return steps
        a, b, c = _coefficients(self.parameters)
        held = np.clip(base, EDGE, 1.0 - EDGE)
        z: Matrix = a * np.log(held) - b * np.log1p(-held) + c
        return np.exp(-np.logaddexp(0.0, -z))


def calibrator_of(state: Mapping[str, Any]) -> RunningCalibrator:
    """Return the calibrator that a `calibrator.active` state describes; ``CalibratorError`` when it describes none.

    None may turn the order around: a surer model must never count as less likely to be right.
    """
    method, given = state["method"], state["parameters"]
    if method == "isotonic":
        _check_steps(given.get("x"), given.get("y"))
    elif method != "identity":
        _coefficients(given)
    return RunningCalibrator(state["calibrator_version"], method, given)


def _coefficients(given: Mapping[str, Any]) -> tuple[float, float, float]:
    names = ("slope", "slope", "intercept") if "slope" in given else ("a", "b", "c")
    values = [given.get(name) for name in names]
    if not all(type(value) in {int, float} and math.isfinite(value) and abs(value) < 1e6 for value in values):  # type: ignore[arg-type] # noqa: PLR2004
        raise CalibratorError(f"{', '.join(dict.fromkeys(names))} must be finite numbers")
    a, b, c = (float(value) for value in values)  # type: ignore[arg-type]
    if a < 0.0 or b < 0.0:
        raise CalibratorError("a negative slope would turn the order of confidences around")
    return a, b, c


def _check_steps(x: Any, y: Any) -> None:
    if not isinstance(x, list) or not isinstance(y, list) or not 1 <= len(x) == len(y) <= MOST_STEPS:
        raise CalibratorError("x and y must be lists of equal length")
    if not all(type(value) in {int, float} and 0.0 <= value <= 1.0 for value in (*x, *y)):
        raise CalibratorError("x and y must be numbers between 0 and 1")
    if any(later <= earlier for earlier, later in pairwise(x)) or any(
        later < earlier for earlier, later in pairwise(y)
    ):
        raise CalibratorError("x must rise and y must not fall")


def recalibrated(answers: Sequence[Scored], calibrator: RunningCalibrator) -> list[Scored]:
    """Return the answers with the confidence that the calibrator gives; outcomes stay as they are.

    Alternatives share what is left in the proportions they had. What the calibrator moves is part of an explanation's
    `rest`, so that its parts still sum to the log-odds of the confidence.
    """
    base = np.array([answer.proposal["confidence"] for answer in answers])
    after = np.clip(calibrator.apply(base), 0.0, 1.0).tolist()
    return [_one(answer, confidence, calibrator.version) for answer, confidence in zip(answers, after, strict=True)]


def _one(answer: Scored, confidence: float, version: str) -> Scored:
    proposal, base = answer.proposal, answer.proposal["confidence"]
    share = (1.0 - confidence) / (1.0 - base) if base < 1.0 else 0.0
    others = [
        {**other, "confidence": min(round(other["confidence"] * share, DIGITS), 1.0)}
        for other in proposal["alternatives"]
    ]
    explanation = dict(proposal["explanation"])
    said = f" with {in_per_cent(base)} confidence."
    explanation["summary"] = explanation["summary"].replace(said, f" with {in_per_cent(confidence)} confidence.", 1)
    if "rest" in explanation:
        explanation["rest"] = round(explanation["rest"] + _log_odds(confidence) - _log_odds(base), 4)
    runner_up = max((other["confidence"] for other in others), default=0.0)
    detail = {key: value for key, value in answer.probability["detail"].items() if key != "note"}
    detail |= {"margin": round(confidence - runner_up, DIGITS), "base_confidence": base}
    return answer._replace(
        proposal={**proposal, "confidence": confidence, "alternatives": others, "explanation": explanation},
        probability={"value": confidence, "detail": detail},
        calibrator=version,
    )


def _log_odds(probability: float) -> float:
    held = min(max(probability, EDGE), 1.0 - EDGE)
    return math.log(held / (1.0 - held))
