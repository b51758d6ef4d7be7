"""How reviewers decide: as much as the tenant lets be shown, and a person only for a purpose that is on the record."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import Request
from pydantic import TypeAdapter
from typer.testing import Result

from countersign_feedback.api import build_app
from countersign_feedback.app import MIGRATIONS
from countersign_feedback.domain.reviewer_privacy import ReviewerSignals
from countersign_feedback.domain.rubber_stamps import discrimination
from countersign_feedback.handlers import Handler
from countersign_feedback.store import SCHEMA, Store
from countersign_local.cli import feedback as cli
from countersign_shared.contracts.events import ActivityRecorded
from countersign_shared.http import ROLES, Principal
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import migrate, open_pool
from countersign_shared.runtime import serving
from tests.fixtures.commands import Runner
from tests.integration.feedback.test_feedback_store import record
from tests.unit.feedback.events import decided, judged

pytestmark = pytest.mark.postgres
UNNAMED_ROLE = "lead"
MODES = {"shown": ReviewerSignals.PSEUDONYMOUS, "off": ReviewerSignals.OFF}


async def authenticate(request: Request) -> Principal:
    return Principal(
        subject=request.headers.get("x-subject", "p-lead"), username="u",
        roles=frozenset({request.headers.get("x-role", UNNAMED_ROLE)}),
        tenants=frozenset(request.headers.get("x-tenants", "*").split(",")),
    )  # fmt: skip


def reviews(tenant: str) -> list[Any]:
    """Six reviewers with 40 assisted and 40 blind reviews each; r-0 agrees with whatever is in sight."""
    found = []
    for person in range(6):
        for n in range(80):
            blind = n < 40
            agreed = n % 4 != 0 or (person == 0 and not blind)
            body = decided(f"{tenant}-{person}-{n}", tenant=tenant, mode="human_with_ai", blind=blind,
                           relation="agreed" if agreed else "overrode") | {"outcome": "approve"}  # fmt: skip
            body["deciders"] = [{"pseudonym": f"r-{person}", "blind": blind, "outcome": "approve"}]
            found.append(record("decision.made", body))
    return found


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(database_url, schema=SCHEMA) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        store = Store(pool)
        for _ in range(2):
            await Handler(store)([*reviews("shown"), *reviews("default"), *reviews("off")])
        yield pool


@pytest.fixture
async def client(pool: asyncpg.Pool) -> AsyncIterator[httpx.AsyncClient]:
    app = build_app(
        store=Store(pool), health=Health(), metrics=Metrics("feedback"), authenticate=authenticate,
        clock=lambda: datetime(2026, 6, 1, tzinfo=UTC),
        modes=lambda tenant: MODES.get(tenant, ReviewerSignals.TEAM),
    )  # fmt: skip
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://feedback/api/feedback/v1/") as client:
        client.headers["x-role"] = "lead"
        yield client


async def test_a_tenant_decides_what_is_shown(client: httpx.AsyncClient) -> None:
    async def desk(tenant: str) -> Any:
        return (await client.get("reviewers", params={"tenant": tenant})).json()

    team = await desk("default")
    assert (team["people"], team["findings"]) == (6, [])
    assert team["team"]["assisted"]["n"] == 240, "told twice, counted once"
    shown = await desk("shown")
    assert [one["reviewer"] for one in shown["findings"]] == [f"r-{n}" for n in range(6)]
    assert (await desk("off"))["people"] == 0


async def test_opening_a_person_needs_a_purpose_and_is_on_the_record_once(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    asked = {"params": {"tenant": "shown"}, "json": {"purpose": "Talk after complaint 12"}}
    for _ in range(2):
        opened = await client.post("reviewers/r-0/open", headers={"Idempotency-Key": "k-1"}, **asked)
        assert opened.status_code == 200, opened.text
    assert opened.json()["assisted"] == {"k": 40, "n": 40, "lower": pytest.approx(0.912, abs=0.001), "upper": 1.0}
    await client.post("reviewers/r-0/open", **asked)
    bodies = await pool.fetch("SELECT body FROM outbox ORDER BY id")
    activities = [TypeAdapter(ActivityRecorded).validate_json(row["body"]) for row in bodies]
    assert [one.sequence for one in activities] == [1, 2]
    assert activities[0].body.purpose == "Talk after complaint 12"
    assert activities[0].actor.pseudonym == "p-lead"
    # A key that was used before hides no other look.
    for other in (
        asked | {"json": {"purpose": "Curious"}},
        asked | {"params": {"tenant": "shown", "decision_type": "loan_application"}},
        asked | {"params": {"tenant": "shown", "since": "2020-01-01"}},
    ):
        before = await pool.fetchval("SELECT count(*) FROM outbox")
        for _ in range(2):
            await client.post("reviewers/r-0/open", headers={"Idempotency-Key": "k-1"}, **other)
        assert await pool.fetchval("SELECT count(*) FROM outbox") == before + 1, other
    nothing = await client.post("reviewers/r-0/open", params={"tenant": "shown"}, json={"purpose": ""})
    assert nothing.status_code == 422
    assert nothing.json()["errors"][0]["pointer"] == "/purpose"


async def test_no_purpose_opens_a_person_where_persons_are_not_shown(
    client: httpx.AsyncClient, pool: asyncpg.Pool
) -> None:
    for tenant in ("default", "off"):
        refused = await client.post("reviewers/r-0/open", params={"tenant": tenant}, json={"purpose": "curiosity"})
        assert refused.status_code == 403
        assert "not about persons" in refused.json()["detail"]
    assert await pool.fetchval("SELECT count(*) FROM outbox") == 0


async def test_the_command_line_shows_what_the_service_has(
    client: httpx.AsyncClient,
) -> None:
    assert isinstance(client._transport, httpx.ASGITransport)
    async with serving(client._transport.app, "127.0.0.1", 0) as port:  # type: ignore[arg-type]
        environment = {"COUNTERSIGN_URL": f"http://127.0.0.1:{port}", "COUNTERSIGN_API_KEY": "cs_test_0_0"}

        async def run(*words: str) -> Result:
            return await asyncio.to_thread(Runner().invoke, cli.app, ("reviewers", *words), env=environment)

        team = await run()
        assert team.exit_code == 0, team.exception
        assert "of 240" in team.output
        opened = await run("--tenant", "shown", "--person", "r-0", "--purpose", "Talk after complaint 12")
        assert opened.exit_code == 0, opened.exception
        assert "r-0: " in opened.output
        refused = await run("--person", "r-0", "--purpose", "curiosity")
        assert "not about persons" in str(refused.exception)


async def test_a_reviewer_sees_their_own_page_whatever_the_setting(client: httpx.AsyncClient) -> None:
    mine = await client.get("reviewers/me", headers={"x-role": "reviewer", "x-subject": "r-3"})
    assert mine.json()["reviewer"] == "r-3"
    stranger = await client.get("reviewers/me", headers={"x-role": "reviewer", "x-subject": "r-9"})
    assert stranger.status_code == 403
    assert "nothing is said about anybody on so little" in stranger.json()["detail"]


async def test_who_may_ask(client: httpx.AsyncClient) -> None:
    for role in sorted(ROLES):
        headers = {"x-role": role, "x-subject": "r-1"}
        asked = {"params": {"tenant": "shown"}, "headers": headers}
        opened = await client.post("reviewers/r-0/open", json={"purpose": "why"}, **asked)
        assert opened.status_code == (200 if role in {"lead", "auditor", "admin"} else 403), role
        desk = await client.get("reviewers", headers=headers)
        assert desk.status_code == (403 if role in {"reviewer", "submitter"} else 200), role
        other = await client.get("reviewers", params={"tenant": "shown"}, headers=headers | {"x-tenants": "default"})
        assert other.status_code == 403


async def test_discrimination_comes_from_cases_that_were_looked_at_again(pool: asyncpg.Pool) -> None:
    """r-1 overrode every fourth of 40 assisted cases; then somebody else looked at eight of them, and at a seed."""

    def again(n: int, *, relation: str | None) -> Any:
        case_id = f"shown-1-{n}"
        if relation is None:
            body = {"kind": "review.upheld", "tenant": "shown", "case_id": case_id, "sequence": 9,
                    "decision_type": "loan_application", "body": {}}  # fmt: skip
            return record("activity.recorded", body)
        return record(
            "decision.made", decided(case_id, tenant="shown", mode="human", relation=relation, supersedes="d")
        )

    seed = judged("seed-1", tenant="shown", kind="seed.judged", error=True)
    seed["body"] |= {"final_outcome": "decline", "answers": [{"pseudonym": "r-1", "outcome": "decline"}]}
    store = Store(pool)
    told = [
        # 40, 44: overridden, and rightly; 41, 42: followed a wrong proposal. 45, 46: rightly followed; 48: overridden.
        again(40, relation="overrode"), again(44, relation=None), again(41, relation="overrode"),
        again(42, relation="overrode"), again(45, relation="agreed"), again(46, relation=None),
        again(48, relation="agreed"), record("activity.recorded", seed),
    ]  # fmt: skip
    for batch in ([*told, *told], told[::-1]):
        await Handler(store)(batch)
    (one,) = [one for one in await store.reviews("shown", None, None) if one.reviewer == "r-1"]
    assert (one.overrode_wrong, one.wrong, one.overrode_right, one.right) == (3, 5, 1, 3)
    assert discrimination(one) == pytest.approx(3 / 5 - 1 / 3)
    assert await store.reviews("shown", None, date(2030, 1, 1)) == []
