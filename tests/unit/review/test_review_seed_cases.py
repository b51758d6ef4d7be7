"""How a case looks that is put before people though its proposal is known to be wrong."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from countersign_review.domain.seeds import as_for_people, may_carry
from countersign_shared.contracts.topics import contracts_dir


def example(level: int) -> dict[str, Any]:
    path = contracts_dir() / "examples" / "case.routed" / f"loan_application.level{level}.json"
    body: dict[str, Any] = orjson.loads(path.read_bytes())
    return body


def test_review_a_case_decided_without_people_looks_like_one_that_a_person_is_asked_about() -> None:
    routed = example(2)
    before = orjson.dumps(routed)
    shown = as_for_people(routed)
    assert (shown["level"], shown["level_name"]) == (3, "automation_with_review")
    assert {reason["code"] for reason in shown["reasons"]}.isdisjoint({"matrix", "consequence", "audit_sample"})
    assert shown == {**routed, **{name: shown[name] for name in ("level", "level_name", "reasons")}}
    # The case itself stays what it was: the answer is recorded with it.
    assert orjson.dumps(routed) == before


@pytest.mark.parametrize("level", [3, 4])
def test_review_a_case_that_people_decided_looks_as_it_did(level: int) -> None:
    routed = example(level)
    assert as_for_people(routed) is routed


@pytest.mark.parametrize(
    ("changes", "usable"),
    [
        ({}, True),
        ({"proposal": None}, False),
        ({"handling": {"withhold": "always"}}, False),
        ({"case": {"test": True}}, False),
        ({"case": {"test": False}, "handling": {"withhold": "blind"}}, True),
    ],
)
def test_review_only_a_case_whose_proposal_people_may_see_is_a_seed(changes: dict[str, Any], usable: bool) -> None:
    assert may_carry({**example(2), **changes} if changes else example(2)) is usable
