"""The summary over HTTP, on a real PostgreSQL."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import asyncpg
import httpx
import orjson
import pytest
from fastapi import Request
from jsonschema import Draft202012Validator

from countersign_feedback.api import build_app, build_openapi
from countersign_feedback.app import MIGRATIONS
from countersign_feedback.domain.summary import Scope
from countersign_feedback.handlers import Handler
from countersign_feedback.report import read_summary
from countersign_feedback.store import SCHEMA, Store
from countersign_shared.http import ROLES, Principal
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Record
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import migrate, open_pool
from tests.integration.feedback.test_feedback_store import record
from tests.unit.feedback.events import decided, judged, routed

MOMENT = datetime(2026, 1, 3, tzinfo=UTC)
READERS = {"analyst", "lead", "operator", "auditor", "policy_author", "policy_approver", "admin"}


async def authenticate(request: Request) -> Principal:
    # Roles and tenants as the caller says them: who may call is under test, not how they prove it.
    return Principal(
        subject="p-1", username="u", roles=frozenset({request.headers["x-role"]}),
        tenants=frozenset(request.headers.get("x-tenants", "*").split(",")),
    )  # fmt: skip


def reported(
    case_id: str, event_id: str, *, severity: int = 3, tenant: str = "a", by: str = "/upstream", kind: str = "default"
) -> Record:
    body = {
        "kind": "outcome_reported", "tenant": tenant, "case_id": case_id, "decision_type": "loan_application",
        "occurred_at": "2026-01-02T00:00:00Z",
        "body": {"kind": kind, "severity": severity, "date": "2026-01-02", "source": "servicing"},
    }  # fmt: skip
    message = write_event(
        "case.updated", event_id=event_id, source=by, case_id=case_id, time="2026-01-02T00:00:00Z",
        body=orjson.dumps(body), partition=0,
    )  # fmt: skip
    return Record("case.updated", 0, 0, 0, message.key, message.value, message.headers)


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(database_url, schema=SCHEMA) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        yield pool


@pytest.fixture
async def client(database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with open_pool(database_url, schema=SCHEMA) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        store = Store(pool)
        await Handler(store)(
            [record("case.routed", routed(f"a-{n}", tenant="a")) for n in range(40)]
            + [record("decision.made", decided(f"a-{n}", tenant="a")) for n in range(40)]
            + [record("activity.recorded", judged(f"a-{n}", tenant="a", error=n == 0)) for n in range(35)]
            + 2 * [reported("a-1", "o-1"), reported("elsewhere", "o-2", severity=1)]
            + [Record("case.updated", 0, 9, 0, b"a-1", b"upstream wrote nonsense", ())]
            + [record("case.routed", routed("b-1", tenant="b", decision_type="refund", level=4, tier="high"))]
        )
        app = build_app(
            store=store, health=Health(), metrics=Metrics("feedback"), authenticate=authenticate, clock=lambda: MOMENT
        )
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://feedback") as client:
            client.headers["x-role"] = "analyst"
            yield client


async def test_summary_says_how_many_each_figure_rests_on(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/feedback/v1/summary")
    assert answer.status_code == 200
    loans, refunds = read_summary(answer.json()).decision_types
    assert loans.total.automation.text == "100 % [91.2 %, 100 %]: 40 of 40 cases"
    assert loans.total.audit_error.text == "2.9 % [0.07 %, 14.9 %]: 1 of 35 blind audits"
    assert loans.total.audit_error_weighted.even
    assert refunds.total.automation.text == "not enough yet: 1 of the 30 cases a figure needs"
    assert answer.json()["generated_at"] == "2026-01-03T00:00:00.000000Z"


async def test_answers_fit_the_published_description(client: httpx.AsyncClient) -> None:
    document = build_openapi()
    schema = {"$ref": "#/components/schemas/Summary", "components": document["components"]}
    Draft202012Validator(schema).validate((await client.get("/api/feedback/v1/summary")).json())


PATHS = (
    "summary", "summary.svg", "plan?alpha=0.02&traffic=9", "calibration?decision_type=refund",
    "certificates/preview?decision_type=refund&alpha=0.02",
    "certificates/preview.svg?decision_type=loan_application&alpha=0.02", "promises?decision_type=refund",
    "certificates?decision_type=refund", "outcomes?decision_type=refund",
)  # fmt: skip


async def test_who_may_look(client: httpx.AsyncClient) -> None:
    for role in sorted(ROLES):
        for path in PATHS:
            answer = await client.get(f"/api/feedback/v1/{path}", headers={"x-role": role})
            assert answer.status_code == (200 if role in READERS else 403), (role, path)
            if role not in READERS:
                assert answer.headers["content-type"] == "application/problem+json"


async def test_nobody_sees_another_tenants_figures(client: httpx.AsyncClient) -> None:
    mine = (await client.get("/api/feedback/v1/summary", headers={"x-tenants": "b"})).json()
    assert [kind["decision_type"] for kind in mine["decision_types"]] == ["refund"]
    theirs = await client.get("/api/feedback/v1/summary", params={"tenant": "a"}, headers={"x-tenants": "b"})
    assert theirs.status_code == 403
    assert theirs.json()["detail"] == "You may not see tenant a."


async def test_filters(client: httpx.AsyncClient) -> None:
    async def types(**params: str) -> list[str]:
        answer = await client.get("/api/feedback/v1/summary", params=params)
        return [kind["decision_type"] for kind in answer.json()["decision_types"]]

    assert await types(decision_type="refund") == ["refund"]
    assert await types(tenant="a") == ["loan_application"]
    assert await types(since="2026-01-03") == []
    refused = await client.get("/api/feedback/v1/summary", params={"since": "yesterday"})
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == "/query/since"


async def test_what_upstream_reports_is_counted_once_by_who_had_decided(client: httpx.AsyncClient) -> None:
    told = await client.get("/api/feedback/v1/outcomes", params={"decision_type": "loan_application"})
    assert told.json() == {
        "outcomes": [
            {"decision_type": "loan_application", "kind": "default", "reported": 2, "automatic": 1, "worst": 3}
        ]
    }


async def test_what_strangers_report_never_stops_the_counting(pool: asyncpg.Pool) -> None:
    handler = Handler(Store(pool))
    await handler([
        reported("a-1", "o-1", severity=40_000), reported("a-1", "o-2", kind="a\0b"), reported("a\0", "o-3"),
        reported("a-1", "o-4", tenant="\0"), reported("a-1", "o\0"), reported("a-1", "o-6"),
    ])  # fmt: skip
    (kept,) = await Store(pool).outcomes(Scope())
    assert (kept.kind, kept.reported, kept.worst) == ("default", 1, 3)


async def test_no_source_hides_what_another_reports_under_the_same_id(pool: asyncpg.Pool) -> None:
    handler, store = Handler(Store(pool)), Store(pool)
    told = [reported("1", "1"), reported("1", "1", tenant="b"), reported("1", "1", by="/other"), reported("2", "1")]
    await handler(told)
    await handler(told)
    assert [one.reported for one in await store.outcomes(Scope())] == [4]
    # What an earlier release kept has no source, and is not counted again when the event is delivered again.
    await pool.execute("DELETE FROM outcomes")
    await handler(told[:1])
    await pool.execute("UPDATE outcomes SET event_source = ''")
    await handler(told[:1])
    assert [one.reported for one in await store.outcomes(Scope())] == [1]


async def test_the_picture(client: httpx.AsyncClient) -> None:
    answer = await client.get("/api/feedback/v1/summary.svg")
    assert answer.headers["content-type"].startswith("image/svg+xml")
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert "2.9 % [0.07, 14.9]: 1 of 35" in answer.text


@pytest.mark.parametrize("path", ["summary?tenant=a%00b", "summary?decision_type=%00", "outcomes?decision_type=%00"])
async def test_a_character_that_no_text_can_hold_is_refused(client: httpx.AsyncClient, path: str) -> None:
    answer = await client.get(f"/api/feedback/v1/{path}")
    assert answer.status_code == 422, answer.text
