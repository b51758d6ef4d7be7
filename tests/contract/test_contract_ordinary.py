"""What is ordinary at a glance, the full model accepts; and what comes in every day is ordinary."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from countersign_shared.contracts.events.case import CaseCreated
from countersign_shared.contracts.ordinary import is_ordinary

SOUND: dict[str, Any] = {
    "tenant": "default", "case_id": "loan-1", "decision_type": "loan_application", "subject_ref": "person-1",
    "sequence": 1, "submitted_by": "los", "occurred_at": "2026-01-02T03:04:05.000000Z", "title": "A mortgage",
    "amount": {"value": "125000.00", "currency": "USD"}, "payload": {"a": 1}, "test": False,
}  # fmt: skip
VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 1.0, 2**70, "", "x\n", "\n", "a b", "é", "\x00", "\x7f", "\x85", "\u2028", "x" * 200,
    "x", "x" * 201, "x" * 501, "loan-1\n", "USD", "USD\n", "usd", "1", "1.", "01", "-0.1234", "1.12345", "9" * 16,
    "\u0661", [], [1], {}, {"a": 1}, {"value": "1", "currency": "USD"}, {"value": "1\n", "currency": "USD"},
    {"value": 1, "currency": "USD"}, {"value": "1"}, {"value": "1", "currency": "USD", "more": 1},
    "2026-01-02T03:04:05Z", "2026-02-30T03:04:05Z", "2026-01-02T03:04:05", "2026-01-02T24:00:00Z",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "2026-01-02T03:04:05+25:00", "2026-01-02T03:04:05Z\n",
    "2026-01-02t03:04:05z", "2026-01-02T03:04:60Z", "2026-01-02T03:04:05.123456789Z", "202\u0666-01-02T03:04:05Z",
)  # fmt: skip
NAMES = (*SOUND, "deadline_at", "language", "proposal", "links", "attachments", "callback", "unheard_of")


def accepted(body: dict[str, Any]) -> bool:
    try:
        CaseCreated.model_validate(body)
    except ValidationError:
        return False
    return True


def test_an_everyday_case_is_ordinary_with_or_without_what_it_may_leave_out() -> None:
    assert is_ordinary(SOUND)
    needed = {"case_id", "decision_type", "payload", "submitted_by", "occurred_at"}
    assert is_ordinary({name: SOUND[name] for name in needed})
    assert is_ordinary({**SOUND, "title": None, "amount": None, "subject_ref": None, "sequence": None, "x": {"y": 1}})
    for name in needed:
        assert not is_ordinary({known: value for known, value in SOUND.items() if known != name})


@pytest.mark.parametrize("name", NAMES)
def test_what_is_ordinary_is_acceptable_whatever_stands_in_a_member(name: str) -> None:
    for value in VALUES:
        body = {**SOUND, name: value}
        assert accepted(body) or not is_ordinary(body), (name, value)


@settings(max_examples=150)
@given(st.dictionaries(st.sampled_from(NAMES), st.one_of(st.sampled_from(VALUES), st.text(max_size=30))))
def test_what_is_ordinary_is_acceptable_in_any_mixture(changes: dict[str, Any]) -> None:
    body = orjson.loads(orjson.dumps({name: v for name, v in {**SOUND, **changes}.items() if v != 2**70}))
    assert accepted(body) or not is_ordinary(body)
