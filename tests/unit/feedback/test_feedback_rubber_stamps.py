"""Signals about reviewers: each against scipy, none enough alone, and nothing shown that may not be."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, fisher_exact

from countersign_feedback.domain.reviewer_privacy import NotShownError, ReviewerSignals, open_person, pooled, show
from countersign_feedback.domain.rubber_stamps import (
    Reviews,
    Share,
    anchored,
    discrimination,
    examine,
    hurried,
    missed,
    reading_floor_seconds,
    share,
)

HONEST = Reviews(
    "honest", assisted_agreed=370, assisted=400, blind_agreed=90, blind=100, caught=17, seeded=20, too_fast=12,
    timed=400, overrode_wrong=24, wrong=30, overrode_right=6, right=300,
)  # fmt: skip
STAMP = Reviews(
    "stamp", assisted_agreed=399, assisted=400, blind_agreed=85, blind=100, caught=1, seeded=20, too_fast=220,
    timed=400, overrode_wrong=1, wrong=30, overrode_right=0, right=300,
)  # fmt: skip
counts = st.integers(0, 200).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(counts, counts)
def test_anchoring_is_fishers_exact_test(assisted: tuple[int, int], blind: tuple[int, int]) -> None:
    (k, n), (k_other, n_other) = assisted, blind
    ours = anchored(Reviews("x", assisted_agreed=k, assisted=n, blind_agreed=k_other, blind=n_other), fair_odds=1.0)
    table = [[k, n - k], [k_other, n_other - k_other]]
    assert ours == pytest.approx(fisher_exact(table, alternative="greater").pvalue, rel=1e-7, abs=1e-12)


@given(counts)
def test_missing_and_hurrying_are_exact_binomial_tests(kn: tuple[int, int]) -> None:
    k, n = kn
    if n:
        theirs = binomtest(k, n, 0.5, alternative="less").pvalue
        assert missed(Reviews("x", caught=k, seeded=n)) == pytest.approx(theirs, rel=1e-9)
        theirs = binomtest(k, n, 0.10, alternative="greater").pvalue
        assert hurried(Reviews("x", too_fast=k, timed=n)) == pytest.approx(theirs, rel=1e-9)


def test_tea_of_the_lady() -> None:
    # Fisher's table of eight cups, all four named rightly: 1 in 70.
    lady = Reviews("lady", assisted_agreed=4, assisted=4, blind_agreed=0, blind=4)
    assert anchored(lady, fair_odds=1.0) == pytest.approx(1 / 70)
    # At odds of 2 each way of i right cups weighs C(4, i) C(4, 4 - i) 2^i.
    assert anchored(lady) == pytest.approx(16 / (1 + 16 * 2 + 36 * 4 + 16 * 8 + 16))


def test_nothing_is_known_without_counts() -> None:
    assert (anchored(Reviews("x")), missed(Reviews("x")), hurried(Reviews("x"))) == (1.0, 1.0, 1.0)
    assert discrimination(Reviews("x", right=5)) is None
    assert discrimination(HONEST) == pytest.approx(24 / 30 - 6 / 300)


def test_a_stamp_is_found_and_an_honest_reviewer_is_not() -> None:
    honest, stamp = examine([HONEST, STAMP])
    assert not honest.flagged
    assert stamp.flagged
    assert stamp.text.startswith("Worth a talk, and no more than that")
    assert honest.text.startswith("Nothing that two signals agree on")
    assert (stamp.caught.k, stamp.caught.n) == (1, 20)


def test_agreement_alone_flags_nobody() -> None:
    loyal = Reviews("loyal", assisted_agreed=1_000, assisted=1_000, blind_agreed=600, blind=1_000, caught=18, seeded=20)
    assert anchored(loyal) < 1e-20
    assert not examine([loyal])[0].flagged


def test_nothing_below_thirty_of_each() -> None:
    enough = Reviews(
        "few", assisted_agreed=30, assisted=30, blind_agreed=10, blind=30, seeded=20, too_fast=400, timed=400
    )
    (found,) = examine([enough])
    assert (found.flagged, found.reviews) == (True, 60)
    assert examine([replace(enough, blind=29)]) == ()
    assert examine([replace(enough, assisted_agreed=29, assisted=29)]) == ()


def test_shares_have_their_exact_interval() -> None:
    theirs = binomtest(17, 20).proportion_ci(0.95, method="exact")
    assert share(17, 20) == Share(17, 20, pytest.approx(theirs.low), pytest.approx(theirs.high))


@pytest.mark.parametrize(("part", "whole"), list(zip(HONEST.__slots__[1::2], HONEST.__slots__[2::2], strict=True)))
def test_counts_that_cannot_be(part: str, whole: str) -> None:
    for k in (5, -1):
        with pytest.raises(ValueError, match=f"x: {k} of 4 is not a count"):
            Reviews("x", **{part: k, whole: 4})


def test_reading_floor() -> None:
    assert reading_floor_seconds(150) == 30.0


DESK = [STAMP, *(Reviews(f"r{n}", *[getattr(HONEST, name) for name in HONEST.__slots__[1:]]) for n in range(5))]


def test_a_team_by_default_and_nobody_in_it() -> None:
    shown = show(DESK)
    assert shown.mode is ReviewerSignals.TEAM
    assert shown.findings == ()
    assert (shown.people, shown.flagged) == (6, 1)
    assert shown.team is not None
    assert shown.team.reviewer == "team"
    assert shown.team.assisted.n == 2_400
    assert "stamp" not in repr(shown)


def test_off_shows_nothing_and_few_people_are_no_team() -> None:
    off = show(DESK, mode=ReviewerSignals.OFF)
    assert (off.people, off.flagged, off.team, off.findings) == (0, None, None, ())
    few = show(DESK[:4], mode=ReviewerSignals.NAMED)
    assert (few.team, few.findings, few.flagged) == (None, (), None)
    assert "figures of a person" in few.text
    assert [show(DESK[:people]).flagged for people in (5, 6)] == [1, 1]


def test_a_team_in_which_one_person_does_the_work_is_no_team() -> None:
    """Six names, and everybody knows whose figures those of all of them are."""
    others = [Reviews(f"r{n}", assisted_agreed=1, assisted=1, blind_agreed=1, blind=1) for n in range(5)]
    alone = show([STAMP, *others])
    assert (alone.people, alone.flagged, alone.team) == (6, None, None)
    assert "figures of a person" in alone.text
    half = [Reviews(f"r{n}", assisted_agreed=80, assisted=80, blind_agreed=20, blind=20) for n in range(5)]
    assert show([STAMP, *half]).team is not None, "half is not most"
    # Of a few busy ones nobody is told whether it is one of them; what all did together may be seen.
    few = show([*DESK[:3], *others])
    assert few.flagged is None
    assert few.team is not None
    assert "of 3 reviewers" not in few.text
    assert show([STAMP, *others], mode=ReviewerSignals.PSEUDONYMOUS).flagged == 1, "the tenant shows persons"


def test_persons_only_where_the_tenant_chose_so() -> None:
    shown = show(DESK, mode=ReviewerSignals.PSEUDONYMOUS)
    assert [finding.reviewer for finding in shown.findings if finding.flagged] == ["stamp"]


def test_opening_a_person_needs_a_setting_and_a_purpose() -> None:
    with pytest.raises(NotShownError, match="not about persons"):
        open_person(DESK, "stamp", mode=ReviewerSignals.TEAM, purpose="coaching", asker="lead")
    with pytest.raises(NotShownError, match="for what purpose"):
        open_person(DESK, "stamp", mode=ReviewerSignals.PSEUDONYMOUS, purpose=" ", asker="lead")
    found = open_person(DESK, "stamp", mode=ReviewerSignals.PSEUDONYMOUS, purpose="coaching", asker="lead")
    assert found.flagged
    own = open_person(DESK, "stamp", mode=ReviewerSignals.TEAM, purpose="", asker="stamp")
    assert own == found
    with pytest.raises(NotShownError, match="fewer than 30"):
        open_person(DESK, "nobody", mode=ReviewerSignals.NAMED, purpose="coaching", asker="lead")


def test_pooled_counts_are_sums() -> None:
    both = pooled([HONEST, STAMP])
    assert (both.assisted, both.caught, both.right) == (800, 18, 600)
