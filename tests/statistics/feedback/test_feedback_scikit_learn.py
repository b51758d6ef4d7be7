"""Calibrators, their scores and agreement against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import expit, logit
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, cohen_kappa_score, log_loss

from countersign_feedback.domain.agreement import cohen_kappa
from countersign_feedback.domain.calibration import fit
from countersign_feedback.domain.reliability import reliability

RNG = np.random.default_rng(20260103)
SCORES = np.clip(RNG.beta(5, 1.5, 6_000), 0.02, 0.98)
RIGHT = (RNG.random(6_000) < expit(0.6 * logit(SCORES) - 0.4)).astype(float)
answers = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("abc")), min_size=3, max_size=60)


def test_platt_is_logistic_regression_on_the_logit_with_smoothed_targets() -> None:
    # The smoothed targets are label weights: each case counts as right with t and as wrong with 1 - t.
    positive = RIGHT.sum()
    target = np.where(RIGHT == 1, (positive + 1) / (positive + 2), 1 / (len(RIGHT) - positive + 2))
    x = np.tile(logit(SCORES), 2)[:, None]
    theirs = LogisticRegression(C=1e12, tol=1e-10, max_iter=1_000)
    theirs.fit(x, np.repeat([1, 0], len(SCORES)), sample_weight=np.concatenate([target, 1 - target]))
    ours = fit("platt", SCORES, RIGHT).parameters
    assert (ours["a"], ours["c"]) == pytest.approx((theirs.coef_[0, 0], theirs.intercept_[0]), rel=1e-4)


def test_beta_is_logistic_regression_on_two_logarithms() -> None:
    x = np.column_stack([np.log(SCORES), -np.log1p(-SCORES)])
    theirs = LogisticRegression(C=1e12, tol=1e-10, max_iter=1_000).fit(x, RIGHT)
    ours = fit("beta", SCORES, RIGHT).parameters
    assert [ours["a"], ours["b"], ours["c"]] == pytest.approx([*theirs.coef_[0], theirs.intercept_[0]], rel=1e-3)


def test_isotonic_is_pool_adjacent_violators() -> None:
    rounded = np.round(SCORES, 2)
    theirs = IsotonicRegression(out_of_bounds="clip").fit(rounded, RIGHT)
    at = np.linspace(0, 1, 201)
    assert fit("isotonic", rounded, RIGHT).apply(at) == pytest.approx(theirs.predict(at), abs=1e-9)


def test_scores_are_the_textbooks() -> None:
    found = reliability(SCORES, RIGHT)
    assert found is not None
    assert found.brier == pytest.approx(brier_score_loss(RIGHT, SCORES))
    assert found.log_loss == pytest.approx(log_loss(RIGHT, SCORES))
    by_hand = 0.0
    for low in range(15):
        inside = np.ceil(SCORES * 15) == low + 1
        if inside.any():
            by_hand += inside.mean() * abs(SCORES[inside].mean() - RIGHT[inside].mean())
    assert found.ece == pytest.approx(by_hand)
    assert sum(one.n for one in found.bins) == found.n == 6_000


@settings(max_examples=15)
@given(answers)
def test_kappa_is_scikit_learns(pairs: list[tuple[str, str]]) -> None:
    ours = cohen_kappa(pairs)
    if ours is not None:
        theirs = cohen_kappa_score([a for a, _ in pairs], [b for _, b in pairs])
        assert ours == pytest.approx(theirs, abs=1e-12)
