"""Whatever is sent to any route: a problem that says what is wrong, never a crash, never an answer of another shape."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from countersign_review.api import build_openapi
from countersign_shared.runtime import serving
from tests.integration.review.harness import API, Desk, decision, record, routed

pytestmark = pytest.mark.postgres
CHECKS = (not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance)
EXAMPLES = 3
"""A run draws others each time; there are some fifty operations."""
HOSTILE = "<script>alert(1)</script><img src=x onerror=alert(2)>\"'`${7*7}{{7*7}}"


async def test_review_no_request_however_odd_breaks_a_route(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1")), record("case.routed", routed("c-2")))
    # A user for each half: what only administrators reach ends accounts, and would end the reviewer's.
    keys = {"admin": await desk.add_user("root", "admin"), "desk": await desk.add_user("ana", "reviewer", "lead")}
    async with serving(desk.app, "127.0.0.1", 0) as port:
        schema = schemathesis.openapi.from_dict(build_openapi())
        operations = [one.ok() for one in schema.get_all_operations() if not one.ok().path.endswith("/stream")]
        assert len(operations) > 35
        for operation in operations:
            for key in keys.values():
                desk.clock.forward(seconds=10)
                await asyncio.to_thread(_try, operation, f"http://127.0.0.1:{port}", key)
                desk.clock.forward(seconds=-10)


def _try(operation: Any, base_url: str, key: str) -> None:
    @settings(
        max_examples=EXAMPLES, deadline=None, phases=[Phase.generate], database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(case=operation.as_strategy())
    def call(case: Any) -> None:
        case.call_and_validate(base_url=base_url, headers={"Authorization": f"Bearer {key}"}, checks=CHECKS)

    call()


async def test_review_script_in_every_field_stays_text_and_nothing_is_lost(desk: Desk) -> None:
    body = routed("c-1", case={"title": HOSTILE}, subject_ref=HOSTILE[:20])
    body["case"]["payload"] |= {"consumer_credit_record": HOSTILE}
    body["handling"] = {**body["handling"], "key_facts": [], "policy_section": {"title": HOSTILE, "text": HOSTILE}}
    body["reasons"] = [{"code": "exception", "text": HOSTILE, "rule_id": "r", "values_read": {}}]
    await desk.take_in(record("case.routed", body))
    ana = await desk.client("ana", "reviewer", "lead")
    claim = await ana.claim()
    context = claim.json()["context"]
    assert HOSTILE in context["decision_required"]["headline"]
    assert (context["flags"][0]["text"], context["policy_reference"]["text"]) == (HOSTILE, HOSTILE)
    assert HOSTILE in [fact["formatted"] for fact in context["key_facts"]]
    for answer in (claim, await ana.get("/cases?q=script"), await ana.get("/cases/default/c-1")):
        assert answer.headers["content-type"] == "application/json"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "script-src 'self'" in answer.headers["content-security-policy"]
    noted = {"codes": ["missing_context"], "note": HOSTILE, "category": "edge_case"}
    assert (await ana.decide(claim.json(), reason=noted)).status_code == 200
    assert any(HOSTILE in json.loads(message.value)["reason"]["note"] for message in await desk.relay_once()
               if message.topic == "decision.made")  # fmt: skip
    kept = await ana.http.put(f"{API}/saved-views/{HOSTILE.replace('/', ' ')[:80]}", json={"filters": {"q": HOSTILE}})
    assert kept.status_code == 200, kept.text


async def test_review_notes_are_refused_by_name_when_too_long_or_with_control_characters(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1")))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    for note, pointer in (("x" * 10_001, "/reason/note"), ("a\u0000b", "/reason/note"), ("a\u0085b", "/reason/note"),
                          ("x" * 20_001, "/reason/note")):  # fmt: skip
        body = decision(claim, "approve", reason={"codes": ["missing_context"], "note": note})
        answer = await ana.http.post(
            f"{API}/claims/{claim['claim_id']}/decision", json=body,
            headers={"If-Match": '"1"', "Idempotency-Key": "k"},
        )  # fmt: skip
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer]
    assert (await ana.decide(claim)).status_code == 200
