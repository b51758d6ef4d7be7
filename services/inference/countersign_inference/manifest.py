"""The file that describes a model: read here, written by training.

`models/NAME.yaml` says which scorer answers for a decision type. For a trained model it also holds everything small
that the proposals rest on; what is larger lies in the directory beside it, each file with its SHA-256.
"""

import hashlib
import json
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from countersign_inference.adapters.rule_language import InputType
from countersign_inference.domain.calibrators import RunningCalibrator, calibrator_of
from countersign_inference.domain.features import Column, Features, Input, Matrix
from countersign_inference.domain.linear import Calibrator, LinearWeights, Scale
from countersign_inference.domain.models import Outcome, TabularModel
from countersign_inference.domain.permutation import Budget
from countersign_inference.domain.similarity import NEIGHBOURS, Reference
from countersign_inference.domain.text_features import TextFeatures
from countersign_inference.domain.text_model import TextModel, TextReference
from countersign_shared.contracts.documents import read_yaml
from countersign_shared.contracts.wording import in_words
from countersign_shared.errors import ConfigurationError

ARTIFACT = "model.onnx"
REFERENCE = "reference.npy"
ORDINARY = "ordinary.npy"
TERMS = "terms.json"
WEIGHTS = "weights.npy"
EntityType = Literal["url", "email", "money", "date", "phone", "mention", "hashtag"]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
UNSAFE_SUFFIXES = {".pkl", ".pickle", ".joblib", ".pt", ".pth", ".dill", ".h5", ".keras"}
"""Formats that may run code when they are read."""
PICKLE = b"\x80"
LARGEST_FILE_BYTES = 64 * 2**20
"""A model file above this does not fit the memory a running service is allowed."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class OutcomeEntry(_Part):
    """An outcome the model can propose; `params` maps its parameters to payload fields."""

    code: str
    params: dict[str, str] = {}


class ScaleEntry(_Part):
    """Mean and spread per column over the training data, in the order of `columns`."""

    mean: list[float]
    spread: list[float]


class WeightsEntry(ScaleEntry):
    """What a linear model also has: a weight per column."""

    weight: list[float]
    bias: float


class ExplainedEntry(_Part):
    """What measuring explanations may cost: rows asked of the model per case, seconds over a batch.

    320 rows are sixteen orders of eleven fields, forwards and backwards.
    """

    rows: Annotated[int, Field(ge=0, le=10_000)] = 320
    batch_seconds: Annotated[float, Field(ge=0, le=5)] = 0.5


class CalibratorEntry(_Part):
    """How the model's probabilities become calibrated ones; each method has its own parameters.

    `identity` has none: the model's own are as honest as the labels can make them.
    """

    version: str
    method: Literal["identity", "platt", "beta", "isotonic"]
    slope: Annotated[float, Field(gt=0)] = 1.0
    intercept: float = 0.0
    a: float | None = None
    b: float | None = None
    c: float | None = None
    x: list[float] | None = None
    y: list[float] | None = None

    @property
    def curve(self) -> RunningCalibrator | None:
        """Return the map of probabilities that a beta or isotonic calibrator is."""
        if self.method in {"identity", "platt"}:
            return None
        names = ("a", "b", "c") if self.method == "beta" else ("x", "y")
        return calibrator_of(
            {"calibrator_version": self.version, "method": self.method,
             "parameters": {name: getattr(self, name) for name in names}}
        )  # fmt: skip

    def serving(self) -> Calibrator:
        """Return the calibrator that serves."""
        return Calibrator(self.version, self.slope, self.intercept, self.curve)

    @model_validator(mode="after")
    def _has_what_its_method_needs(self) -> Self:
        if self.method == "platt" and not {"slope", "intercept"} <= self.model_fields_set:
            raise ValueError("platt needs slope and intercept")
        # CalibratorError is a ValueError: pydantic names the place.
        _ = self.curve
        return self


class EntitiesEntry(_Part):
    """Which kinds of entities are found by pattern, in which text fields."""

    fields: Annotated[list[str], Field(min_length=1)]
    types: Annotated[list[EntityType], Field(min_length=1)]


class _File(_Part):
    """What every model file says.

    A decision type has one `live` scorer. A `method` gives an opinion for consensus and rule clarity; a `shadow` is
    asked beside the live one, without effect. `brought: first` takes over the proposal that an event brings, so that
    the model's own becomes an opinion on it.
    """

    decision_type: str
    role: Literal["live", "method", "shadow"] = "live"
    brought: Literal["first", "ignore"] = "ignore"
    entities: EntitiesEntry | None = None


class TabularOnnx(_File):
    """A trained classifier of columns in ONNX.

    A linear one has `weights`, which explain it exactly. Any other has its `scale` only, and explanations are measured
    as far as `explained` allows.
    """

    scorer: Literal["onnx"]
    name: str
    version: str
    negative: OutcomeEntry
    positive: OutcomeEntry
    files: dict[str, str]
    made_with: dict[str, str]
    inputs: list[Input]
    columns: list[Column]
    weights: WeightsEntry | None = None
    scale: ScaleEntry | None = None
    explained: ExplainedEntry = ExplainedEntry()
    calibrator: CalibratorEntry

    @model_validator(mode="after")
    def _has_one_scale(self) -> Self:
        if (self.weights is None) == (self.scale is None):
            raise ValueError("a linear model has `weights`, any other has `scale`")
        return self


class TextLinear(_File):
    """A trained linear classifier of texts: a vocabulary and two numbers per term, weight and rarity."""

    scorer: Literal["text"]
    name: str
    version: str
    negative: OutcomeEntry
    positive: OutcomeEntry
    files: dict[str, str]
    made_with: dict[str, str]
    text_field: str
    category_fields: list[str]
    labels: dict[str, str]
    bias: float
    calibrator: CalibratorEntry


Trained = TabularOnnx | TextLinear


class Upstream(_File):
    """The event brings the proposal; Countersign validates it and adds its own signals."""

    scorer: Literal["upstream"]


class NoModel(_File):
    """No model may see these cases: the policy keeps them for people."""

    scorer: Literal["none"]


class RuleEntry(_Part):
    """One rule; `confidence` is measured by whoever writes it, and needed where rules propose by themselves."""

    id: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
    when: Annotated[str, Field(min_length=1)]
    outcome: str
    text: Annotated[str, Field(min_length=1, max_length=300)]
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None


class Rules(_File):
    """Rules in CEL over typed payload fields."""

    scorer: Literal["rules"]
    name: Name
    inputs: Annotated[dict[Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")], InputType], Field(min_length=1)]
    rules: Annotated[list[RuleEntry], Field(min_length=1)]

    @property
    def version(self) -> str:
        """Return a version that changes with every word of the rules."""
        return digest_of(self.model_dump(mode="json", include={"inputs", "rules"}))[:8]


class LimitsEntry(_Part):
    """What a language model may cost, per case and per batch."""

    concurrency: Annotated[int, Field(ge=1, le=64)] = 8
    batch_seconds: Annotated[float, Field(gt=0, le=60)] = 20.0
    request_seconds: Annotated[float, Field(gt=0, le=60)] = 10.0
    attempts: Annotated[int, Field(ge=1, le=10)] = 3
    requests: Annotated[int, Field(ge=1, le=50)] = 8
    characters: Annotated[int, Field(ge=100, le=200_000)] = 24_000
    answer_tokens: Annotated[int, Field(ge=50, le=8_000)] = 800
    samples: Annotated[int, Field(ge=3, le=20)] = 5
    sample_temperature: Annotated[float, Field(gt=0, le=2)] = 0.7
    explained_fields: Annotated[int, Field(ge=0, le=20)] = 0
    breaker_failures: Annotated[int, Field(ge=1, le=100)] = 5
    breaker_seconds: Annotated[float, Field(gt=0, le=600)] = 15.0


class Chat(_File):
    """A language model behind an OpenAI-compatible chat API.

    Only `fields` are ever sent. An `external` model runs outside the house: it must be reached over TLS, and no field
    that the decision type calls sensitive may be among its `fields`.
    """

    scorer: Literal["openai"]
    name: Name
    release: Annotated[str, Field(pattern=r"^[A-Za-z0-9._]{1,20}$")]
    base_url: Annotated[str, Field(pattern=r"^https?://[^\s?#@]+$")]
    model: Annotated[str, Field(min_length=1, max_length=200)]
    key_file: str | None = None
    external: bool = True
    fields: Annotated[list[str], Field(min_length=1)]
    instructions: Annotated[str, Field(min_length=1, max_length=20_000)]
    outcomes: list[str] | None = None
    asked_entities: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]] = []
    limits: LimitsEntry = LimitsEntry()


Manifest = TabularOnnx | TextLinear | Upstream | NoModel | Rules | Chat
_ADAPTER: TypeAdapter[Manifest] = TypeAdapter(Annotated[Manifest, Field(discriminator="scorer")])


def read_manifest(path: Path) -> Manifest:
    """Read one model file; anything in it that does not fit is a ``ConfigurationError`` naming file and place."""
    document = read_yaml(path)
    try:
        return _ADAPTER.validate_python(document, strict=False)
    except ValidationError as error:
        first = error.errors()[0]
        # Where `scorer` itself is missing or unknown, nothing else can be looked at, and no place is named.
        where = "/".join(str(part) for part in first["loc"]) or (
            "scorer" if isinstance(document, dict) else "all of it"
        )
        raise ConfigurationError(f"{path} does not describe a model: {where}: {in_words(first)}") from error


def read_files(manifest: Trained, directory: Path) -> dict[str, bytes]:
    """Read the files of a model and check each against its digest."""
    found: dict[str, bytes] = {}
    for name, expected in manifest.files.items():
        path = directory / name
        if path.suffix.lower() in UNSAFE_SUFFIXES:
            raise ConfigurationError(f"model file {path}: this format may run code when it is read; export to ONNX")
        if path.parent != directory or not path.is_file() or path.stat().st_size > LARGEST_FILE_BYTES:
            raise ConfigurationError(f"model file {path} is missing or larger than {LARGEST_FILE_BYTES} bytes")
        data = path.read_bytes()
        if data[:1] == PICKLE:
            raise ConfigurationError(f"model file {path} is a pickle, which may run code when it is read")
        if hashlib.sha256(data).hexdigest() != expected:
            raise ConfigurationError(f"model file {path} is not the one its manifest names: SHA-256 differs")
        found[name] = data
    own = {ARTIFACT} if isinstance(manifest, TabularOnnx) else {TERMS, WEIGHTS}
    if missing := {REFERENCE, ORDINARY, *own} - set(found):
        raise ConfigurationError(f"the manifest of {manifest.name} names no {', '.join(sorted(missing))}")
    return found


def tabular_model(
    manifest: TabularOnnx, *, reference: Matrix, ordinary: Matrix, labels: dict[str, str]
) -> TabularModel:
    """Put a model together; `labels` gives the outcomes' words. Shapes that do not fit are refused."""
    try:
        features = Features(manifest.inputs, manifest.columns)
    except ValueError as error:
        raise ConfigurationError(f"{manifest.name}: {error}") from error
    entry, width = manifest.weights, len(manifest.columns)
    of_columns = entry or manifest.scale
    if of_columns is None:
        raise ConfigurationError(f"{manifest.name} has neither weights nor scale")
    scale = Scale(np.array(of_columns.mean), np.array(of_columns.spread))
    weights = None if entry is None else LinearWeights(np.array(entry.weight), entry.bias)
    vectors = (scale.mean, scale.spread, scale.mean if weights is None else weights.weight)
    if any(vector.shape != (width,) or not np.isfinite(vector).all() for vector in vectors) or not scale.spread.all():
        raise ConfigurationError(f"{manifest.name}: weights need {width} finite numbers each, and no spread of zero")
    fits = reference.ndim == 2 and reference.shape[0] >= NEIGHBOURS and reference.shape[1] == width  # noqa: PLR2004 - a matrix
    if not fits or not np.isfinite(reference).all():
        raise ConfigurationError(f"{manifest.name}: the reference sample does not fit the columns")
    return TabularModel(
        name=manifest.name,
        version=manifest.version,
        artifact_sha256=manifest.files[ARTIFACT],
        negative=_outcome(manifest.negative, labels),
        positive=_outcome(manifest.positive, labels),
        features=features,
        scale=scale,
        weights=weights,
        budget=Budget(manifest.explained.rows, manifest.explained.batch_seconds),
        calibrator=manifest.calibrator.serving(),
        reference=Reference(reference.astype(np.float64), _distances(manifest.name, ordinary)),
    )


