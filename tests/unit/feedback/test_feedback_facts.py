"""What is kept of an event, and that saying it again adds nothing."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from countersign_feedback.domain.facts import (
    AUDITED,
    CONCLUDED,
    CONTROLLED,
    PLACED,
    REVERSED,
    UNKNOWN,
    Conclusion,
    Gathered,
)
from tests.unit.feedback.events import decided, judged, routed

DAY = date(2026, 1, 2)


def only(gathered: Gathered) -> Any:
    (facts,) = gathered.cases.values()
    return facts


def test_routing_places_a_case() -> None:
    gathered = Gathered()
    gathered.routed(routed(reasons=["matrix", "new_customer", "matrix"]), DAY)
    facts = only(gathered)
    assert facts.seen == PLACED
    assert facts.day == DAY
    assert facts.confidence == 0.93
    assert facts.cell._asdict() == {
        "tenant": "default", "decision_type": "loan_application", "tier": "low", "band": "high", "level": 2,
        "would_automate": True, "reasons": ("matrix", "new_customer"), "model_name": "loan-approve",
        "model_version": "3", "calibrator_version": "2", "automation_sha256": "a" * 64, "test": False,
    }  # fmt: skip


def test_no_policy_and_no_model_leave_no_nulls() -> None:
    gathered = Gathered()
    body = routed() | {"consequence": None, "band": None, "policy": None, "model": None, "proposal": None}
    gathered.routed(body, DAY)
    facts = only(gathered)
    assert facts.confidence is None
    assert {facts.cell.tier, facts.cell.band, facts.cell.model_name, facts.cell.automation_sha256} == {UNKNOWN}


@pytest.mark.parametrize(
    ("fields", "conclusion"),
    [
        ({"mode": "automatic", "relation": "agreed"}, Conclusion.AUTOMATIC),
        ({"mode": "human_with_ai", "relation": "agreed"}, Conclusion.ASSISTED_AGREED),
        ({"mode": "human_with_ai", "relation": "modified"}, Conclusion.ASSISTED_MODIFIED),
        ({"mode": "human_with_ai", "relation": "overrode"}, Conclusion.ASSISTED_OVERRODE),
        ({"mode": "human", "relation": "overrode"}, Conclusion.BLIND_OVERRODE),
        ({"mode": "human_with_ai", "relation": "agreed", "blind": True}, Conclusion.BLIND_AGREED),
        ({"mode": "human", "relation": "no_proposal"}, Conclusion.NO_PROPOSAL),
        ({"mode": "human", "relation": "no_proposal", "closed_as": "withdrawn"}, Conclusion.CLOSED),
    ],
)
def test_how_a_case_ended(fields: dict[str, Any], conclusion: Conclusion) -> None:
    gathered = Gathered()
    gathered.decided(decided(**fields))
    assert only(gathered).conclusion is conclusion
    assert only(gathered).seen == CONCLUDED


def test_a_superseding_decision_is_a_reversal_and_leaves_the_first_conclusion() -> None:
    gathered = Gathered()
    gathered.decided(decided(mode="human", relation="overrode", supersedes="d-1"))
    assert only(gathered).seen == REVERSED
    gathered.decided(decided(mode="automatic"))
    assert only(gathered).seen == REVERSED | CONCLUDED
    assert only(gathered).conclusion is Conclusion.AUTOMATIC


def test_an_audit_counts_for_as_many_as_it_stands_for() -> None:
    gathered = Gathered()
    gathered.recorded(judged(error=True, probability=0.02))
    facts = only(gathered)
    assert (facts.seen, facts.audit_error, facts.audit_weight) == (AUDITED, True, 50_000_000)


def test_a_check_for_cause_is_no_audit() -> None:
    gathered = Gathered()
    gathered.recorded(judged(error=True, selected=False))
    gathered.recorded(judged(error=True, probability=0.0))
    assert not gathered.cases


def test_controls_are_kept_apart_and_other_activities_ignored() -> None:
    gathered = Gathered()
    gathered.recorded(judged(kind="control.judged", error=True))
    gathered.recorded({"kind": "review.claimed", "tenant": "default", "case_id": "case-2"})
    gathered.recorded({"kind": "policy.published"})
    assert only(gathered).seen == CONTROLLED
    assert only(gathered).audit_error is None


def test_tenants_with_one_case_id_stay_apart() -> None:
    gathered = Gathered()
    gathered.routed(routed(tenant="a"), DAY)
    gathered.routed(routed(tenant="b"), DAY)
    assert set(gathered.cases) == {("a", "case-1"), ("b", "case-1")}
