"""How much more confidence to ask for while a better calibrator waits for its signatures."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from countersign_feedback.domain.facts import UNKNOWN
from countersign_feedback.domain.judged import Population
from countersign_feedback.domain.refits import BaseLabel, Refit, Speaker

HIGH, MEDIUM = 0.90, 0.70
"""The limits of a policy whose control does not name them (it was published by an earlier release)."""
STEPS = 1_000
"""Amounts are rounded up to this many parts of 1: more digits than labels can bear out would only look exact."""
MOST_LIMITS = 100
"""As many as a control holds; beyond it, one for every model says no less."""
Limits = Mapping[str, Any]
"""One entry of ``limits`` in the state of ``bands.tightened``."""


@dataclass(frozen=True, slots=True)
class Raise:
    """By how much each limit must lie higher so that confidences mean there what they should."""

    high: float
    medium: float

    def __bool__(self) -> bool:
        """Tell whether anything is raised."""
        return bool(self.high or self.medium)


def raise_for(found: Refit, labels: Sequence[BaseLabel], *, high: float = HIGH, medium: float = MEDIUM) -> Raise:
    """Return how much higher the limits must lie for what the model says now.

    A limit moves to the smallest confidence said from which on every judged case keeps to it by the proposed
    calibrator; to 1 where none does. A model that promises too little raises nothing.
    """
    usable = sorted((one.confidence, one.base) for one in labels if one.confidence is not None)
    said = np.array([confidence for confidence, _ in usable], dtype=np.float64)
    honest = found.calibrator.apply([base for _, base in usable])
    return Raise(_by(said, honest > high, high), _by(said, honest >= medium, medium))


def _by(said: Any, kept: Any, limit: float) -> float:
    (broken,) = np.nonzero(~kept)
    if not broken.size:
        return 0.0
    # Above what the last of them said: a calibrator in steps says the same of cases that keep to it and that do not.
    above = said[said > said[broken[-1]]]
    reached = float(above[0]) if above.size else 1.0
    return max(math.ceil((reached - limit) * STEPS - 1e-9), 0) / STEPS


def tightened(before: Sequence[Limits], speaker: Speaker, by: Raise) -> list[Limits]:
    """Return the limits with those of a model under its calibrator raised; none gives way to what was before."""
    mine = {
        "model_name": speaker.model_name, "model_version": speaker.model_version,
        "calibrator_version": None if speaker.calibrator_version == UNKNOWN else speaker.calibrator_version,
    }  # fmt: skip
    same = [one for one in before if mine.items() <= one.items()]
    others = [one for one in before if one not in same]
    raised = {
        **mine, "high": max([by.high, *(one["high"] for one in same)]),
        "medium": max([by.medium, *(one["medium"] for one in same)]),
    }  # fmt: skip
    found = [*others, raised]
    if len(found) <= MOST_LIMITS:
        return found
    return [{
        **dict.fromkeys(mine), "high": max(one["high"] for one in found), "medium": max(one["medium"] for one in found),
    }]  # fmt: skip


def holds(limits: Limits, who: Population) -> bool:
    """Tell whether limits are raised for what a population's model says under its calibrator."""
    if limits.get("model_version") is None:
        return True
    calibrator = None if who.calibrator_version == UNKNOWN else who.calibrator_version
    theirs = (limits.get("model_name"), limits["model_version"], limits.get("calibrator_version"))
    return theirs == (who.model_name, who.model_version, calibrator)


def still_holds(raised: tuple[int, Mapping[str, Any]], relaxed: Mapping[str, Any] | None) -> bool:
    """Tell whether people have not yet relaxed bands that were raised so (revision, state)."""
    revision, state = raised
    if relaxed is None or relaxed["tightening_id"] != state["tightening_id"]:
        return True
    seen = (relaxed.get("evidence") or {}).get("revision")
    return seen is not None and revision > seen
