"""Whether a recipe gives honest confidences: trained, calibrated and judged anew on many splits of its data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from countersign_inference.domain.features import Features, Matrix
from countersign_inference.domain.linear import logit, sigmoid
from countersign_inference.manifest import CalibratorEntry
from countersign_inference.training.calibration import METHODS, entry_of, fit_calibrator
from countersign_inference.training.definitions import DEFINITIONS, Definition, Example
from countersign_inference.training.fitting import Learner, columns_to_calibrate_on, fit_columns, readable
from countersign_inference.training.measures import DIGITS, ece, honest_ece
from countersign_inference.training.slices import SEED, Slice, sliced
from countersign_inference.training.texts import fit, labels_of, probabilities, readable_texts, texts_to_calibrate_on
from countersign_shared.errors import ConfigurationError

SPLITS = 20
DRAWS = 500
REACHABLE_DRAWS = 100
SHARPENED, SHIFTED = 2.5, 0.8
"""The deliberately miscalibrated model: log-odds two and a half times too large, and off to one side."""


@dataclass(frozen=True, slots=True)
class Split:
    """One split, on its certification slice, and the method of the calibrator that its labels asked for.

    `honest_ece` is the 95th percentile of ECE under perfect calibration. `reachable_ece` is that percentile for a
    calibrator of the right shape that was fitted to as many labels as ours: those labels are drawn anew, too.
    """

    n: int
    method: str
    raw_ece: float
    calibrated_ece: float
    honest_ece: float
    reachable_ece: float
    raw_brier: float
    calibrated_brier: float
    raw_log_loss: float
    calibrated_log_loss: float
    miscalibrated_ece: float
    recalibrated_ece: float


@dataclass(frozen=True, slots=True)
class Honesty:
    """What all splits say together."""

    decision_type: str
    splits: Sequence[Split]

    @property
    def honest(self) -> int:
        """Return in how many splits the calibrated ECE is within what perfect calibration would show."""
        return sum(split.calibrated_ece <= split.honest_ece for split in self.splits)

    @property
    def reached(self) -> int:
        """Return in how many splits it is within what a calibrator of the right shape would show."""
        return sum(split.calibrated_ece <= split.reachable_ece for split in self.splits)

    def mean(self, name: str) -> float:
        """Return the mean of a figure over the splits."""
        return round(float(np.mean([getattr(split, name) for split in self.splits])), DIGITS)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = [name for name in Split.__dataclass_fields__ if name != "method"]
        return {
            "decision_type": self.decision_type, "honest": self.honest, "reached": self.reached, "of": len(self.splits),
            "means": {name: self.mean(name) for name in names}, "splits": [asdict(split) for split in self.splits],
        }  # fmt: skip


def study(
    decision_type: str, splits: int, progress: Callable[[str, float], None], learner: Learner = "logistic"
) -> Honesty:
    """Train, calibrate and judge on this many splits; the first is the one that the packaged model has."""
    definition = DEFINITIONS.get(decision_type)
    if definition is None:
        raise ConfigurationError(f"there is no training recipe for {decision_type!r}")
    return study_of(definition, splits, progress, learner)


def study_of(
    definition: Definition, splits: int, progress: Callable[[str, float], None], learner: Learner = "logistic",
    seed: str = SEED,
) -> Honesty:  # fmt: skip
    """As ``study``, of a recipe that need not be one of ours; another seed deals other splits."""
    name, examples = definition.decision_type, list(definition.examples())
    found = []
    for number in range(splits):
        progress(f"split {number + 1} of {splits}", number / splits)
        slices = sliced(name, examples, seed if number == 0 else f"{seed}/split-{number}")
        found.append(_split(_probabilities(definition, slices, learner), number))
    return Honesty(name, found)


def _split(measured: tuple[Matrix, Matrix, Matrix, Matrix], number: int) -> Split:
    raw_held, held, raw, truth = measured
    entry = fit_calibrator(raw_held, held)
    calibrated = _under(entry, raw)
    bent = sigmoid(SHARPENED * logit(raw) + SHIFTED)
    straightened = _under(fit_calibrator(sigmoid(SHARPENED * logit(raw_held) + SHIFTED), held), bent)
    confidence, right = _sure(calibrated, truth)
    rng = np.random.default_rng(number)
    figures = {
        "raw_ece": ece(*_sure(raw, truth)), "calibrated_ece": ece(confidence, right),
        "honest_ece": honest_ece(confidence, DRAWS, rng), "reachable_ece": _reachable_ece(entry, raw_held, raw, rng),
        "raw_brier": _brier(raw, truth), "calibrated_brier": _brier(calibrated, truth),
        "raw_log_loss": _log_loss(raw, truth), "calibrated_log_loss": _log_loss(calibrated, truth),
        "miscalibrated_ece": ece(*_sure(bent, truth)), "recalibrated_ece": ece(*_sure(straightened, truth)),
    }  # fmt: skip
    rounded = {name: round(value, DIGITS) for name, value in figures.items()}
    return Split(n=len(truth), method=entry.method, **rounded)


def _reachable_ece(entry: CalibratorEntry, raw_held: Matrix, raw: Matrix, rng: np.random.Generator) -> float:
    """Return the 95th percentile of ECE in worlds where this calibrator is the truth and is fitted anew to new labels.

    The model stays as it is, so what its own fitting leaves to chance is not in it.
    """
    truth_held, truth = _under(entry, raw_held), _under(entry, raw)
    found = []
    for _ in range(REACHABLE_DRAWS):
        drawn = (rng.random(len(truth_held)) < truth_held).astype(np.float64)
        again = _under(entry_of(entry.method, METHODS[entry.method](raw_held, drawn)), raw)
        found.append(ece(*_sure(again, (rng.random(len(truth)) < truth).astype(np.float64))))
    return float(np.percentile(found, 95.0))


def _probabilities(
    definition: Definition, slices: Mapping[Slice, Sequence[Example]], learner: Learner
) -> tuple[Matrix, Matrix, Matrix, Matrix]:
    """Fit; return probabilities and labels to calibrate on, then those of the certification slice."""
    if (recipe := definition.text) is not None:
        learned, held_out, judged = (
            readable_texts(recipe, slices[name]) for name in ("train", "calibration", "certification")
        )
        model = fit(recipe, learned)
        raw_held, held = texts_to_calibrate_on(recipe, learned, held_out, model)
        return raw_held, held, probabilities(model, judged), labels_of(judged)
    columns = Features(definition.inputs, definition.columns)
    rows, kept, rest = (readable(columns, slices[name]) for name in ("train", "calibration", "certification"))
    pipeline = fit_columns(rows, learner)
    raw_held, held = columns_to_calibrate_on(rows, kept, pipeline, learner)
    return raw_held, held, np.asarray(pipeline.predict_proba(rest.matrix)[:, 1]), rest.positive


def _under(entry: CalibratorEntry, raw: Matrix) -> Matrix:
    return sigmoid(entry.serving().calibrated_logit(raw))


def _sure(probability: Matrix, truth: Matrix) -> tuple[Matrix, Matrix]:
    """Return confidences, and whether each proposal was right."""
    positive = probability >= 0.5  # noqa: PLR2004 - the surer of two outcomes
    return np.where(positive, probability, 1.0 - probability), (positive == (truth == 1.0)).astype(np.float64)


def _brier(probability: Matrix, truth: Matrix) -> float:
    return float(np.mean((probability - truth) ** 2))


def _log_loss(probability: Matrix, truth: Matrix) -> float:
    held = np.clip(probability, 1e-6, 1 - 1e-6)
    return float(-np.mean(truth * np.log(held) + (1.0 - truth) * np.log1p(-held)))
