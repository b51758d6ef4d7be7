"""`countersign models train`: from labelled data to everything a scorer needs, the same every time."""

import dataclasses
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from countersign_inference.domain.features import Features, Input, Matrix
from countersign_inference.domain.similarity import Reference
from countersign_inference.manifest import (
    ARTIFACT,
    ORDINARY,
    REFERENCE,
    CalibratorEntry,
    ScaleEntry,
    TabularOnnx,
    TextLinear,
    WeightsEntry,
)
from countersign_inference.training.calibration import fit_calibrator
from countersign_inference.training.cards import write_card
from countersign_inference.training.definitions import DEFINITIONS, Definition, Example
from countersign_inference.training.evaluate import Card, evaluate
from countersign_inference.training.fitting import (
    Learner,
    Readable,
    drawn,
    fit_columns,
    npy,
    out_of_fold,
    readable,
)
from countersign_inference.training.honesty import study
from countersign_inference.training.slices import sliced
from countersign_inference.training.texts import fit_texts
from countersign_shared.errors import ConfigurationError

Progress = Callable[[str, float], None]
"""Told what is going on and how far it is, 0 to 1."""

OPSET = 17
NEUTRAL_STEPS = 200_001
"""Steps of the search for a neutral quantity: 10 USD in assets up to two million."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training run left behind."""

    manifest: Path
    directory: Path
    card: Card


def train(
    decision_type: str, out: Path, progress: Progress, *, splits: int = 0, learner: Learner = "logistic"
) -> Trained:
    """Train the model of a decision type and write `out/NAME.yaml` and `out/NAME/`.

    `out` is then a directory that the setting MODELS_DIR may name. Training data, split and solver are fixed, so
    training again gives the same figures. `splits` is on how many splits the recipe is judged beside that. `learner` is
    for tables: texts have one recipe.
    """
    definition = DEFINITIONS.get(decision_type)
    if definition is None:
        known = ", ".join(sorted(DEFINITIONS))
        raise ConfigurationError(f"there is no training recipe for {decision_type!r}; there is one for {known}")
    progress("reading the data", 0.0)
    development = sliced(definition, definition.examples())["development"]
    manifest: TabularOnnx | TextLinear
    if definition.text is None:
        manifest, files = fit_tables(definition, development, progress, learner)
    elif learner == "logistic":
        manifest, files = fit_texts(definition, development, progress)
    else:
        raise ConfigurationError(f"{decision_type} is judged by its text, and texts are learned by a linear model only")
    directory = _write(out, manifest, files)
    progress("judging it on the certification slice", 0.8)
    card = evaluate(decision_type, out)
    honesty = None
    if splits:
        honesty = study(decision_type, splits, lambda what, done: progress(what, 0.8 + done / 5), learner)
    write_card(card, definition, directory, honesty)
    progress("done", 1.0)
    return Trained(out / f"{decision_type}.yaml", directory, card)


def fit_tables(
    definition: Definition, development: Sequence[Example], progress: Progress, learner: Learner = "logistic"
) -> tuple[TabularOnnx, dict[str, bytes]]:
    """Fit the model of a decision type with inputs and columns."""
    features = Features(definition.inputs, definition.columns)
    learned = readable(features, development)
    progress(f"fitting on {len(learned.rows)} cases", 0.2)
    pipeline = fit_columns(learned, learner)
    scale = _weights(pipeline) if learner == "logistic" else _scale(learned)
    progress("exporting to ONNX", 0.4)
    artifact = _onnx(pipeline, len(definition.columns))
    progress("calibrating on what models say of cases that they did not see", 0.6)
    calibrator = fit_calibrator(out_of_fold(learned, learner), learned.positive)
    files = {ARTIFACT: artifact, **_reference(definition.decision_type, features, scale, learned)}
    return _manifest(definition, features, scale, calibrator, files), files


def _scale(learned: Readable) -> ScaleEntry:
    spread = learned.matrix.std(axis=0)
    return ScaleEntry(mean=_rounded(learned.matrix.mean(axis=0)), spread=_rounded(np.where(spread > 0.0, spread, 1.0)))


