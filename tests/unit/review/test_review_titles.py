"""What a case is called where upstream has not called it anything."""

from __future__ import annotations

from typing import Any

import pytest

from countersign_review.domain.titles import case_title
from countersign_shared.contracts.decision_types import load_decision_types

TYPES = load_decision_types()


def titled(decision_type: str, payload: dict[str, Any], title: str | None = None) -> str:
    case = {"payload": payload, "title": title}
    return case_title(TYPES, {"decision_type": decision_type, "case_id": "case-7", "case": case})


@pytest.mark.parametrize("name", sorted(TYPES))
def test_a_case_without_what_its_title_names_is_called_by_its_kind_and_id(name: str) -> None:
    assert titled(name, {}) == f"{TYPES[name].label} case-7"


def test_a_case_is_called_as_upstream_says_else_by_its_fields_else_by_its_type() -> None:
    whole = {"order_id": "A-1", "amount": {"value": "89.90", "currency": "EUR"}}
    assert titled("refund", whole, "A kettle") == "A kettle"
    assert titled("refund", whole) == "Refund of €89.90 for order A-1"
    assert titled("refund", {**whole, "order_id": " "}) == "Refund case-7"
    assert titled("parcel", whole) == "parcel case-7"
