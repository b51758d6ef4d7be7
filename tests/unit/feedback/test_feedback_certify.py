"""Certificates: what supports one, what refuses one, and that the arithmetic is what anybody would redo."""

from __future__ import annotations

import math
import re
from hashlib import sha256

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom, binomtest

from countersign_feedback.domain.certify import (
    GRID,
    Certificate,
    NoCertificate,
    certify,
    certify_counts,
    expected_counts,
    grid_sha256,
    least_labels,
    spent,
    starting_shares,
    walk,
)
from countersign_feedback.domain.risk_coverage import risk_coverage

THREE = (0.9, 0.8, 0.7)
FIRST = (1_000.0, 1_000.0, 1_000.0)


def labelled(*bands: tuple[float, int, int]) -> tuple[list[float], list[int]]:
    """Scores and errors: for each (score, n, k) n cases of that score, the first k of them wrong."""
    scores = [score for score, n, _ in bands for _ in range(n)]
    return scores, [int(place < k) for _, n, k in bands for place in range(n)]


def refused(scores: list[float], errors: list[float], **changes: object) -> NoCertificate:
    found = certify(scores, errors, **({"alpha": 0.05, "delta": 0.05, "grid": THREE} | changes))  # type: ignore[arg-type]
    assert isinstance(found, NoCertificate)
    assert found.text.endswith((".", "first."))
    return found


@pytest.mark.parametrize(("alpha", "least"), [(0.05, 59), (0.02, 149), (0.01, 299), (0.001, 2_995)])
def test_least_numbers_of_flawless_labels(alpha: float, least: int) -> None:
    assert least_labels(alpha, 0.05) == least
    assert binom.cdf(0, least, alpha) <= 0.05 < binom.cdf(0, least - 1, alpha)


def test_worked_example_by_hand() -> None:
    # 100 labels at 0.95, none wrong; 60 more at 0.85, one wrong; 40 more at 0.75, eight wrong.
    found = certify(
        *labelled((0.95, 100, 0), (0.85, 60, 1), (0.75, 40, 8)), alpha=0.05, delta=0.05, grid=THREE, n_expected=FIRST
    )
    assert isinstance(found, Certificate)
    assert (found.threshold, found.labels, found.errors) == (0.8, 160, 1)
    assert [step.passed for step in found.steps] == [True, True, False]
    by_hand = 0.95**160 + 160 * 0.05 * 0.95**159
    assert found.p_value == pytest.approx(by_hand, rel=1e-12)
    assert found.upper_bound <= 0.05
    assert binom.cdf(1, 160, found.upper_bound) == pytest.approx(found.level)
    assert found.grid_sha256 == sha256(b"0.9,0.8,0.7").hexdigest()
    assert "1 of 160 blind labels" in found.text


def test_stops_at_the_first_failure_when_all_of_delta_is_at_the_start() -> None:
    shares = (1.0, 0.0, 0.0)
    # 0.9 fails; 0.8 would pass by far, and must not be reached.
    found = certify(
        *labelled((0.95, 60, 3), (0.85, 5_000, 0)), alpha=0.05, delta=0.05, grid=THREE, n_expected=(59 * 2,) * 3
    )
    assert starting_shares(THREE, 59, (118.0, 119.0, 120.0)) == pytest.approx(shares)
    assert isinstance(found, NoCertificate)
    assert found.code == "not_supported"
    assert [step.level for step in found.steps[1:]] == [0.0, 0.0]


def test_nothing_passes_without_a_part_of_delta_however_improbable_chance_is() -> None:
    # The p-value of no error among 100,000 is below what a float can hold.
    found = walk([100_000, 100_001], [0, 0], alpha=0.5, delta=0.05, grid=THREE[:2], shares=(0.0, 1.0))
    assert [(step.p_value, step.level, step.passed) for step in found] == [(0.0, 0.0, False), (0.0, 0.05, True)]


def test_later_starts_wait_where_expected_labels_have_doubled() -> None:
    assert starting_shares(THREE, 59, (60.0, 130.0, 300.0)) == pytest.approx((0.0, 0.7, 0.3))
    assert starting_shares(THREE, 59, (10.0, 20.0, 30.0)) == (0.0, 0.0, 1.0)
    assert starting_shares(tuple(1 - n / 100 for n in range(8)), 59, None) == (0.25, 0, 0.25, 0, 0.25, 0, 0.25, 0)


@given(st.lists(st.floats(0, 10_000), min_size=3, max_size=3).map(sorted), st.integers(1, 3_000))
def test_shares_of_delta_always_sum_to_one(n_expected: list[float], least: int) -> None:
    assert sum(starting_shares(THREE, least, n_expected)) == pytest.approx(1.0)