def _weights(pipeline: Any) -> WeightsEntry:
    scaler, classifier = pipeline[0], pipeline[-1]
    return WeightsEntry(
        mean=_rounded(scaler.mean_), spread=_rounded(scaler.scale_),
        weight=_rounded(classifier.coef_[0]), bias=round(float(classifier.intercept_[0]), 9),
    )  # fmt: skip


def _rounded(values: Matrix) -> list[float]:
    return [round(float(value), 9) for value in values]


def _onnx(pipeline: Any, width: int) -> bytes:
    from skl2onnx import to_onnx
    from skl2onnx.common.data_types import FloatTensorType

    exported = to_onnx(
        pipeline, initial_types=[("columns", FloatTensorType([None, width]))],
        options={id(pipeline): {"zipmap": False}}, target_opset=OPSET,
    )  # fmt: skip
    # The library names the graph at random; a digest must not depend on chance.
    exported.graph.name = "countersign"
    data: bytes = exported.SerializeToString(deterministic=True)
    return data


def _reference(decision_type: str, features: Features, scale: ScaleEntry, learned: Readable) -> dict[str, bytes]:
    """Draw the sample, and measure how far other cases of the same slice lie from it."""
    sampled, others = drawn(decision_type, learned.rows)
    mean, spread = np.array(scale.mean), np.array(scale.spread)
    standardised = (learned.matrix - mean) / spread
    points = standardised[sampled].astype(np.float32)
    sample = Reference(points.astype(np.float64), np.empty(0))
    distances = sample.distance(standardised[others]) + features.outside(learned.values[others])
    return {REFERENCE: npy(points), ORDINARY: npy(np.sort(distances).round(9))}


def _manifest(
    definition: Definition, features: Features, scale: ScaleEntry, calibrator: CalibratorEntry, files: dict[str, bytes],
) -> TabularOnnx:  # fmt: skip
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    weights = scale if isinstance(scale, WeightsEntry) else None
    inputs = (
        features.inputs if weights is None else [_with_neutral(item, features, weights) for item in features.inputs]
    )
    return TabularOnnx(
        scorer="onnx",
        decision_type=definition.decision_type,
        name=f"{definition.decision_type}-boosting" if weights is None else definition.name,
        # The digest is part of the version: a certificate must never outlive the artifact it was earned by.
        version=f"{definition.release}-{digests[ARTIFACT][:8]}",
        negative=definition.negative,
        positive=definition.positive,
        files=digests,
        made_with={name: version(name) for name in ("scikit-learn", "skl2onnx", "numpy")},
        inputs=list(inputs),
        columns=list(features.columns),
        weights=weights,
        scale=scale if weights is None else None,
        calibrator=calibrator,
    )


def _with_neutral(item: Input, features: Features, weights: WeightsEntry) -> Input:
    """Note the quantity at which all the input's columns together add nothing, where there is one."""
    mine = [index for index, column in enumerate(features.columns) if column.field == item.field]
    smooth = all(features.columns[index].transform in {"clip", "hinge", "log1p"} for index in mine)
    if item.kind not in {"number", "money"} or not mine or not smooth:
        return item
    low = min(features.columns[index].low for index in mine)
    high = max(features.columns[index].high for index in mine)
    quantities = np.linspace(low, high, NEUTRAL_STEPS)
    values = np.zeros((NEUTRAL_STEPS, len(features.inputs)))
    values[:, features.inputs.index(item)] = quantities
    standardised = (features.matrix(values) - np.array(weights.mean)) / np.array(weights.spread)
    effect = standardised[:, mine] @ np.array(weights.weight)[mine]
    at = int(np.abs(effect).argmin())
    return dataclasses.replace(item, neutral=float(f"{quantities[at]:.3g}"))


def _write(out: Path, manifest: TabularOnnx | TextLinear, files: dict[str, bytes]) -> Path:
    directory = out / manifest.decision_type
    directory.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (directory / name).write_bytes(data)
    text = yaml.safe_dump(
        manifest.model_dump(mode="json", exclude_defaults=True), sort_keys=False, allow_unicode=True, width=120
    )
    head = f"# Written by `countersign models train {manifest.decision_type}`; train again instead of editing.\n"
    (out / f"{manifest.decision_type}.yaml").write_text(head + text, encoding="utf-8")
    return directory
