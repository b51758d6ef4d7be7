from __future__ import annotations

import hashlib
import json
import unicodedata
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from countersign_review.domain.answer import Answer, faults
from countersign_review.domain.binding import MOST_VIEWS, Bound, chain, digest, stale_parts, views_to_quote
from countersign_review.domain.blind import ALWAYS_PERSON, NEEDS_PERSON, OWN_JUDGEMENT, row_reason, tells_nothing
from countersign_review.domain.eligibility import Amount, Demand, Profile, lacks, tier_rank
from countersign_review.domain.relation import relation, same_json

JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=2), inner, max_size=3),
    max_leaves=6,
)


def proposal(outcome: str = "approve", **params: Any) -> dict[str, Any]:
    return {"outcome": outcome, "outcome_params": params}


def test_review_relation_to_the_proposal() -> None:
    assert relation(None, "approve", {}) == "no_proposal"
    assert relation(proposal(), "approve", {}) == "agreed"
    assert relation(proposal(), "decline", {}) == "overrode"
    assert relation(proposal(term=360), "approve", {"term": 240}) == "modified"
    assert relation(proposal(term=360), "approve", {}) == "modified"
    assert relation(proposal(term=1), "approve", {"term": True}) == "modified"
    assert relation(proposal(flags=[1, True]), "approve", {"flags": [True, True]}) == "modified"
    assert relation({"outcome": "approve", "outcome_params": None}, "approve", {}) == "agreed"


@given(JSON, JSON)
def test_review_equality_of_json_is_what_json_says(left: object, right: object) -> None:
    assert same_json(left, left)
    assert same_json(left, right) == same_json(right, left)
    assert same_json(left, right) == (json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True))


def test_review_evidence_chains_from_what_came_before() -> None:
    first = digest(b"payload")
    assert first == hashlib.sha256(b"payload").hexdigest()
    assert chain(first, b"more") == hashlib.sha256(first.encode() + b"more").hexdigest()
    assert chain(chain(first, b"a"), b"b") != chain(chain(first, b"b"), b"a")


def test_review_of_very_many_views_the_newest_are_quoted() -> None:
    served = [f"v{number}" for number in range(200)]
    assert views_to_quote(served[:MOST_VIEWS]) == served[:MOST_VIEWS]
    assert views_to_quote(served) == served[-MOST_VIEWS:]
    # One that came back is on the screen: it is the last.
    assert views_to_quote(["v1", "v2", "v1"]) == ["v2", "v1"]
    assert views_to_quote(["v1"] * 200) == ["v1"]


def test_review_each_stale_digest_is_named() -> None:
    good = {"payload": "p", "shown": ["s1", "s2"], "execute": "e"}
    assert stale_parts(Bound("p", ("s2", "s1"), "e"), **good) == []
    assert stale_parts(Bound("x", ("s1", "s2"), "e"), **good) == ["payload_sha256"]
    assert stale_parts(Bound("p", ("s1",), "e"), **good) == ["shown_sha256"]
    assert stale_parts(Bound("p", ("s1", "s2", "s3"), "e"), **good) == ["shown_sha256"]
    assert stale_parts(Bound("x", (), "x"), **good) == ["payload_sha256", "shown_sha256", "execute_sha256"]


HANDLING = {
    "allowed_outcomes": [
        {"outcome": "approve", "adverse": False}, {"outcome": "decline", "adverse": True},
    ],
    "reason_codes": [{"code": "ai_wrong_fact", "text": "x"}],
    "principal_reason_codes": [{"code": f"p{n}", "text": "x"} for n in range(6)],
    "must_document": ["decline", "override"],
}  # fmt: skip


def pointers(answer: Answer, rel: str = "agreed", *, withheld: bool = False, **handling: Any) -> list[str]:
    found = faults(
        answer, {**HANDLING, **handling}, relation=rel, withheld=withheld,  # type: ignore[arg-type]
        params_faults=lambda _, params: [("/term", "wrong")] if "term" in params else [],
    )  # fmt: skip
    return [fault.pointer for fault in found]


