"""The file that describes a model: read here, written by training.

`models/NAME.yaml` says which scorer answers for a decision type. For a trained model it also holds everything small
that the proposals rest on; what is larger lies in the directory beside it, each file with its SHA-256.
"""

import hashlib
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from countersign_inference.domain.features import Column, Features, Input, Matrix
from countersign_inference.domain.linear import Calibrator, LinearWeights
from countersign_inference.domain.models import LinearModel, Outcome
from countersign_inference.domain.similarity import NEIGHBOURS, Reference
from countersign_shared.errors import ConfigurationError

ARTIFACT = "model.onnx"
REFERENCE = "reference.npy"
ORDINARY = "ordinary.npy"
LARGEST_FILE_BYTES = 64 * 2**20
"""A model file above this does not fit the memory a running service is allowed."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class OutcomeEntry(_Part):
    """An outcome the model can propose; `params` maps its parameters to payload fields."""

    code: str
    params: dict[str, str] = {}


class WeightsEntry(_Part):
    """Weights per column, in the order of `columns`."""

    mean: list[float]
    spread: list[float]
    weight: list[float]
    bias: float


class CalibratorEntry(_Part):
    """How the model's probabilities become calibrated ones."""

    version: str
    method: Literal["platt"]
    slope: Annotated[float, Field(gt=0)]
    intercept: float


class LinearOnnx(_Part):
    """A trained linear classifier in ONNX."""

    scorer: Literal["onnx"]
    decision_type: str
    name: str
    version: str
    negative: OutcomeEntry
    positive: OutcomeEntry
    files: dict[str, str]
    made_with: dict[str, str]
    inputs: list[Input]
    columns: list[Column]
    weights: WeightsEntry
    calibrator: CalibratorEntry


class Upstream(_Part):
    """The event brings the proposal; Countersign validates it and adds its own signals."""

    scorer: Literal["upstream"]
    decision_type: str


class NoModel(_Part):
    """No model may see these cases: the policy keeps them for people."""

    scorer: Literal["none"]
    decision_type: str


Manifest = LinearOnnx | Upstream | NoModel
_ADAPTER: TypeAdapter[Manifest] = TypeAdapter(Annotated[Manifest, Field(discriminator="scorer")])


def read_manifest(path: Path) -> Manifest:
    """Read one model file; anything in it that does not fit is a ``ConfigurationError`` naming file and place."""
    try:
        return _ADAPTER.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")), strict=False)
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} is no readable YAML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = "/".join(str(part) for part in first["loc"])
        raise ConfigurationError(f"{path} does not describe a model: {where}: {first['msg']}") from error


def read_files(manifest: LinearOnnx, directory: Path) -> dict[str, bytes]:
    """Read the files of a model and check each against its digest."""
    found: dict[str, bytes] = {}
    for name, expected in manifest.files.items():
        path = directory / name
        if path.parent != directory or not path.is_file() or path.stat().st_size > LARGEST_FILE_BYTES:
            raise ConfigurationError(f"model file {path} is missing or larger than {LARGEST_FILE_BYTES} bytes")
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != expected:
            raise ConfigurationError(f"model file {path} is not the one its manifest names: SHA-256 differs")
        found[name] = data
    if missing := {ARTIFACT, REFERENCE, ORDINARY} - set(found):
        raise ConfigurationError(f"the manifest of {manifest.name} names no {', '.join(sorted(missing))}")
    return found


def linear_model(manifest: LinearOnnx, *, reference: Matrix, ordinary: Matrix, labels: dict[str, str]) -> LinearModel:
    """Put a model together; `labels` gives the outcomes' words. Shapes that do not fit are refused."""
    try:
        features = Features(manifest.inputs, manifest.columns)
    except ValueError as error:
        raise ConfigurationError(f"{manifest.name}: {error}") from error
    entry, width = manifest.weights, len(manifest.columns)
    weights = LinearWeights(np.array(entry.mean), np.array(entry.spread), np.array(entry.weight), entry.bias)
    vectors = (weights.mean, weights.spread, weights.weight)
    if any(vector.shape != (width,) or not np.isfinite(vector).all() for vector in vectors) or not weights.spread.all():
        raise ConfigurationError(f"{manifest.name}: weights need {width} finite numbers each, and no spread of zero")
    if reference.ndim != 2 or reference.shape[0] < NEIGHBOURS or reference.shape[1] != width or ordinary.ndim != 1:  # noqa: PLR2004 - a matrix
        raise ConfigurationError(f"{manifest.name}: the reference sample does not fit the columns")
    return LinearModel(
        name=manifest.name,
        version=manifest.version,
        artifact_sha256=manifest.files[ARTIFACT],
        negative=_outcome(manifest.negative, labels),
        positive=_outcome(manifest.positive, labels),
        features=features,
        weights=weights,
        calibrator=Calibrator(manifest.calibrator.version, manifest.calibrator.slope, manifest.calibrator.intercept),
        reference=Reference(reference.astype(np.float64), np.sort(ordinary.astype(np.float64))),
    )


def _outcome(entry: OutcomeEntry, labels: dict[str, str]) -> Outcome:
    if entry.code not in labels:
        raise ConfigurationError(f"the model proposes {entry.code!r}, which its decision type does not know")
    return Outcome(entry.code, labels[entry.code], dict(entry.params))
