"""What judging at this size can see: of perfect confidences, and of ones that overstate a little."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from countersign_inference.domain.features import Matrix
from countersign_inference.domain.linear import logit, sigmoid
from countersign_inference.training.measures import DIGITS, cox, eces, honest_eces, surer

PERCENTILE = 95.0
OVERSTATED = (1.25, 1.5, 2.0)
DRAWS = 2_000
POWER_DRAWS = 400


@dataclass(frozen=True, slots=True)
class Expected:
    """In how many splits perfect confidences are within the bar: the mean, and what is reached in 95 and 99 of 100."""

    mean: float
    in_95_of_100: int
    in_99_of_100: int


@dataclass(frozen=True, slots=True)
class Power:
    """How often confidences whose log-odds are `overstated` times too large are told, by ECE and by Cox's slope."""

    overstated: float
    by_ece: float
    by_slope: float


def expected_within(judged: Sequence[tuple[Sequence[int], Matrix]], rng: np.random.Generator) -> Expected:
    """Simulate what perfect confidences would reach on these very splits, each given as rows and their probabilities.

    A row's chance is the mean of what the splits say of it, and every split that judges the row states exactly that.
    Labels are drawn once per row, as in reality: splits that share rows miss together, so the number of misses is not
    binomial.
    """
    said: dict[int, list[float]] = {}
    for rows, probability in judged:
        for row, one in zip(rows, probability.tolist(), strict=True):
            said.setdefault(row, []).append(one)
    place = {row: at for at, row in enumerate(said)}
    chance = np.array([np.mean(one) for one in said.values()])
    drawn = rng.random((DRAWS, len(chance))) < chance
    within = np.zeros(DRAWS, dtype=int)
    for rows, _ in judged:
        at = [place[row] for row in rows]
        positive, confidence = surer(chance[at])
        found = eces(confidence, drawn[:, at] == positive)
        within += found <= np.percentile(found, PERCENTILE)
    low, lower = (int(np.percentile(within, share, method="lower")) for share in (5.0, 1.0))
    return Expected(round(float(within.mean()), 2), low, lower)


def power_of(probability: Matrix, rng: np.random.Generator) -> list[Power]:
    """Simulate how often overstated confidences of this many cases would be told."""
    _, confidence = surer(probability)
    bar = float(np.percentile(honest_eces(confidence, DRAWS, rng), PERCENTILE))
    return [_power(probability, overstated, bar, rng) for overstated in OVERSTATED]


def _power(probability: Matrix, overstated: float, bar: float, rng: np.random.Generator) -> Power:
    positive, confidence = surer(probability)
    truth = rng.random((POWER_DRAWS, len(probability))) < sigmoid(logit(probability) / overstated)
    by_ece = np.mean(eces(confidence, truth == positive) > bar)
    by_slope = np.mean([not cox(probability, one.astype(np.float64))[0].holds(1.0) for one in truth])
    return Power(overstated, round(float(by_ece), DIGITS), round(float(by_slope), DIGITS))