def test_shares_of_all_attempts_sum_to_delta() -> None:
    assert sum(spent(0.05, attempt) for attempt in range(1, 10_000)) == pytest.approx(0.05, rel=2e-4)
    with pytest.raises(ValueError, match="counted from 1"):
        spent(0.05, 0)
    with pytest.raises(ValueError, match="strictly between"):
        spent(1.0, 1)


@settings(max_examples=10)
@given(st.lists(st.tuples(st.sampled_from([0.95, 0.85, 0.75, 0.9, 0.65]), st.booleans()), min_size=59, max_size=90))
def test_same_p_values_as_scipy(cases: list[tuple[float, bool]]) -> None:
    found = certify([s for s, _ in cases], [e for _, e in cases], alpha=0.05, delta=0.05, grid=THREE)
    for step in found.steps:
        above = [wrong for score, wrong in cases if score >= step.threshold]
        assert (step.n, step.k) == (len(above), sum(above))
        if above:
            theirs = binomtest(step.k, step.n, 0.05, alternative="less").pvalue
            assert step.p_value == pytest.approx(theirs, rel=1e-9)


def test_a_threshold_is_met_by_a_score_equal_to_it() -> None:
    found = certify(*labelled((0.9, 100, 0), (0.7, 10, 0)), alpha=0.05, delta=0.05, grid=THREE, n_expected=FIRST)
    assert found.steps[0].n == 100


def test_order_of_the_labels_changes_nothing() -> None:
    scores, errors = labelled((0.95, 100, 1), (0.85, 60, 1), (0.75, 40, 8))
    mixed = np.random.default_rng(5).permutation(len(scores))
    once = certify(scores, errors, alpha=0.05, delta=0.05, grid=THREE)
    again = certify(np.array(scores)[mixed], np.array(errors)[mixed], alpha=0.05, delta=0.05, grid=THREE)
    assert once == again


def test_fails_closed() -> None:
    assert refused([], []).code == "no_labels"
    assert refused([0.99], [0]).code == "too_few_labels"
    assert "at least 59" in refused([0.99] * 58, [0] * 58).text
    assert refused(*labelled((0.95, 500, 500), (0.85, 10, 10))).code == "not_supported"
    assert refused([0.95] * 99 + [math.nan], [0] * 100).code == "bad_scores"
    assert refused([0.95] * 99 + [1.001], [0] * 100).code == "bad_scores"
    assert refused([0.95] * 99 + [-0.001], [0] * 100).code == "bad_scores"
    assert "1 of 100" in refused([0.95, 0.0, 1.0] * 33 + [1.001], [0] * 100).text
    assert refused([0.95, 0.85] * 50, [0] * 99 + [math.nan]).code == "bad_labels"  # type: ignore[list-item]
    assert refused([0.95, 0.85] * 50, [0] * 99 + [2]).code == "bad_labels"
    assert refused([0.95] * 500, [0] * 500).code == "one_score"
    assert refused([0.5, 0.4] * 500, [0] * 1_000).code == "not_supported"
    near = refused(*labelled((0.95, 100, 4), (0.75, 100, 30)))
    assert "at most 5 % wrong" in near.text
    assert "The nearest was 0.9: 4 of 100 labels wrong" in near.text


@pytest.mark.parametrize(
    ("delta", "said"), [(0.05, "0.95"), (0.0025, "0.9975"), (1e-4, "0.9999"), (3e-5, "0.99997"), (1e-9, "0.999999999")]
)
def test_no_confidence_is_rounded_onto_certainty(delta: float, said: str) -> None:
    """The share of delta of a late attempt, or of one of five tiers, is small; nothing is ever certain."""
    n = 2 * least_labels(0.05, delta / 4)
    proven = certify([0.9, *[0.99] * n], [0] * (n + 1), alpha=0.05, delta=delta)
    for found in (proven, refused([0.9], [0], delta=delta)):
        assert re.search(f"ith confidence {said}[, ]", found.text), found.text


@pytest.mark.parametrize(("errors", "least"), [(0, 59), (1, 93), (2, 124), (3, 153), (10, 336)])
def test_not_one_label_too_few(errors: int, least: int) -> None:
    # Least sizes for 95/95 tolerance limits, as quality control tables print them.
    def of(n: int) -> list[type]:
        counted = certify_counts([n], [errors], labels=n, alpha=0.05, delta=0.05, grid=(0.5,), n_expected=[float(n)])
        # The ends of the scale are confidences like any other.
        scores, wrong = [1.0, *[0.9] * (n - 1)], [0] * (n - errors) + [1] * errors
        judged = certify(scores, wrong, alpha=0.05, delta=0.05, grid=(0.5,), n_expected=[float(n)])
        return [type(counted), type(judged)]

    assert of(least) == [Certificate] * 2
    assert of(least - 1) == [NoCertificate] * 2


