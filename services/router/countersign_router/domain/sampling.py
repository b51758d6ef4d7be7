"""Random samples: which cases are judged again, blind, without the machine, or bring a seed; each chance is logged."""

from collections.abc import Mapping
from typing import NamedTuple

from countersign_router.domain.draws import Draws
from countersign_router.domain.policy import HIGHEST_AUTOMATIC_LEVEL, Policy


class Draw(NamedTuple):
    """One sample: the chance it was drawn with, and whether this case was drawn."""

    probability: float
    selected: bool


NOT_OFFERED = Draw(0.0, selected=False)


class Samples(NamedTuple):
    """The samples a case was offered to."""

    human_only: Draw
    blind: Draw = NOT_OFFERED
    audit: Draw = NOT_OFFERED
    seed: Draw = NOT_OFFERED


NO_SAMPLES = Samples(NOT_OFFERED)


def drawn(draws: Draws, purpose: str, tenant: str, case_id: str, probability: float) -> Draw:
    """Draw a case for one purpose; a chance of 0 or 1 needs no draw."""
    if probability <= 0.0:
        return NOT_OFFERED
    selected = probability >= 1.0 or draws(purpose, tenant, case_id) < probability
    return Draw(probability, selected)


def audit_probability(policy: Policy, level: int, by: float) -> float:
    """Return the chance that an automated decision is judged again: the level's rate x (1 + by), at least the floor.

    Decisions made by people are not offered to this sample.
    """
    if level > HIGHEST_AUTOMATIC_LEVEL:
        return 0.0
    sampling = policy.sampling
    return min(max(sampling.audit_by_level[level] * (1.0 + by), sampling.audit_floor), 1.0)


def wire(samples: Samples, key_id: str) -> Mapping[str, object]:
    """Return the samples as they stand in events; seeds only where the policy draws them, as they came later."""
    said: dict[str, object] = {
        "audit": {"probability": samples.audit.probability, "selected": samples.audit.selected},
        "blind": {"probability": samples.blind.probability, "selected": samples.blind.selected},
        "human_only": {"probability": samples.human_only.probability, "selected": samples.human_only.selected},
        "key_id": key_id,
    }
    if samples.seed.probability > 0.0:
        said["seed"] = {"probability": samples.seed.probability, "selected": samples.seed.selected}
    return said
