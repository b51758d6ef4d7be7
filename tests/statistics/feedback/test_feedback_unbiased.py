"""Estimates of the error of automatic decisions from audits of unequal probability."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from countersign_feedback.domain.intervals import clopper_pearson_interval
from countersign_feedback.domain.labels import horvitz_thompson
from tests.statistics.feedback.tables import show

RUNS, DELTA = 1_000, 0.05
RATES = ("the doubtful more often", "large amounts more often", "small amounts more often", "all alike")


def rate(name: str, scores: NDArray[np.float64], large: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The audit rate of each automatic case, by its confidence and its amount, which the score does not know."""
    if name == "the doubtful more often":
        return np.clip(4 * (1 - scores), 0.05, 1.0)
    often = large if name == "large amounts more often" else ~large
    return np.full_like(scores, 0.1) if name == "all alike" else np.where(often, 0.4, 0.04)


def test_the_interval_holds_the_truth_and_the_pooled_rate_does_not() -> None:
    chance = np.random.default_rng(20260130)
    rows = []
    for name in RATES:
        holds = {"weighted": 0, "pooled audits": 0, "pooled with reviews": 0}
        off = []
        for _ in range(RUNS):
            scores = chance.beta(6, 1.2, 4_000)
            automatic = scores >= 0.7  # about 80 % of all
            large = chance.random(4_000) < 0.25
            risk = 0.25 * (1 - scores) * np.where(large, 2.5, 0.5)
            error = chance.random(4_000) < risk
            truth = TRUTH
            q = rate(name, scores, large)
            audited = automatic & (chance.random(4_000) < q)
            found = horvitz_thompson(error[audited], q[audited], delta=DELTA)
            holds["weighted"] += found.lower <= truth <= found.upper
            off.append((found.share or 0.0) - truth)
            for label, pool in (("pooled audits", audited), ("pooled with reviews", audited | ~automatic)):
                lower, upper = clopper_pearson_interval(int(error[pool].sum()), int(pool.sum()), DELTA)
                holds[label] += lower <= truth <= upper
        shares = {label: count / RUNS for label, count in holds.items()}
        rows.append([name, *(f"{share:.3f}" for share in shares.values())])
        assert shares["weighted"] >= 0.93
        assert abs(np.mean(off)) < 3 * np.std(off) / np.sqrt(RUNS) + 2e-4
        assert shares["pooled with reviews"] < 0.5
        assert name == "all alike" or shares["pooled audits"] < 0.8
    show("unbiased", ["audits", "weighted", "audits pooled", "audits and reviews pooled"], rows)


def _truth() -> float:
    scores = np.random.default_rng(1).beta(6, 1.2, 4_000_000)
    return float(0.25 * (1 - scores[scores >= 0.7]).mean() * (0.25 * 2.5 + 0.75 * 0.5))


TRUTH = _truth()
