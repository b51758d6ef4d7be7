from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_review.domain.answer import Answer
from countersign_review.domain.binding import MOST_VIEWS
from countersign_review.domain.opinions import Opinion, agree, is_control, reveals, step_after
from countersign_review.domain.records import (
    REVERSED_DISCLOSURE,
    SEEN_DISCLOSURE,
    SEVERAL_DISCLOSURE,
    UNSEEN_DISCLOSURE,
    WITHDRAWN_DISCLOSURE,
    Answered,
    Decider,
    Said,
    closed_decision,
    decision_made,
    judgement,
    with_reasons_of,
)
from countersign_review.domain.review import Action, Kind, Stage
from countersign_shared.contracts.events.decision import DecisionMade, Judgement
from tests.unit.review.test_review_context import read

YES, NO, YES_IN_PART = Opinion("approve", {}), Opinion("decline", {}), Opinion("approve", {"term": 240})


@pytest.mark.parametrize(
    ("opinions", "stage", "required", "shows", "step"),
    [
        ([YES], Stage.FIRST, 1, False, Action.DECIDE),
        ([YES], Stage.FIRST, 1, True, Action.REVEAL),
        ([YES], Stage.FIRST, 2, False, Action.SECOND_OPINION),
        # Nothing is shown between two answers that check each other.
        ([YES], Stage.FIRST, 2, True, Action.SECOND_OPINION),
        ([YES, YES], Stage.SECOND, 2, True, Action.DECIDE),
        ([YES, NO], Stage.SECOND, 2, False, Action.ADJUDICATE),
        ([YES, YES_IN_PART], Stage.SECOND, 2, False, Action.ADJUDICATE),
        ([YES, YES], Stage.SECOND, 3, False, Action.SECOND_OPINION),
        ([YES, YES, YES], Stage.SECOND, 3, False, Action.DECIDE),
        ([YES, NO, NO], Stage.ADJUDICATION, 2, True, Action.DECIDE),
    ],
)
def test_review_what_an_answer_brings_about(
    opinions: list[Opinion], stage: Stage, required: int, shows: bool, step: Action
) -> None:
    found = step_after(opinions, kind=Kind.DECISION, stage=stage, required=required, reveals=shows)
    assert found is step


def test_review_a_judgement_is_an_outcome_a_decision_is_its_terms_too() -> None:
    assert agree([YES, YES_IN_PART], Kind.AUDIT)
    assert agree([YES, YES_IN_PART], Kind.SEED)
    assert not agree([YES, YES_IN_PART], Kind.DECISION)
    assert not agree([YES, YES_IN_PART], Kind.REVERSAL)


@given(st.lists(st.sampled_from([YES, NO, YES_IN_PART]), min_size=1, max_size=3), st.integers(1, 3))
def test_review_nothing_is_decided_before_enough_have_answered_or_while_they_differ(
    opinions: list[Opinion], required: int
) -> None:
    step = step_after(opinions, kind=Kind.DECISION, stage=Stage.SECOND, required=required, reveals=False)
    assert (step is Action.DECIDE) == (len(opinions) >= required and all(one == opinions[0] for one in opinions))


@pytest.mark.parametrize(
    ("kind", "withhold", "proposal", "seen", "expected"),
    [
        (Kind.DECISION, "blind", {}, False, True),
        (Kind.DECISION, "blind", None, False, False),
        (Kind.DECISION, "blind", {}, True, False),
        (Kind.DECISION, "always", {}, False, False),
        (Kind.DECISION, "never", {}, False, False),
        (Kind.AUDIT, "blind", {}, False, False),
        (Kind.REVERSAL, "blind", {}, False, False),
    ],
)
def test_review_when_the_proposal_follows_the_answer(
    kind: Kind, withhold: str, proposal: Any, seen: bool, expected: bool
) -> None:
    assert reveals({"withhold": withhold}, kind, proposal=proposal, seen=seen) is expected


