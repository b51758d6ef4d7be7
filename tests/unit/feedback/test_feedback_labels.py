"""Labels of unequal probability: thinned to equal ones for tests, weighted for estimates."""

from __future__ import annotations

import hashlib
import math

import numpy as np
import pytest
from scipy.stats import beta, binomtest

from countersign_feedback.domain.labels import Estimate, draws_for, horvitz_thompson, keyed_draw, thin


def test_keeps_every_label_of_the_least_probability_and_a_share_of_the_rest() -> None:
    q = np.repeat([0.1, 0.5], 50_000)
    kept = thin(q, np.random.default_rng(1).random(len(q)))
    assert kept[:50_000].all()
    assert kept[50_000:].mean() == pytest.approx(0.2, abs=0.01)


def test_a_floor_below_the_least_seen_keeps_fewer() -> None:
    assert thin([0.5, 0.5], [0.3, 0.1], floor=0.1).tolist() == [False, True]
    assert thin([0.5, 0.5], [0.3, 0.1]).tolist() == [True, True]
    assert thin([0.5, 0.25], [0.5, 0.9]).tolist() == [False, True], "a draw of just floor / q is not below it"
    assert thin([], []).tolist() == thin([], [], floor=0.1).tolist() == []


@pytest.mark.parametrize("q", [0.0, -0.1, 1.1, math.nan])
def test_probabilities_that_no_logged_draw_has(q: float) -> None:
    with pytest.raises(ValueError, match="above 0"):
        thin([0.5, q], [0.1, 0.1])
    with pytest.raises(ValueError, match="above 0"):
        horvitz_thompson([1, 0], [0.5, q], delta=0.05)


def test_a_label_below_the_floor_came_by_another_way() -> None:
    with pytest.raises(ValueError, match="below the floor"):
        thin([0.5, 0.01], [0.1, 0.1], floor=0.05)
    with pytest.raises(ValueError, match="below the floor"):
        thin([0.5, 0.01], [0.1, 0.1], floor=0.0)
    with pytest.raises(ValueError, match="one draw"):
        thin([0.5], [0.1, 0.2])


def test_draws_that_anybody_can_recompute() -> None:
    digest = hashlib.sha256(b"thin\0salt\0default\0case-1").digest()
    assert draws_for("salt", [("default", "case-1")])[0] == (int.from_bytes(digest[:8], "big") >> 11) / 2**53
    draws = draws_for("salt", [("default", f"case-{n}") for n in range(4_000)])
    assert draws.mean() == pytest.approx(0.5, abs=0.02)
    assert np.corrcoef(draws, draws_for("other", [("default", f"case-{n}") for n in range(4_000)]))[0, 1] < 0.05
    assert 0.0 <= keyed_draw() < 1.0


def test_estimate_of_the_original_paper_by_hand() -> None:
    # Two labels standing for 2 cases each, one of them wrong; one standing for 10, right.
    found = horvitz_thompson([1, 0, 0], [0.5, 0.5, 0.1], delta=0.05)
    assert found.share == pytest.approx(2 / 14)
    assert found.effective_n <= 3
    assert found.effective_n != round(found.effective_n)
    k, n = found.share * found.effective_n, found.effective_n
    assert found.lower == pytest.approx(beta.ppf(0.025, k, n - k + 1))
    assert found.upper == pytest.approx(beta.ppf(0.975, k + 1, n - k))


def test_equal_probabilities_give_the_exact_binomial_interval() -> None:
    errors = [1] * 7 + [0] * 193
    found = horvitz_thompson(errors, [0.2] * 200, delta=0.05)
    theirs = binomtest(7, 200).proportion_ci(0.95, method="exact")
    assert found.share == pytest.approx(7 / 200)
    assert found.effective_n == pytest.approx(200)
    assert (found.lower, found.upper) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_no_errors_are_not_certainty() -> None:
    found = horvitz_thompson([0, 0, 0, 0], [0.5, 0.5, 0.1, 0.1], delta=0.05)
    assert found.share == 0.0
    assert found.lower == 0.0
    # With one error more of weight 10: share 10 / 34, variance (208 (10/34)^2 + 100 (24/34)^2) / 34^2.
    variance = (208 * (10 / 34) ** 2 + 100 * (24 / 34) ** 2) / 34**2
    assert found.effective_n == pytest.approx((10 / 34) * (24 / 34) / variance)
    assert found.upper > 0.6
    assert horvitz_thompson([], [], delta=0.05) == Estimate(None, 0.0, 1.0, 0.0)


@pytest.mark.parametrize("wrong", [0, 5])
def test_flawless_and_hopeless_labels_have_the_exact_interval_too(wrong: int) -> None:
    found = horvitz_thompson([bool(wrong)] * 5, [0.2] * 5, delta=0.05)
    theirs = binomtest(wrong, 5).proportion_ci(0.95, method="exact")
    assert (found.share, found.effective_n) == (wrong / 5, 5)
    assert (found.lower, found.upper) == pytest.approx((theirs.low, theirs.high), rel=1e-9)


def test_every_label_needs_its_probability() -> None:
    with pytest.raises(ValueError, match="one probability"):
        horvitz_thompson([1, 0], [0.5], delta=0.05)
