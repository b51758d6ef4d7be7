"""Plans: what the first certificate takes, and alphas that no waiting will ever certify."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom

from countersign_feedback.domain.attempts import sizes
from countersign_feedback.domain.certify import Certificate, certify, expected_counts, spent
from countersign_feedback.domain.planning import Assumptions, NoPlan, Plan, plan, planned_try

USUAL = Assumptions(alpha=0.02, delta=0.05, traffic=200.0, label_share=0.25, error=0.008)


def test_a_plan_says_labels_hours_and_days() -> None:
    found = plan(USUAL)
    assert isinstance(found, Plan)
    assert found.least_labels == 149
    assert found.labels > 149
    assert found.days == pytest.approx(found.labels / 50)
    assert found.reviewer_hours == pytest.approx(found.labels * 2.1 * 4 / 60)
    assert f"{found.labels:,} blind labels" in found.text
    assert "Tries begin at 366 labels; fewer than 149 prove nothing" in found.text


@pytest.mark.parametrize(
    ("alpha", "error"),
    [(0.05, 0.025), (0.05, 0.02), (0.05, 0.01), (0.02, 0.01), (0.02, 0.004), (0.02, 0.0), (0.1, 0.05)],
)
def test_by_the_planned_number_the_loop_has_proposed_about_as_often_as_promised(alpha: float, error: float) -> None:
    """Labels come one by one, tries are made when ``attempts`` says; confidences that rank nothing are the worst."""
    made = plan(Assumptions(alpha=alpha, delta=0.05, traffic=1e6, error=error))
    assert isinstance(made, Plan)
    chance = np.random.default_rng(20260301)
    tried = [size for size in sizes(alpha, 0.05) if size <= made.labels]
    expected = [expected_counts(np.linspace(0.9, 1.0, 5_000, endpoint=False), size) for size in tried]
    runs = 200

    def proposes() -> bool:
        scores, wrong = chance.uniform(0.9, 1.0, made.labels), chance.random(made.labels) < error
        tries = (
            certify(scores[:size], wrong[:size], alpha=alpha, delta=spent(0.05, number), n_expected=counts)
            for number, (size, counts) in enumerate(zip(tried, expected, strict=True), 1)
        )
        return any(isinstance(one, Certificate) for one in tries)

    assert sum(proposes() for _ in range(runs)) / runs >= 0.72
    # Nor is it planned for much longer than need be: one try earlier would not have done.
    assert made.tries == len(tried)
    assert made.labels == tried[-1]


def test_no_try_is_planned_before_the_first_one() -> None:
    flawless = plan(Assumptions(alpha=0.05, delta=0.05, traffic=100.0, error=0.0))
    assert isinstance(flawless, Plan)
    assert (flawless.least_labels, flawless.first_try, flawless.labels, flawless.tries) == (59, 144, 144, 1)
    assert "Tries begin at 144 labels; fewer than 59 prove nothing" in flawless.text


@given(st.sampled_from([0.01, 0.02, 0.05, 0.2]), st.floats(0.0, 0.8), st.sampled_from([0.05, 0.01]))
def test_the_planned_try_spends_its_own_part_of_delta_and_no_more(alpha: float, part: float, delta: float) -> None:
    found = planned_try(alpha, delta, part * alpha)
    assert found is not None
    number, labels, allowed = found
    assert labels == list(sizes(alpha, delta))[number - 1]
    assert binom.cdf(allowed, labels, alpha) <= spent(delta, number)
    assert binom.cdf(allowed, labels, part * alpha) >= 0.8


def test_too_close_to_the_promise_takes_for_ever() -> None:
    assert planned_try(0.05, 0.05, 0.0499999) is None


@pytest.mark.parametrize(
    ("changes", "code", "says"),
    [
        (
            {"alpha": 0.0001, "error": None},
            "too_little_traffic",
            "cannot be certified with this traffic: it takes 73,774 blind labels",
        ),
        (
            {"traffic": 0.0},
            "no_labels",
            "No case a day comes in, so there will never be a label, and never a certificate.",
        ),
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
    # 50 labels a day for 180 days, and a first try on twice as many as would do: 1 - 0.025^(2/9000).
    assert f"{100 * (1 - 0.025 ** (2 / 9_000)):.3g} %" in found.text


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
     {"minutes": math.nan}, {"tiers": 0}, {"days": 0.0}, {"days": math.inf}],
)  # fmt: skip
def test_values_that_are_none_are_named(changes: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=next(iter(changes))):
        plan(replace(USUAL, **changes))