@pytest.mark.parametrize(
    ("answer", "rel", "expected"),
    [
        (Answer("approve"), "agreed", []),
        (Answer("approve"), "modified", []),
        (Answer("approve"), "overrode", ["/reason/codes"]),
        (Answer("approve", note="A note is no code."), "overrode", ["/reason/codes"]),
        (Answer("approve", codes=["ai_wrong_fact"]), "overrode", []),
        (Answer("approve", codes=["other"], other_text="Because."), "overrode", []),
        (Answer("approve", codes=["other"], other_text="  "), "overrode", ["/reason/other_text"]),
        (Answer("approve", other_text="Because."), "agreed", ["/reason/other_text"]),
        (Answer("approve", codes=["made_up"]), "agreed", ["/reason/codes/0"]),
        (Answer("sell"), "agreed", ["/outcome"]),
        (Answer("approve", outcome_params={"term": 1}), "agreed", ["/outcome_params/term"]),
        (Answer("decline", principal_reasons=["p1"], note="n"), "agreed", []),
        (Answer("decline", principal_reasons=["p1"]), "agreed", ["/reason/codes"]),
        (Answer("decline", note="n"), "agreed", ["/principal_reasons"]),
        (
            Answer("decline", note="n", principal_reasons=["p0", "p1", "p2", "p3", "p4"]),
            "agreed",
            ["/principal_reasons"],
        ),
        (Answer("decline", note="n", principal_reasons=["p0", "p1", "p2", "p3"]), "agreed", []),
        (Answer("decline", note="n", principal_reasons=["p1", "p1"]), "agreed", ["/principal_reasons"]),
        (Answer("decline", note="n", principal_reasons=["nope"]), "agreed", ["/principal_reasons/0"]),
        (Answer("approve", principal_reasons=["p1"]), "agreed", ["/principal_reasons"]),
        (Answer("approve", note="x" * 10_000), "agreed", []),
        (Answer("approve", note="x" * 10_001), "agreed", ["/reason/note"]),
        (Answer("approve", note="line\nbreak\tand 日本語 🎉"), "agreed", []),
        (Answer("approve", codes=["other"], other_text="bell\x07"), "agreed", ["/reason/other_text"]),
        (Answer("approve", tags=["teach\x00"]), "agreed", ["/tags/0"]),
        (
            Answer("approve", outcome_params={"a/b~": [1, {"deep": "\x00"}], "\x00": None}),
            "agreed",
            ["/outcome_params/a~1b~0/1/deep", "/outcome_params/\x00"],
        ),
    ],
)
def test_review_what_is_wrong_with_an_answer(answer: Answer, rel: str, expected: list[str]) -> None:
    assert pointers(answer, rel) == expected


@given(st.characters())
@example("\x9f")
@example("\xa0")
@example("\xad")
@example("\ud800")
@example("\udfff")
def test_review_only_control_characters_and_halves_of_characters_cannot_be_recorded(char: str) -> None:
    refused = unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t"
    assert pointers(Answer("approve", note=f"a{char}")) == ["/reason/note"] * refused


def test_review_a_wording_of_ones_own_is_held_to_characters_too() -> None:
    answer = Answer("decline", note="n", principal_reasons=["bell\x07"])
    assert pointers(answer, principal_reason_codes=[]) == ["/principal_reasons/0"]


@pytest.mark.parametrize(
    ("rel", "named"), [("agreed", "agreed"), ("agreed", "approve"), ("modified", "modified"), ("modified", "modify")]
)
def test_review_what_the_policy_wants_documented_cannot_be_sent_without_words(rel: str, named: str) -> None:
    assert pointers(Answer("approve"), rel, must_document=[named]) == ["/reason/codes"]
    assert pointers(Answer("approve", note="n"), rel, must_document=[named]) == []
    assert pointers(Answer("approve"), "no_proposal", must_document=["agreed", "modified", "decline"]) == []


