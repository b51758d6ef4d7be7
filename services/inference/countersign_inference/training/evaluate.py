"""How good a trained model is, on the slice that neither training nor calibration saw; every figure with its n."""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from countersign_inference.domain.completeness import Checklist
from countersign_inference.domain.features import Matrix
from countersign_inference.domain.scoring import Abstained, Answer, Question, Scored, Scorer
from countersign_inference.manifest import TabularOnnx, TextLinear, Trained, read_manifest
from countersign_inference.registry import load_panel
from countersign_inference.training.definitions import DEFINITIONS, Definition, Example
from countersign_inference.training.measures import DIGITS, Estimate, Interval, auroc, cox, ece, gain, share_of
from countersign_inference.training.slices import sliced
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.errors import ConfigurationError

HIGH_ABOVE, MEDIUM_FROM = 0.90, 0.70
UNLIKE_BELOW = 0.05
RELIABILITY_BINS = 10
UNSTATED = "not stated"
SEEN_ROWS = 1_000
"""Of the development slice these are measured, to set beside what was not seen; more would say the same."""


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
class SignalFigures:
    """How right proposals are, all of them and the half with the higher values of a signal; only where it has one.

    `values` counts different values: with one there is no half that is surer. Ties at the middle fall by the row.
    """

    signal: str
    values: int
    right_of_all: Interval
    right_of_surest_half: Interval


@dataclass(frozen=True, slots=True)
class Strange:
    """How well similarity tells rows that are declared out of distribution: `auroc` over n such rows.

    `auroc` is the chance that such a row has a lower value than one of the certification slice, ties counted half;
    `flagged` counts those below 0.05, which one ordinary row in twenty is; `ordinary` says how many of the
    certification slice really are.
    """

    n: int
    auroc: float | None
    flagged: Interval
    ordinary: Interval


@dataclass(frozen=True, slots=True)
class Bin:
    """One bin of the reliability picture: mean confidence of its proposals, and how many were right."""

    confidence: float
    right: Interval


