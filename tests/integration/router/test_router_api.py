"""The HTTP API: who may do what, explanations without side effects, the matrix with its counts, the switch."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest

from countersign_router.api import build_openapi
from countersign_router.store import Store
from countersign_shared.http import Principal
from tests.integration.router.desk import Replica, bodies
from tests.integration.router.door import calling, door, named
from tests.unit.router.cases import PAYLOAD, bent, scored, shipped

pytestmark = pytest.mark.postgres
BASE = "/api/router/v1"

PEOPLE = {
    "olga": Principal("p-olga", "olga", frozenset({"operator"}), frozenset({"*"})),
    "lars": Principal("p-lars", "lars", frozenset({"lead"}), frozenset({"*"})),
    "lena": Principal("p-lena", "lena", frozenset({"lead"}), frozenset({"*"}), forwarded=True),
    "tina": Principal("p-tina", "tina", frozenset({"lead"}), frozenset({"tina"})),
    "rita": Principal("p-rita", "rita", frozenset({"reviewer"}), frozenset({"*"})),
    "anna": Principal("p-anna", "anna", frozenset({"analyst"}), frozenset({"*"})),
}


who = named(PEOPLE)


@pytest.fixture
async def client(replica: Replica, store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(door(store, who)) as opened:
        yield opened


async def call(client: httpx.AsyncClient, method: str, path: str, name: str = "olga", **given: Any) -> httpx.Response:
    return await client.request(method, BASE + path, headers={"authorization": f"Bearer {name}"}, **given)


async def test_policies_are_listed_newest_first_and_shown(client: httpx.AsyncClient, replica: Replica) -> None:
    await replica.publish(bent(version=2, never_automate="true"))
    first = (await call(client, "GET", "/policies?limit=2")).json()
    assert [(one["id"], one["version"], one["in_force"]) for one in first["items"]] == [
        ("default/loan_application", 2, True), ("default/loan_application", 1, False),
    ]  # fmt: skip
    rest = (await call(client, "GET", f"/policies?limit=2&cursor={first['next_cursor']}")).json()
    assert ([one["id"] for one in rest["items"]], rest["next_cursor"]) == (["default/refund"], None)
    shown = (await call(client, "GET", f"/policies/{shipped().policy.sha256}")).json()
    assert "# Mortgage applications" in shown["yaml"]
    assert shown["document"]["bands"] == {"high": 0.9, "medium": 0.7}
    assert (await call(client, "GET", f"/policies/{'0' * 64}")).status_code == 404


async def test_a_case_is_explained_without_side_effects(client: httpx.AsyncClient, pool: asyncpg.Pool) -> None:
    asked = {
        "decision_type": "loan_application",
        "payload": PAYLOAD,
        "proposal": {"outcome": "approve", "confidence": 0.97},
    }
    before = await pool.fetchval("SELECT count(*) FROM outbox")
    answer = (await call(client, "POST", "/route", json=asked)).json()
    assert (answer["level"], answer["level_name"], answer["band"]) == (1, "full_automation", "high")
    assert [reason["code"] for reason in answer["reasons"]] == ["consequence", "matrix", "uncertified"]
    broken = {**asked, "payload": {**PAYLOAD, "loan_amount": 5}}
    answer = (await call(client, "POST", "/route", json=broken)).json()
    assert (answer["level"], [reason["code"] for reason in answer["reasons"]]) == (4, ["invalid_input"])
    assert await pool.fetchval("SELECT count(*) FROM routings") == 0
    assert await pool.fetchval("SELECT count(*) FROM outbox") == before


@pytest.mark.parametrize(
    ("text", "status"),
    [
        (r'"payload": {"loan_purpose": "\ud800"}', 422), (r'"payload": {"\ud800": 1}', 422),
        ('"payload": ' + '{"a":' * 500 + "1" + "}" * 500, 422), ('"payload": {"a": ' + "9" * 400 + "}", 200),
        (r'"payload": {}, "case": {"title": "\ud800"}', 422), ('"payload": {}, "case": {"deadline_at": "soon"}', 422),
        ('"payload": {}, "case": {"deadline_at": 5}', 422), ('"payload": {}, "case": {"deadline_at": null}', 200),
        (r'"payload": {}, "model": {"version": "\ud800"}', 422), ('"payload": {}, "model": {"version": []}', 200),
        (
            '"payload": {}, "proposal": {"outcome": "decline", "confidence": 0.99, "factors":'
            ' [{"field": [], "direction": {}, "effect": ' + "9" * 400 + "}]}", 200,
        ),
    ],
)  # fmt: skip
async def test_whatever_is_no_case_is_refused_and_never_our_fault(
    client: httpx.AsyncClient, text: str, status: int
) -> None:
    answer = await client.post(
        f"{BASE}/route", content='{"decision_type": "loan_application", ' + text + "}",
        headers={"authorization": "Bearer olga", "content-type": "application/json"},
    )  # fmt: skip
    assert answer.status_code == status, answer.text
    assert status == 200 or answer.json()["errors"]


async def test_another_version_can_be_tried(client: httpx.AsyncClient, replica: Replica) -> None:
    await replica.publish(bent(version=2, never_automate="true"))
    asked = {
        "decision_type": "loan_application",
        "payload": PAYLOAD,
        "proposal": {"outcome": "approve", "confidence": 0.97},
    }
    assert (await call(client, "POST", "/route", json=asked)).json()["level"] == 3
    old = {**asked, "policy_sha256": shipped().policy.sha256}
    assert (await call(client, "POST", "/route", json=old)).json()["level"] == 1
    wrong = {**asked, "policy_sha256": shipped("refund").policy.sha256}
    assert (await call(client, "POST", "/route", json=wrong)).status_code == 404


async def test_the_matrix_counts_what_came(client: httpx.AsyncClient, replica: Replica) -> None:
    await replica.route(
        scored("a"), scored("b"), scored("c", outcome="decline"), scored("d", outcome=None, tenant="t"),
        scored("rehearsal", test=True),
    )  # fmt: skip
    await replica.route(scored("rehearsal", test=True), scored("rehearsed-too", test=True, tenant="t"))
    load = (await call(client, "POST", "/controls/stop/preview", json={})).json()
    assert (load["automatic_last_hour"], sum(one["cases"] for one in load["queues"])) == (2, 2)
    view = (await call(client, "GET", "/matrix?decision_type=loan_application")).json()
    cells = {(one["tier"], one["band"]): one for one in view["cells"]}
    assert len(cells) == 15
    nothing = {"judged": 0, "errors": 0, "rate": None, "lower": 0.0, "upper": 1.0, "kept": 0, "kept_errors": 0}
    assert cells["negligible", "high"] == {
        "tier": "negligible", "band": "high", "level": 1, "cases": 2, "automatic": 2, "audited": nothing,
    }  # fmt: skip
    assert (cells["high", "high"]["cases"], cells["high", "high"]["automatic"], view["outside"]) == (1, 0, 1)
    assert {one["level"]: one["cases"] for one in view["by_level"]} == {1: 2, 2: 0, 3: 1, 4: 1, 5: 0}
    one = (await call(client, "GET", "/matrix?decision_type=loan_application&tenant=t")).json()
    assert (one["outside"], one["cells"][0]["cases"]) == (1, 0)
    assert (await call(client, "GET", "/matrix?decision_type=parole")).status_code == 404


async def test_one_person_stops_and_two_turn_it_back_on(client: httpx.AsyncClient, replica: Replica) -> None:
    await replica.route(scored("before"))
    preview = (await call(client, "POST", "/controls/stop/preview", json={})).json()
    assert (preview["automatic_last_hour"], preview["automatic_last_minute"]) == (1, 1)
    stopped = (await call(client, "POST", "/controls/stop", json={"reason": "wrong rates"})).json()
    assert stopped["control"]["state"]["active"]
    assert [one["case_id"] for one in stopped["recent"]] == ["before"]
    # A lead may have to judge one of them unseen: review tells them which are not outstanding, and nobody else does.
    for name, told in (("lars", []), ("lena", ["before"])):
        again = (await call(client, "POST", "/controls/stop", name, json={"reason": "wrong rates"})).json()
        assert ([one["case_id"] for one in again["recent"]], again["recent_total"]) == (told, 1)
    assert bodies(await replica.route(scored("held")), "case.routed")[0]["level"] == 3
    asked = await call(client, "POST", "/controls/stop/release-requests", json={"reason": "rates are right"})
    assert asked.status_code == 201
    listed = (await call(client, "GET", "/controls", "anna")).json()
    assert [one["request_id"] for one in listed["release_requests"]] == [asked.json()["request_id"]]
    assert {one["kind"] for one in listed["items"]} == {"policy", "stop"}
    path = f"/controls/stop/release-requests/{asked.json()['request_id']}/confirm"
    own = await call(client, "POST", path)
    assert (own.status_code, own.json()["type"]) == (409, "https://countersign.dev/problems/same-person")
    assert (await call(client, "POST", path, "tina")).status_code == 403
    released = await call(client, "POST", path, "lars")
    assert (released.status_code, released.json()["state"]["active"]) == (200, False)
    assert bodies(await replica.route(scored("after")), "case.routed")[0]["level"] == 1
    assert (await call(client, "POST", path, "lars")).json()["type"].endswith("/request-stale")


@pytest.mark.parametrize(
    ("name", "method", "path", "status"),
    [
        ("", "GET", "/policies", 401),
        ("rita", "GET", "/policies", 403),
        ("rita", "POST", "/route", 403),
        ("rita", "GET", "/matrix?decision_type=refund", 403),
        ("anna", "POST", "/controls/stop", 403),
        ("tina", "POST", "/controls/stop", 403),
        ("tina", "GET", "/matrix?decision_type=refund", 403),
    ],
)
async def test_who_may_not(client: httpx.AsyncClient, name: str, method: str, path: str, status: int) -> None:
    given = {"json": {"reason": "because", "decision_type": "refund", "payload": {}}} if method == "POST" else {}
    if path.endswith("stop"):
        given = {"json": {"reason": "because"}}
    answer = await call(client, method, path, name, **given)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/problem+json")


async def test_a_lead_of_one_tenant_stops_that_tenant(client: httpx.AsyncClient, replica: Replica) -> None:
    given = {"scope": "tenant", "tenant": "tina", "reason": "wrong rates"}
    assert (await call(client, "POST", "/controls/stop", "tina", json=given)).status_code == 200
    routed = bodies(await replica.route(scored("a", tenant="tina"), scored("b")), "case.routed")
    assert {body["tenant"]: body["level"] for body in routed} == {"tina": 3, "default": 1}


@pytest.mark.parametrize(
    "given",
    [
        {}, {"reason": ""}, {"reason": "x\n"}, {"reason": "because", "scope": "tenant"},
        {"reason": "because", "tenant": "a"},
        {"reason": "because", "scope": "decision_type"}, {"reason": "because", "surprise": 1},
        {"reason": "because", "scope": "tenant", "tenant": "*"},
    ],
)  # fmt: skip
async def test_a_stop_must_say_what_and_why(client: httpx.AsyncClient, given: dict[str, Any]) -> None:
    answer = await call(client, "POST", "/controls/stop", json=given)
    assert (answer.status_code, answer.json()["title"]) == (422, "The request is not valid")


async def test_decision_types_are_described(client: httpx.AsyncClient) -> None:
    items = (await call(client, "GET", "/decision-types")).json()["items"]
    assert [(one["decision_type"], bool(one["policy_in_force"])) for one in items] == [
        ("content_moderation", False), ("loan_application", True), ("refund", True),
    ]  # fmt: skip
    assert (items[2]["default_queue"], items[2]["queues"]) == ("refunds", ["refunds", "refunds_senior"])


def test_every_route_is_described() -> None:
    document = build_openapi()
    assert len(document["paths"]) >= 16
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["summary"]