def test_review_a_label_needs_a_draw_and_a_proposal() -> None:
    def routed(blind: bool = False, human_only: bool = False, **more: Any) -> dict[str, Any]:
        return {
            "sampling": {"blind": {"selected": blind}, "human_only": {"selected": human_only}},
            "proposal": {},
            **more,
        }

    assert is_control(routed(blind=True), Kind.DECISION)
    assert is_control(routed(human_only=True), Kind.DECISION)
    assert not is_control(routed(), Kind.DECISION)
    assert not is_control(routed(blind=True), Kind.AUDIT)
    assert not is_control(routed(blind=True, proposal=None), Kind.DECISION)


def said(outcome: str, who: str, **more: Any) -> Said:
    answer = Answer(outcome, codes=[f"code-{who}"], note=who, tags=[f"tag-{who}"], **more)
    return Said(answer, Decider(who, "reviewer", {}), "2026-03-02T09:00:00Z", "2026-03-02T10:00:00Z", False, [who])


def test_review_what_was_said_survives_being_stored() -> None:
    one = said("decline", "ana", principal_reasons=["credit_history"], outcome_params={"term": 1})
    assert Said.of(one.as_dict()) == one


def test_review_a_decision_of_several_carries_the_reasons_of_those_who_agree() -> None:
    others = (said("decline", "ana"), said("approve", "ben"))
    answered = Answered(
        said=said("approve", "cleo"), relation="overrode", seen=True, sla_met=True, payload_sha256="p",
        execute_sha256="e", execute=None, others=others,
    )  # fmt: skip
    made = decision_made(
        read("loan_application.level4"), answered, event_id="d", routed_event_id="r", sequence=3, supersedes="old"
    )
    assert (made["reason"]["codes"], made["reason"]["note"]) == (["code-cleo", "code-ben"], "cleo")
    assert made["tags"] == ["tag-cleo", "tag-ben"]
    assert [decider["pseudonym"] for decider in made["deciders"]] == ["ana", "ben", "cleo"]
    assert (made["binding"]["shown_sha256"], made["supersedes"]) == (["ana", "ben", "cleo"], "old")
    assert "replaces an earlier decision" in made["disclosure"]
    assert SEVERAL_DISCLOSURE in made["disclosure"]


@pytest.mark.parametrize(
    ("seen", "proposed", "execute", "supersedes"),
    [
        (True, True, {"url": "x"}, None),
        (True, False, None, None),
        (False, True, None, "old"),
        (False, False, None, None),
    ],
)
def test_review_a_decision_says_whether_a_proposal_was_on_the_screen_and_what_will_run(
    seen: bool, proposed: bool, execute: dict[str, Any] | None, supersedes: str | None
) -> None:
    routed = read("loan_application.level4") | ({} if proposed else {"proposal": None})
    routed["disclosure"] = None
    answered = Answered(said("approve", "ana"), "overrode", seen, True, "p", "e", execute)
    made = decision_made(routed, answered, event_id="d", routed_event_id="r", sequence=3, supersedes=supersedes)
    assert made["mode"] == ("human_with_ai" if seen and proposed else "human")
    told = [
        SEEN_DISCLOSURE if seen and proposed else UNSEEN_DISCLOSURE,
        *[REVERSED_DISCLOSURE] * (supersedes is not None),
    ]
    assert made["disclosure"] == " ".join(told)
    assert (made["execute"], made["binding"]["execute_sha256"]) == (execute, "e" if execute else None)
    assert (made["test"], made["closed_as"], made["outcome"]) == (False, "decided", "approve")
    (decider,) = made["deciders"]
    assert (decider["pseudonym"], decider["outcome"], decider["blind"]) == ("ana", "approve", False)


