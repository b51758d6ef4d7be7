"""Whoever may act for one tenant: no route shows them anything of others, or lets them change what holds for others."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import orjson
import pytest
from fastapi import Request

from countersign_router.api import build_openapi
from countersign_router.controls import stops
from countersign_router.controls.events import Actor
from countersign_router.controls.intake import ControlIntake
from countersign_router.replaying.against import read_against
from countersign_router.store import Store
from countersign_shared.http import ROLES, Principal
from tests.integration.router.controls import as_record, calibrator, control, trip
from tests.integration.router.desk import Replica
from tests.integration.router.door import calling, door
from tests.integration.router.life import Way, everything_to_people
from tests.integration.router.test_router_life_api import certify
from tests.unit.router.cases import PAYLOAD, shipped

pytestmark = pytest.mark.postgres
BASE = "/api/router/v1"
SHIPPED = shipped().policy.sha256
OLGA = Actor("p-olga", "operator")


async def who(request: Request) -> Principal:
    # Every role there is, for the tenants that the test names.
    tenants = frozenset(request.headers["x-tenants"].split(","))
    return Principal("p-tina", "tina", ROLES, tenants, forwarded=True)


@pytest.fixture
async def client(replica: Replica, store: Store, database_url: str) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(door(store, who, replays_on=database_url)) as opened:
        opened.headers["x-tenants"] = "acme"
        yield opened


Asked = tuple[str, str, dict[str, Any] | None, int]
WHY = {"reason": "because I can"}
SCOPES: tuple[dict[str, Any], ...] = (
    {"scope": "all"}, {"scope": "tenant", "tenant": "default"}, {"scope": "decision_type", "decision_type": "refund"},
    {"scope": "decision_type", "decision_type": "refund", "tenant": "default"},
)  # fmt: skip
TRIPPED = {"becomes": "trip.cleared", "decision_type": "loan_application", "tier": "negligible", "sha256": "0" * 64}


def switches(path: str, **more: Any) -> list[Asked]:
    return [("POST", path, {**scope, **more}, 403) for scope in SCOPES]


def signing(path: str) -> list[Asked]:
    return [("POST", path, {**TRIPPED, **WHY, "tenant": tenant}, 403) for tenant in ("default", "*")]


def steps(*whats: str) -> dict[str, list[Asked]]:
    return {
        f"/policies/drafts/{{draft_id}}/{what}": [("POST", f"/policies/drafts/DRAFT/{what}", body, 404)]
        for what, body in (("test", {}), ("approve", {}), ("publish", WHY), ("replay", {}))
        if what in whats
    }


TEXT = everything_to_people().data.decode()
CASE = {"decision_type": "loan_application", "payload": PAYLOAD}
OF_OTHERS: dict[str, list[Asked]] = {
    "/policies/validate": [], "/decision-types": [],
    "/policies/drafts": [
        ("GET", "/policies/drafts", None, 200), ("POST", "/policies/drafts", {"yaml": TEXT, **WHY}, 403),
    ],
    "/policies/drafts/{draft_id}": [
        ("GET", "/policies/drafts/DRAFT", None, 404), ("PUT", "/policies/drafts/DRAFT", {"yaml": TEXT}, 404),
    ],
    **steps("test", "approve", "publish", "replay"),
    "/policies/drafts/{draft_id}/preview": [("GET", "/policies/drafts/DRAFT/preview", None, 404)],
    "/policies/{sha256}/roll-back": [("POST", f"/policies/{SHIPPED}/roll-back", WHY, 404)],
    "/policies/diff": [("GET", f"/policies/diff?before={SHIPPED}&after={SHIPPED}", None, 404)],
    "/policies": [("GET", "/policies", None, 200)],
    "/policies/{sha256}": [("GET", f"/policies/{SHIPPED}", None, 404)],
    "/policies/replays": [
        ("POST", "/policies/replays", {"sha256": SHIPPED}, 404), ("POST", "/policies/replays", {"yaml": TEXT}, 403),
    ],
    "/route": [
        ("POST", "/route", CASE, 403), ("POST", "/route", {**CASE, "tenant": "acme", "policy_sha256": SHIPPED}, 404),
    ],
    "/matrix": [
        ("GET", f"/matrix?decision_type=loan_application{tenant}", None, 403) for tenant in ("", "&tenant=default")
    ],
    "/controls": [],  # looked at by itself, below
    "/controls/proposals": [("GET", "/controls/proposals", None, 200)],
    "/controls/proposals/sign": signing("/controls/proposals/sign"),
    "/controls/proposals/refuse": signing("/controls/proposals/refuse"),
    "/controls/stop": switches("/controls/stop", **WHY),
    "/controls/stop/preview": switches("/controls/stop/preview"),
    "/controls/stop/release-requests": switches("/controls/stop/release-requests", **WHY),
    "/controls/stop/release-requests/{request_id}/confirm": [
        ("POST", "/controls/stop/release-requests/ALL/confirm", {}, 403),
    ],
    "/controls/peak": switches("/controls/peak", until="2099-01-01T00:00:00Z", **WHY),
    "/controls/peak/end": switches("/controls/peak/end", **WHY),
    "/controls/bands": [
        ("POST", "/controls/bands", {**scope, "high": 0.1, "medium": 0.1, **WHY}, 403) for scope in SCOPES
    ],
    "/controls/history": [
        ("GET", "/controls/history?kind=policy&tenant=default&decision_type=loan_application", None, 404),
    ],
}  # fmt: skip


async def take(replica: Replica, *messages: Any) -> None:
    await ControlIntake(replica.store, replica.metrics)([as_record(one) for one in messages])


async def test_no_route_shows_or_changes_anything_of_other_tenants_or_of_all(
    client: httpx.AsyncClient, replica: Replica, store: Store
) -> None:
    assert {path.removeprefix(BASE) for path in build_openapi()["paths"]} == set(OF_OTHERS)
    await take(replica, trip())
    way = await Way.examined(store, everything_to_people(3))
    for tenant in ("*", "default"):
        await stops.stop(store, tenant=tenant, decision_type="*", reason="x", actor=OLGA)
    requests = {
        tenant: await stops.request_release(
            store, request_id=UUID(int=number), tenant=tenant, decision_type="*", reason="x", actor=OLGA
        )
        for number, tenant in enumerate(("*", "default"))
    }  # fmt: skip
    named = {"DRAFT": str(way.draft_id), "/ALL/": f"/{requests['*'].id}/"}
    before = await store.controls()
    for method, path, body, status in (one for several in OF_OTHERS.values() for one in several):
        for mark, value in named.items():
            path = path.replace(mark, value)  # noqa: PLW2901 - the same path, whole
        match = {"if-match": (await way.draft()).sha256}
        answer = await client.request(method, BASE + path, json=body, headers=match)
        assert answer.status_code == status, (method, path, body, answer.text)
        if status == 200:
            assert answer.json()["items"] == [], path
    assert await store.controls() == before
    shown = (await client.get(f"{BASE}/controls")).json()
    # What holds for all holds for them: they see it, and who asked to end it.
    assert {one["tenant"] for one in (*shown["items"], *shown["release_requests"])} == {"*"}


async def test_certificates_that_a_change_would_void_are_named_to_who_sees_their_tenants(
    client: httpx.AsyncClient, replica: Replica, store: Store
) -> None:
    for tenant in ("acme", "default", "zeta"):
        await certify(store, tenant, "low", shipped().policy.automation_sha256)
    state = orjson.loads(calibrator().value)["state"]
    await take(replica, control("calibrator.proposed", state, tenant="*", tier="*"))
    way = await Way.begin(store, everything_to_people(2))
    for tenants, named in (("acme", {"acme"}), ("acme,zeta", {"acme", "zeta"}), ("*", {"acme", "default", "zeta"})):
        asked = {"x-tenants": tenants}
        (waits,) = (await client.get(f"{BASE}/controls/proposals", headers=asked)).json()["items"]
        assert {one["tenant"] for one in waits["certificates_voided"]} == named
    for tenants, named in (("default", {"default"}), ("*", {"acme", "default", "zeta"})):
        preview = await client.get(f"{BASE}/policies/drafts/{way.draft_id}/preview", headers={"x-tenants": tenants})
        assert {one["tenant"] for one in preview.json()["certificates_voided"]} == named


async def test_an_answer_given_before_shows_nothing_to_who_has_lost_the_tenant_since(client: httpx.AsyncClient) -> None:
    asked = {"json": {"yaml": TEXT, **WHY}}
    seen = {"x-tenants": "default", "idempotency-key": "k-1"}
    assert (await client.post(f"{BASE}/policies/drafts", headers=seen, **asked)).status_code == 201
    assert (await client.post(f"{BASE}/policies/drafts", headers=seen, **asked)).status_code == 201
    lost = await client.post(f"{BASE}/policies/drafts", headers=seen | {"x-tenants": "acme"}, **asked)
    assert lost.status_code == 404
    assert "never_automate" not in lost.text


def test_a_date_out_of_the_calendar_is_no_date() -> None:
    assert read_against("since:2026-01-31T00:00:00+01:00").since is not None
    with pytest.raises(ValueError, match="is no date"):
        read_against("since:0001-01-01T00:00:00+14:00")
