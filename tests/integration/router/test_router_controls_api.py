"""Controls over HTTP: what waits, who may sign, peaks, previews, and what a control was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import Request

from countersign_router.api import Desk, build_app
from countersign_router.controls.intake import ControlIntake
from countersign_router.policy_shelf import PolicyShelf
from countersign_router.store import Store
from countersign_router.store.people import PersonChange
from countersign_shared.clock import system_clock
from countersign_shared.http import Principal, Problem
from countersign_shared.messaging.records import Message
from countersign_shared.observability import Health, Metrics
from tests.integration.router.controls import CERTIFIED, as_record, certificate, trip
from tests.integration.router.desk import Replica, bodies
from tests.unit.router.cases import NEVER_DRAWN, decision_types, scored

pytestmark = pytest.mark.postgres
BASE = "/api/router/v1"


def person(name: str, role: str, tenant: str = "*") -> Principal:
    return Principal(f"p-{name}", name, frozenset({role}), frozenset({tenant}))


PEOPLE = {
    "olga": person("olga", "operator"), "lars": person("lars", "lead"), "paul": person("paul", "policy_approver"),
    "tina": person("tina", "lead", "tina"), "rita": person("rita", "reviewer"), "anna": person("anna", "analyst"),
}  # fmt: skip


async def who(request: Request) -> Principal:
    name = request.headers.get("authorization", "").removeprefix("Bearer ")
    if name not in PEOPLE:
        raise Problem(401, "unauthenticated", "Who are you?")
    return PEOPLE[name]


@pytest.fixture
async def client(replica: Replica, store: Store) -> AsyncIterator[httpx.AsyncClient]:
    metrics = Metrics("router")
    desk = Desk(
        store=store, shelf=PolicyShelf(decision_types()), decision_types=decision_types(), draws=NEVER_DRAWN,
        metrics=metrics, clock=system_clock,
    )  # fmt: skip
    app = build_app(desk=desk, health=Health(), metrics=metrics, authenticate=who)
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://router") as opened:
        yield opened


async def call(client: httpx.AsyncClient, method: str, path: str, name: str, **given: Any) -> httpx.Response:
    return await client.request(method, BASE + path, headers={"authorization": f"Bearer {name}"}, **given)


async def take(replica: Replica, *messages: Message) -> None:
    await ControlIntake(replica.store, replica.metrics)([as_record(one) for one in messages])


async def answer_to(client: httpx.AsyncClient, **change: Any) -> dict[str, Any]:
    (found,) = (await call(client, "GET", "/controls/proposals", "anna")).json()["items"]
    named = {name: found[name] for name in ("becomes", "tenant", "decision_type", "tier", "sha256")}
    return {**named, "reason": "looked at the evidence", **change}


def problem(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def test_two_people_bring_a_certificate_into_force(client: httpx.AsyncClient, replica: Replica) -> None:
    await replica.publish(CERTIFIED)
    await take(replica, certificate())
    asked = await answer_to(client)
    first = await call(client, "POST", "/controls/proposals/sign", "lars", json=asked)
    assert (first.status_code, first.json()) == (200, {"signatures": 1, "signatures_needed": 2, "control": None})
    again = await call(client, "POST", "/controls/proposals/sign", "lars", json=asked)
    assert problem(again) == (409, "same-person")
    (waiting,) = (await call(client, "GET", "/controls/proposals", "anna")).json()["items"]
    assert [(one["pseudonym"], one["signed"]) for one in waiting["said"]] == [("p-lars", True)]
    second = (await call(client, "POST", "/controls/proposals/sign", "paul", json=asked)).json()
    assert second["control"]["kind"] == "certificate.active"
    assert (await call(client, "GET", "/controls/proposals", "anna")).json() == {"items": []}
    assert bodies(await replica.route(scored()), "case.routed")[0]["level"] == 1
    assert problem(await call(client, "POST", "/controls/proposals/sign", "lars", json=asked)) == (404, "nothing-waits")


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("olga", {}, (403, "forbidden")),
        ("rita", {}, (403, "forbidden")),
        ("tina", {}, (403, "forbidden")),
        ("lars", {"sha256": "0" * 64}, (409, "hash-mismatch")),
        ("lars", {"tier": "low"}, (404, "nothing-waits")),
        ("lars", {"becomes": "stop"}, (422, "invalid-request")),
        ("lars", {"reason": ""}, (422, "invalid-request")),
    ],
)
async def test_a_signature_is_refused_by_name(
    client: httpx.AsyncClient, replica: Replica, name: str, change: dict[str, Any], expected: tuple[int, str]
) -> None:
    await take(replica, trip())
    answer = await call(client, "POST", "/controls/proposals/sign", name, json=await answer_to(client, **change))
    assert problem(answer) == expected


async def test_who_lost_the_role_since_the_token_cannot_sign(
    client: httpx.AsyncClient, replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    await take(replica, trip())
    await store.note_people([PersonChange("p-lars", 1, datetime.now(UTC), disabled=True)])
    answer = await call(client, "POST", "/controls/proposals/sign", "lars", json=await answer_to(client))
    assert problem(answer) == (403, "role-lost")
    facts = await pool.fetchval(
        "SELECT count(*) FROM outbox WHERE position(convert_to('control.refused', 'UTF8') in body) > 0"
    )
    assert facts == 1, "a refused signature is on the record"


async def test_a_release_by_somebody_who_lost_the_role_is_refused(
    client: httpx.AsyncClient, replica: Replica, store: Store
) -> None:
    await call(client, "POST", "/controls/stop", "olga", json={"reason": "wrong rates"})
    asked = await call(client, "POST", "/controls/stop/release-requests", "olga", json={"reason": "rates are right"})
    await store.note_people([PersonChange("p-olga", 1, datetime.now(UTC), roles=("reviewer",))])
    path = f"/controls/stop/release-requests/{asked.json()['request_id']}/confirm"
    assert problem(await call(client, "POST", path, "lars")) == (403, "role-lost")
    assert bodies(await replica.route(scored()), "case.routed")[0]["level"] == 3


async def test_a_refusal_is_shown_and_voids(client: httpx.AsyncClient, replica: Replica) -> None:
    await take(replica, trip())
    asked = await answer_to(client)
    await call(client, "POST", "/controls/proposals/sign", "lars", json=asked)
    refused = await call(client, "POST", "/controls/proposals/refuse", "paul", json={**asked, "reason": "too early"})
    (waiting,) = refused.json()["items"]
    assert [(one["pseudonym"], one["signed"], one["reason"]) for one in waiting["said"]] == [
        ("p-paul", False, "too early")
    ]
    assert (await call(client, "POST", "/controls/proposals/sign", "paul", json=asked)).json()["signatures"] == 1


async def test_a_lead_declares_a_peak_and_ends_it(client: httpx.AsyncClient) -> None:
    until = datetime.now(UTC) + timedelta(hours=3)
    asked = {"scope": "tenant", "tenant": "default", "reason": "spring sale", "until": until.isoformat()}
    assert problem(await call(client, "POST", "/controls/peak", "olga", json=asked)) == (403, "forbidden")
    assert problem(await call(client, "POST", "/controls/peak", "tina", json=asked)) == (403, "forbidden")
    declared = (await call(client, "POST", "/controls/peak", "lars", json=asked)).json()
    assert datetime.fromisoformat(declared["state"]["expires_at"]) == until
    far = {**asked, "until": (until + timedelta(days=20)).isoformat()}
    assert problem(await call(client, "POST", "/controls/peak", "lars", json=far)) == (422, "peak-too-long")
    naive = {**asked, "until": "2027-01-01T00:00:00"}
    assert problem(await call(client, "POST", "/controls/peak", "lars", json=naive)) == (422, "invalid-request")
    end = {"scope": "tenant", "tenant": "default", "reason": "it is over"}
    assert (await call(client, "POST", "/controls/peak/end", "lars", json=end)).json()["state"]["active"] is False
    assert problem(await call(client, "POST", "/controls/peak/end", "lars", json=end)) == (404, "no-peak")


async def test_what_a_control_was_is_shown_page_by_page(client: httpx.AsyncClient) -> None:
    for number in range(5):
        until = (datetime.now(UTC) + timedelta(hours=number + 1)).isoformat()
        await call(client, "POST", "/controls/peak", "lars", json={"reason": f"sale {number}", "until": until})
    first = (await call(client, "GET", "/controls/history?kind=peak&limit=2", "anna")).json()
    assert [first["control"]["revision"], *(one["revision"] for one in first["earlier"])] == [5, 4, 3]
    page = f"/controls/history?kind=peak&limit=2&before={first['next_cursor']}"
    rest = (await call(client, "GET", page, "anna")).json()
    assert ([one["revision"] for one in rest["earlier"]], rest["next_cursor"]) == ([2, 1], None)
    assert problem(await call(client, "GET", "/controls/history?kind=stop", "anna")) == (404, "control-unknown")
    hidden = "/controls/history?kind=policy&tenant=default&decision_type=refund"
    assert (await call(client, "GET", hidden, "anna")).status_code == 200
    assert problem(await call(client, "GET", hidden, "tina")) == (404, "control-unknown")
    assert problem(await call(client, "GET", hidden, "rita")) == (403, "forbidden")


async def test_a_preview_says_what_each_queue_would_get(client: httpx.AsyncClient, replica: Replica) -> None:
    await replica.route(*(scored(f"loan-{number}") for number in range(5)), scored("to-people", outcome="decline"))
    asked = {"scope": "decision_type", "decision_type": "loan_application"}
    answer = (await call(client, "POST", "/controls/stop/preview?hours=8", "olga", json=asked)).json()
    assert (answer["hours"], answer["automatic_per_hour"], answer["people_per_hour"]) == (1, 5.0, 1.0)
    assert answer["queues"] == [{"queue": "underwriting", "cases": 5, "per_hour": 5.0, "busiest_hour": 5}]
    assert (await call(client, "GET", "/controls", "anna")).json()["release_requests"] == []
    assert problem(await call(client, "POST", "/controls/stop/preview?hours=0", "olga", json=asked))[0] == 422
