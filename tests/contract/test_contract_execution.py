"""The request that carries a decision out: filled alike by router and review, never with a guess in it."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from countersign_shared.contracts.execution import execution

TEMPLATE = {
    "method": "POST",
    "url": "https://los.example/{tenant}/{case_id}/decision",
    "body": {
        "outcome": "{outcome}",
        "terms": "{outcome_params}",
        "note": "Case {case_id}: {outcome} {outcome_params.amount}",
        "who": ["{subject_ref}"],
        "fixed": 7,
    },
}
CASE = {"case_id": "loan-1", "decision_type": "loan_application"}


def filled(**changes: Any) -> Any:
    given_values = {"case": CASE, "outcome": "approve", "outcome_params": {"amount": 5}, "idempotency_key": "d-1"}
    return execution(TEMPLATE, **(given_values | changes))


def test_places_are_filled_and_whole_places_keep_their_type() -> None:
    assert filled(case={**CASE, "tenant": "bank", "subject_ref": "applicant-1"}) == {
        "method": "POST",
        "url": "https://los.example/bank/loan-1/decision",
        "body": {
            "outcome": "approve",
            "terms": {"amount": 5},
            "note": "Case loan-1: approve 5",
            "who": ["applicant-1"],
            "fixed": 7,
        },
        "idempotency_key": "d-1",
    }


def test_a_case_without_a_tenant_belongs_to_the_default_one() -> None:
    assert filled()["url"] == "https://los.example/default/loan-1/decision"


def test_a_place_without_a_value_stays_visible() -> None:
    body = filled(outcome_params={})["body"]
    assert body["who"] == ["{subject_ref}"]
    assert body["note"].endswith("{outcome_params.amount}")
    # Nor does an address say None, or take a whole object.
    address = "https://los.example/{subject_ref}/{outcome_params.amount}/{outcome_params}"
    request = execution(
        {"method": "POST", "url": address}, case=CASE, outcome="a", outcome_params={}, idempotency_key="d"
    )
    assert request == {"method": "POST", "url": address, "body": None, "idempotency_key": "d"}


def test_nothing_is_carried_out_for_a_rehearsal_or_without_a_template() -> None:
    assert filled(case={**CASE, "test": True}) is None
    assert execution(None, case=CASE, outcome="a", outcome_params={}, idempotency_key="d") is None


@given(st.text(), st.dictionaries(st.text(), st.text()))
def test_no_value_escapes_its_part_of_the_url(outcome: str, params: dict[str, str]) -> None:
    template = {"method": "POST", "url": "https://los.example/{outcome}", "body": None}
    request = execution(template, case=CASE, outcome=outcome, outcome_params=params, idempotency_key="d")
    assert request is not None
    assert not set("/?#&") & set(request["url"].removeprefix("https://los.example/"))
