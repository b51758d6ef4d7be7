"""What certificates are bound to: whatever lets one more case be automated must void them."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest

from countersign_router.domain.controls import Controls
from countersign_router.domain.routing import route
from countersign_router.language.document import PolicyDocument
from countersign_router.language.loading import compile_policy
from countersign_router.showing.differences import differences
from countersign_shared.contracts.decision_types import DecisionType
from tests.unit.router.cases import DRAWS, NOW, PUBLISHED, decision_types, document, loaded, scored


def outcomes(**sections: Any) -> dict[str, Any]:
    """A loan policy that says this of its outcomes."""
    return {**document(), "outcomes": {"approve": {}, "decline": {}} | sections}


def kind(*, adverse: bool) -> DecisionType:
    """Loan applications where a decline is, or is not, to somebody's disadvantage."""
    known = decision_types()["loan_application"]
    return replace(known, outcomes={**known.outcomes, "decline": replace(known.outcomes["decline"], adverse=adverse)})


def bound(read: dict[str, Any], known: DecisionType | None = None) -> str:
    types = {**decision_types(), **({"loan_application": known} if known else {})}
    made = compile_policy(
        PolicyDocument.model_validate(read), b"", name="test", decision_types=types, published_at=PUBLISHED
    )  # fmt: skip
    return made.policy.automation_sha256


def mapped(*fields: list[str], automatic: bool = True) -> dict[str, Any]:
    reasons = [{"code": f"reason_{number}", "fields": list(one)} for number, one in enumerate(fields)]
    return {**outcomes(decline={"automatic": automatic}), "reasons": {**document()["reasons"], "principal": reasons}}


@pytest.mark.parametrize("section", [{}, {"automatic": True}])
def test_a_decision_type_that_calls_an_outcome_adverse_no_more_voids_them(section: dict[str, Any]) -> None:
    read = outcomes(decline=section)
    assert bound(read, kind(adverse=True)) != bound(read, kind(adverse=False))


def test_where_the_policy_itself_calls_it_adverse_the_decision_type_changes_nothing() -> None:
    read = outcomes(decline={"adverse": True})
    assert bound(read, kind(adverse=True)) == bound(read, kind(adverse=False))
    assert bound(read) == bound(outcomes())


def test_a_wider_mapping_of_principal_reasons_voids_them_where_adverse_outcomes_are_automatic() -> None:
    narrow, wide = mapped(["loan_to_value"]), mapped(["loan_to_value"], ["consumer_credit_record"])
    assert bound(narrow) != bound(wide)
    assert bound(wide) == bound(mapped(["consumer_credit_record"], ["loan_to_value", "consumer_credit_record"]))
    assert bound(mapped(["loan_to_value"], automatic=False)) == bound(
        mapped(["consumer_credit_record"], automatic=False)
    )


def test_that_is_what_decides_which_cases_count() -> None:
    """The premise: a wider mapping makes a case one that would be automated."""
    matrix = {**document()["matrix"], "high": {"high": 2, "medium": 3, "low": 4}}
    case = scored(outcome="decline")
    found = [
        route(case, loaded({**read, "matrix": matrix}).policy, Controls(), NOW, DRAWS).would_automate
        for read in (mapped(["consumer_credit_record"]), mapped(["consumer_credit_record"], ["loan_to_value"]))
    ]
    assert found == [False, True]


def test_differences_say_so() -> None:
    old, new = mapped(["loan_to_value"]), copy.deepcopy(mapped(["loan_to_value"], ["consumer_credit_record"]))
    found = differences(PolicyDocument.model_validate(old), PolicyDocument.model_validate(new))
    assert found.voids_certificates
    assert found.because == (
        "Voids certificates: yes, because the fields of reasons.principal are part of what certificates are bound to."
    )
