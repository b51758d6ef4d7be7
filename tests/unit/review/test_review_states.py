from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_review.domain.case_state import CaseState, Known, case_state, label
from countersign_review.domain.review import (
    Action,
    AlreadyDecided,
    AlreadyRevealed,
    AlreadyWithdrawn,
    AwaitsInformation,
    ClaimState,
    HeldByAnother,
    IllegalTransition,
    IsBlocked,
    NotBlocked,
    NotClaimed,
    NothingToUndo,
    ReviewState,
    advance,
    ended,
)

WAITING, CLAIMED, REVEALED, ASKED, BLOCKED, DECIDED, WITHDRAWN = ReviewState
LEGAL = {
    (WAITING, Action.CLAIM): (CLAIMED, ClaimState.HELD),
    (WAITING, Action.RECALL): (WAITING, None),
    (WAITING, Action.PROVIDE): (WAITING, None),
    (WAITING, Action.UNDO_OPINION): (CLAIMED, ClaimState.HELD),
    (WAITING, Action.WITHDRAW): (WITHDRAWN, ClaimState.WITHDRAWN),
    (CLAIMED, Action.OPEN): (CLAIMED, ClaimState.HELD),
    (CLAIMED, Action.HEARTBEAT): (CLAIMED, ClaimState.HELD),
    (CLAIMED, Action.RELEASE): (WAITING, ClaimState.RELEASED),
    (CLAIMED, Action.SKIP): (WAITING, ClaimState.SKIPPED),
    (CLAIMED, Action.EXPIRE): (WAITING, ClaimState.EXPIRED),
    (CLAIMED, Action.RECUSE): (WAITING, ClaimState.RECUSED),
    (CLAIMED, Action.ESCALATE): (WAITING, ClaimState.ESCALATED),
    (CLAIMED, Action.DELEGATE): (WAITING, ClaimState.DELEGATED),
    (CLAIMED, Action.RECALL): (WAITING, ClaimState.RECALLED),
    (CLAIMED, Action.ASK): (ASKED, ClaimState.ASKED),
    (CLAIMED, Action.PROVIDE): (CLAIMED, None),
    (CLAIMED, Action.BLOCK): (BLOCKED, ClaimState.BLOCKED),
    (CLAIMED, Action.REVEAL): (REVEALED, ClaimState.HELD),
    (CLAIMED, Action.SECOND_OPINION): (WAITING, ClaimState.DECIDED),
    (CLAIMED, Action.ADJUDICATE): (WAITING, ClaimState.DECIDED),
    (CLAIMED, Action.DECIDE): (DECIDED, ClaimState.DECIDED),
    (CLAIMED, Action.RETURN): (WITHDRAWN, ClaimState.RETURNED),
    (CLAIMED, Action.WITHDRAW): (WITHDRAWN, ClaimState.WITHDRAWN),
    (REVEALED, Action.OPEN): (REVEALED, ClaimState.HELD),
    (REVEALED, Action.HEARTBEAT): (REVEALED, ClaimState.HELD),
    (REVEALED, Action.RELEASE): (WAITING, ClaimState.RELEASED),
    (REVEALED, Action.SKIP): (WAITING, ClaimState.SKIPPED),
    (REVEALED, Action.EXPIRE): (WAITING, ClaimState.EXPIRED),
    (REVEALED, Action.RECUSE): (WAITING, ClaimState.RECUSED),
    (REVEALED, Action.ESCALATE): (WAITING, ClaimState.ESCALATED),
    (REVEALED, Action.DELEGATE): (WAITING, ClaimState.DELEGATED),
    (REVEALED, Action.RECALL): (WAITING, ClaimState.RECALLED),
    (REVEALED, Action.ASK): (ASKED, ClaimState.ASKED),
    (REVEALED, Action.PROVIDE): (REVEALED, None),
    (REVEALED, Action.BLOCK): (BLOCKED, ClaimState.BLOCKED),
    (REVEALED, Action.DECIDE): (DECIDED, ClaimState.DECIDED),
    (REVEALED, Action.RETURN): (WITHDRAWN, ClaimState.RETURNED),
    (REVEALED, Action.WITHDRAW): (WITHDRAWN, ClaimState.WITHDRAWN),
    (ASKED, Action.PROVIDE): (WAITING, None),
    (ASKED, Action.RECALL): (WAITING, None),
    (ASKED, Action.WITHDRAW): (WITHDRAWN, ClaimState.WITHDRAWN),
    (BLOCKED, Action.UNBLOCK): (WAITING, None),
    (BLOCKED, Action.PROVIDE): (BLOCKED, None),
    (BLOCKED, Action.WITHDRAW): (WITHDRAWN, ClaimState.WITHDRAWN),
    (DECIDED, Action.UNDO): (CLAIMED, ClaimState.HELD),
    (DECIDED, Action.UNDO_CONFIRMATION): (REVEALED, ClaimState.HELD),
}
REFUSALS = {
    WAITING: NotClaimed, CLAIMED: HeldByAnother, REVEALED: AlreadyRevealed, ASKED: AwaitsInformation,
    BLOCKED: IsBlocked, DECIDED: AlreadyDecided, WITHDRAWN: AlreadyWithdrawn,
}  # fmt: skip


