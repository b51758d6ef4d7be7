from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_review.domain.case_state import CaseState, Known, case_state, label
from countersign_review.domain.review import (
    Action,
    AlreadyDecided,
    AlreadyWithdrawn,
    ClaimState,
    HeldByAnother,
    IllegalTransition,
    NotClaimed,
    NothingToUndo,
    ReviewState,
    advance,
)

WAITING, CLAIMED, DECIDED, WITHDRAWN = ReviewState
LEGAL = {
    (WAITING, Action.CLAIM): (CLAIMED, ClaimState.HELD),
    (WAITING, Action.WITHDRAW): (WITHDRAWN, ClaimState.WITHDRAWN),
    (CLAIMED, Action.OPEN): (CLAIMED, ClaimState.HELD),
    (CLAIMED, Action.HEARTBEAT): (CLAIMED, ClaimState.HELD),
    (CLAIMED, Action.RELEASE): (WAITING, ClaimState.RELEASED),
    (CLAIMED, Action.SKIP): (WAITING, ClaimState.SKIPPED),
    (CLAIMED, Action.EXPIRE): (WAITING, ClaimState.EXPIRED),
    (CLAIMED, Action.DECIDE): (DECIDED, ClaimState.DECIDED),
    (CLAIMED, Action.WITHDRAW): (WITHDRAWN, ClaimState.WITHDRAWN),
    (DECIDED, Action.UNDO): (CLAIMED, ClaimState.HELD),
}
REFUSALS = {WAITING: NotClaimed, CLAIMED: HeldByAnother, DECIDED: AlreadyDecided, WITHDRAWN: AlreadyWithdrawn}


@pytest.mark.parametrize(("state", "action"), list(itertools.product(ReviewState, Action)), ids=str)
def test_review_every_transition_is_legal_or_refused_by_name(state: ReviewState, action: Action) -> None:
    if (state, action) in LEGAL:
        assert advance(state, action) == LEGAL[state, action]
        return
    with pytest.raises(NothingToUndo if action is Action.UNDO else REFUSALS[state]) as refusal:
        advance(state, action)
    assert refusal.value.code != IllegalTransition.code


def test_review_withdrawn_is_the_end() -> None:
    assert {state for (state, _) in LEGAL} == set(ReviewState) - {WITHDRAWN}


@given(st.lists(st.sampled_from(Action)))
def test_review_no_story_decides_twice_without_an_undo_between(story: list[Action]) -> None:
    state, decided = WAITING, 0
    for action in story:
        try:
            state, _ = advance(state, action)
        except IllegalTransition:
            continue
        decided += {Action.DECIDE: 1, Action.UNDO: -1}.get(action, 0)
        assert decided in {0, 1}
        assert (state is DECIDED) == (decided == 1)


@pytest.mark.parametrize(
    ("known", "masked", "state"),
    [
        (Known(routed=False), False, CaseState.DRAFT),
        (Known(routed=True, level=1), False, CaseState.AI_PROCESSING),
        (Known(routed=True, level=4, review_open=True), False, CaseState.HUMAN_REVIEW),
        (Known(routed=True, level=1, closed_as="decided"), False, CaseState.DECIDED),
        (Known(routed=True, level=4, closed_as="withdrawn"), False, CaseState.WITHDRAWN),
        (Known(routed=True, closed_as="decided", archived=True), False, CaseState.ARCHIVED),
        # An automatic decision under audit, for whoever may have to answer and for whoever may not.
        (Known(routed=True, level=2, review_open=True, answer_outstanding=True, closed_as="decided"), True,
         CaseState.HUMAN_REVIEW),
        (Known(routed=True, level=2, review_open=True, answer_outstanding=True, closed_as="decided"), False,
         CaseState.DECIDED),
        # Before its decision has come, too: "AI processing" would tell that no person was meant to see it.
        (Known(routed=True, level=2, review_open=True, answer_outstanding=True), True, CaseState.HUMAN_REVIEW),
    ],
)  # fmt: skip
def test_review_case_states(known: Known, masked: bool, state: CaseState) -> None:
    assert case_state(known, masked=masked) is state


def test_review_case_states_in_words() -> None:
    assert label(CaseState.DECIDED, "Approved") == "Decided (Approved)"
    assert label(CaseState.HUMAN_REVIEW, None) == "Human review"
