"""The life of a policy over HTTP: who may ask for what, by which hash, and how a refusal answers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import asyncpg
import httpx
import orjson
import pytest
from fastapi.routing import iter_route_contexts

from countersign_router.controls.events import Actor, change_control, control_fact
from countersign_router.life import drafting
from countersign_router.life.steps import Caller
from countersign_router.store import ControlKey, Store
from countersign_shared.http import ROLES, Principal
from tests.integration.router.desk import Replica
from tests.integration.router.door import calling, door, named
from tests.integration.router.life import REPLAY, Way, activities, everything_to_people, in_force, lose, refusals
from tests.unit.router.cases import PAYLOAD, bent, shipped

pytestmark = pytest.mark.postgres
BASE = "/api/router/v1"
ALL = frozenset({"*"})
PEOPLE = {
    "anton": Principal("p-anton", "anton", frozenset({"policy_author"}), ALL),
    "petra": Principal("p-petra", "petra", frozenset({"policy_approver"}), ALL),
    "bea": Principal("p-bea", "bea", frozenset({"policy_author", "policy_approver"}), ALL),
    "anna": Principal("p-anna", "anna", frozenset({"analyst"}), ALL),
    "rita": Principal("p-rita", "rita", frozenset({"reviewer"}), ALL),
    "tina": Principal("p-tina", "tina", frozenset({"policy_author", "policy_approver"}), frozenset({"acme"})),
}


who = named(PEOPLE)


@pytest.fixture
async def client(replica: Replica, store: Store) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(door(store, who)) as opened:
        yield opened


async def call(
    client: httpx.AsyncClient, method: str, path: str, name: str, *, match: str | None = None, key: str | None = None,
    **given: Any,
) -> httpx.Response:  # fmt: skip
    headers = {"authorization": f"Bearer {name}"}
    if match is not None:
        headers["if-match"] = f'"{match}"'
    if key is not None:
        headers["idempotency-key"] = key
    return await client.request(method, BASE + path, headers=headers, **given)


def slug(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def begin(client: httpx.AsyncClient, name: str = "anton", version: int = 2, **given: Any) -> dict[str, Any]:
    text = everything_to_people(version).data.decode()
    answer = await call(
        client, "POST", "/policies/drafts", name, json={"yaml": text, "reason": "a safer start"}, **given
    )
    assert answer.status_code == 201, answer.text
    assert answer.headers["etag"] == f'"{answer.json()["sha256"]}"'
    return answer.json()


async def step(client: httpx.AsyncClient, draft: dict[str, Any], name: str, what: str, **body: Any) -> httpx.Response:
    path = f"/policies/drafts/{draft['draft_id']}/{what}"
    return await call(client, "POST", path, name, match=body.pop("match", draft["sha256"]), json=body)


async def replayed(store: Store, draft: dict[str, Any]) -> None:
    caller = Caller("p-anton", frozenset({"policy_author"}), ALL)
    await drafting.note_replayed(store, draft_id=draft["draft_id"], named=draft["sha256"], result=REPLAY, caller=caller)


async def approved(client: httpx.AsyncClient, store: Store) -> dict[str, Any]:
    draft = await begin(client)
    assert (await step(client, draft, "anton", "test")).json()["tested"]["passed"]
    await replayed(store, draft)
    answer = await step(client, draft, "petra", "approve", comment="looked at it")
    assert answer.json()["needs"] == ["publish"], answer.text
    return answer.json()


async def test_two_people_publish_a_policy(client: httpx.AsyncClient, store: Store, pool: asyncpg.Pool) -> None:
    draft = await approved(client, store)
    (one,) = draft["approvals"]
    assert (one["by"], one["counts"], one["comment"]) == ("p-petra", True, "looked at it")
    published = (await step(client, draft, "anton", "publish", reason="as agreed")).json()
    assert (published["state"], published["needs"]) == ("published", [])
    assert (await in_force(pool))["state"]["version"] == 2
    newest = (await call(client, "GET", "/policies", "anna")).json()["items"][0]
    assert (newest["version"], newest["in_force"], newest["published_by"], newest["reason"]) == (
        2, True, "p-anton", "as agreed",
    )  # fmt: skip
    back = await call(
        client, "POST", f"/policies/{shipped().policy.sha256}/roll-back", "bea", json={"reason": "no good"}
    )
    assert (back.status_code, back.json()["returns"], back.json()["version"]) == (201, True, 1)


async def test_refusals_have_names_and_are_on_the_record(
    client: httpx.AsyncClient, store: Store, pool: asyncpg.Pool
) -> None:
    draft = await begin(client, "bea")
    assert slug(await step(client, draft, "petra", "approve")) == (409, "not-tested")
    await step(client, draft, "bea", "test")
    assert slug(await step(client, draft, "petra", "approve")) == (409, "not-replayed")
    await replayed(store, draft)
    assert slug(await step(client, draft, "bea", "approve")) == (409, "own-work")
    assert slug(await step(client, draft, "anna", "approve")) == (403, "role-missing")
    assert slug(await step(client, draft, "rita", "approve")) == (403, "forbidden")
    assert slug(await step(client, draft, "nobody", "approve")) == (401, "unauthenticated")
    assert slug(await step(client, draft, "petra", "approve", match="0" * 64)) == (412, "hash-mismatch")
    assert slug(await step(client, draft, "bea", "publish", reason="now")) == (409, "signatures-missing")
    assert (await step(client, draft, "petra", "approve")).status_code == 200
    await lose(store, Caller("p-petra", frozenset(), ALL), disabled=True)
    shown = (await call(client, "GET", f"/policies/drafts/{draft['draft_id']}", "anna")).json()
    assert [(one["counts"], "lost the role" in one["void"]) for one in shown["approvals"]] == [(False, True)]
    assert slug(await step(client, draft, "bea", "publish", reason="now")) == (403, "role-lost")
    assert [why for _, _, why in await refusals(pool)] == [
        "not_tested", "not_replayed", "own_work", "role_missing", "hash_mismatch", "signatures_missing", "role_lost",
    ]  # fmt: skip
    assert (await in_force(pool))["state"]["version"] == 1


async def test_a_step_without_a_hash_is_no_step(client: httpx.AsyncClient) -> None:
    draft = await begin(client)
    answer = await call(client, "POST", f"/policies/drafts/{draft['draft_id']}/approve", "petra", json={})
    assert slug(answer) == (428, "hash-required")
    answer = await call(client, "PUT", f"/policies/drafts/{draft['draft_id']}", "anton", json={"yaml": "x"})
    assert slug(answer) == (428, "hash-required")


async def test_reasons_are_required(client: httpx.AsyncClient) -> None:
    draft = await begin(client)
    assert slug(await step(client, draft, "anton", "publish")) == (422, "invalid-request")
    assert slug(await step(client, draft, "anton", "publish", reason="")) == (422, "invalid-request")


async def test_an_edit_makes_another_hash(client: httpx.AsyncClient, store: Store) -> None:
    draft = await approved(client, store)
    path, other = f"/policies/drafts/{draft['draft_id']}", bent(version=2).data.decode()
    edited = await call(client, "PUT", path, "bea", match=draft["sha256"], json={"yaml": other, "reason": "better"})
    now = edited.json()
    assert (now["needs"], now["approvals"], now["authors"]) == (
        ["test", "replay", "approval", "publish"], [], ["p-anton", "p-bea"],
    )  # fmt: skip
    assert slug(await call(client, "PUT", path, "anton", match=draft["sha256"], json={"yaml": other})) == (
        412, "hash-mismatch",
    )  # fmt: skip


async def test_the_same_request_again_answers_the_same(client: httpx.AsyncClient) -> None:
    first, second = await begin(client, key="k-1"), await begin(client, key="k-1")
    assert first == second
    other = {"yaml": everything_to_people(3).data.decode(), "reason": "something else"}
    answer = await call(client, "POST", "/policies/drafts", "anton", key="k-1", json=other)
    assert slug(answer) == (422, "idempotency-key-reused")


async def test_drafts_are_listed_by_pages_and_tenants(client: httpx.AsyncClient) -> None:
    made = [(await begin(client, version=number))["draft_id"] for number in (2, 3, 4)]
    first = (await call(client, "GET", "/policies/drafts?limit=2", "anna")).json()
    assert [one["draft_id"] for one in first["items"]] == made[:0:-1]
    rest = (await call(client, "GET", f"/policies/drafts?limit=2&cursor={first['next_cursor']}", "anna")).json()
    assert ([one["draft_id"] for one in rest["items"]], rest["next_cursor"]) == (made[:1], None)
    assert (await call(client, "GET", "/policies/drafts", "tina")).json()["items"] == []
    assert (await call(client, "GET", "/policies/drafts?state=published", "anna")).json()["items"] == []
    for method, path in (("GET", ""), ("GET", "/preview"), ("POST", "/approve"), ("POST", "/publish")):
        answer = await call(
            client, method, f"/policies/drafts/{made[0]}{path}", "tina", match="0" * 64, json={"reason": "mine"}
            if path == "/publish" else {},
        )  # fmt: skip
        assert slug(answer) == (404, "draft-unknown"), path


async def test_what_is_wrong_is_said_with_its_place(client: httpx.AsyncClient, pool: asyncpg.Pool) -> None:
    text = everything_to_people().data.decode().replace("never_automate: 'true'", "never_automate: case.salary > 5")
    assert text != everything_to_people().data.decode()
    found = (await call(client, "POST", "/policies/validate", "anna", json={"yaml": text})).json()
    (wrong,) = [one for one in found["diagnostics"] if one["severity"] == "error"]
    assert (found["usable"], wrong["path"], wrong["line"] > 0, "salary" in wrong["message"]) == (
        False, "never_automate", True, True,
    )  # fmt: skip
    answer = await call(client, "POST", "/policies/drafts", "anton", json={"yaml": text, "reason": "a try"})
    assert slug(answer) == (422, "policy-refused")
    assert answer.json()["diagnostics"][0]["line"] == wrong["line"]
    assert answer.json()["errors"][0]["pointer"] == "/yaml"
    good = (await call(client, "POST", "/policies/validate", "anna", json={"yaml": shipped().data.decode()})).json()
    assert (good["usable"], good["version"], all(one["passed"] for one in good["examples"])) == (True, 1, True)
    assert await pool.fetchval("SELECT count(*) FROM policy_drafts") == 0


async def test_a_draft_can_be_tried_on_a_case(client: httpx.AsyncClient) -> None:
    draft = await begin(client)
    asked = {
        "decision_type": "loan_application", "payload": dict(PAYLOAD), "policy_sha256": draft["sha256"],
        "proposal": {"outcome": "approve", "confidence": 0.97},
    }  # fmt: skip
    answer = (await call(client, "POST", "/route", "anna", json=asked)).json()
    assert (answer["level"], answer["policy"]["version"]) == (3, 2)
    assert "never_automate" in [one.get("rule_id") for one in answer["reasons"]]
    (floor,) = [one for one in answer["trace"] if one["path"] == "never_automate"]
    assert (floor["expression"], floor["value"], floor["error"]) == ("true", True, None)
    assert (await call(client, "POST", "/route", "tina", json={**asked, "tenant": "acme"})).status_code == 404


async def test_asking_for_a_policy_too_early_does_no_harm(client: httpx.AsyncClient, store: Store) -> None:
    """A hash that was asked for before it was published routes all the same afterwards."""
    asked = {"decision_type": "loan_application", "payload": dict(PAYLOAD)}
    early = {**asked, "policy_sha256": everything_to_people().policy.sha256}
    assert (await call(client, "POST", "/route", "anna", json=early)).status_code == 404
    draft = await approved(client, store)
    assert (await step(client, draft, "anton", "publish", reason="as agreed")).status_code == 200
    assert (await call(client, "POST", "/route", "anna", json=asked)).json()["policy"]["version"] == 2


async def test_the_preview_and_the_record_name_the_certificates_that_are_voided(
    client: httpx.AsyncClient, store: Store, pool: asyncpg.Pool
) -> None:
    live = shipped().policy.automation_sha256
    for tenant, tier, automation in (("default", "low", live), ("acme", "low", live), ("default", "medium", "0" * 64)):
        await certify(store, tenant, tier, automation)
    same = bent(version=2, sla={"class": "urgent"}).data.decode()
    text_only = (await call(client, "POST", "/policies/drafts", "anton", json={"yaml": same, "reason": "texts"})).json()
    preview = (await call(client, "GET", f"/policies/drafts/{text_only['draft_id']}/preview", "anna")).json()
    assert (preview["automation_changes"], preview["certificates_voided"]) == (False, [])
    assert [(one["severity"], one["message"][:11]) for one in preview["diagnostics"]] == [("warning", "no examples")]
    draft = await begin(client, version=3)
    preview = (await call(client, "GET", f"/policies/drafts/{draft['draft_id']}/preview", "anna")).json()
    assert (preview["in_force"]["version"], preview["automation_changes"]) == (1, True)
    assert [(one["tenant"], one["tier"]) for one in preview["certificates_voided"]] == [
        ("acme", "low"), ("default", "low"),
    ]  # fmt: skip
    assert preview["draft"]["needs"] == ["test", "replay", "approval", "publish"]
    await (way := Way(store, UUID(draft["draft_id"]))).test()
    await way.replay()
    await way.approve()
    await way.publish()
    said = {one["kind"]: one["body"].get("result", {}) for one in await activities(pool)}
    assert said["policy.approved"]["certificates_voided"] == ["c-acme-low", "c-default-low"]
    assert said["policy.published"]["certificates_voided"] == ["c-acme-low", "c-default-low"]


async def test_certificates_that_promise_less_than_a_new_policy_asks_for_are_named_too(
    client: httpx.AsyncClient, store: Store, pool: asyncpg.Pool
) -> None:
    """The router takes them for void from the next batch on, though nothing that they are bound to changes."""
    live = shipped().policy.automation_sha256
    for tenant, tier, alpha in (("default", "low", 0.05), ("acme", "low", 0.01), ("default", "medium", 0.08)):
        await certify(store, tenant, tier, live, alpha=alpha, delta=0.01)
    asked = {"certificate": "required", "alpha": {"low": 0.02, "medium": 0.05}, "delta": 0.05}
    text = bent(version=2, automation=asked).data.decode()
    draft = (await call(client, "POST", "/policies/drafts", "anton", json={"yaml": text, "reason": "stricter"})).json()
    preview = (await call(client, "GET", f"/policies/drafts/{draft['draft_id']}/preview", "anna")).json()
    # The one of medium consequence promised too little before, too.
    assert [(one["tenant"], one["tier"]) for one in preview["certificates_voided"]] == [("default", "low")]
    assert not preview["automation_changes"]
    await (way := Way(store, UUID(draft["draft_id"]))).test()
    await way.replay()
    await way.approve()
    await way.publish()
    said = {one["kind"]: one["body"].get("result", {}) for one in await activities(pool)}
    assert said["policy.published"]["certificates_voided"] == ["c-default-low"]


async def test_two_texts_are_compared_in_words(client: httpx.AsyncClient) -> None:
    draft = await begin(client)
    path = f"/policies/diff?before={shipped().policy.sha256}&after={draft['sha256']}"
    found = (await call(client, "GET", path, "anna")).json()
    assert (found["before"], found["after"], found["voids_certificates"]) == (1, 2, True)
    assert "never_automate" in [one["path"] for one in found["differences"]]
    assert slug(await call(client, "GET", path, "tina")) == (404, "policy-unknown")
    assert slug(await call(client, "GET", f"/policies/diff?before={'0' * 64}&after={draft['sha256']}", "anna")) == (
        404, "policy-unknown",
    )  # fmt: skip


async def certify(
    store: Store, tenant: str, tier: str, automation_sha256: str, *, alpha: float = 0.02, delta: float = 0.05
) -> None:
    """A certificate as CONTROLS would have it live."""
    key = ControlKey("certificate.active", tenant, "loan_application", tier)
    state = {
        "certificate_id": f"c-{tenant}-{tier}", "active": True, "threshold": 0.9, "alpha": alpha, "delta": delta,
        "errors": 1, "labels": 400, "model": {"name": "loan", "version": "1"}, "calibrator_version": "platt-1",
        "automation_sha256": automation_sha256,
    }  # fmt: skip
    async with store.control_change() as change:
        moment = await change.moment()
        await change_control(
            change, key, state, actor=Actor("router"), signatures=[], moment=moment,
            fact=control_fact("control.changed", key, "", state),
        )  # fmt: skip


async def test_every_route_states_its_roles(client: httpx.AsyncClient) -> None:
    app = client._transport.app  # type: ignore[attr-defined]
    stated: dict[str, frozenset[str]] = {}
    # An included router is one entry of the application; its routes stand behind it.
    for one in iter_route_contexts(app.routes):
        if one.path == "/openapi.json":
            continue
        roles = [found.call.roles for found in one.dependant.dependencies if hasattr(found.call, "roles")]
        assert len(roles) == 1, f"{one.path} states {len(roles)} sets of roles"
        assert roles[0] <= ROLES | {"public"}
        stated[f"{min(one.methods)} {one.path.removeprefix(BASE)}"] = roles[0]
    assert len(stated) > 20
    assert stated["POST /policies/drafts/{draft_id}/approve"] == {"policy_approver"}
    assert stated["POST /policies/drafts"] == stated["PUT /policies/drafts/{draft_id}"] == {"policy_author"}
    assert stated["POST /policies/drafts/{draft_id}/publish"] == {"policy_author", "policy_approver"}
    assert not any("reviewer" in roles for roles in stated.values())
    # The guard and the statement agree: whoever is none of it gets nothing.
    for path, roles in stated.items():
        if "public" in roles:
            continue
        method, _, rest = path.partition(" ")
        rest = rest.replace("{draft_id}", "0" * 8 + "-0000-4000-8000-" + "0" * 12).replace("{request_id}", "0" * 32)
        answer = await call(client, method, rest, "rita", match="0" * 64, json={})
        assert answer.status_code == 403, (path, answer.status_code)


async def test_a_refused_activity_names_who_and_what(client: httpx.AsyncClient, pool: asyncpg.Pool) -> None:
    draft = await begin(client)
    await step(client, draft, "anna", "publish", reason="why not")
    told = (await activities(pool))[-1]
    assert (told["kind"], told["actor"]["pseudonym"], told["actor"]["role"]) == ("control.refused", "p-anna", "analyst")
    assert told["entity_id"] == "policy|default|loan_application|*"
    assert orjson.dumps(told["body"]["state"]["draft_id"]).decode().strip('"') == draft["draft_id"]
