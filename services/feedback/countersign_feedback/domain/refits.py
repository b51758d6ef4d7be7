"""When labels say that confidences cannot be taken at their word any more, and which calibrator would mend it."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from countersign_feedback.domain.calibration import LEAST_ISOTONIC, Calibrator, Method, fit
from countersign_feedback.domain.labels import keyed_draw
from countersign_feedback.domain.reliability import Reliability, reliability

LEAST = 200
"""Labels below which half of them fit nothing."""
GROWTH = 1.5
"""How many times more labels each further look rests on."""
SURE = 3.0
"""By how many standard errors the refit must be better on labels that it has not seen."""
EDGE = 1e-6

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Speaker:
    """A model version and the calibrator that it speaks through; ``artifact_sha256`` is the model's own."""

    model_name: str
    model_version: str
    calibrator_version: str
    artifact_sha256: str | None


@dataclass(frozen=True, slots=True)
class BaseLabel:
    """A judged case: ``base`` is what the model said as it was trained, ``confidence`` what was made of it."""

    case_id: str
    base: float
    confidence: float | None
    error: bool


@dataclass(frozen=True, slots=True)
class Refit:
    """A calibrator that did better than the present one, on ``judged_on`` labels that it was not fitted on.

    ``gain`` is by how much the mean logarithmic loss fell, ``sure`` how many standard errors that is.
    """

    calibrator: Calibrator
    fitted_on: int
    judged_on: int
    before: Reliability
    after: Reliability
    gain: float
    sure: float


def looked_at(labels: int) -> int:
    """Return how many of so many labels are looked at, the oldest first: 200, and then half as many more each time.

    Between two of these sizes the answer is always the same, so that looking often is no more chances to be fooled.
    """
    if labels < LEAST:
        return 0
    return int(LEAST * GROWTH ** math.floor(math.log(labels / LEAST, GROWTH) + 1e-9))


def refit(labels: Sequence[BaseLabel], *, tenant: str, method: Method | None = None) -> Refit | None:
    """Return a calibrator that is surely better than the one in force, fitted to what the model said by itself.

    One half of the labels, drawn by case id, fits it; the other half judges it. It must lower the logarithmic loss by
    at least ``SURE`` standard errors of the paired differences and contradict no more bins than before; None otherwise.
    What is proposed is fitted on that half, as it was judged. ``method``: platt, unless there are labels for isotonic.
    """
    usable = [one for one in labels if 0.0 <= one.base <= 1.0 and 0.0 <= _said(one) <= 1.0]
    first = [keyed_draw("refit", tenant, one.case_id) < 0.5 for one in usable]  # noqa: PLR2004 - half
    fitting = [one for one, mine in zip(usable, first, strict=True) if mine]
    judging = [one for one, mine in zip(usable, first, strict=True) if not mine]
    wrong = sum(one.error for one in fitting)
    if len(usable) < LEAST or not 0 < wrong < len(fitting) or not judging:
        return None
    chosen: Method = method or ("isotonic" if len(fitting) >= LEAST_ISOTONIC else "platt")
    fitted = fit(chosen, [one.base for one in fitting], [not one.error for one in fitting])
    if any(float(np.asarray(fitted.parameters[name])) < 0.0 for name in ("a", "b") if name in fitted.parameters):
        return None
    return _judged(fitted, len(fitting), judging)


def _said(label: BaseLabel) -> float:
    return -1.0 if label.confidence is None else label.confidence


def _judged(fitted: Calibrator, fitted_on: int, judging: Sequence[BaseLabel]) -> Refit | None:
    right = np.array([not one.error for one in judging], dtype=np.float64)
    now = np.array([one.confidence for one in judging], dtype=np.float64)
    then = fitted.apply([one.base for one in judging])
    apart = _loss(now, right) - _loss(then, right)
    spread = float(apart.std(ddof=1)) if len(apart) > 1 else math.inf
    gain = float(apart.mean())
    sure = gain / (spread / math.sqrt(len(apart))) if spread > 0.0 else 0.0
    before, after = reliability(now, right), reliability(then, right)
    if before is None or after is None or sure < SURE or after.misfits > before.misfits:
        return None
    return Refit(fitted, fitted_on, len(judging), before, after, gain, sure)


def _loss(said: Floats, right: Floats) -> Floats:
    held = np.clip(said, EDGE, 1.0 - EDGE)
    return -(right * np.log(held) + (1.0 - right) * np.log1p(-held))


def calibrator_state(found: Refit, speaker: Speaker, *, version: str, labels: int, in_all: int) -> dict[str, Any]:
    """Return the state of ``calibrator.proposed``; inference applies it to what the model says as it was trained.

    It rests on the newest ``labels`` of the first ``in_all``.
    """
    return {
        "model_name": speaker.model_name, "model_version": speaker.model_version, "calibrator_version": version,
        "method": found.calibrator.method, "parameters": dict(found.calibrator.parameters),
        "artifact_sha256": speaker.artifact_sha256,
        "evidence": {
            "replaces": speaker.calibrator_version, "labels": labels, "labels_in_all": in_all,
            "fitted_on": found.fitted_on, "judged_on": found.judged_on, "log_loss_before": found.before.log_loss,
            "log_loss_after": found.after.log_loss, "ece_before": found.before.ece, "ece_after": found.after.ece,
            "brier_before": found.before.brier, "brier_after": found.after.brier, "standard_errors": found.sure,
        },
    }  # fmt: skip
