"""Plans: what the first certificate takes, and alphas that no waiting will ever certify."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from countersign_feedback.domain.planning import Assumptions, NoPlan, Plan, labels_needed, plan

USUAL = Assumptions(alpha=0.02, delta=0.05, traffic=200.0, label_share=0.25, error=0.008)


def test_a_plan_says_labels_hours_and_days() -> None:
    found = plan(USUAL)
    assert isinstance(found, Plan)
    assert found.least_labels == 149
    assert found.labels > 149
    assert found.days == pytest.approx(found.labels / 50)
    assert found.reviewer_hours == pytest.approx(found.labels * 2.1 * 4 / 60)
    assert f"{found.labels:,} blind labels" in found.text
    assert "Without a single error 149 would do" in found.text


@given(st.sampled_from([0.01, 0.02, 0.05, 0.2]), st.floats(0.0, 0.8), st.sampled_from([0.05, 0.01]))
def test_the_number_passes_with_the_promised_probability(alpha: float, part: float, delta: float) -> None:
    found = labels_needed(alpha, delta, part * alpha)
    assert found is not None
    labels, allowed = found
    assert binom.cdf(allowed, labels, alpha) <= delta
    assert binom.cdf(allowed, labels, part * alpha) >= 0.8


def test_no_errors_expected_takes_the_least() -> None:
    assert labels_needed(0.05, 0.05, 0.0) == (59, 0)


def test_too_close_to_the_promise_takes_for_ever() -> None:
    assert labels_needed(0.05, 0.05, 0.0499999) is None


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        (
            {"alpha": 0.0001, "error": None},
            "too_little_traffic",
            "cannot be certified with this traffic: it takes 29,956 blind labels",
        ),
        ({"traffic": 0.0}, "no_labels", "there will never be a label"),
        ({"label_share": 0.0}, "no_labels", "there will never be a label"),
        ({"error": 0.02}, "error_too_high", "No number of labels proves what is not so"),
        ({"error": 0.0199}, "too_little_traffic", "cannot be certified with this traffic"),
        ({"traffic": 0.01}, "too_little_traffic", "Not one label comes in that time"),
        (
            {"traffic": 1.0, "label_share": 1.0, "days": 100.0},
            "too_little_traffic",
            "Every case is judged blind already",
        ),
    ],
)
def test_what_can_never_be_certified_is_refused_in_a_sentence(
    changes: dict[str, float | None], code: str, says: str
) -> None:
    found = plan(replace(USUAL, **changes))
    assert isinstance(found, NoPlan)
    assert found.code == code
    assert says in found.text
    assert found.text.endswith(".")


def test_what_could_be_proven_instead_is_named() -> None:
    found = plan(replace(USUAL, alpha=0.0001, error=0.0))
    assert isinstance(found, NoPlan)
    # 50 labels a day for 180 days: 1 - 0.05^(1/9000).
    assert f"{100 * (1 - 0.05 ** (1 / 9_000)):.3g} %" in found.text


def test_delta_is_split_over_tiers() -> None:
    one, three = plan(USUAL), plan(replace(USUAL, tiers=3))
    assert isinstance(one, Plan)
    assert isinstance(three, Plan)
    assert three.delta == pytest.approx(0.05 / 3)
    assert three.least_labels == math.ceil(math.log(0.05 / 3) / math.log(0.98))
    assert three.labels > one.labels


@pytest.mark.parametrize(
    "changes",
    [{"alpha": 0.0}, {"delta": 1.0}, {"label_share": 1.5}, {"error": -0.1}, {"traffic": math.inf},
     {"minutes": math.nan}, {"tiers": 0}, {"days": 0.0}],
)  # fmt: skip
def test_values_that_are_none_are_named(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        plan(replace(USUAL, **changes))