def test_counts_are_all_that_a_certificate_rests_on() -> None:
    scores, errors = labelled((0.95, 100, 0), (0.85, 60, 1), (0.75, 40, 8), (0.1, 5, 5))
    from_cases = certify(scores, errors, alpha=0.05, delta=0.05, grid=THREE, n_expected=FIRST)
    from_counts = certify_counts(
        [100, 160, 200], [0, 1, 9], labels=205, alpha=0.05, delta=0.05, grid=THREE, n_expected=FIRST
    )
    assert isinstance(from_counts, Certificate)
    assert from_counts == from_cases
    few = certify_counts([58] * 3, [0] * 3, labels=58, alpha=0.05, delta=0.05, grid=THREE)
    assert few == refused([0.99] * 58, [0] * 58)


@pytest.mark.parametrize(
    ("n", "k", "labels"),
    [
        ([1, 2], [0, 0], 2),
        ([5, 4, 6], [0, 0, 0], 9),
        ([4, 5, 6], [1, 0, 1], 9),
        ([1, 2, 3], [0, 3, 3], 9),
        ([1, 2, 3], [0] * 3, 2),
    ],
)
def test_counts_that_cannot_be(n: list[int], k: list[int], labels: int) -> None:
    with pytest.raises(ValueError, match=r"one count for each|cannot fall"):
        certify_counts(n, k, labels=labels, alpha=0.05, delta=0.05, grid=THREE)


@pytest.mark.parametrize("grid", [(), (0.8, 0.9), (0.9, 0.9), (1.001, 0.9), (0.9, -0.001), (0.9, math.nan)])
def test_grids_that_are_none(grid: tuple[float, ...]) -> None:
    with pytest.raises(ValueError, match="the grid must be"):
        certify([0.9], [0], alpha=0.05, delta=0.05, grid=grid)


@pytest.mark.parametrize(("alpha", "delta"), [(0.0, 0.05), (1.0, 0.05), (math.nan, 0.05), (0.05, 0.0), (0.05, 1.0)])
def test_shares_that_are_none(alpha: float, delta: float) -> None:
    with pytest.raises(ValueError, match="strictly between"):
        certify([0.9], [0], alpha=alpha, delta=delta)


def test_unequal_lists_and_counts_are_the_callers_mistake() -> None:
    with pytest.raises(ValueError, match="same length"):
        certify([0.9], [0, 1], alpha=0.05, delta=0.05)
    with pytest.raises(ValueError, match="one count for each"):
        certify([0.9, 0.8] * 100, [0] * 200, alpha=0.05, delta=0.05, grid=THREE, n_expected=[1.0])
    for impossible in (math.nan, math.inf, -0.5):
        with pytest.raises(ValueError, match="one count for each"):
            starting_shares(THREE, 59, [100.0, 200.0, impossible])


def test_the_grid_is_part_of_the_code_and_never_of_the_data() -> None:
    assert GRID[0] == 0.9995
    assert GRID[-1] == 0.5
    assert len(GRID) == len(set(GRID)) == 41
    assert grid_sha256(GRID) == grid_sha256(list(GRID)) != grid_sha256(GRID[1:])


def test_expected_counts_come_from_traffic_without_labels() -> None:
    assert expected_counts([0.95, 0.85, 0.85, 0.1], 1_000, THREE) == (250.0, 750.0, 750.0)
    assert expected_counts([], 1_000, THREE) == (0.0, 0.0, 0.0)


def test_risk_and_coverage_with_a_band_for_all_thresholds_at_once() -> None:
    points = risk_coverage(*labelled((0.95, 100, 1), (0.75, 100, 9)), delta=0.05, grid=(0.99, 0.9, 0.7))
    assert [(point.n, point.k, point.coverage) for point in points] == [(0, 0, 0.0), (100, 1, 0.5), (200, 10, 1.0)]
    assert (points[0].risk, points[0].lower, points[0].upper) == (None, 0.0, 1.0)
    theirs = binomtest(10, 200).proportion_ci(1 - 0.05 / 3, method="exact")
    assert (points[2].lower, points[2].upper) == pytest.approx((theirs.low, theirs.high))
    wider = risk_coverage(*labelled((0.95, 100, 1)), delta=0.05, grid=(0.9,), traffic=[0.95, 0.1, 0.1, 0.1])
    assert wider[0].coverage == 0.25