def test_review_what_leaves_fits_the_contract_however_many_reasons_people_give() -> None:
    def many(who: str) -> Said:
        answer = Answer(
            "decline", codes=[f"{who}_{n}" for n in range(15)], tags=[f"{who}_{n}" for n in range(40)],
            principal_reasons=["debt_ratio"],
        )  # fmt: skip
        return dataclasses.replace(said("decline", who), answer=answer, shown=["0" * 64])

    routed = read("loan_application.level4")
    answered = Answered(many("ben"), "agreed", True, True, "0" * 64, "0" * 64, None, others=[many("ana")])
    made = decision_made(routed, answered, event_id="d", routed_event_id="r", sequence=3)
    assert set(made) == set(DecisionMade.model_fields)
    DecisionMade.model_validate(made)
    assert (len(made["reason"]["codes"]), len(made["tags"])) == (20, 50)
    assert made["deciders"][0]["authority"] == {}
    judged = judgement(routed, answered, judged_decision_id="d", routed_event_id="r")
    assert set(judged) == set(Judgement.model_fields) - {"note"}
    Judgement.model_validate(judged)
    closed = closed_decision(
        routed, event_id="d", routed_event_id="r", sequence=1, payload_sha256="0" * 64,
        decided_at="2026-03-02T10:00:00Z", reason="Not ours.",
    )  # fmt: skip
    assert set(closed) == set(made)
    DecisionMade.model_validate(closed)


def test_review_a_judgement_is_an_error_where_it_overrode() -> None:
    routed = read("loan_application.level2")
    for relation, error in (("overrode", True), ("modified", False), ("agreed", False)):
        answered = Answered(
            said("decline", "ben"), relation, False, True, "p", "e", None, others=[said("approve", "ana")]
        )
        body = judgement(routed, answered, judged_decision_id="d", routed_event_id="r")
        assert (body["error"], body["final_outcome"], body["judged_decision_id"]) == (error, "decline", "d")
        assert [(one["pseudonym"], one["outcome"]) for one in body["answers"]] == [
            ("ana", "approve"),
            ("ben", "decline"),
        ]


def test_review_a_decision_of_several_quotes_the_views_that_it_rests_on_before_any_earlier_one() -> None:
    first = dataclasses.replace(said("approve", "ana"), shown=[f"ana-{number}" for number in range(MOST_VIEWS)])
    last = dataclasses.replace(said("approve", "ben"), shown=["ben-0", "ana-1", "ben-1"])
    answered = Answered(last, "agreed", True, True, "p", "e", None, others=[first])
    shown = answered.binding.shown
    assert len(shown) == MOST_VIEWS
    assert shown[-4:] == [f"ana-{MOST_VIEWS - 1}", "ben-0", "ana-1", "ben-1"]


def test_review_a_confirmation_keeps_its_first_reasons_and_a_change_does_not() -> None:
    first = Answer("approve", codes=["x"], note="n", tags=["t"])
    assert with_reasons_of(Answer("approve"), first) == first
    assert with_reasons_of(Answer("decline"), first) == Answer("decline")
    assert with_reasons_of(Answer("approve", note="new"), first).note == "new"
    assert with_reasons_of(Answer("approve", codes=["y"]), first) == Answer("approve", codes=["y"])
    own = Answer("decline", tags=["mine"], principal_reasons=["p2"])
    kept = with_reasons_of(own, Answer("decline", codes=["x"], tags=["t"], principal_reasons=["p1"]))
    assert (kept.codes, kept.tags, kept.principal_reasons) == (["x"], ["mine"], ["p2"])
    bare = with_reasons_of(Answer("decline"), Answer("decline", principal_reasons=["p1"]))
    assert bare.principal_reasons == ["p1"]
    assert with_reasons_of(Answer("approve", outcome_params={"term": 1}), first).codes == ()


def test_review_a_closed_case_names_nobody_as_its_decider() -> None:
    body = closed_decision(
        read("unknown_decision_type"), event_id="d", routed_event_id="r", sequence=1, payload_sha256="p",
        decided_at="2026-03-02T10:00:00Z", reason="Not ours.", code="returned",
    )  # fmt: skip
    assert (body["closed_as"], body["outcome"], body["deciders"], body["mode"]) == ("withdrawn", None, [], "human")
    assert (body["reason"]["codes"], body["reason"]["note"]) == (["returned"], "Not ours.")
    gone = closed_decision(
        read("unknown_decision_type"), event_id="d", routed_event_id="r", sequence=1, payload_sha256="p",
        decided_at="2026-03-02T10:00:00Z", reason="Not needed.",
    )  # fmt: skip
    assert (gone["mode"], gone["reason"]["codes"], gone["disclosure"]) == (
        "automatic",
        ["withdrawn"],
        WITHDRAWN_DISCLOSURE,
    )
