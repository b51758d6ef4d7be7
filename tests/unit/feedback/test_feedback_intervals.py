"""Exact binomial bounds: against published numbers, against scipy's own test, and for what they promise."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from countersign_feedback.domain.intervals import (
    clopper_pearson_interval,
    clopper_pearson_lower,
    clopper_pearson_upper,
)

counts = st.integers(1, 20_000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
deltas = st.floats(1e-6, 0.5)


def test_nist_handbook_example() -> None:
    # NIST/SEMATECH e-Handbook of Statistical Methods, section 7.2.4.1: 4 defects among 20, 90 % interval.
    lower, upper = clopper_pearson_interval(4, 20, 0.10)
    # The handbook solves for the limits in a spreadsheet, hence its last digit.
    assert lower == pytest.approx(0.071354, abs=2e-6)
    assert upper == pytest.approx(0.401029, abs=2e-6)


@pytest.mark.parametrize(("alpha", "least"), [(0.05, 59), (0.02, 149), (0.01, 299), (0.001, 2995)])
def test_flawless_samples_that_first_support_a_promise(alpha: float, least: int) -> None:
    assert clopper_pearson_upper(0, least, 0.05) <= alpha < clopper_pearson_upper(0, least - 1, 0.05)
    assert least == math.ceil(math.log(0.05) / math.log(1 - alpha))


def test_rule_of_three() -> None:
    assert clopper_pearson_upper(0, 1000, 0.05) == pytest.approx(3 / 1000, rel=5e-3)


@given(counts, deltas)
def test_same_as_scipy(kn: tuple[int, int], delta: float) -> None:
    k, n = kn
    theirs = binomtest(k, n).proportion_ci(1 - delta, method="exact")
    assert clopper_pearson_interval(k, n, delta) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@given(counts, deltas)
def test_upper_bound_is_where_so_few_errors_become_improbable(kn: tuple[int, int], delta: float) -> None:
    k, n = kn
    upper = clopper_pearson_upper(k, n, delta)
    expected = 1.0 if k == n else delta
    assert binom.cdf(k, n, upper) == pytest.approx(expected, rel=1e-6)


@given(counts, deltas)
def test_lower_mirrors_upper(kn: tuple[int, int], delta: float) -> None:
    k, n = kn
    assert clopper_pearson_lower(k, n, delta) == pytest.approx(1 - clopper_pearson_upper(n - k, n, delta), abs=1e-9)


@given(counts, deltas)
def test_more_errors_never_lower_the_bound(kn: tuple[int, int], delta: float) -> None:
    k, n = kn
    assert clopper_pearson_lower(k, n, delta) <= k / n <= clopper_pearson_upper(k, n, delta)
    if k:
        assert clopper_pearson_upper(k - 1, n, delta) < clopper_pearson_upper(k, n, delta)


@pytest.mark.parametrize("n", [1, 7, 40, 200])
def test_holds_at_least_as_often_as_promised_whatever_the_truth(n: int) -> None:
    low, high = np.array([clopper_pearson_interval(k, n, 0.05) for k in range(n + 1)]).T
    for truth in np.linspace(0.001, 0.999, 199):
        probability = binom.pmf(np.arange(n + 1), n, truth)
        assert probability[(low <= truth) & (truth <= high)].sum() >= 0.95 - 1e-9


def test_nothing_seen_nothing_known() -> None:
    assert clopper_pearson_interval(0, 0, 0.05) == (0.0, 1.0)


@pytest.mark.parametrize(("k", "n", "delta"), [(3, 2, 0.05), (-1, 2, 0.05), (1, 2, 0.0), (1, 2, 1.0), (1, 2, math.nan)])
def test_refuses_what_cannot_be(k: int, n: int, delta: float) -> None:
    with pytest.raises(ValueError, match=r"not a count|delta"):
        clopper_pearson_upper(k, n, delta)
    with pytest.raises(ValueError, match=r"not a count|delta"):
        clopper_pearson_lower(k, n, delta)
