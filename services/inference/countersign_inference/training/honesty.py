"""Whether a recipe gives honest confidences: trained, calibrated and judged anew on many splits of its data."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from countersign_inference.domain.features import Features, Matrix
from countersign_inference.domain.linear import logit, sigmoid
from countersign_inference.manifest import CalibratorEntry
from countersign_inference.training.calibration import fit_calibrator
from countersign_inference.training.definitions import DEFINITIONS, Definition, Example
from countersign_inference.training.fitting import Learner, fit_columns, out_of_fold, readable
from countersign_inference.training.measures import DIGITS, Estimate, cox, ece, gain, honest_eces, surer
from countersign_inference.training.power import PERCENTILE, Expected, Power, expected_within, power_of
from countersign_inference.training.slices import SEED, Slice, sliced
from countersign_inference.training.text_table import TextTable
from countersign_inference.training.texts import fit, labels_of, probabilities, readable_texts, texts_out_of_fold
from countersign_shared.errors import ConfigurationError

SPLITS = 20
DRAWS = 2_000
SHARPENED, SHIFTED = 2.5, 0.8
"""The deliberately miscalibrated model: log-odds two and a half times too large, and off to one side."""


@dataclass(frozen=True, slots=True)
class Split:
    """One split, on its certification slice, and the method of its calibrator.

    `honest_ece` is the 95th percentile of ECE under perfect calibration, `expected_ece` the mean; the last is the
    percentile for the confidences of the model made dishonest.
    """

    n: int
    method: str
    raw_ece: float
    calibrated_ece: float
    honest_ece: float
    expected_ece: float
    raw_brier: float
    calibrated_brier: float
    raw_log_loss: float
    calibrated_log_loss: float
    miscalibrated_ece: float
    recalibrated_ece: float
    miscalibrated_honest_ece: float


@dataclass(frozen=True, slots=True)
class Pooled:
    """All rows, each judged once by a model and a calibrator that did not see it.

    `excess_ece` is ECE without what chance adds to it: the mean of what perfect confidences show is taken off.
    """

    n: int
    ece: float
    excess_ece: float
    slope: Estimate
    shift: Estimate


@dataclass(frozen=True, slots=True)
class Honesty:
    """What all splits say together; what is pooled is there when every row was judged at least once.

    `gain` is by how much calibration lowers the log loss of a case, over those rows.
    """

    decision_type: str
    splits: Sequence[Split]
    expected: Expected
    power: Sequence[Power]
    raw: Pooled | None
    calibrated: Pooled | None
    gain: Estimate | None

    @property
    def honest(self) -> int:
        """Return in how many splits the calibrated ECE is within what perfect calibration would show."""
        return sum(split.calibrated_ece <= split.honest_ece for split in self.splits)

    @property
    def told(self) -> int:
        """Return in how many splits the model made dishonest is outside it."""
        return sum(split.miscalibrated_ece > split.miscalibrated_honest_ece for split in self.splits)

    def mean(self, name: str) -> float:
        """Return the mean of a figure over the splits."""
        return round(float(np.mean([getattr(split, name) for split in self.splits])), DIGITS)

    def as_json(self) -> dict[str, Any]:
        """Return plain JSON values."""
        names = [name for name in Split.__dataclass_fields__ if name != "method"]
        return {
            "decision_type": self.decision_type, "honest": self.honest, "of": len(self.splits), "told": self.told,
            "expected": asdict(self.expected), "power": [asdict(one) for one in self.power],
            "pooled": {
                name: None if one is None else asdict(one)
                for name, one in (("raw", self.raw), ("calibrated", self.calibrated), ("gain", self.gain))
            },
            "means": {name: self.mean(name) for name in names}, "splits": [asdict(split) for split in self.splits],
        }  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Judged:
    """What a recipe says of the certification slice of one split, and the calibrators it was judged with."""

    rows: Sequence[int]
    raw: Matrix
    truth: Matrix
    calibrator: CalibratorEntry
    straightener: CalibratorEntry

    @property
    def calibrated(self) -> Matrix:
        return _under(self.calibrator, self.raw)


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
    examples, judged = list(definition.examples()), []
    for number in range(splits):
        progress(f"split {number + 1} of {splits}", number / splits)
        slices = sliced(definition, examples, split=number, seed=seed)
        judged.append(_judge(definition, slices, learner))
    rng = np.random.default_rng(splits)
    said = [_split(one, number) for number, one in enumerate(judged)]
    expected = expected_within([(one.rows, one.calibrated) for one in judged], rng)
    power = power_of(judged[0].calibrated, rng)
    if splits < definition.parts:
        return Honesty(definition.decision_type, said, expected, power, None, None, None)
    whole = judged[: definition.parts]
    truth = np.concatenate([one.truth for one in whole])
    raw, calibrated = (np.concatenate(of) for of in ([one.raw for one in whole], [one.calibrated for one in whole]))
    return Honesty(
        definition.decision_type, said, expected, power, _pooled(raw, truth, rng), _pooled(calibrated, truth, rng),
        gain(raw, calibrated, truth),
    )  # fmt: skip


def _judge(definition: Definition, slices: Mapping[Slice, Sequence[Example]], learner: Learner) -> _Judged:
    """Fit to the development slice; return what is said of the certification slice."""
    if (recipe := definition.text) is not None:
        learned = TextTable.of(recipe, readable_texts(recipe, slices["development"]))
        texts = readable_texts(recipe, slices["certification"])
        held, labels = texts_out_of_fold(learned), labels_of(learned.examples)
        raw, truth, rows = probabilities(fit(learned), texts), labels_of(texts), [one.row for one in texts]
    else:
        columns = Features(definition.inputs, definition.columns)
        cases, rest = (readable(columns, slices[name]) for name in ("development", "certification"))
        held, labels = out_of_fold(cases, learner), cases.positive
        raw = np.asarray(fit_columns(cases, learner).predict_proba(rest.matrix)[:, 1])
        truth, rows = rest.positive, list(rest.rows)
    return _Judged(rows, raw, truth, fit_calibrator(held, labels), fit_calibrator(_bent(held), labels))


def _split(one: _Judged, number: int) -> Split:
    rng = np.random.default_rng(number)
    calibrated, bent = one.calibrated, _bent(one.raw)
    sure, boasting = _sure(calibrated, one.truth), _sure(bent, one.truth)
    honest, caught = (honest_eces(confidence, DRAWS, rng) for confidence in (sure[0], boasting[0]))
    figures = {
        "raw_ece": ece(*_sure(one.raw, one.truth)), "calibrated_ece": ece(*sure),
        "honest_ece": float(np.percentile(honest, PERCENTILE)), "expected_ece": float(honest.mean()),
        "raw_brier": _brier(one.raw, one.truth), "calibrated_brier": _brier(calibrated, one.truth),
        "raw_log_loss": _log_loss(one.raw, one.truth), "calibrated_log_loss": _log_loss(calibrated, one.truth),
        "miscalibrated_ece": ece(*boasting),
        "recalibrated_ece": ece(*_sure(_under(one.straightener, bent), one.truth)),
        "miscalibrated_honest_ece": float(np.percentile(caught, PERCENTILE)),
    }  # fmt: skip
    rounded = {name: round(value, DIGITS) for name, value in figures.items()}
    return Split(n=len(one.truth), method=one.calibrator.method, **rounded)


def _pooled(probability: Matrix, truth: Matrix, rng: np.random.Generator) -> Pooled:
    confidence, right = _sure(probability, truth)
    found = ece(confidence, right)
    excess = found - float(honest_eces(confidence, DRAWS, rng).mean())
    return Pooled(len(truth), round(found, DIGITS), round(excess, DIGITS), *cox(probability, truth))


def _bent(raw: Matrix) -> Matrix:
    return sigmoid(SHARPENED * logit(raw) + SHIFTED)


def _under(entry: CalibratorEntry, raw: Matrix) -> Matrix:
    return sigmoid(entry.serving().calibrated_logit(raw))


def _sure(probability: Matrix, truth: Matrix) -> tuple[Matrix, Matrix]:
    """Return confidences, and whether each proposal was right."""
    positive, confidence = surer(probability)
    return confidence, (positive == (truth == 1.0)).astype(np.float64)


def _brier(probability: Matrix, truth: Matrix) -> float:
    return float(np.mean((probability - truth) ** 2))


def _log_loss(probability: Matrix, truth: Matrix) -> float:
    held = np.clip(probability, 1e-6, 1 - 1e-6)
    return float(-np.mean(truth * np.log(held) + (1.0 - truth) * np.log1p(-held)))
