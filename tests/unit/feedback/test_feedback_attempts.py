"""When a certificate is tried for, on which cases, and that it errs on the side of people while answers still come."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_feedback.domain.attempts import Attempt, Judged, due, judge, next_size, sizes
from countersign_feedback.domain.certify import GRID, Certificate, NoCertificate, spent
from countersign_feedback.domain.drawn import DrawnCase, of_one_chance
from countersign_feedback.domain.facts import Purpose
from countersign_feedback.domain.judged import Population

WHO = Population("default", "loan_application", "low", "loan", "1", "platt-1", "a" * 64)
START = datetime(2026, 1, 1, tzinfo=UTC)
NOW = START + timedelta(days=30)
PROMISE: dict[str, Any] = {"alpha": 0.2, "delta": 0.1}


def case(number: int, *, error: bool | None = False, **changes: Any) -> DrawnCase:
    routed_at = START + timedelta(minutes=number)
    plain = DrawnCase(
        f"case-{number:04}", Purpose.BLIND, routed_at, 0.9 + 0.0001 * (number * 7919 % 1000), 0.25, 0.5, None, error,
        None if error is None else routed_at + timedelta(hours=1),
    )  # fmt: skip
    return replace(plain, **changes)


def judged(cases: Sequence[DrawnCase], attempt: Attempt | None = None, **given_: Any) -> Judged:
    (first, *_) = due(cases, [], **PROMISE) if attempt is None else [attempt]
    return judge(first, cases, population=WHO, now=NOW, **(PROMISE | given_))


def test_tries_are_planned_before_any_label_and_each_rests_on_more() -> None:
    planned = list(islice(sizes(0.2, 0.1), 5))
    assert planned[0] == 2 * 14, "twice what would do without an error at half of delta"
    assert all(later >= 1.5 * earlier for earlier, later in pairwise(planned))
    assert next_size(0, **PROMISE) == planned[0]
    assert next_size(4, **PROMISE) == planned[4]
    assert next_size(40, **PROMISE) is None


def test_a_try_is_opened_by_drawn_cases_whether_or_not_anybody_has_judged_them() -> None:
    cases = [case(number, error=None) for number in range(42)]
    assert due(cases[:27], [], **PROMISE) == []
    first, second = due(cases, [], **PROMISE)
    assert (first.number, first.size, first.last) == (1, 28, (cases[27].routed_at, "case-0027"))
    assert (second.number, second.size) == (2, 42)
    assert due(cases, [first], **PROMISE) == [second]
    assert due(cases, [first, second], **PROMISE) == []


def test_flawless_labels_certify_and_the_walk_is_told() -> None:
    found = judged([case(number) for number in range(30)])
    assert isinstance(found.outcome, Certificate)
    assert (found.labels, found.unjudged, found.ended) == (28, 0, True)
    assert found.level == spent(0.1, 1)


def test_whom_nobody_judged_counts_as_wrong_so_that_nothing_is_decided_early() -> None:
    late = [case(number, error=None if number < 12 else False) for number in range(28)]
    waiting = judged(late)
    assert isinstance(waiting.outcome, NoCertificate)
    assert (waiting.labels, waiting.unjudged, waiting.ended) == (16, 12, False)
    assert isinstance(judged([replace(one, error=False) for one in late]).outcome, Certificate)
    assert isinstance(judged([replace(one, error=bool(one.error is None)) for one in late]).outcome, NoCertificate)


@given(st.lists(st.sampled_from([False, False, False, True, None]), min_size=28, max_size=28), st.randoms())
def test_what_is_certified_early_would_be_certified_whatever_the_missing_answers_are(
    answers: list[bool | None], chance: Any
) -> None:
    cases = [case(number, error=answer) for number, answer in enumerate(answers)]
    filled = [replace(one, error=chance.random() < 0.5) if one.error is None else one for one in cases]
    early, late = judged(cases).outcome, judged(filled).outcome
    if isinstance(early, Certificate):
        assert isinstance(late, Certificate)
        assert late.threshold <= early.threshold


def test_later_cases_and_late_answers_do_not_change_which_cases_a_try_is_about() -> None:
    cases = [case(number) for number in range(28)]
    (attempt,) = due(cases, [], **PROMISE)
    more = [*cases, *(case(number, error=True) for number in range(28, 60))]
    assert judged(more, attempt).outcome == judged(cases, attempt).outcome


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"error": True}, "not_supported"),
        ({"confidence": float("nan")}, "bad_scores"),
        ({"confidence": None}, "bad_scores"),
        ({"confidence": 1.5}, "bad_scores"),
        ({"confidence": 0.95}, "one_score"),
        ({"judged_at": START - timedelta(days=1)}, "clock"),
        ({"judged_at": NOW + timedelta(seconds=1)}, "clock"),
        ({"error": None, "judged_at": None}, "not_supported"),
    ],
)
def test_labels_that_can_carry_nothing_certify_nothing_and_a_sentence_says_why(
    changes: dict[str, Any], code: str
) -> None:
    found = judged([case(number, **changes) for number in range(28)]).outcome
    assert isinstance(found, NoCertificate)
    assert found.code == code
    assert found.text.endswith(".")


def test_no_case_and_one_case_open_no_try() -> None:
    assert due([], [], **PROMISE) == []
    assert due([case(0)], [], **PROMISE) == []


def test_labels_that_are_spread_unlike_all_cases_certify_nothing() -> None:
    cases = [case(number, confidence=0.99 + 0.0001 * number) for number in range(28)]
    traffic = [0.99 + 0.0001 * (number % 90) for number in range(2_000)]
    (attempt,) = due(cases, [], **PROMISE, traffic=traffic)
    assert attempt.expected is not None
    skewed = [replace(one, confidence=0.99 + 0.00001 * number) for number, one in enumerate(cases)]
    found = judged(skewed, attempt, traffic=traffic).outcome
    assert isinstance(found, NoCertificate)
    assert found.code == "labels_unlike_traffic"


def test_where_a_walk_begins_is_told_by_the_traffic_that_can_be_labelled() -> None:
    cases = [case(number) for number in range(200)]
    traffic = [*[0.6] * 200, *(one.confidence or 0.0 for one in cases)]
    (attempt, *_) = due(cases, [], **PROMISE, traffic=traffic)
    assert attempt.expected is not None
    assert max(attempt.expected) == attempt.size
    assert attempt.expected[GRID.index(0.8949)] == attempt.size
    assert due(cases, [], **PROMISE, traffic=traffic[:199])[0].expected is None


def test_labels_of_differing_chances_are_thinned_to_the_least() -> None:
    cases = [case(number, probability=0.5 if number % 2 else 0.25, draw=number % 20 / 20) for number in range(200)]
    (attempt, *_) = due(cases, [], **PROMISE)
    assert attempt.floor == 0.25
    kept = judged(cases, attempt).cases
    assert all(one.draw < 0.5 for one in kept if one.probability == 0.5)
    assert not case(0, probability=0.5, draw=0.5).kept(0.25)
    assert len(kept) == attempt.size
    assert sum(one.probability == 0.25 for one in kept) > sum(one.probability == 0.5 for one in kept)


def test_cases_of_one_moment_are_told_apart_by_their_ids() -> None:
    cases = [case(number, routed_at=START) for number in range(200)]
    (attempt, *_) = due(cases, [], **PROMISE)
    assert judged(cases, attempt).cases == tuple(cases[: attempt.size])


def test_cases_without_the_ai_count_only_where_nothing_else_is_drawn() -> None:
    blind, alone = case(0), case(1, purpose=Purpose.HUMAN_ONLY, probability=0.01)
    assert of_one_chance([blind, alone]) == [blind]
    assert of_one_chance([alone]) == [alone]


def test_a_try_keeps_its_cases_when_another_sample_begins_after_it() -> None:
    alone = [case(number, purpose=Purpose.HUMAN_ONLY) for number in range(28)]
    (first,) = due(alone, [], **PROMISE)
    # The policy's blind sample was switched on since.
    later = [*alone, case(40, purpose=Purpose.BLIND, error=None)]
    assert judged(later, first).cases == tuple(alone)
    assert isinstance(judged(later, first).outcome, Certificate)
