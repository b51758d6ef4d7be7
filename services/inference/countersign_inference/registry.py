"""Which scorer answers for which decision type: the files of a models directory, checked against the types."""

import io
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from countersign_inference.adapters.none import NoScorer
from countersign_inference.adapters.onnx import OnnxScorer
from countersign_inference.adapters.panel import Beside, Extract, Panel, RemotePanel, SecondModel
from countersign_inference.adapters.rules import RuleBook, RulesScorer
from countersign_inference.adapters.text import TextScorer
from countersign_inference.adapters.upstream import UpstreamScorer
from countersign_inference.domain.entities import extractor
from countersign_inference.domain.features import Matrix
from countersign_inference.domain.scoring import AnyScorer, Method, Scorer
from countersign_inference.manifest import (
    ARTIFACT,
    ORDINARY,
    REFERENCE,
    Chat,
    Manifest,
    Rules,
    TabularOnnx,
    TextLinear,
    Upstream,
    read_files,
    read_manifest,
    tabular_model,
    text_model,
)
from countersign_inference.registry_parts import chat_scorer, check_fields, check_outcomes, rule_book
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.errors import ConfigurationError

PACKAGED_MODELS = Path(__file__).with_name("models")


@dataclass(frozen=True, slots=True)
class Chance:
    """What is not the same twice: `secret` draws unforeseeable lines into prompts, `draw` spreads retries."""

    secret: bytes
    draw: Callable[[], float]


@dataclass(frozen=True, slots=True)
class Models:
    """What answers: per decision type the scorer, and the shadows beside it."""

    scorers: Mapping[str, AnyScorer]
    shadows: Mapping[str, Sequence[AnyScorer]]

    async def aclose(self) -> None:
        """Close the connections of remote models."""
        for scorer in (*self.scorers.values(), *(one for beside in self.shadows.values() for one in beside)):
            if (close := getattr(scorer, "aclose", None)) is not None:
                await close()


def load_models(models: Path, decision_types: Mapping[str, DecisionType], chance: Chance | None = None) -> Models:
    """Return the scorer of every decision type; a type without a file gets one that abstains with `no_model`.

    What does not fit together - a model without its type, an outcome the type does not know, an input that the type
    protects or does not declare, two live models - is a ``ConfigurationError``, so that it is found at start and not
    on a case.
    """
    if not models.is_dir():
        raise ConfigurationError(f"MODELS_DIR {models} is no directory")
    entries: dict[str, list[_Entry]] = defaultdict(list)
    for path in sorted(models.glob("*.yaml")):
        manifest = read_manifest(path)
        if manifest.decision_type not in decision_types:
            raise ConfigurationError(f"{path} is for {manifest.decision_type!r}, and there is no such decision type")
        entries[manifest.decision_type].append(_Entry(manifest, path, decision_types[manifest.decision_type], chance))
    shadows = {name: _shadows(found) for name, found in entries.items()}
    scorers = {
        name: _proposing(decision_type, entries.get(name, ()), shadows.get(name, ()))
        for name, decision_type in decision_types.items()
    }
    return Models(scorers, {name: found for name, found in shadows.items() if found})


def load_scorers(models: Path, decision_types: Mapping[str, DecisionType]) -> Mapping[str, AnyScorer]:
    """Return the scorer of every decision type, as ``load_models`` does; models on other machines are refused."""
    return load_models(models, decision_types).scorers


def load_panel(models: Path, decision_type: DecisionType) -> Scorer:
    """Return the trained model of one decision type with its methods, as it serves; other files are not looked at."""
    found = [(path, read_manifest(path)) for path in sorted(models.glob("*.yaml"))]
    entries = [
        _Entry(manifest, path, decision_type, None)
        for path, manifest in found
        if manifest.decision_type == decision_type.name and manifest.role != "shadow"
    ]
    scorer = _proposing(decision_type, entries, ())
    if not isinstance(scorer, OnnxScorer | TextScorer | Panel):
        raise ConfigurationError(f"{decision_type.name} is answered by {scorer.kind}, which cannot be evaluated here")
    return scorer


