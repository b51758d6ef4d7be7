"""Controls over HTTP: what waits, who may sign, peaks, previews, and what a control was."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from countersign_router.api import build_openapi
from countersign_router.controls.intake import ControlIntake
from countersign_router.store import Store
from countersign_router.store.people import PersonChange
from countersign_shared.http import Principal
from countersign_shared.messaging.records import Message
from tests.integration.router.controls import CERTIFIED, as_record, calibrator, certificate, trip
from tests.integration.router.desk import Replica, bodies
from tests.integration.router.door import calling, door, named
from tests.unit.router.cases import scored

pytestmark = pytest.mark.postgres
BASE = "/api/router/v1"


def person(name: str, role: str, tenant: str = "*") -> Principal:
    return Principal(f"p-{name}", name, frozenset({role}), frozenset({tenant}))


PEOPLE = {
    "olga": person("olga", "operator"), "lars": person("lars", "lead"), "paul": person("paul", "policy_approver"),
    "tina": person("tina", "lead", "tina"), "rita": person("rita", "reviewer"), "anna": person("anna", "analyst"),
}  # fmt: skip


who = named(PEOPLE)


@pytest.fixture
async def client(replica: Replica, store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(door(store, who)) as opened:
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


async def test_what_signing_would_not_do_or_would_undo_is_said_before(
    client: httpx.AsyncClient, replica: Replica
) -> None:
    await replica.publish(CERTIFIED)
    await take(replica, certificate(automation_sha256="0" * 64))
    (waiting,) = (await call(client, "GET", "/controls/proposals", "anna")).json()["items"]
    assert [one.split(":")[0] for one in waiting["doubts"]] == ["it is about another policy"]
    await take(replica, certificate("cert-2", revision=2))
    asked = await answer_to(client)
    for name in ("lars", "paul"):
        await call(client, "POST", "/controls/proposals/sign", name, json=asked)
    await take(replica, calibrator())
    (waiting,) = (await call(client, "GET", "/controls/proposals", "anna")).json()["items"]
    assert (waiting["becomes"], waiting["doubts"]) == ("calibrator.active", [])
    assert [one["certificate_id"] for one in waiting["certificates_voided"]] == ["cert-2"]


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


@pytest.mark.parametrize("path", ["/controls/stop", "/controls/stop/preview", "/controls/peak"])
async def test_a_type_that_nobody_declared_is_not_believed_to_be_switched(client: httpx.AsyncClient, path: str) -> None:
    asked = {"scope": "decision_type", "decision_type": "refnud"}
    if not path.endswith("preview"):
        asked["reason"] = "wrong rates"
    if path.endswith("peak"):
        asked["until"] = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    answer = await call(client, "POST", path, "lars", json=asked)
    assert problem(answer) == (404, "decision-type-unknown")
    assert answer.json()["detail"].startswith("There is no decision type refnud; declared: content_moderation, loan_")
    kinds = {one["kind"] for one in (await call(client, "GET", "/controls", "anna")).json()["items"]}
    assert kinds == {"policy"}
    asked["decision_type"] = "refund"
    assert (await call(client, "POST", path, "lars", json=asked)).status_code == 200


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


async def keyed(client: httpx.AsyncClient, path: str, name: str, key: str, body: dict[str, Any]) -> httpx.Response:
    headers = {"authorization": f"Bearer {name}", "idempotency-key": key}
    return await client.post(f"{BASE}/controls/{path}", headers=headers, json=body)


async def revision(pool: asyncpg.Pool, kind: str) -> int:
    found: int = await pool.fetchval("SELECT revision FROM controls WHERE kind = $1", kind)
    return found


async def facts(pool: asyncpg.Pool) -> int:
    found: int = await pool.fetchval("SELECT count(*) FROM outbox")
    return found


async def test_a_stop_and_its_release_again_answer_what_they_answered_and_change_nothing(
    client: httpx.AsyncClient, replica: Replica, pool: asyncpg.Pool
) -> None:
    await replica.route(scored("before"))
    stop, wish = {"reason": "wrong rates"}, {"reason": "rates are right"}
    stopped = await keyed(client, "stop", "olga", "k-1", stop)
    assert stopped.json()["recent_total"] == 1
    asked = await keyed(client, "stop/release-requests", "olga", "k-2", wish)
    confirm = f"stop/release-requests/{asked.json()['request_id']}/confirm"
    on = await keyed(client, confirm, "lars", "k-3", {})
    assert (on.status_code, on.json()["state"]["active"]) == (200, False)
    assert bodies(await replica.route(scored("after")), "case.routed")[0]["level"] == 1
    left = await facts(pool)
    # The person's connection broke three times: what comes again stops nothing, and tells of no later decision.
    assert (await keyed(client, "stop", "olga", "k-1", stop)).json() == stopped.json()
    again = await keyed(client, "stop/release-requests", "olga", "k-2", wish)
    assert (again.status_code, again.json()) == (201, asked.json())
    assert (await keyed(client, confirm, "lars", "k-3", {})).json() == on.json()
    assert (await revision(pool, "stop"), await facts(pool)) == (2, left)
    # Without a key, or under another, it is a new wish.
    assert (await keyed(client, "stop", "olga", "k-4", stop)).json()["control"]["revision"] == 3


async def test_a_peak_again_is_the_same_peak(client: httpx.AsyncClient, pool: asyncpg.Pool) -> None:
    until = datetime.now(UTC) + timedelta(hours=3)
    sale, over = {"reason": "spring sale", "until": until.isoformat()}, {"reason": "it is over"}
    declared = await keyed(client, "peak", "lars", "k-1", sale)
    ended = await keyed(client, "peak/end", "lars", "k-2", over)
    left = await facts(pool)
    assert (await keyed(client, "peak", "lars", "k-1", sale)).json() == declared.json()
    assert (await keyed(client, "peak/end", "lars", "k-2", over)).json() == ended.json()
    assert (await revision(pool, "peak"), await facts(pool)) == (2, left)


async def test_a_signature_again_is_one_signature(
    client: httpx.AsyncClient, replica: Replica, pool: asyncpg.Pool
) -> None:
    await take(replica, trip())
    asked = await answer_to(client)
    first = await keyed(client, "proposals/sign", "lars", "k-1", asked)
    assert (await keyed(client, "proposals/sign", "lars", "k-1", asked)).json() == first.json()
    refused = await keyed(client, "proposals/refuse", "paul", "k-1", asked)
    assert refused.status_code == 200, "another person's key of the same name is another key"
    await keyed(client, "proposals/sign", "lars", "k-2", asked)
    left = await facts(pool)
    await keyed(client, "proposals/refuse", "paul", "k-1", asked)
    (waiting,) = (await call(client, "GET", "/controls/proposals", "anna")).json()["items"]
    assert [one["pseudonym"] for one in waiting["said"] if one["signed"]] == ["p-lars"], "it refuses nothing newer"
    second = await keyed(client, "proposals/sign", "paul", "k-2", asked)
    assert second.json()["control"]["kind"] == "trip.cleared"
    # Nothing waits any more, and whoever asks again still hears what the signature did.
    assert (await keyed(client, "proposals/sign", "paul", "k-2", asked)).json() == second.json()
    assert await facts(pool) == left + 3


async def test_a_key_is_for_one_request(client: httpx.AsyncClient, replica: Replica, pool: asyncpg.Pool) -> None:
    await take(replica, trip())
    asked = await answer_to(client)
    await keyed(client, "proposals/sign", "lars", "k-1", asked)
    until = (datetime.now(UTC) + timedelta(hours=3)).isoformat()
    others = {
        "proposals/sign": {**asked, "reason": "for another reason"}, "proposals/refuse": asked,
        "peak": {"reason": "spring sale", "until": until}, "peak/end": {"reason": "it is over"},
        "stop": {"reason": "wrong rates"}, "stop/release-requests": {"reason": "rates are right"},
        f"stop/release-requests/{'0' * 8}-0000-4000-8000-{'0' * 12}/confirm": {},
    }  # fmt: skip
    left = await facts(pool)
    for path, body in others.items():
        assert problem(await keyed(client, path, "lars", "k-1", body)) == (422, "idempotency-key-reused"), path
    assert await facts(pool) == left
    assert await pool.fetchval("SELECT count(*) FROM controls WHERE kind IN ('stop', 'peak')") == 0


def test_every_write_takes_a_key() -> None:
    only_reads = ("/validate", "/route", "/stop/preview", "/replays", "/replay")
    for path, methods in build_openapi()["paths"].items():
        for method in methods.keys() & {"post", "put", "patch", "delete"}:
            named = {one["name"] for one in methods[method].get("parameters", ())}
            assert ("Idempotency-Key" in named) != path.endswith(only_reads), (method, path)


async def test_one_person_raises_the_bands_and_two_lower_them(client: httpx.AsyncClient, replica: Replica) -> None:
    asked = {"scope": "decision_type", "decision_type": "loan_application", "high": 0.08, "reason": "new product"}
    assert problem(await call(client, "POST", "/controls/bands", "paul", json=asked)) == (403, "forbidden")
    raised = await call(client, "POST", "/controls/bands", "olga", json=asked)
    assert (raised.status_code, raised.json()["kind"]) == (200, "bands.raised")
    (routed,) = bodies(await replica.route(scored("raised")), "case.routed")
    assert (routed["level"], routed["band"]) == (2, "medium")
    for less in (0.08, 0.02, 0.0):
        refused = await call(client, "POST", "/controls/bands", "olga", json={**asked, "high": less})
        assert problem(refused) == (409, "not-higher")
    assert (await call(client, "POST", "/controls/bands", "lars", json={**asked, "medium": 0.1})).status_code == 200
    answer = await answer_to(client)
    assert answer["becomes"] == "bands.lowered"
    for name in ("lars", "paul"):
        signed = await call(client, "POST", "/controls/proposals/sign", name, json=answer)
    assert signed.json()["control"]["kind"] == "bands.lowered"
    assert bodies(await replica.route(scored("lowered")), "case.routed")[0]["level"] == 1
    assert problem(await call(client, "POST", "/controls/bands", "olga", json={**asked, "high": 0})) == (
        409,
        "not-higher",
    )
    nowhere = {**asked, "decision_type": "parole"}
    assert (await call(client, "POST", "/controls/bands", "olga", json=nowhere)).status_code == 404
    assert (await call(client, "POST", "/controls/bands", "olga", json={**asked, "high": 1.5})).status_code == 422
