"""Administering people: every change is in force at once and on the record."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import orjson
import pytest
from pydantic import TypeAdapter

from countersign_review.api.access import COOKIE, SECURE_COOKIE
from countersign_review.store.delegations import Delegations
from countersign_shared.contracts.events import ActivityRecorded
from tests.integration.review.harness import API, START, Client, Desk, open_desk, record, routed

pytestmark = pytest.mark.postgres
ACTIVITY: TypeAdapter[Any] = TypeAdapter(ActivityRecorded)


async def told(desk: Desk) -> list[dict[str, Any]]:
    """What was put on the record about people; each is as the contract says."""
    bodies = [orjson.loads(row["body"]) for row in await desk.pool.fetch("SELECT body FROM outbox ORDER BY id")]
    found = [body for body in bodies if str(body.get("kind")).startswith("user.")]
    for body in found:
        ACTIVITY.validate_python(body)
    return found


async def user(root: Client, username: str) -> dict[str, Any]:
    return next(one for one in (await root.get("/users")).json()["items"] if one["username"] == username)


async def put(root: Client, one: dict[str, Any], version: int | None = None, **changes: Any) -> Any:
    body = {name: one[name] for name in ("display_name", "roles", "tenants", "authority")} | changes
    headers = {"If-Match": f'"{version or one["version"]}"'}
    return await root.http.put(f"{API}/users/{one['username']}", json=body, headers=headers)


async def test_review_a_changed_role_is_in_force_at_once_and_on_the_record(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    root, ana = await desk.client("root", "admin"), await desk.browser("ana", "reviewer", "policy_approver")
    claim = await ana.claimed()
    before = await user(root, "ana")
    authority = {
        **before["authority"],
        "skills": ["german"],
        "training_valid_until": "2026-12-31",
        "delegates": ["ben"],
    }
    changed = await put(root, before, roles=["policy_approver", "auditor"], authority=authority)
    assert changed.status_code == 200, changed.text
    assert changed.json()["version"] == before["version"] + 1
    assert changed.json()["authority"] == authority
    assert (await ana.get("/queues")).status_code == 403
    assert (await ana.get("/me")).json()["roles"] == ["auditor", "policy_approver"]
    assert await desk.pool.fetchval("SELECT state FROM claims WHERE claim_id = $1", claim["claim_id"]) == "released"
    last = (await told(desk))[-1]
    assert (last["kind"], last["body"]["roles"], last["actor"]["role"]) == (
        "user.changed", ["auditor", "policy_approver"], "admin",
    )  # fmt: skip
    assert last["body"]["reason"] == "changed: delegates, roles, skills, training_valid_until"
    stale = await put(root, before, roles=["lead"])
    assert (stale.status_code, stale.json()["type"].rsplit("/", 1)[1]) == (409, "stale-version")
    assert stale.json()["title"] == "It has changed since you read it"
    body = {name: before[name] for name in ("display_name", "roles", "tenants", "authority")}
    assert (await root.http.put(f"{API}/users/ana", json=body)).status_code == 428
    assert (await put(root, {**before, "username": "nobody"})).status_code == 404


async def test_review_names_are_told_to_those_who_share_a_tenant_and_belong_to_the_team(desk: Desk) -> None:
    root, lea = await desk.client("root", "admin"), await desk.client("lea", "lead", tenants=["north"])
    for username, tenant in (("ana", "north"), ("ben", "south"), ("eve", "north")):
        await desk.add_user(username, "operator", tenants=[tenant])
    known = {one["username"]: one["pseudonym"] for one in (await root.get("/users")).json()["items"]}
    assert (await root.post("/users/eve/disable")).status_code == 200

    async def names(who: Client, *asked: str) -> dict[str, str]:
        answer = await who.get("/names?" + "&".join(f"pseudonym={one}" for one in asked))
        assert answer.status_code == 200, answer.text
        return {one["pseudonym"]: one["display_name"] for one in answer.json()["items"]}

    everybody = [known[name] for name in ("ana", "ben", "eve")]
    assert await names(lea, *everybody, "countersign") == {known["ana"]: "Ana", known["eve"]: "Eve"}
    assert sorted((await names(root, *everybody)).values()) == ["Ana", "Ben", "Eve"]
    assert (await lea.get("/names")).status_code == 422
    assert (await lea.get("/names?" + "&".join(["pseudonym=u_1"] * 101))).status_code == 422
    assert (await (await desk.client("pia", "policy_approver")).get("/names?pseudonym=u_1")).status_code == 403


async def test_review_nobody_locks_the_last_door_behind_themselves(desk: Desk) -> None:
    root = await desk.client("root", "admin")
    me = await user(root, "root")
    assert (await put(root, me, roles=["reviewer"])).json()["type"].rsplit("/", 1)[1] == "own-account"
    assert (await root.post("/users/root/disable")).status_code == 409


async def test_review_a_disabled_user_comes_back_with_their_roles_and_without_their_keys(desk: Desk) -> None:
    root, ana = await desk.client("root", "admin"), await desk.client("ana", "lead")
    assert (await root.post("/users/ana/disable")).json()["disabled_at"] is not None
    assert (await ana.get("/me")).status_code == 401
    for _ in range(2):
        assert (await root.post("/users/ana/enable")).json()["disabled_at"] is None
    assert (await ana.get("/me")).status_code == 401
    kinds = [(body["kind"], body["body"].get("roles")) for body in await told(desk)]
    assert [one for one in kinds if one[0] in {"user.disabled", "user.enabled"}] == [
        ("user.disabled", None), ("user.enabled", ["lead"]),
    ]  # fmt: skip


async def test_review_passwords_are_reset_and_keys_revoked(desk: Desk) -> None:
    root, ana = await desk.client("root", "admin"), await desk.browser("ana")
    password = (await root.post("/users/ana/password")).json()["password"]
    assert (await ana.get("/me")).status_code == 401
    web = desk.anonymous()
    assert (await web.post(f"{API}/session", json={"username": "ana", "password": password})).status_code == 200
    keys = (await root.get("/api-keys")).json()["items"]
    key_id = next(one["key_id"] for one in keys if one["username"] == "ana")
    first = (await root.post(f"/api-keys/{key_id}/revoke")).json()["revoked_at"]
    assert first is not None
    assert (await root.post(f"/api-keys/{key_id}/revoke")).json()["revoked_at"] == first
    assert (await root.post("/api-keys/nothing/revoke")).status_code == 404
    said = await told(desk)
    assert [body["kind"] for body in said].count("user.key_revoked") == 1
    assert password not in str(said)


async def test_review_a_key_tells_when_it_was_last_used_and_costs_a_write_in_minutes(desk: Desk) -> None:
    root, program = await desk.client("root", "admin"), await desk.client("ana")

    async def noted() -> tuple[Any, str]:
        (key,) = [one for one in (await root.get("/api-keys")).json()["items"] if one["username"] == "ana"]
        written: str = await desk.pool.fetchval("SELECT xmin::text FROM api_keys WHERE username = 'ana'")
        return key["last_used_at"], written

    made, _ = await noted()
    assert made is None
    wrong = {"Authorization": program.http.headers["Authorization"] + "x"}
    assert (await desk.anonymous().get(f"{API}/me", headers=wrong)).status_code == 401
    assert (await noted())[0] is None
    # Whoever comes at once, or within minutes, finds it noted and writes nothing.
    assert {one.status_code for one in await asyncio.gather(*(program.get("/me") for _ in range(5)))} == {200}
    first = await noted()
    desk.clock.forward(minutes=4)
    await program.get("/me")
    assert await noted() == first
    desk.clock.forward(minutes=1)
    await program.get("/me")
    again = await noted()
    assert datetime.fromisoformat(again[0]) - datetime.fromisoformat(first[0]) == timedelta(minutes=5)


async def test_review_a_write_about_people_that_comes_twice_has_one_effect(desk: Desk) -> None:
    root, ana = await desk.client("root", "admin"), await desk.client("ana")

    async def send(method: str, path: str, key: str, body: Any = None, **headers: str) -> Any:
        return await root.http.request(
            method, f"{API}{path}", json=body, headers={"Idempotency-Key": key, **headers}
        )  # fmt: skip

    # A secret is told once: the same request again has no second effect, and says what to do.
    new = {"username": "zoe", "display_name": "Zoe", "roles": ["reviewer"], "tenants": ["*"]}
    asked = {"name": "ci", "username": "ana", "roles": ["reviewer"], "tenants": ["*"], "expires_in_days": 1}
    for path, body, good in (("/users", new, 201), ("/users/ana/password", None, 200), ("/api-keys", asked, 201)):
        assert (await send("POST", path, path, body)).status_code == good
        again = await send("POST", path, path, body)
        assert (again.status_code, again.json()["type"].rpartition("/")[2]) == (409, "secret-told")
    assert [one["name"] for one in (await root.get("/api-keys")).json()["items"]].count("ci") == 1
    # A change that arrives again after somebody else's does not undo theirs; another change needs another key.
    one = await user(root, "zoe")
    body = {name: one[name] for name in ("display_name", "roles", "tenants", "authority")} | {"display_name": "Zora"}
    version = {"If-Match": f'"{one["version"]}"'}
    first = await send("PUT", "/users/zoe", "rename", body, **version)
    await put(root, first.json(), display_name="Zoë")
    repeated = await send("PUT", "/users/zoe", "rename", body, **version)
    assert (repeated.status_code, repeated.json()["display_name"]) == (200, "Zoë")
    assert (await send("PUT", "/users/zoe", "rename", body | {"tenants": []}, **version)).status_code == 422
    # Whoever was let in again stays, whatever comes late.
    await send("POST", "/users/ana/disable", "off")
    await root.post("/users/ana/enable")
    late = await send("POST", "/users/ana/disable", "off")
    assert (late.status_code, late.json()["disabled_at"]) == (200, None)
    assert (await ana.get("/me")).status_code == 401
    kinds = [body["kind"] for body in await told(desk)]
    assert (kinds.count("user.disabled"), kinds.count("user.enabled")) == (1, 1)


async def test_review_a_session_ends_when_nobody_uses_it_and_at_its_end_however_used(desk: Desk) -> None:
    ana = await desk.browser("ana")
    for _ in range(13):
        desk.clock.forward(minutes=55)
        assert (await ana.get("/me")).status_code == 200
    desk.clock.forward(minutes=10)
    assert (await ana.get("/me")).status_code == 401, "twelve hours are over"
    ben = await desk.browser("ben")
    desk.clock.forward(minutes=61)
    assert (await ben.get("/me")).status_code == 401
    await desk.parts.people.forget_old_sessions()
    assert await desk.pool.fetchval("SELECT count(*) FROM sessions") == 0


async def test_review_behind_https_the_cookie_is_bound_to_the_host(database_url: str) -> None:
    async with open_desk(database_url, cookie_secure=True) as desk:
        await desk.add_user("ana")
        link = await desk.parts.people.new_link("ana", lasts=timedelta(minutes=5))
        answer = await desk.anonymous().post(f"{API}/session", json={"login_token": link})
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith(f"{SECURE_COOKIE}=")
        for flag in ("Secure", "HttpOnly", "SameSite=strict", "Path=/"):
            assert flag in cookie
        assert "Domain" not in cookie
        assert "max-age" in answer.headers["strict-transport-security"]
        token = cookie.split("=", 1)[1].split(";", 1)[0]
        web = desk.anonymous()
        assert (await web.get(f"{API}/me", headers={"Cookie": f"{COOKIE}={token}"})).status_code == 401
        assert (await web.get(f"{API}/me", headers={"Cookie": f"{SECURE_COOKIE}={token}"})).status_code == 200


async def test_review_somebody_stands_in_with_dates_and_on_the_record(desk: Desk) -> None:
    ana, ben, lea = await desk.client("ana"), await desk.client("ben"), await desk.client("lea", "lead")
    wish = {"delegate": "ben", "starts_at": "2026-03-02T09:00:00Z", "ends_at": "2026-03-09T09:00:00Z", "reason": "away"}
    made = await ana.post("/delegations", wish)
    assert made.status_code == 201, made.text
    assert (await ana.post("/delegations", wish)).json() == made.json()
    assert (await ana.post("/delegations", {**wish, "delegate": "lea"})).status_code == 409
    assert (await ben.post("/delegations", {**wish, "username": "ana"})).status_code == 403
    wrong = await lea.post(
        "/delegations", {**wish, "username": "lea", "delegate": "nobody", "ends_at": wish["starts_at"]}
    )
    assert [error["pointer"] for error in wrong.json()["errors"]] == ["/delegate", "/ends_at"]
    names = {one["username"]: one["stands_in"] for one in (await lea.get("/colleagues")).json()["items"]}
    assert names == {"ana": "ben", "ben": None, "lea": None}
    assert [len((await who.get("/delegations")).json()["items"]) for who in (ana, ben, lea)] == [1, 1, 1]
    said = (await told(desk))[-1]
    assert said["kind"] == "user.changed"
    assert "stands in from 2026-03-02T09:00:00" in said["body"]["reason"]
    delegation_id = made.json()["delegation_id"]
    assert (await ben.post(f"/delegations/{delegation_id}/end")).status_code == 403
    for _ in range(2):
        desk.clock.forward(minutes=1)
        assert (await ana.post(f"/delegations/{delegation_id}/end")).status_code == 204
    assert (await ana.get("/delegations")).json()["items"] == []
    root = await desk.client("root", "admin")
    assert {one["username"] for one in (await root.get("/colleagues")).json()["items"]} == {"ana", "ben", "lea"}


async def test_review_whoever_stands_in_may_be_away_too_and_a_ring_leads_nowhere(desk: Desk) -> None:
    for name in ("ana", "ben", "eve"):
        await desk.add_user(name)
    desks: Delegations = desk.parts.delegations
    root = await desk.client("root", "admin")

    async def away(name: str, delegate: str) -> None:
        wish = {"username": name, "delegate": delegate, "starts_at": START.isoformat(),
                "ends_at": (START + timedelta(days=1)).isoformat()}  # fmt: skip
        assert (await root.post("/delegations", wish)).status_code == 201

    async with desk.pool.acquire() as connection:
        assert await desks.stands_in(connection, "ana") is None
        await away("ana", "ben")
        await away("ben", "eve")
        assert (await desks.stands_in(connection, "ana"))["username"] == "eve"
        await away("eve", "ana")
        assert await desks.stands_in(connection, "ana") is None


async def test_review_two_administrators_do_not_overwrite_each_other(desk: Desk) -> None:
    one, two = await desk.client("one", "admin"), await desk.client("two", "admin")
    await desk.add_user("ana")
    before = await user(one, "ana")
    answers = await asyncio.gather(put(one, before, roles=["lead"]), put(two, before, roles=["auditor"]))
    assert sorted(answer.status_code for answer in answers) == [200, 409]


async def test_review_whoever_writes_too_fast_is_told_when_to_go_on_and_can_still_read(desk: Desk) -> None:
    ana = await desk.client("ana")
    answers = [await ana.post("/token", {"audience": "nowhere"}) for _ in range(251)]
    assert {answer.status_code for answer in answers[:250]} == {422}
    assert (answers[-1].status_code, answers[-1].headers["retry-after"]) == (429, "1")
    assert (await ana.get("/me")).status_code == 200
    desk.clock.forward(seconds=1)
    assert (await ana.post("/token", {"audience": "review"})).status_code == 200


async def test_review_whoever_is_not_trained_any_more_is_given_no_case(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana", training_valid_until=START.date())
    review_id = await desk.pool.fetchval("SELECT review_id FROM reviews")
    assert len((await ana.get("/queues/senior/items")).json()["items"]) == 1
    desk.clock.forward(hours=15)
    assert (await ana.get("/queues")).json()["items"] == []
    assert (await ana.get("/queues/senior/items")).json()["items"] == []
    assert (await ana.claim()).status_code == 204
    named = await ana.claim(review_id=review_id)
    assert (named.status_code, named.json()["lacks"]) == (403, ["training"])


async def test_review_a_case_handed_to_somebody_away_goes_to_whoever_stands_in(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben, eve = [await desk.client(name) for name in ("ana", "ben", "eve")]
    wish = {"delegate": "eve", "starts_at": START.isoformat(), "ends_at": (START + timedelta(days=1)).isoformat()}
    assert (await ben.post("/delegations", wish)).status_code == 201
    claim = await ana.claimed()
    handed = await ana.http.post(
        f"{API}/claims/{claim['claim_id']}/delegate", json={"to": "ben"},
        headers={"If-Match": '"1"', "Idempotency-Key": "k"},
    )  # fmt: skip
    assert handed.status_code == 204, handed.text
    assert (await ben.claim(review_id=claim["review_id"])).json()["lacks"] == ["assigned"]
    theirs = await eve.claim(review_id=claim["review_id"])
    assert theirs.status_code == 201
    # Whoever stands in cannot hand it to whom they stand in for: it would wait for nobody.
    back = await eve.http.post(
        f"{API}/claims/{theirs.json()['claim_id']}/delegate", json={"to": "ben"}, headers={"Idempotency-Key": "b"}
    )
    assert (back.status_code, back.json()["detail"]) == (409, "Ben is away, and you stand in for them.")
