"""Figures from counts: rates, weights, and the refusal to name a rate that rests on too little."""

from __future__ import annotations

import random
from dataclasses import astuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_feedback.domain.facts import WEIGHT_SCALE
from countersign_feedback.domain.figures import MINIMUM, Counts, figures, proportion, weighted_share
from countersign_shared.shares import percent

some_counts = st.builds(Counts, *(st.integers(0, 10**12) for _ in astuple(Counts())))


def audited(draws: list[tuple[float, bool]]) -> Counts:
    weights = [(round(WEIGHT_SCALE / q), error) for q, error in draws]
    return Counts(
        audits=len(weights),
        audit_errors=sum(error for _, error in weights),
        weight=sum(weight for weight, _ in weights),
        weight_squared=sum(weight**2 for weight, _ in weights),
        error_weight=sum(weight for weight, error in weights if error),
    )


@given(st.lists(some_counts, max_size=6), st.randoms())
def test_sums_do_not_depend_on_order(parts: list[Counts], chance: random.Random) -> None:
    shuffled = parts[:]
    chance.shuffle(shuffled)
    assert sum(parts, Counts()) == sum(shuffled, Counts())


def test_a_rate_is_named_only_from_the_minimum_on() -> None:
    few, enough = proportion(1, MINIMUM - 1, of="audits"), proportion(1, MINIMUM, of="audits")
    assert few.rate is None
    assert not few.enough
    assert few.text == "not enough yet: 29 of the 30 audits a figure needs"
    assert enough.rate == pytest.approx(1 / 30)
    # The interval is honest at every n, so it is always there.
    assert 0 < few.lower < 1 / 29 < few.upper < 1


def test_the_sketch_of_the_console() -> None:
    assert proportion(5, 512, of="blind audits").text == "1.0 % [0.3 %, 2.3 %]: 5 of 512 blind audits"


def test_override_rate_leaves_blind_reviews_and_missing_proposals_out() -> None:
    counts = Counts(
        cases=300, automatic=100, assisted_agreed=60, assisted_modified=20, assisted_overrode=20,
        blind_agreed=30, blind_overrode=10, no_proposal=40, closed=5,
    )  # fmt: skip
    found = figures(counts)
    assert (found.override.k, found.override.n) == (20, 100)
    assert (found.blind_disagreement.k, found.blind_disagreement.n) == (10, 40)
    assert (found.automation.k, found.automation.n) == (100, 300)
    assert counts.decided == 280
    assert counts.waiting == 15


def test_equal_draws_give_the_plain_share() -> None:
    share = weighted_share(audited([(0.1, n < 3) for n in range(60)]))
    assert share.even
    assert share.share == pytest.approx(3 / 60)
    assert share.effective_n == pytest.approx(60)


def test_unequal_draws_are_weighted_by_what_they_stand_for() -> None:
    # Ten audits of doubtful cases, each of which stands for 2; ten of sure ones, each of which stands for 50.
    share = weighted_share(audited([(0.5, True)] * 10 + [(0.02, False)] * 10))
    assert not share.even
    assert share.share == pytest.approx(20 / 520)
    assert share.effective_n == pytest.approx(520**2 / (10 * 4 + 10 * 2500))


def test_weighting_finds_the_true_error_where_the_plain_share_misses_it() -> None:
    chance = random.Random(20260102)
    draws = []
    for _ in range(60_000):
        doubtful = chance.random() < 0.2
        error, q = chance.random() < (0.20 if doubtful else 0.01), 0.5 if doubtful else 0.05
        if chance.random() < q:
            draws.append((q, error))
    counts = audited(draws)
    truth = 0.2 * 0.20 + 0.8 * 0.01
    weighted = weighted_share(counts).share
    assert weighted == pytest.approx(truth, abs=0.006)
    assert counts.audit_errors / counts.audits > 2 * truth


def test_no_audits_no_estimate() -> None:
    assert weighted_share(Counts(cases=9)).share is None


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.0004, "0.04 %"),
        (0.5, "50.0 %"),
        (0.0098, "1.0 %"),
        (3 / 100_000, "under 0.01 %"),
        (0.00005, "0.01 %"),
        (2_999 / 3_000, "over 99.9 %"),
        (0.9994, "99.9 %"),
    ],
)
def test_percentages(share: float, text: str) -> None:
    assert percent(share) == text