def test_review_a_policy_without_principal_reasons_leaves_the_words_to_the_reviewer() -> None:
    answer = Answer("decline", note="n", principal_reasons=["anything"])
    assert pointers(answer, principal_reason_codes=[]) == []


@given(
    st.sampled_from(["approve", "decline"]),
    st.lists(st.sampled_from(["ai_wrong_fact", "other", "nope"]), max_size=2),
    st.sampled_from([None, "", "note"]),
    st.lists(st.sampled_from(["p1", "p2", "nope"]), max_size=3),
)
def test_review_unseen_nothing_wrong_depends_on_the_proposal(
    outcome: str, codes: list[str], note: str | None, principal: list[str]
) -> None:
    answer = Answer(outcome, codes=codes, note=note, principal_reasons=principal)
    told = {tuple(pointers(answer, rel, withheld=True)) for rel in ("agreed", "modified", "overrode", "no_proposal")}
    assert len(told) == 1
    assert ("/reason/codes" in told.pop()) == (not codes and not note)


def profile(**changes: Any) -> Profile:
    held = {
        "username": "ana", "pseudonym": "u_1", "roles": frozenset({"reviewer"}), "tenants": frozenset({"*"}),
        "decision_types": None, "max_tier": "critical", "amount_limit": None, "skills": frozenset({"mortgage"}),
        "languages": None,
    }  # fmt: skip
    return Profile(**{**held, **changes})


def demand(**changes: Any) -> Demand:
    return Demand(**{"tenant": "default", "decision_type": "loan", "tier_rank": 2, **changes})


USD = Amount(Decimal("100.00"), "USD")


@pytest.mark.parametrize(
    ("held", "asked", "expected"),
    [
        ({}, {}, []),
        ({"tenants": frozenset({"other"})}, {}, ["tenant"]),
        ({"tenants": frozenset({"other", "default"})}, {}, []),
        ({"decision_types": frozenset()}, {}, ["decision_type"]),
        ({"decision_types": frozenset({"loan"})}, {}, []),
        ({"max_tier": "low"}, {}, ["tier"]),
        ({"max_tier": "medium"}, {}, []),
        ({"amount_limit": USD}, {"amount": Amount(Decimal("100.00"), "USD")}, []),
        ({"amount_limit": USD}, {"amount": Amount(Decimal("100.01"), "USD")}, ["amount"]),
        ({"amount_limit": USD}, {"amount": Amount(Decimal("1.00"), "EUR")}, ["amount"]),
        ({"amount_limit": USD}, {}, []),
        ({}, {"amount": USD}, []),
        ({}, {"skills": ["mortgage", "fraud"]}, ["skill"]),
        ({}, {"roles": ["lead"]}, ["role"]),
        ({}, {"roles": ["lead", "reviewer"]}, []),
        ({"languages": frozenset({"de"})}, {"language": "fr"}, ["language"]),
        ({"languages": frozenset({"de"})}, {"language": "de"}, []),
        ({"languages": None}, {"language": "fr"}, []),
        ({"languages": frozenset({"de"})}, {"language": None}, []),
        ({}, {"submitted_by": "ana"}, ["own_submission"]),
        ({}, {"submitted_by": "u_1"}, ["own_submission"]),
        ({}, {"lead_only": True, "roles": ["reviewer"]}, ["lead"]),
        ({"roles": frozenset({"lead"})}, {"lead_only": True, "roles": ["reviewer"]}, []),
        ({}, {"excluded": ["u_1"]}, ["conflict"]),
        ({}, {"assigned_to": "u_2"}, ["assigned"]),
        ({}, {"assigned_to": "u_1"}, []),
        ({"max_tier": "low"}, {"submitted_by": "ana"}, ["tier", "own_submission"]),
    ],
)
def test_review_what_a_reviewer_lacks(held: dict[str, Any], asked: dict[str, Any], expected: list[str]) -> None:
    assert [lack.code for lack in lacks(profile(**held), demand(**asked))] == expected