@dataclass(frozen=True, slots=True)
class Card:
    """Everything measured about one model version. Slices are counted before abstentions.

    Of the certification slice: `slope` and `shift` are Cox's calibration slope and in the large, `gain` is by how much
    calibration lowers the log loss of a case. `development` are cases that the model was fitted to.
    """

    decision_type: str
    name: str
    version: str
    artifact_sha256: str
    calibrator_version: str
    slices: Mapping[str, int]
    abstained: Mapping[str, int]
    certification: Figures
    uncalibrated_log_loss: float
    slope: Estimate
    shift: Estimate
    gain: Estimate
    development: Figures
    bands: Sequence[Band]
    parity: Sequence[Group]
    signals: Sequence["SignalFigures"]
    strange: Strange
    reliability: Sequence["Bin"]

    def as_json(self) -> dict[str, Any]:
        """Return the card as plain JSON values."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Judged:
    """One example with the answer it got."""

    example: Example
    answer: Scored
    proposed_positive: bool
    completeness: float

    def signal(self, name: str) -> float | None:
        """Return the value of a signal, None where there is none."""
        if name == "completeness":
            return self.completeness
        found = getattr(self.answer, name)
        value: float | None = None if found is None else found["value"]
        return value

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
    decision_types = load_decision_types()
    manifest = read_manifest(models / f"{decision_type}.yaml")
    if not isinstance(manifest, TabularOnnx | TextLinear):
        raise ConfigurationError(f"{decision_type} is answered by {manifest.scorer}, which cannot be evaluated here")
    # With all that stands beside it when it serves: consensus and rule clarity are judged too.
    scorer = load_panel(models, decision_types[decision_type])
    slices = sliced(definition, definition.examples())
    checklist = Checklist(decision_types[decision_type])
    judged, abstained = _judge(scorer, manifest, slices["certification"], checklist)
    seen, _ = _judge(scorer, manifest, slices["development"][:SEEN_ROWS], checklist)
    slope, shift = cox(_probabilities(judged), _labels(judged))
    return Card(
        decision_type=decision_type,
        name=manifest.name,
        version=manifest.version,
        artifact_sha256=(scorer.model or {})["artifact_sha256"],
        calibrator_version=manifest.calibrator.version,
        slices={name: len(examples) for name, examples in slices.items()},
        abstained=dict(sorted(abstained.items())),
        certification=_figures(judged),
        uncalibrated_log_loss=_uncalibrated(judged),
        slope=slope,
        shift=shift,
        gain=gain(_raw(judged), _probabilities(judged), _labels(judged)),
        development=_figures(seen),
        bands=_bands(judged),
        parity=_parity(judged, definition),
        signals=[_signal(name, judged) for name in SIGNALS],
        strange=_strange(judged, scorer.score([Question(payload) for payload in definition.strange()])),
        reliability=_reliability(judged),
    )


def _judge(
    scorer: Scorer, manifest: Trained, examples: Sequence[Example], checklist: Checklist
) -> tuple[list[_Judged], Counter[str]]:
    answers = scorer.score([Question(example.payload) for example in examples])
    judged, abstained = [], Counter[str]()
    for example, answer in zip(examples, answers, strict=True):
        if isinstance(answer, Abstained):
            abstained[answer.reason] += 1
        else:
            positive = answer.proposal["outcome"] == manifest.positive.code
            complete = checklist.check(example.payload).signal["value"]
            judged.append(_Judged(example, answer, positive, complete))
    return judged, abstained


def _figures(judged: Sequence[_Judged]) -> Figures:
    from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

    labels, probability = _labels(judged), _probabilities(judged)
    return Figures(
        n=len(judged),
        auc=round(float(roc_auc_score(labels, probability)), DIGITS),
        brier=round(float(brier_score_loss(labels, probability)), DIGITS),
        log_loss=round(float(log_loss(labels, probability)), DIGITS),
        ece=round(ece(_confidences(judged), _right(judged)), DIGITS),
        errors=share_of(one.error for one in judged),
    )


def _uncalibrated(judged: Sequence[_Judged]) -> float:
    from sklearn.metrics import log_loss

    return round(float(log_loss(_labels(judged), _raw(judged))), DIGITS)


def _raw(judged: Sequence[_Judged]) -> Matrix:
    return np.array([one.answer.proposal["raw_score"] for one in judged], dtype=np.float64)


def _probabilities(judged: Sequence[_Judged]) -> Matrix:
    return np.array([one.positive_probability for one in judged])


def _labels(judged: Sequence[_Judged]) -> Matrix:
    return np.array([one.example.positive for one in judged], dtype=np.float64)


def _confidences(judged: Sequence[_Judged]) -> Matrix:
    return np.array([one.confidence for one in judged])


def _right(judged: Sequence[_Judged]) -> Matrix:
    return np.array([not one.error for one in judged], dtype=np.float64)


SIGNALS = ("probability", "similarity", "consensus", "rule_clarity", "completeness")


def _signal(name: str, judged: Sequence[_Judged]) -> SignalFigures:
    told = [(value, one) for one in judged if (value := one.signal(name)) is not None]
    order = sorted(told, key=lambda pair: (-pair[0], hashlib.sha256(str(pair[1].example.row).encode()).digest()))
    surest = [one for _, one in order[: len(order) // 2]]
    return SignalFigures(
        name, len({value for value, _ in told}), share_of(not one.error for _, one in told),
        share_of(not one.error for one in surest),
    )  # fmt: skip


def _strange(judged: Sequence[_Judged], answers: Sequence[Answer]) -> Strange:
    strange = np.array([one.similarity["value"] for one in answers if isinstance(one, Scored)], dtype=np.float64)
    ordinary = np.array([one.answer.similarity["value"] for one in judged], dtype=np.float64)
    told = round(auroc(ordinary, strange), DIGITS) if len(strange) else None
    return Strange(len(strange), told, share_of(strange < UNLIKE_BELOW), share_of(ordinary < UNLIKE_BELOW))


def _reliability(judged: Sequence[_Judged]) -> list[Bin]:
    """Cut the proposals into ten parts of equal size by their confidence."""
    order = sorted(judged, key=lambda one: one.confidence)
    parts = [part for part in np.array_split(np.arange(len(order)), RELIABILITY_BINS) if len(part)]
    return [
        Bin(
            round(float(np.mean([order[at].confidence for at in part])), DIGITS),
            share_of(not order[at].error for at in part),
        )
        for part in parts
    ]


def band_of(confidence: float) -> str:
    """Return the default band of a confidence: above 0.90 high, from 0.70 medium, below low."""
    if confidence > HIGH_ABOVE:
        return "high"
    return "medium" if confidence >= MEDIUM_FROM else "low"


def _bands(judged: Sequence[_Judged]) -> list[Band]:
    return [
        Band(name, share_of(one.error for one in judged if band_of(one.confidence) == name))
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
                    proposed_positive=share_of(one.proposed_positive for one in members),
                    decided_positive=share_of(one.example.positive for one in members),
                    errors=share_of(one.error for one in members),
                )
            )
    return groups
