"""What is kept of an event, and that saying it again adds nothing."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import permutations
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
    WEIGHT_SCALE,
    Answer,
    Conclusion,
    Gathered,
    Purpose,
    Truth,
)
from countersign_feedback.handlers import TOPICS
from countersign_feedback.wire import OUTCOMES, gather, report
from countersign_shared.messaging.cloudevents import read_event
from countersign_shared.messaging.records import Record
from tests.unit.feedback.events import decided, judged, routed

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
EXAMPLES = Path(__file__).parents[3] / "shared" / "contracts" / "examples"


def told(gathered: Gathered, topic: str, body: dict[str, Any], event_id: str = "e-1") -> None:
    read(gathered, topic, orjson.dumps(body), event_id)


def read(gathered: Gathered, topic: str, data: bytes, event_id: str = "e-1") -> None:
    if topic != OUTCOMES:
        return gather(gathered, topic, data, MOMENT, event_id)
    headers = (
        ("ce_specversion", b"1.0"), ("ce_id", event_id.encode()), ("ce_source", b"/upstream"), ("ce_type", b"t")
    )  # fmt: skip
    return report(gathered, read_event(Record(topic, 0, 0, 0, b"case-1", data, headers)))


def only(gathered: Gathered) -> Any:
    (facts,) = gathered.cases.values()
    return facts


def test_routing_places_a_case() -> None:
    gathered = Gathered()
    told(gathered, "case.routed", routed(reasons=["matrix", "new_customer", "matrix"]))
    facts = only(gathered)
    assert facts.seen == PLACED
    assert facts.routed_at == MOMENT
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
    [path for topic in TOPICS for path in sorted((EXAMPLES / topic).iterdir())],
    ids=lambda path: f"{path.parent.name}/{path.stem}",
)
def test_every_committed_example_is_read(path: Path) -> None:
    gathered = Gathered()
    read(gathered, path.parent.name, path.read_bytes())
    if path.parent.name in {"case.routed", "decision.made"}:
        assert only(gathered).seen
    assert bool(gathered.outcomes) == (path.stem == "outcome_reported")


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


def drawn_for(level: int = 3, *, audit: bool = False, blind: bool = False, human_only: bool = False) -> dict[str, Any]:
    body = routed(level=level)
    body["sampling"] = {
        name: {"probability": chance if selected else 0.0, "selected": selected}
        for name, chance, selected in (("audit", 0.1, audit), ("blind", 0.25, blind), ("human_only", 0.01, human_only))
    } | {"key_id": "k1"}
    return body


@pytest.mark.parametrize(
    ("body", "purpose", "probability"),
    [
        (drawn_for(2, audit=True), Purpose.AUDIT, 0.1),
        (drawn_for(3, blind=True), Purpose.BLIND, 0.25),
        (drawn_for(5, human_only=True), Purpose.HUMAN_ONLY, 0.01),
        (drawn_for(5, blind=True, human_only=True), Purpose.HUMAN_ONLY, 0.01),
    ],
)
def test_a_drawn_case_is_a_label_without_an_answer(body: dict[str, Any], purpose: Purpose, probability: float) -> None:
    gathered = Gathered()
    told(gathered, "case.routed", body | {"certificate": {"status": "live", "id": "cert-1"}})
    (label,) = gathered.labels.values()
    assert label.drawn is not None
    assert (label.drawn.purpose, label.drawn.probability, label.drawn.certificate_id) == (
        purpose,
        probability,
        "cert-1",
    )
    assert (label.error, label.drawn.routed_at, label.drawn.confidence) == (None, MOMENT, 0.93)


@pytest.mark.parametrize("certificate", [None, {"status": "void", "id": "cert-1"}, {"status": "missing"}])
def test_only_a_live_certificate_answers_for_a_decision(certificate: dict[str, str] | None) -> None:
    gathered = Gathered()
    told(gathered, "case.routed", drawn_for(2, audit=True) | {"certificate": certificate})
    (label,) = gathered.labels.values()
    assert label.drawn is not None
    assert label.drawn.certificate_id is None


def test_what_was_not_drawn_or_had_no_proposal_is_no_label() -> None:
    gathered = Gathered()
    told(gathered, "case.routed", drawn_for(3))
    told(gathered, "case.routed", drawn_for(3, blind=True) | {"proposal": None})
    told(gathered, "activity.recorded", judged(error=True, selected=False))
    told(gathered, "activity.recorded", judged(kind="seed.judged", error=True))
    assert not gathered.labels


def test_each_person_counts_once_for_a_case_whichever_events_tell_of_it() -> None:
    gathered = Gathered()
    blind = decided(mode="human_with_ai", relation="overrode", blind=True) | {"outcome": "decline"}
    blind["deciders"][0]["outcome"] = "decline"
    told(gathered, "decision.made", blind)
    again = judged(kind="control.judged", error=True)
    again["body"] |= {"final_outcome": "decline", "answers": [{"pseudonym": "p-1", "outcome": "decline"},
                                                              {"pseudonym": "p-2", "outcome": "approve"}]}  # fmt: skip
    again["body"]["routing"]["proposed"] = "approve"
    told(gathered, "activity.recorded", again)
    day = MOMENT.date()
    assert list(gathered.answers.values()) == [
        Answer("default", "case-1", "p-1", "blind", "loan_application", day, blind=1, blind_agreed=0),
        Answer("default", "case-1", "p-2", "blind", "loan_application", day, blind=1, blind_agreed=1),
    ]


def test_seeds_and_reading_times_are_counted_per_person() -> None:
    gathered = Gathered()
    seed = judged(kind="seed.judged", error=True)
    seed["body"] |= {"final_outcome": "decline", "answers": [{"pseudonym": "p-1", "outcome": "decline"}]}
    told(gathered, "activity.recorded", seed)
    sitting = {"review_id": "r-1", "reviewer": "p-1", "times": {"active_seconds": 20.0, "words_shown": 400}}
    timed = {"kind": "review.timed", "tenant": "default", "case_id": "case-1", "decision_type": "refund"}
    told(gathered, "activity.recorded", timed | {"body": sitting})
    caught, hurried = gathered.answers.values()
    assert (caught.seeded, caught.caught) == (1, 1)
    assert (hurried.timed, hurried.too_fast, hurried.what) == (1, 1, "timed r-1")


def test_an_outcome_that_upstream_reports_is_kept_under_its_events_id() -> None:
    gathered = Gathered()
    path = EXAMPLES / "case.updated" / "outcome_reported.json"
    for _ in range(2):
        told(gathered, "case.updated", orjson.loads(path.read_bytes()), "e-7")
    (outcome,) = gathered.outcomes.values()
    assert (outcome.event_id, outcome.kind, outcome.severity, outcome.happened_on) == (
        "e-7", "default", 3, date(2027, 1, 15)
    )  # fmt: skip
    told(gathered, "case.updated", orjson.loads(path.with_name("withdrawn.json").read_bytes()))
    assert len(gathered.outcomes) == 1


def test_whether_a_proposal_was_right_is_told_by_who_looked_again() -> None:
    gathered = Gathered()
    first = decided(mode="human_with_ai", relation="agreed") | {"outcome": "approve"}
    first["deciders"] = [{"pseudonym": "p-1", "blind": False, "outcome": "approve"}]
    told(gathered, "decision.made", first)
    assert (gathered.truths, next(iter(gathered.answers.values())).agreed) == ({}, True)
    upheld = {"kind": "review.upheld", "tenant": "default", "case_id": "case-1", "decision_type": "loan_application"}
    again = decided(mode="human", relation="overrode", supersedes="d-1")
    for events in ([upheld, again], [again, upheld]):
        heard = Gathered()
        for event in events:
            told(heard, "activity.recorded" if "kind" in event else "decision.made", event)
        assert heard.truths["default", "case-1"].wrong is True, "upheld says nothing new"
    told(gathered, "activity.recorded", upheld)
    assert gathered.truths["default", "case-1"].wrong is None
    # A withdrawal that closes a case, and a rehearsal, say nothing of any proposal.
    for other in (again | {"closed_as": "withdrawn"}, again | {"test": True}, again | {"relation": "no_proposal"}):
        heard = Gathered()
        told(heard, "decision.made", other)
        assert heard.truths == {}


def test_nobody_is_measured_by_a_truth_of_their_own() -> None:
    gathered = Gathered()
    body = decided(mode="human_with_ai", relation="overrode") | {"outcome": "decline"}
    body["routing"] = {"proposed": "approve"}
    body["deciders"] = [
        {"pseudonym": "p-1", "blind": False, "outcome": "approve"},
        {"pseudonym": "p-2", "blind": False, "outcome": "decline"},
        {"pseudonym": "p-lead", "blind": False, "outcome": "decline"},
    ]
    told(gathered, "decision.made", body)
    assert gathered.truths["default", "case-1"].wrong is True
    assert [one.agreed for one in gathered.answers.values()] == [True, False, None]


def test_whoever_differs_from_an_override_has_not_agreed_where_there_are_three_outcomes() -> None:
    gathered = Gathered()
    settled = EXAMPLES / "decision.made" / "content_moderation.settled.json"
    told(gathered, "decision.made", orjson.loads(settled.read_bytes()))
    seed = judged("case-2", kind="seed.judged", error=True)
    seed["body"] |= {"final_outcome": "remove", "answers": [{"pseudonym": "p-limit", "outcome": "limit"}]}
    seed["body"]["routing"]["proposed"] = "keep"
    told(gathered, "activity.recorded", seed)
    limited, removed, lead, caught = gathered.answers.values()
    assert (limited.assisted_agreed, limited.agreed, removed.assisted_agreed, lead.assisted_agreed) == (0, False, 0, 0)
    assert (caught.seeded, caught.caught) == (1, 1)


def test_nobody_is_measured_by_a_guess_where_an_event_does_not_name_the_proposal() -> None:
    gathered = Gathered()
    body = decided(mode="human_with_ai", relation="overrode") | {"outcome": "remove"}
    body["deciders"] = [{"pseudonym": f"p-{said}", "blind": False, "outcome": said} for said in ("limit", "remove")]
    told(gathered, "decision.made", body)
    assert [one.reviewer for one in gathered.answers.values()] == ["p-remove"]


def test_the_latest_truth_stands_in_whatever_order_it_is_told() -> None:
    told_truths = [
        Truth("default", "case-1", "loan", None, MOMENT + timedelta(days=2), "upheld"),
        Truth("default", "case-1", "loan", False, MOMENT, "a"),
        Truth("default", "case-1", "loan", True, MOMENT, "b"),
    ]
    for order in permutations(told_truths):
        heard = Gathered()
        for one in order:
            heard.truth(one)
        assert heard.truths["default", "case-1"] == told_truths[2], "of one moment the greater id, an upheld one never"


@pytest.mark.parametrize(
    ("selected", "probability", "weighs"), [(True, 0.004, 250), (True, 0.0, None), (False, 1.0, None)]
)
def test_an_audit_weighs_by_its_chance_and_one_for_cause_nothing(
    selected: bool, probability: float, weighs: int | None
) -> None:
    heard = Gathered()
    heard.audit("default", "case-1", error=True, selected=selected, probability=probability)
    found = heard.of("default", "case-1")
    assert bool(found.seen & AUDITED) == (weighs is not None)
    if weighs is not None:
        assert (found.audit_error, found.audit_weight) == (True, weighs * WEIGHT_SCALE)