def refusal_of(state: ReviewState, action: Action) -> type[IllegalTransition]:
    if action in {Action.UNDO, Action.UNDO_CONFIRMATION, Action.UNDO_OPINION}:
        return NothingToUndo
    if action is Action.UNBLOCK and state not in {DECIDED, WITHDRAWN}:
        return NotBlocked
    return HeldByAnother if (state, action) == (REVEALED, Action.CLAIM) else REFUSALS[state]


@pytest.mark.parametrize(("state", "action"), list(itertools.product(ReviewState, Action)), ids=str)
def test_review_every_transition_is_legal_or_refused_by_name(state: ReviewState, action: Action) -> None:
    if (state, action) in LEGAL:
        assert advance(state, action) == LEGAL[state, action]
        return
    with pytest.raises(refusal_of(state, action)) as refusal:
        advance(state, action)
    assert refusal.value.code != IllegalTransition.code


def test_review_withdrawn_is_the_end() -> None:
    assert {state for (state, _) in LEGAL} == set(ReviewState) - {WITHDRAWN}


def test_review_what_concerns_no_claim_cannot_end_one() -> None:
    assert ended(CLAIMED, Action.RELEASE) == (WAITING, ClaimState.RELEASED)
    with pytest.raises(NotClaimed):
        ended(WAITING, Action.RECALL)


@given(st.lists(st.sampled_from(Action)))
def test_review_no_story_decides_twice_without_an_undo_between(story: list[Action]) -> None:
    state, decided = WAITING, 0
    for action in story:
        try:
            state, _ = advance(state, action)
        except IllegalTransition:
            continue
        decided += {Action.DECIDE: 1, Action.UNDO: -1, Action.UNDO_CONFIRMATION: -1}.get(action, 0)
        assert decided in {0, 1}
        assert (state is DECIDED) == (decided == 1)


@pytest.mark.parametrize(
    ("known", "masked", "state"),
    [
        (Known(routed=False), False, CaseState.DRAFT),
        (Known(routed=True), False, CaseState.AI_PROCESSING),
        (Known(routed=True, review_open=True), False, CaseState.HUMAN_REVIEW),
        (Known(routed=True, closed_as="decided"), False, CaseState.DECIDED),
        (Known(routed=True, closed_as="withdrawn"), False, CaseState.WITHDRAWN),
        (Known(routed=True, closed_as="expired"), False, CaseState.WITHDRAWN),
        (Known(routed=True, closed_as="duplicate"), False, CaseState.WITHDRAWN),
        (Known(routed=True, closed_as="decided"), True, CaseState.DECIDED),
        (Known(routed=True, closed_as="decided", archived=True), False, CaseState.ARCHIVED),
        # An automatic decision under audit, for whoever may have to answer and for whoever may not.
        (Known(routed=True, review_open=True, answer_outstanding=True, closed_as="decided"), True,
         CaseState.HUMAN_REVIEW),
        (Known(routed=True, review_open=True, answer_outstanding=True, closed_as="decided"), False,
         CaseState.DECIDED),
        # Before its decision has come, too: "AI processing" would tell that no person was meant to see it.
        (Known(routed=True, review_open=True, answer_outstanding=True), True, CaseState.HUMAN_REVIEW),
    ],
)  # fmt: skip
def test_review_case_states(known: Known, masked: bool, state: CaseState) -> None:
    assert case_state(known, masked=masked) is state


def test_review_case_states_in_words() -> None:
    assert label(CaseState.DECIDED, "Approved") == "Decided (Approved)"
    assert label(CaseState.DECIDED, None) == "Decided"
    # An outcome that is not to be told is not told by the words either.
    assert label(CaseState.HUMAN_REVIEW, "Approved") == "Human review"
    assert all(label(state, None) for state in CaseState)