@dataclass(frozen=True, slots=True)
class _Entry:
    manifest: Manifest
    path: Path
    decision_type: DecisionType
    chance: Chance | None

    def scorer(self) -> AnyScorer:
        manifest, decision_type = self.manifest, self.decision_type
        labels = {code: outcome.label for code, outcome in decision_type.outcomes.items()}
        if isinstance(manifest, TabularOnnx | TextLinear):
            check_outcomes(self.path, manifest.negative.code, manifest.positive.code)
        if isinstance(manifest, TabularOnnx):
            params = {field for one in (manifest.negative, manifest.positive) for field in one.params.values()}
            check_fields(self.path, decision_type, params.union(item.field for item in manifest.inputs))
            return onnx_scorer(manifest, self.path.with_suffix(""), labels=labels)
        if isinstance(manifest, TextLinear):
            check_fields(self.path, decision_type, [manifest.text_field, *manifest.category_fields])
            return text_scorer(manifest, self.path.with_suffix(""), labels=labels)
        if isinstance(manifest, Rules):
            return RulesScorer(self.book(proposing=True), decision_type.outcomes)
        if isinstance(manifest, Chat):
            if self.chance is None:
                raise ConfigurationError(f"{self.path} names a model on another machine: only a service asks it")
            return chat_scorer(manifest, self.path, decision_type, self.chance.secret, self.chance.draw)
        if isinstance(manifest, Upstream):
            return UpstreamScorer(decision_type.outcomes)
        return NoScorer("by_policy", f"no model may see a {manifest.decision_type}")

    def book(self, *, proposing: bool = False) -> RuleBook:
        if not isinstance(self.manifest, Rules):
            raise ConfigurationError(f"{self.path} has no rules")
        return rule_book(self.manifest, self.path, self.decision_type, proposing=proposing)

    def method(self) -> Method:
        if isinstance(self.manifest, Rules):
            return self.book()
        scorer = self.scorer()
        if not isinstance(scorer, OnnxScorer | TextScorer | RulesScorer):
            raise ConfigurationError(f"{self.path}: `role: method` needs a model on this machine")
        return SecondModel(scorer)

    def extract(self) -> Extract | None:
        entry = self.manifest.entities
        if entry is None:
            return None
        check_fields(self.path, self.decision_type, entry.fields)
        return extractor(entry.fields, entry.types)


def _proposing(decision_type: DecisionType, entries: Iterable[_Entry], shadows: Sequence[AnyScorer]) -> AnyScorer:
    live = [entry for entry in entries if entry.manifest.role == "live"]
    if len(live) > 1:
        raise ConfigurationError(f"{live[1].path}: {live[0].path.name} is live for {decision_type.name} already")
    scorer: AnyScorer = (
        live[0].scorer() if live else NoScorer("no_model", f"no model is registered for {decision_type.name}")
    )
    methods = [entry.method() for entry in entries if entry.manifest.role == "method"]
    brought = live and live[0].manifest.brought == "first"
    extract = live[0].extract() if live else None
    if not methods and not shadows and not brought and extract is None:
        return scorer
    model = scorer.model or {"name": scorer.kind, "version": ""}
    beside = Beside(
        name=f"{model['name']} {model['version']}".strip(), methods=methods, extract=extract,
        brought=UpstreamScorer(decision_type.outcomes) if brought else None,
    )  # fmt: skip
    entity_fields = live[0].manifest.entities.fields if live and live[0].manifest.entities else []
    also = [*entity_fields, *(field for shadow in shadows for field in shadow.reads)]
    if _is_remote(scorer):
        return RemotePanel(scorer, beside, also)  # type: ignore[arg-type]
    return Panel(scorer, beside, also)  # type: ignore[arg-type]


def _shadows(entries: Iterable[_Entry]) -> list[AnyScorer]:
    return [entry.scorer() for entry in entries if entry.manifest.role == "shadow"]


def _is_remote(scorer: AnyScorer) -> bool:
    return hasattr(scorer, "limit_seconds")


def onnx_scorer(
    manifest: TabularOnnx, directory: Path, *, labels: dict[str, str], now: Callable[[], float] = time.monotonic
) -> OnnxScorer:
    """Load a trained model from its directory; `labels` gives the outcomes' words, `now` monotonic seconds."""
    files = read_files(manifest, directory)
    arrays = {name: _array(directory / name, files[name]) for name in (REFERENCE, ORDINARY)}
    model = tabular_model(manifest, reference=arrays[REFERENCE], ordinary=arrays[ORDINARY], labels=labels)
    try:
        scorer = OnnxScorer(model, files[ARTIFACT], now=now)
        scorer.positive_probability(model.scale.mean[None, :])
    except Exception as error:
        # ONNX Runtime names no class that all it raises has in common.
        width = len(manifest.columns)
        raise ConfigurationError(f"model file {directory / ARTIFACT} is no classifier of {width} columns") from error
    return scorer


def text_scorer(manifest: TextLinear, directory: Path, *, labels: dict[str, str]) -> TextScorer:
    """Load a trained text model from its directory."""
    files = read_files(manifest, directory)
    arrays = {name: _array(directory / name, data) for name, data in files.items() if name.endswith(".npy")}
    return TextScorer(text_model(manifest, files, arrays, labels))


def _array(path: Path, data: bytes) -> Matrix:
    try:
        array: Matrix = np.load(io.BytesIO(data), allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise ConfigurationError(f"model file {path} is no array that NumPy can read") from error
    if not isinstance(array, np.ndarray) or array.dtype.kind not in "fiu":
        raise ConfigurationError(f"model file {path} is no array of numbers")
    return array
