"""How good a trained model is, on the slice that neither training nor calibration saw; every figure with its n."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from countersign_inference.domain.features import Matrix
from countersign_inference.domain.scoring import Abstained, Question, Scored, Scorer
from countersign_inference.manifest import LinearOnnx, TextLinear, Trained, read_manifest
from countersign_inference.registry import trained_scorer
from countersign_inference.training.definitions import DEFINITIONS, Definition, Example
from countersign_inference.training.slices import sliced
from countersign_shared.errors import ConfigurationError

ECE_BINS = 15
HIGH_ABOVE, MEDIUM_FROM = 0.90, 0.70
INTERVAL = 0.95
UNSTATED = "not stated"
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Interval:
    """A share k of n, with its exact 95 % interval (Clopper and Pearson, 1934)."""

    k: int
    n: int
    share: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Figures:
    """Quality of the calibrated probability of the positive outcome on n cases.

    `ece` is the expected calibration error of the confidence in 15 equal bins; `errors` counts proposals that differ
    from what people decided.
    """

    n: int
    auc: float
    brier: float
    log_loss: float
    ece: float
    errors: Interval


@dataclass(frozen=True, slots=True)
class Band:
    """How often the proposals of a confidence band were wrong."""

    band: str
    errors: Interval


@dataclass(frozen=True, slots=True)
class Group:
    """Outcomes of one group: how often the positive outcome was proposed, and how often people chose it."""

    attribute: str
    group: str
    proposed_positive: Interval
    decided_positive: Interval
    errors: Interval


@dataclass(frozen=True, slots=True)
class Card:
    """Everything measured about one model version. Slices are counted before abstentions."""

    decision_type: str
    name: str
    version: str
    artifact_sha256: str
    calibrator_version: str
    slices: Mapping[str, int]
    abstained: Mapping[str, int]
    certification: Figures
    uncalibrated_log_loss: float
    train: Figures
    bands: Sequence[Band]
    parity: Sequence[Group]

    def as_json(self) -> dict[str, Any]:
        """Return the card as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One example with the answer it got."""

    example: Example
    answer: Scored
    proposed_positive: bool

    @property
    def error(self) -> bool:
        return self.proposed_positive != self.example.positive

    @property
    def confidence(self) -> float:
        return float(self.answer.proposal["confidence"])

    @property
    def positive_probability(self) -> float:
        return self.confidence if self.proposed_positive else 1.0 - self.confidence


def evaluate(decision_type: str, models: Path) -> Card:
    """Score the labelled data with the model in `models`, through the very scorer that serves, and measure it."""
    definition = DEFINITIONS.get(decision_type)
    if definition is None:
        raise ConfigurationError(f"there is no labelled data for {decision_type!r}")
    manifest = read_manifest(models / f"{decision_type}.yaml")
    if not isinstance(manifest, LinearOnnx | TextLinear):
        raise ConfigurationError(f"{decision_type} is answered by {manifest.scorer}, which cannot be evaluated here")
    codes = {outcome.code: outcome.code for outcome in (manifest.negative, manifest.positive)}
    scorer = trained_scorer(manifest, models / decision_type, labels=codes)
    slices = sliced(decision_type, definition.examples())
    judged, abstained = _judge(scorer, manifest, slices["certification"])
    seen, _ = _judge(scorer, manifest, slices["train"])
    return Card(
        decision_type=decision_type,
        name=manifest.name,
        version=manifest.version,
        artifact_sha256=scorer.model["artifact_sha256"],
        calibrator_version=manifest.calibrator.version,
        slices={name: len(examples) for name, examples in slices.items()},
        abstained=dict(sorted(abstained.items())),
        certification=_figures(judged),
        uncalibrated_log_loss=_uncalibrated(judged),
        train=_figures(seen),
        bands=_bands(judged),
        parity=_parity(judged, definition),
    )


def _judge(scorer: Scorer, manifest: Trained, examples: Sequence[Example]) -> tuple[list[_Judged], Counter[str]]:
    answers = scorer.score([Question(example.payload) for example in examples])
    judged, abstained = [], Counter[str]()
    for example, answer in zip(examples, answers, strict=True):
        if isinstance(answer, Abstained):
            abstained[answer.reason] += 1
        else:
            judged.append(_Judged(example, answer, answer.proposal["outcome"] == manifest.positive.code))
    return judged, abstained


def _figures(judged: Sequence[_Judged]) -> Figures:
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    labels, probability = _labels(judged), np.array([one.positive_probability for one in judged])
    return Figures(
        n=len(judged),
        auc=round(float(roc_auc_score(labels, probability)), DIGITS),
        brier=round(float(brier_score_loss(labels, probability)), DIGITS),
        log_loss=round(float(log_loss(labels, probability)), DIGITS),
        ece=round(_ece(judged), DIGITS),
        errors=_share(one.error for one in judged),
    )


def _uncalibrated(judged: Sequence[_Judged]) -> float:
    from sklearn.metrics import log_loss

    raw = [one.answer.proposal["raw_score"] for one in judged]
    return round(float(log_loss(_labels(judged), raw)), DIGITS)


def _labels(judged: Sequence[_Judged]) -> Matrix:
    return np.array([one.example.positive for one in judged], dtype=np.float64)


def _ece(judged: Sequence[_Judged]) -> float:
    confidence = np.array([one.confidence for one in judged])
    right = np.array([not one.error for one in judged])
    bins = np.minimum((confidence * ECE_BINS).astype(int), ECE_BINS - 1)
    gaps = [
        abs(float(confidence[bins == index].mean()) - float(right[bins == index].mean())) * int((bins == index).sum())
        for index in range(ECE_BINS)
        if (bins == index).any()
    ]
    return sum(gaps) / len(judged)


def band_of(confidence: float) -> str:
    """Return the default band of a confidence: above 0.90 high, from 0.70 medium, below low."""
    if confidence > HIGH_ABOVE:
        return "high"
    return "medium" if confidence >= MEDIUM_FROM else "low"


def _bands(judged: Sequence[_Judged]) -> list[Band]:
    return [
        Band(name, _share(one.error for one in judged if band_of(one.confidence) == name))
        for name in ("high", "medium", "low")
    ]


def _parity(judged: Sequence[_Judged], definition: Definition) -> list[Group]:
    groups: list[Group] = []
    for attribute in definition.protected:
        values = sorted({one.example.protected.get(attribute, UNSTATED) for one in judged})
        for value in values:
            members = [one for one in judged if one.example.protected.get(attribute, UNSTATED) == value]
            groups.append(
                Group(
                    attribute,
                    value,
                    proposed_positive=_share(one.proposed_positive for one in members),
                    decided_positive=_share(one.example.positive for one in members),
                    errors=_share(one.error for one in members),
                )
            )
    return groups


def _share(flags: Iterable[bool]) -> Interval:
    from scipy.stats import beta

    counted = [bool(flag) for flag in flags]
    k, n, tail = sum(counted), len(counted), (1 - INTERVAL) / 2
    low = 0.0 if k == 0 else float(beta.ppf(tail, k, n - k + 1))
    high = 1.0 if k == n else float(beta.ppf(1 - tail, k + 1, n - k))
    return Interval(k, n, round(k / n, DIGITS) if n else None, round(low, DIGITS), round(high, DIGITS))
