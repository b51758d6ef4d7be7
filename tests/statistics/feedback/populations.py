"""Synthetic populations whose true error above every threshold is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit
from scipy.stats import beta

from countersign_feedback.domain.certify import GRID

Floats = NDArray[np.float64]
POOL = beta(6, 1.2).ppf((np.arange(100_000) + 0.5) / 100_000)
ABOVE = np.less_equal.outer(GRID, POOL)


@dataclass(frozen=True)
class Population:
    """Scores are POOL, each equally likely; ``wrong`` is the probability of an error at each."""

    name: str
    wrong: Floats

    @property
    def coverage(self) -> Floats:
        return np.array([above.mean() for above in ABOVE])

    @property
    def risk(self) -> Floats:
        return np.array([self.wrong[above].mean() for above in ABOVE])

    def counts(self, n: int, reps: int, chance: np.random.Generator) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Labels and errors at or above each threshold, for samples of n cases: bin by bin, which is the same thing."""
        place = np.searchsorted(-np.array(GRID), -POOL)  # 0: at or above the strictest threshold
        share = np.bincount(place, minlength=len(GRID) + 1) / len(POOL)
        wrong = np.bincount(place, weights=self.wrong, minlength=len(GRID) + 1) / np.maximum(share * len(POOL), 1)
        each = chance.multinomial(n, share, size=reps)
        return each.cumsum(axis=1)[:, :-1], chance.binomial(each, np.clip(wrong, 0, 1)).cumsum(axis=1)[:, :-1]

    def draw(self, n: int, chance: np.random.Generator) -> tuple[Floats, Floats]:
        place = chance.integers(len(POOL), size=n)
        return POOL[place], (chance.random(n) < self.wrong[place]).astype(np.float64)


def population(name: str, wrong: Callable[[Floats], Floats]) -> Population:
    return Population(name, wrong(POOL))


WELL = population("well calibrated", lambda s: 1 - s)
POPULATIONS = (
    WELL,
    population("overconfident", lambda s: expit(0.6 * logit(1 - s))),
    population("underconfident", lambda s: (1 - s) ** 1.6),
    population("says nothing (3 % everywhere)", lambda s: np.full_like(s, 0.03)),
    population("surest when wrong", lambda s: np.where(s > 0.97, 0.12, 0.3 * (1 - s))),
)
