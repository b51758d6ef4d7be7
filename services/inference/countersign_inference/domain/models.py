"""One model version over a table of columns, complete: everything that its proposals rest on."""

from collections.abc import Mapping
from dataclasses import dataclass

from countersign_inference.domain.features import Features
from countersign_inference.domain.linear import Calibrator, LinearWeights, Scale
from countersign_inference.domain.permutation import Budget
from countersign_inference.domain.similarity import Reference


@dataclass(frozen=True, slots=True)
class Outcome:
    """An outcome the model can propose.

    `params` maps each parameter of the outcome to the payload field whose value is proposed for it.
    """

    code: str
    label: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class TabularModel:
    """A two-outcome classifier over columns, with what is needed to calibrate, explain and compare.

    A linear one has `weights` and is explained by them exactly. Any other has none; it is explained within `budget`.
    """

    name: str
    version: str
    artifact_sha256: str
    negative: Outcome
    positive: Outcome
    features: Features
    scale: Scale
    weights: LinearWeights | None
    budget: Budget
    calibrator: Calibrator
    reference: Reference

    def block(self) -> dict[str, str]:
        """Return the `model` block of a scored event."""
        return {
            "name": self.name,
            "version": self.version,
            "artifact_sha256": self.artifact_sha256,
            "calibrator_version": self.calibrator.version,
        }
