"""What is kept of an event, and that saying it again adds nothing."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import orjson
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
from countersign_feedback.wire import gather
from tests.unit.feedback.events import decided, judged, routed

DAY = date(2026, 1, 2)
EXAMPLES = Path(__file__).parents[3] / "shared" / "contracts" / "examples"


def told(gathered: Gathered, topic: str, body: dict[str, Any]) -> None:
    gather(gathered, topic, orjson.dumps(body), DAY)


def only(gathered: Gathered) -> Any:
    (facts,) = gathered.cases.values()
    return facts


def test_routing_places_a_case() -> None:
    gathered = Gathered()
    told(gathered, "case.routed", routed(reasons=["matrix", "new_customer", "matrix"]))
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
    body = routed() | {"consequence": None, "band": None, "policy": None, "model": None, "proposal": None}
    gathered = Gathered()
    told(gathered, "case.routed", body)
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
    told(gathered, "decision.made", decided(**fields))
    assert only(gathered).conclusion is conclusion
    assert only(gathered).seen == CONCLUDED


def test_a_superseding_decision_is_a_reversal_and_leaves_the_first_conclusion() -> None:
    gathered = Gathered()
    told(gathered, "decision.made", decided(mode="human", relation="overrode", supersedes="d-1"))
    assert only(gathered).seen == REVERSED
    told(gathered, "decision.made", decided(mode="automatic"))
    assert only(gathered).seen == REVERSED | CONCLUDED
    assert only(gathered).conclusion is Conclusion.AUTOMATIC


def test_an_audit_counts_for_as_many_as_it_stands_for() -> None:
    gathered = Gathered()
    told(gathered, "activity.recorded", judged(error=True, probability=0.02))
    facts = only(gathered)
    assert (facts.seen, facts.audit_error, facts.audit_weight) == (AUDITED, True, 50_000_000)


def test_a_check_for_cause_is_no_audit() -> None:
    gathered = Gathered()
    told(gathered, "activity.recorded", judged(error=True, selected=False))
    told(gathered, "activity.recorded", judged(error=True, probability=0.0))
    assert not gathered.cases


def test_controls_are_kept_apart_and_other_activities_ignored() -> None:
    gathered = Gathered()
    told(gathered, "activity.recorded", judged(kind="control.judged", error=True))
    told(gathered, "activity.recorded", {"kind": "review.claimed", "tenant": "default", "case_id": "case-2"})
    told(gathered, "activity.recorded", {"kind": "policy.published", "tenant": "default", "case_id": None})
    assert only(gathered).seen == CONTROLLED
    assert only(gathered).audit_error is None


def test_tenants_with_one_case_id_stay_apart() -> None:
    gathered = Gathered()
    told(gathered, "case.routed", routed(tenant="a"))
    told(gathered, "case.routed", routed(tenant="b"))
    assert set(gathered.cases) == {("a", "case-1"), ("b", "case-1")}


@pytest.mark.parametrize(
    "path",
    [
        path
        for topic in ("case.routed", "decision.made", "activity.recorded")
        for path in sorted((EXAMPLES / topic).iterdir())
    ],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_every_committed_example_is_read(path: Path) -> None:
    gathered = Gathered()
    gather(gathered, path.parent.name, path.read_bytes(), DAY)
    if path.parent.name != "activity.recorded":
        assert only(gathered).seen


@pytest.mark.parametrize(
    ("topic", "field"),
    [
        ("case.routed", "decision_type"),
        ("case.routed", "policy"),
        ("decision.made", "mode"),
        ("activity.recorded", "kind"),
    ],
)
def test_a_missing_field_is_named(topic: str, field: str) -> None:
    body = {"case.routed": routed(), "decision.made": decided(), "activity.recorded": judged()}[topic]
    del body[field]
    with pytest.raises(ValueError, match=field):
        told(Gathered(), topic, body)


def test_a_word_that_the_contract_does_not_have_is_refused() -> None:
    with pytest.raises(ValueError, match="surprised"):
        told(Gathered(), "decision.made", decided(mode="human", relation="surprised"))


def test_a_judgement_of_no_case_is_refused() -> None:
    with pytest.raises(ValueError, match="without a case_id"):
        told(Gathered(), "activity.recorded", judged() | {"case_id": None})