def text_model(
    manifest: TextLinear, files: dict[str, bytes], arrays: dict[str, Matrix], labels: dict[str, str]
) -> TextModel:
    """Put a text model together; shapes and numbers that do not fit are refused.

    `weights.npy` is (terms, 2): weight and rarity. `reference.npy` is (values, 3): sample, place, value.
    """
    terms, weights, points = _vocabulary(manifest.name, files[TERMS]), arrays[WEIGHTS], arrays[REFERENCE]
    if weights.shape != (len(terms), 2) or not np.isfinite(weights).all():
        raise ConfigurationError(f"{manifest.name}: the weights do not fit the vocabulary")
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():  # noqa: PLR2004 - as said above
        raise ConfigurationError(f"{manifest.name}: the reference sample is no list of values")
    samples, places = points[:, 0].astype(np.int64), points[:, 1].astype(np.int64)
    if (
        len(samples) == 0
        or samples.max() + 1 < NEIGHBOURS
        or not 0 <= samples.min() <= samples.max() < len(samples)
        or not 0 <= places.min() <= places.max() < len(terms)
    ):
        raise ConfigurationError(f"{manifest.name}: the reference sample does not fit the vocabulary")
    dense = np.zeros((len(terms), int(samples.max()) + 1))
    dense[places, samples] = points[:, 2]
    return TextModel(
        name=manifest.name, version=manifest.version, artifact_sha256=manifest.files[WEIGHTS],
        negative=_outcome(manifest.negative, labels), positive=_outcome(manifest.positive, labels),
        features=TextFeatures.of(
            manifest.text_field, manifest.category_fields, terms, weights[:, 1].astype(np.float64)
        ),
        weight=weights[:, 0].astype(np.float64), bias=manifest.bias,
        calibrator=manifest.calibrator.serving(),
        reference=TextReference(dense, _distances(manifest.name, arrays[ORDINARY])), labels=manifest.labels,
    )  # fmt: skip


def _distances(name: str, ordinary: Matrix) -> Matrix:
    """Sort the distances that a case's own is held against: among none, or among no numbers, every case is ordinary."""
    if ordinary.ndim != 1 or not ordinary.size or not np.isfinite(ordinary).all():
        raise ConfigurationError(f"{name}: {ORDINARY} holds no distances of ordinary cases")
    return np.sort(ordinary.astype(np.float64))


def _vocabulary(name: str, data: bytes) -> list[str]:
    try:
        terms = json.loads(data)
    except ValueError as error:
        raise ConfigurationError(f"{name}: {TERMS} is not JSON") from error
    if not isinstance(terms, list) or not all(isinstance(term, str) for term in terms) or len(set(terms)) < len(terms):
        raise ConfigurationError(f"{name}: the terms do not fit the vocabulary, which holds different words")
    return terms


def digest_of(value: Any) -> str:
    """Return the SHA-256 of a JSON value, whatever the order of its members."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _outcome(entry: OutcomeEntry, labels: dict[str, str]) -> Outcome:
    if entry.code not in labels:
        raise ConfigurationError(f"the model proposes {entry.code!r}, which its decision type does not know")
    return Outcome(entry.code, labels[entry.code], dict(entry.params))
