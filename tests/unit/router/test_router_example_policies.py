"""The policies that come along: complete, right under cases of their own, and what the documents say they are."""

from __future__ import annotations

from pathlib import Path

import pytest

from countersign_router.domain.controls import Certificate, Controls
from countersign_router.domain.policy import LEVEL_NAMES, TIERS
from countersign_router.domain.routing import Routing, route
from countersign_router.language.document import PolicyDocument
from countersign_router.language.examples import case_results, problems, read_cases
from countersign_router.language.loading import LoadedPolicy
from tests.unit.router.cases import NEVER_DRAWN, NOW, POLICIES, decision_types, scored, shipped

NAMES = sorted(path.stem for path in POLICIES.glob("*.yaml"))
HOW_TO = Path(__file__).parents[3] / "docs" / "how-to" / "write-a-policy.md"
PURCHASE = {"order_id": "A-1", "amount": {"value": "18.50", "currency": "USD"}, "message": "It broke."}
POST = {
    "post_id": "p-1", "author_id": "a-1", "text": "Buy now!", "category": "spam", "followers": 10, "reports": 1,
    "author_joined_on": "2020-01-01", "earlier_violations": 2,
}  # fmt: skip


def routed(name: str, confidence: float, **case: object) -> Routing:
    """What a policy makes of a case while every tier is certified."""
    loaded = shipped(name)
    live = Certificate("c", 0.0, "1", "platt-1", loaded.policy.automation_sha256)
    controls = Controls(certificates={("default", name, tier): live for tier in TIERS})
    body = scored(decision_type=name, confidence=confidence, **case)  # type: ignore[arg-type]
    # An adverse outcome is automatic only where there is a reason to tell.
    body["proposal"]["explanation"]["factors"][0]["field"] = "text"
    return route(body, loaded.policy, controls, NOW, NEVER_DRAWN)


def said(routing: Routing) -> str:
    return f"{routing.level} {LEVEL_NAMES[routing.level].replace('_', ' ')}"


def test_there_are_three() -> None:
    assert NAMES == ["content_moderation", "loan_application", "refund"]


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_wrong_with_it_and_nothing_is_odd(name: str) -> None:
    assert problems((POLICIES / f"{name}.yaml").read_bytes(), decision_types()) == []


@pytest.mark.parametrize("name", NAMES)
def test_its_cases_are_whole_and_come_out_as_they_say(name: str) -> None:
    cases = read_cases(POLICIES / "cases" / f"{name}.yaml")
    assert len(cases) >= 10
    assert [one for one in case_results(shipped(name), cases) if not one.passed] == []
    assert decision_types()[name].check_payload(cases[0].case) == []


def test_together_they_use_every_part_of_the_document() -> None:
    unused = {name for name, field in PolicyDocument.model_fields.items() if not field.is_required()}
    for name in NAMES:
        unused -= shipped(name).document.model_fields_set
    assert unused == {"tenant", "allow_non_monotone"}


def bands(loaded: LoadedPolicy) -> str:
    rows = []
    for limits, confidences in (("> 0.90", (0.9001, 1.0)), ("0.70-0.90", (0.70, 0.90)), ("< 0.70", (0.0, 0.6999))):
        (level,) = {said(routed("refund", confidence, payload=PURCHASE)) for confidence in confidences}
        rows.append(f"| {limits} | {level} |")
    return "\n".join(["| confidence | level |", "|---|---|", *rows])


def corners(loaded: LoadedPolicy) -> str:
    rows = []
    for harm, categories in (("little harm", ("spam", "insult")), ("much harm", ("harassment", "hate", "violence"))):
        cells = []
        for confidences in ((0.91, 0.99), (0.10, 0.50, 0.80)):
            (cell,) = {
                said(routed("content_moderation", confidence, outcome="remove", payload={**POST, "category": category}))
                for category in categories
                for confidence in confidences
            }
            cells.append(cell)
        rows.append(f"| {harm} | {' | '.join(cells)} |")
    return "\n".join(["| | high confidence | low confidence |", "|---|---|---|", *rows])


@pytest.mark.parametrize(("name", "table"), [("refund", bands), ("content_moderation", corners)])
def test_the_tables_in_the_documents_are_what_the_policies_do(name: str, table) -> None:
    assert table(shipped(name)) in HOW_TO.read_text(encoding="utf-8")


def test_the_four_corners_are_the_ones_that_were_asked_for() -> None:
    levels = [
        [routed("content_moderation", sure, outcome="remove", payload={**POST, "category": harm}).level
         for sure in (0.97, 0.6)]
        for harm in ("hate", "spam")
    ]  # fmt: skip
    assert levels == [[2, 4], [1, 3]]


def test_the_bands_are_the_ones_that_were_asked_for() -> None:
    found = {sure: routed("refund", sure, payload=PURCHASE) for sure in (0.901, 0.90, 0.70, 0.699)}
    assert {sure: (one.band, one.level) for sure, one in found.items()} == {
        0.901: ("high", 2), 0.90: ("medium", 3), 0.70: ("medium", 3), 0.699: ("low", 4),
    }  # fmt: skip
