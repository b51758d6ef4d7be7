"""Against MAPIE on shared inputs: equal where both compute the same thing, stricter knowledge where they differ."""

from __future__ import annotations

import numpy as np
import pytest
from mapie.metrics.calibration import expected_calibration_error
from mapie.risk_control.fwer_control import FWERFixedSequenceTesting, control_fwer
from mapie.risk_control.methods import compute_hoeffding_bentkus_p_value
from scipy.stats import binom, binomtest

from countersign_feedback.domain.certify import GRID, binomial_p_values, counts_above, walk
from countersign_feedback.domain.reliability import reliability
from tests.statistics.feedback.populations import POPULATIONS

SEEDS = range(40)


@pytest.mark.parametrize("population", POPULATIONS, ids=lambda population: population.name)
def test_fixed_sequences_end_at_the_same_threshold(population) -> None:
    whole_at_start = (1.0, *[0.0] * (len(GRID) - 27))
    reached = set()
    for seed in SEEDS:
        scores, errors = population.draw(4_000, np.random.default_rng(seed))
        grid = GRID[26:]
        n, k = counts_above(scores, errors, grid)
        steps = walk(n.tolist(), k.tolist(), alpha=0.08, delta=0.05, grid=grid, shares=whole_at_start)
        ours = [place for place, step in enumerate(steps) if step.passed]
        p_values = np.array([step.p_value for step in steps])
        assert ours == control_fwer(p_values, 0.05, "fixed_sequence").tolist()
        reached.add(len(ours))
    # Where the surest are wrong the walk ends at once, by either hand.
    assert reached != {0} or population is POPULATIONS[4]


def test_several_starts_pass_at_least_what_theirs_do() -> None:
    # Theirs gives each start its own share for ever; ours hands on what a passed threshold no longer needs.
    grid, more = GRID[10:], 0
    places = [part * (len(grid) // 4) for part in range(4)]
    shares = tuple(0.25 if place in places else 0.0 for place in range(len(grid)))
    for seed in SEEDS:
        scores, errors = POPULATIONS[2].draw(2_000, np.random.default_rng(seed))
        n, k = counts_above(scores, errors, grid)
        steps = walk(n.tolist(), k.tolist(), alpha=0.05, delta=0.05, grid=grid, shares=shares)
        ours = {place for place, step in enumerate(steps) if step.passed}
        theirs = set(FWERFixedSequenceTesting(4).run(np.array([step.p_value for step in steps]), 0.05).tolist())
        assert theirs <= ours
        more += len(ours) > len(theirs)
    assert more > 0


def test_exact_p_values_are_scipys_and_never_above_the_bound_theirs_uses() -> None:
    chance = np.random.default_rng(3)
    n = chance.integers(1, 3_000, 200)
    k = chance.binomial(n, chance.uniform(0, 0.2, 200))
    ours = binomial_p_values(k, n, 0.07)
    assert ours == pytest.approx(binom.cdf(k, n, 0.07), rel=1e-10)
    assert ours[:20] == pytest.approx(
        [binomtest(int(a), int(b), 0.07, alternative="less").pvalue for a, b in zip(k[:20], n[:20], strict=True)]
    )
    bound = compute_hoeffding_bentkus_p_value(k / n, n, np.array([0.07]))
    assert (ours <= np.asarray(bound).ravel() + 1e-12).all()


def test_expected_calibration_error() -> None:
    scores, errors = POPULATIONS[1].draw(3_000, np.random.default_rng(4))
    found = reliability(scores, 1 - errors)
    assert found is not None
    # Theirs counts the edges of the bins: 16 of them for 15 bins.
    theirs = expected_calibration_error((1 - errors).astype(int), scores, num_bins=16, split_strategy="uniform")
    assert found.ece == pytest.approx(theirs, abs=1e-9)
