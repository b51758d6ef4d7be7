"""The fifth signal: present and valid, and the names of what is not."""

from __future__ import annotations

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from countersign_inference.domain.completeness import Checklist
from countersign_shared.contracts.decision_types import build_decision_type
from countersign_shared.contracts.events.scored import InvalidField, Signal
from countersign_shared.contracts.topics import contracts_dir
from tests.unit.inference.loans import LOAN, decision_types, loans

CHECKLIST = Checklist(decision_types()[LOAN])
GOOD = loans()[0].payload
REQUIRED = len(decision_types()[LOAN].required)


def test_a_complete_case_has_nothing_missing():
    found = CHECKLIST.check(GOOD)
    assert (list(found.missing), list(found.invalid), found.signal["value"]) == ([], [], 1.0)


def test_absent_and_null_are_both_missing_and_not_invalid():
    absent = {name: value for name, value in GOOD.items() if name != "term_months"} | {"liquid_assets": None}
    found = CHECKLIST.check(absent)
    assert sorted(found.missing) == ["liquid_assets", "term_months"]
    assert list(found.invalid) == []
    assert found.signal == {
        "value": round((REQUIRED - 2) / REQUIRED, 4), "detail": {"required": REQUIRED, "usable": REQUIRED - 2},
    }  # fmt: skip


def test_an_optional_null_is_simply_absent():
    assert CHECKLIST.check(GOOD | {"cosigner": None}).signal["value"] == 1.0


def test_invalid_fields_are_pointed_at_without_quoting_them():
    found = CHECKLIST.check(GOOD | {"loan_amount": "much-secret", "race": 7, "units": 0})
    assert {problem["pointer"] for problem in found.invalid} == {"/loan_amount", "/race", "/units"}
    assert found.invalid_names == {"loan_amount", "race", "units"}
    assert "secret" not in str(found.invalid)
    assert found.signal["value"] == pytest.approx((REQUIRED - 1) / (REQUIRED + 2), abs=1e-4)


def test_what_is_wrong_inside_a_field_or_with_the_whole_counts_as_that():
    order = {
        "order_id": "A-1", "amount": {"value": "much", "currency": "EUR"}, "message": "It broke.",
        "purchased_on": "2026-02-20", "channel": "mail", "returned": False,
    }  # fmt: skip
    refund = decision_types()["refund"]
    found = Checklist(refund).check(order)
    assert ([one["pointer"] for one in found.invalid], found.invalid_names) == (["/amount/value"], {"amount"})
    wanted = len(set(refund.required) | {"amount"})
    assert found.signal["detail"] == {"required": wanted, "usable": wanted - 1}
    document = yaml.safe_load((contracts_dir() / "decision_types/refund.yaml").read_text(encoding="utf-8"))
    document["payload"]["maxProperties"] = 3
    found = Checklist(build_decision_type(document, name="refund")).check(
        {**order, "amount": {"value": "1", "currency": "EUR"}}
    )
    assert ([one["pointer"] for one in found.invalid], found.signal["value"]) == ([""], 0.0)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)  # fmt: skip


@given(changes=st.dictionaries(st.sampled_from(sorted(GOOD)) | st.text(max_size=8), JSON, max_size=6))
def test_any_payload_gets_a_signal_and_well_formed_findings(changes):
    found = CHECKLIST.check(GOOD | changes)
    assert 0 <= (Signal.model_validate(found.signal).value or 0) <= 1
    for problem in found.invalid:
        InvalidField.model_validate(problem)
    assert (found.signal["value"] == 1.0) == (not found.missing and not found.invalid)