def test_review_training_holds_to_the_end_of_its_last_day() -> None:
    last = date(2026, 3, 2)
    trained = profile(trained_until=last)
    assert lacks(trained, demand(), last) == []
    assert [lack.code for lack in lacks(trained, demand(), last + timedelta(days=1))] == ["training"]
    assert lacks(profile(), demand(), last) == []
    # Who asks without a day has the query ask for it.
    assert lacks(trained, demand()) == []


def test_review_an_unstated_consequence_is_taken_for_the_worst() -> None:
    assert tier_rank(None) == tier_rank("critical")


def reason(code: str, rule_id: str | None = None, **read: Any) -> dict[str, Any]:
    return {"code": code, "text": f"text of {code}", "rule_id": rule_id, "values_read": read}


ABOUT_THE_PROPOSAL = (
    "matrix", "consequence", "similarity_cap", "abstained", "unknown_outcome", "invalid_confidence",
    "outcome_needs_person", "no_principal_reason", "evaluation_error", "bands_tightened", "bands_raised",
    "audit_sample", "human_only_sample", "uncertified", "no_certificate", "no_model_version", "automation_not_enabled",
    "tripped", "stopped",
)  # fmt: skip
"""What the router says of the proposal, of its confidence, or of what would have been automated."""


def test_review_reasons_that_tell_nothing() -> None:
    assert tells_nothing(reason("exception", "sanctions", **{"case.country": "KP"}))
    assert not tells_nothing(reason("adjustment", "peak", **{"controls.peak": True, "tier": "negligible"}))
    assert tells_nothing(reason("debt_ratio", "heavy-obligations", **{"case.total_obligations_ratio": 41.0}))
    assert tells_nothing(reason("missing_fields", missing_fields=["income"], invalid_fields=["age"]))
    assert tells_nothing(reason("adjustment", "new", **{"policy.days": 3, "controls.peak": True, "now": "2026-03-02"}))
    for telling in (
        *map(reason, ABOUT_THE_PROPOSAL),
        reason("exception", "odd", **{"proposal.outcome": "approve"}),
        reason("exception", "odd", confidence=0.4), reason("exception", "odd", **{"signals.similarity": 0.1}),
        reason("exception", "odd", **{"has.signals.similarity": True}),
    ):  # fmt: skip
        assert not tells_nothing(telling), telling


def test_review_the_line_in_the_queue() -> None:
    routed = {
        "reasons": [reason("matrix"), reason("exception", "thin-equity", **{"case.loan_to_value": 98})],
        "consequence": {"tier": "high"},
    }
    assert row_reason(routed, withheld=True) == OWN_JUDGEMENT
    assert row_reason(routed, withheld=False) == "Thin equity"
    floor = reason("never_automate", "never_automate", **{"case.bankruptcy_on_record": True})
    assert row_reason({**routed, "reasons": [floor]}, withheld=False) == ALWAYS_PERSON
    assert row_reason({**routed, "reasons": [reason("matrix")]}, withheld=False) == "High consequence"
    told = reason("exception", "unsure", confidence=0.4)
    assert row_reason({**routed, "reasons": [told]}, withheld=False) == "High consequence"
    raised = {**reason("adjustment", "busy-season", **{"controls.peak": True}), "level": None}
    assert row_reason({**routed, "reasons": [raised]}, withheld=False) == "High consequence"
    assert row_reason({**routed, "reasons": [{**raised, "level": 3}]}, withheld=False) == "Busy season"
    named = reason("debt_ratio", "rule-17", **{"case.ratio": 41})
    assert row_reason({**routed, "reasons": [named]}, withheld=False) == "Debt ratio"
    for code in ("missing_input", "invalid_input", "missing_fields", "invalid_fields"):
        assert row_reason({**routed, "reasons": [reason(code)]}, withheld=False) == f"text of {code}"
    assert row_reason({"reasons": [reason("matrix")], "consequence": None}, withheld=False) == NEEDS_PERSON
