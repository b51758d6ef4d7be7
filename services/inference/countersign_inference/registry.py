"""Which scorer answers for which decision type: the files of a models directory, checked against the types."""

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from countersign_inference.adapters.none import NoScorer
from countersign_inference.adapters.onnx import OnnxScorer
from countersign_inference.adapters.upstream import UpstreamScorer
from countersign_inference.domain.features import Matrix
from countersign_inference.domain.scoring import Scorer
from countersign_inference.manifest import (
    ARTIFACT,
    ORDINARY,
    REFERENCE,
    LinearOnnx,
    Manifest,
    Upstream,
    linear_model,
    read_files,
    read_manifest,
)
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.errors import ConfigurationError

PACKAGED_MODELS = Path(__file__).with_name("models")


def load_scorers(models: Path, decision_types: Mapping[str, DecisionType]) -> dict[str, Scorer]:
    """Return a scorer for every decision type; a type without a file gets one that abstains with `no_model`.

    What does not fit together - a model without its type, an outcome the type does not know, an input that the type
    protects or does not declare - is a ``ConfigurationError``, so that it is found at start and not on a case.
    """
    if not models.is_dir():
        raise ConfigurationError(f"MODELS_DIR {models} is no directory")
    scorers: dict[str, Scorer] = {
        name: NoScorer("no_model", f"no model is registered for {name}") for name in decision_types
    }
    for path in sorted(models.glob("*.yaml")):
        manifest = read_manifest(path)
        decision_type = decision_types.get(manifest.decision_type)
        if decision_type is None:
            raise ConfigurationError(f"{path} is for {manifest.decision_type!r}, and there is no such decision type")
        scorers[manifest.decision_type] = _scorer(manifest, path, decision_type)
    return scorers


def onnx_scorer(manifest: LinearOnnx, directory: Path, *, labels: dict[str, str]) -> OnnxScorer:
    """Load a trained model from its directory; `labels` gives the outcomes' words."""
    files = read_files(manifest, directory)
    model = linear_model(manifest, reference=_array(files[REFERENCE]), ordinary=_array(files[ORDINARY]), labels=labels)
    return OnnxScorer(model, files[ARTIFACT])


def _array(data: bytes) -> Matrix:
    array: Matrix = np.load(io.BytesIO(data), allow_pickle=False)
    return array


def _scorer(manifest: Manifest, path: Path, decision_type: DecisionType) -> Scorer:
    labels = {code: outcome.label for code, outcome in decision_type.outcomes.items()}
    if isinstance(manifest, LinearOnnx):
        _check_inputs(manifest, path, decision_type)
        return onnx_scorer(manifest, path.with_suffix(""), labels=labels)
    if isinstance(manifest, Upstream):
        return UpstreamScorer(decision_type.outcomes)
    return NoScorer("by_policy", f"no model may see a {manifest.decision_type}")


def _check_inputs(manifest: LinearOnnx, path: Path, decision_type: DecisionType) -> None:
    read = {item.field for item in manifest.inputs}
    read |= {field for outcome in (manifest.negative, manifest.positive) for field in outcome.params.values()}
    if exposed := sorted(read & decision_type.protected_fields):
        raise ConfigurationError(f"{path} reads the protected field {exposed[0]!r}: no model may")
    if unknown := sorted(read - set(decision_type.payload_schema["properties"])):
        raise ConfigurationError(f"{path} reads {unknown[0]!r}, which {decision_type.name} does not declare")
