"""What is wrong with a body is told in the words of who sent it."""

from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter, ValidationError

from countersign_review.api.models.people import TenantScope, Username
from countersign_shared.contracts.events import CaseUpdated
from countersign_shared.contracts.intake import Refusal, parse_case_created
from countersign_shared.contracts.wording import in_words

BODY: dict[str, Any] = {
    "case_id": "c-1",
    "decision_type": "refund",
    "submitted_by": "shop",
    "occurred_at": "2026-03-02T09:15:00Z",
    "payload": {},
}


@pytest.mark.parametrize(
    ("change", "pointer", "detail"),
    [
        ({"amount": {"value": 18.5, "currency": "USD"}}, "/amount/value", "must be text, not a number"),
        (
            {"amount": {"value": "1,000", "currency": "USD"}},
            "/amount/value",
            "must be a decimal number written as text",
        ),
        ({"amount": {"value": "1", "currency": "usd"}}, "/amount/currency", "must be the three capital letters"),
        ({"occurred_at": "yesterday"}, "/occurred_at", "must be a time with its zone, such as 2026-01-02T03:04:05Z"),
        ({"occurred_at": "2026-02-30T10:00:00Z"}, "/occurred_at", "day is out of range for month"),
        ({"payload": [1]}, "/payload", "must be a JSON object, not an array"),
        ({"case_id": "has space"}, "/case_id", "must be 1 to 128 characters: A-Z, a-z, 0-9 and . _ : -"),
        # They are letters, to whoever has them in their name.
        ({"case_id": "käse"}, "/case_id", "must be 1 to 128 characters: A-Z, a-z, 0-9 and . _ : -"),
        ({"title": "a\nb"}, "/title", "must be one line, without control characters"),
        ({"title": "a" * 501}, "/title", "must have at most 500 characters"),
    ],
)
def test_a_refusal_says_what_is_taken_instead(change: dict[str, Any], pointer: str, detail: str) -> None:
    refusal = parse_case_created(orjson.dumps({**BODY, **change}))

    assert isinstance(refusal, Refusal)
    assert refusal.pointer == pointer
    assert refusal.detail.startswith(detail)
    assert "^" not in refusal.detail


def test_a_field_that_is_missing_is_said_to_be_required() -> None:
    refusal = parse_case_created(b'{"case_id": "c-1"}')

    assert isinstance(refusal, Refusal)
    assert {error.detail for error in refusal.errors} == {"is required"}


def test_a_kind_nobody_knows_is_answered_with_those_there_are() -> None:
    update = {**BODY, "kind": "nope", "body": {}}

    with pytest.raises(ValidationError) as refused:
        TypeAdapter(CaseUpdated).validate_python(update)

    words = in_words(refused.value.errors()[0])
    assert words.startswith("must be one of 'information_provided', 'withdrawn'")
    assert "nope" not in words


def test_names_that_apis_take_are_described_and_not_given_as_patterns() -> None:
    for kind, said in ((TypeAdapter(Username), "63 characters: a-z, 0-9"), (TypeAdapter(TenantScope), "or * for all")):
        with pytest.raises(ValidationError) as refused:
            kind.validate_python("A:b")
        assert said in in_words(refused.value.errors()[0])
