"""Agreement, many tests at once, drift: numbers of the literature, and the limits of each."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from countersign_feedback.domain.agreement import cohen_kappa, krippendorff_alpha
from countersign_feedback.domain.discoveries import at_least_two, benjamini_hochberg
from countersign_feedback.domain.drift import detect_rise


def test_kappa_of_cohens_own_table() -> None:
    # Cohen (1960), table 1, as counts of 200: kappa = (0.70 - 0.41) / (1 - 0.41).
    table = [[88, 14, 18], [10, 40, 10], [2, 6, 12]]
    pairs = [(row, column) for row in range(3) for column in range(3) for _ in range(table[row][column])]
    assert cohen_kappa(pairs) == pytest.approx((0.70 - 0.41) / 0.59, abs=5e-3)


def test_alpha_of_krippendorffs_own_table() -> None:
    # "Computing Krippendorff's alpha-reliability" (2011), section C: nominal data, four observers, missing answers.
    observers = [
        "1 2 3 3 2 1 4 1 2 . . .", "1 2 3 3 2 2 4 1 2 5 . 3", ". 3 3 3 2 3 4 2 2 5 1 .", "1 2 3 3 2 4 4 1 2 5 1 .",
    ]  # fmt: skip
    columns = zip(*(line.split() for line in observers), strict=True)
    assert krippendorff_alpha([[a for a in unit if a != "."] for unit in columns]) == pytest.approx(0.743, abs=5e-4)


def test_alpha_of_two_observers_and_two_answers() -> None:
    # The same paper, section A: ten units, binary, no missing answers.
    first, second = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0], [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert krippendorff_alpha(zip(first, second, strict=True)) == pytest.approx(0.095, abs=5e-4)


@pytest.mark.parametrize("coefficient", [cohen_kappa, krippendorff_alpha])
def test_agreement_needs_something_to_agree_on(coefficient) -> None:
    assert coefficient([]) is None
    assert coefficient([("a", "a"), ("a", "a")]) is None
    assert coefficient([("a", "a"), ("b", "b")]) == 1.0


def test_lone_answers_say_nothing() -> None:
    assert krippendorff_alpha([["a", "a"], ["b", "b"], ["c"], []]) == 1.0


def test_discoveries_of_the_original_paper() -> None:
    # Benjamini and Hochberg (1995), section 4.2: fifteen p-values, four rejected at q = 0.05.
    published = [
        0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590,
        1.0,
    ]  # fmt: skip
    assert benjamini_hochberg(published, 0.05) == (True,) * 4 + (False,) * 11
    assert benjamini_hochberg([], 0.05) == ()


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.floats(0.01, 0.3))
def test_discoveries_are_scipys(p_values: list[float], q: float) -> None:
    adjusted = false_discovery_control(p_values)
    for ours, theirs in zip(benjamini_hochberg(p_values, q), adjusted, strict=True):
        if not math.isclose(theirs, q, rel_tol=1e-9):
            assert ours == (theirs <= q)


def test_two_signals_need_two() -> None:
    assert at_least_two([0.0, 0.4, 0.9]) == pytest.approx(0.8)
    assert at_least_two([0.0, 0.001, 0.9]) == pytest.approx(0.002)
    assert at_least_two([0.9, 0.0, 0.001]) == pytest.approx(0.002), "whatever their order"
    assert at_least_two([0.9, 0.8, 0.7]) == 1.0
    assert at_least_two([0.02, 0.01]) == 0.02
    assert at_least_two([0.0]) == at_least_two([]) == 1.0


def test_drift_is_noticed_soon_after_it_began() -> None:
    chance = np.random.default_rng(11)
    calm = [(int(k), 100) for k in chance.binomial(100, 0.10, 200)]
    risen = [(int(k), 100) for k in chance.binomial(100, 0.20, 60)]
    assert detect_rise(calm, baseline=0.12).alarm_day is None
    found = detect_rise(calm + risen, baseline=0.12)
    assert found.alarm_day is not None
    assert 200 <= found.alarm_day < 215
    assert "noticed on day" in found.text


def test_drift_recursion_by_hand() -> None:
    found = detect_rise([(3, 10), (0, 10)], baseline=0.1, mean_days=1e9)
    total = 0.0
    for factor in (1.25, 1.5, 2.0, 3.0):
        rate = factor * 0.1 / (0.9 + factor * 0.1)
        first = (rate / 0.1) ** 3 * ((1 - rate) / 0.9) ** 7
        total += ((1 - rate) / 0.9) ** 10 * (first + 1)
    assert found.log_evidence == pytest.approx(math.log(total / 4))
    assert "No rise above 10.00 % in 2 days" in found.text


def test_drift_of_days_without_cases_and_of_none() -> None:
    assert detect_rise([], baseline=0.1).log_evidence == -math.inf
    assert detect_rise([(0, 0)] * 5, baseline=0.1).alarm_day is None
    assert math.isfinite(detect_rise([(10**6, 10**6)] * 50, baseline=0.001).log_evidence)
    with pytest.raises(ValueError, match="baseline"):
        detect_rise([], baseline=0.0)
    with pytest.raises(ValueError, match="not a count"):
        detect_rise([(2, 1)], baseline=0.1)
