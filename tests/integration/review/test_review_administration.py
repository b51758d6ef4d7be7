"""Whom an administrator looks after: people and keys of their own tenants, and of no others."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.review.harness import API, START, Client, Desk

pytestmark = pytest.mark.postgres

RIGHTS: dict[str, Any] = {"display_name": "Somebody", "roles": ["reviewer"], "authority": {"max_tier": "low"}}


def code(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def people(who: Client) -> dict[str, dict[str, Any]]:
    return {one["username"]: one for one in (await who.get("/users")).json()["items"]}


async def put(who: Client, username: str, *, version: int = 1, **changes: Any) -> Any:
    body = {**RIGHTS, "tenants": ["north"], **changes}
    return await who.http.put(f"{API}/users/{username}", json=body, headers={"If-Match": f'"{version}"'})


@pytest.fixture
async def north(desk: Desk) -> Client:
    """An administrator of the tenant north, among people of this and other tenants."""
    await desk.add_user("ana", tenants=["north"])
    await desk.add_user("ben", tenants=["north", "south"])
    await desk.add_user("cleo", "admin", tenants=["south"])
    await desk.add_user("root", "admin")
    return await desk.client("nora", "admin", tenants=["north"])


async def test_review_an_administrator_sees_the_people_of_their_tenants(north: Client) -> None:
    seen = await people(north)
    assert {name: (one["tenants"], one["beyond_you"]) for name, one in seen.items()} == {
        "ana": (["north"], False), "ben": (["north"], True), "nora": (["north"], False), "root": (["north"], True),
    }  # fmt: skip


async def test_review_an_administrator_gives_away_none_but_their_own_tenants(desk: Desk, north: Client) -> None:
    made = await north.post("/users", {"username": "eve", **RIGHTS})
    assert (made.status_code, made.json()["tenants"]) == (201, ["north"])
    for tenants in (["*"], ["south"], ["north", "south"]):
        refused = await north.post("/users", {"username": "dan", **RIGHTS, "tenants": tenants})
        assert code(refused) == (403, "beyond-you"), refused.text
        assert refused.json()["errors"][0]["pointer"] == "/tenants"
        assert code(await put(north, "ana", version=1, tenants=tenants)) == (403, "beyond-you")
    assert code(await put(north, "nora", tenants=["*"], roles=["admin"])) == (403, "beyond-you")
    assert await desk.pool.fetchval("SELECT count(*) FROM users WHERE username = 'dan'") == 0
    assert await desk.pool.fetchval("SELECT tenants FROM users WHERE username = 'nora'") == ["north"]
    assert (await put(north, "ana")).status_code == 200


@pytest.mark.parametrize(("username", "expected"), [
    ("ben", (403, "beyond-you")), ("root", (403, "beyond-you")),
    ("cleo", (404, "not-found")), ("nobody", (404, "not-found")),
])  # fmt: skip
async def test_review_an_administrator_has_no_hand_on_people_of_other_tenants(
    desk: Desk, north: Client, username: str, expected: tuple[int, str]
) -> None:
    before = await desk.pool.fetch("SELECT * FROM users ORDER BY username")
    for action in ("disable", "enable", "password"):
        assert code(await north.post(f"/users/{username}/{action}")) == expected, action
    assert code(await put(north, username)) == expected
    asked = {"name": "import", "username": username, "roles": ["auditor"]}
    assert code(await north.post("/api-keys", asked)) == expected
    assert await desk.pool.fetch("SELECT * FROM users ORDER BY username") == before


async def test_review_a_key_reaches_no_further_than_whoever_made_it(desk: Desk, north: Client) -> None:
    root = Client(desk.anonymous())
    root.http.headers["Authorization"] = f"Bearer {await desk.add_user('ruth', 'admin')}"
    asked = {"name": "import", "username": "ana", "roles": ["reviewer"]}
    made = await north.post("/api-keys", asked)
    assert (made.status_code, made.json()["tenants"]) == (201, ["north"])
    assert code(await north.post("/api-keys", {**asked, "tenants": ["south"]})) == (403, "beyond-you")
    # Somebody who may lets their owner see more; the key stays where it was.
    assert (await put(root, "ana", tenants=["*"])).status_code == 200
    program = Client(desk.anonymous())
    program.http.headers["Authorization"] = f"Bearer {made.json()['api_key']}"
    assert (await program.get("/me")).json()["tenants"] == ["north"]
    # Its owner is beyond this administrator now, the key is not.
    assert code(await north.post("/users/ana/disable")) == (403, "beyond-you")
    assert (await north.post(f"/api-keys/{made.json()['key_id']}/revoke")).json()["revoked_at"] is not None


async def test_review_an_administrator_revokes_the_keys_of_their_tenants(desk: Desk, north: Client) -> None:
    keys = {one["username"]: one for one in (await north.get("/api-keys")).json()["items"]}
    assert {name: (one["tenants"], one["beyond_you"]) for name, one in keys.items()} == {
        "ana": (["north"], False), "ben": (["north"], True), "nora": (["north"], False), "root": (["north"], True),
    }  # fmt: skip
    cleos = await desk.pool.fetchval("SELECT key_id FROM api_keys WHERE username = 'cleo'")
    assert (await north.post(f"/api-keys/{keys['ana']['key_id']}/revoke")).status_code == 200
    assert code(await north.post(f"/api-keys/{keys['ben']['key_id']}/revoke")) == (403, "beyond-you")
    assert code(await north.post(f"/api-keys/{cleos}/revoke")) == (404, "not-found")
    revoked = await desk.pool.fetch("SELECT username FROM api_keys WHERE revoked_at IS NOT NULL")
    assert [row["username"] for row in revoked] == ["ana"]


async def test_review_nobody_stands_in_across_tenants_or_is_seen_to(desk: Desk, north: Client) -> None:
    root = Client(desk.anonymous())
    root.http.headers["Authorization"] = f"Bearer {await desk.add_user('ruth', 'admin', 'lead')}"
    await desk.add_user("dan", tenants=["south"])
    await desk.add_user("eve", tenants=["south"])
    wish = {
        "username": "dan", "delegate": "eve", "starts_at": START.isoformat(),
        "ends_at": START.replace(year=START.year + 1).isoformat(),
    }  # fmt: skip
    refused = await north.post("/delegations", wish)
    assert [error["pointer"] for error in refused.json()["errors"]] == ["/username", "/delegate"]
    made = (await root.post("/delegations", wish)).json()
    assert (await north.get("/delegations")).json()["items"] == []
    assert [one["username"] for one in (await root.get("/delegations")).json()["items"]] == ["dan"]
    assert code(await north.post(f"/delegations/{made['delegation_id']}/end")) == (404, "not-found")
    assert (await root.post(f"/delegations/{made['delegation_id']}/end")).status_code == 204


async def test_review_two_administrators_who_take_the_role_from_each_other_leave_one(desk: Desk) -> None:
    ana, ben = await desk.client("ana", "admin"), await desk.client("ben", "admin")
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM users FOR NO KEY UPDATE")
        taking = [
            asyncio.create_task(one.post(f"/users/{other}/disable")) for one, other in ((ana, "ben"), (ben, "ana"))
        ]
        await desk.until_waiting(len(taking))
    answers = await asyncio.gather(*taking)
    assert sorted(answer.status_code for answer in answers) == [200, 403]
    assert await desk.pool.fetchval("SELECT count(*) FROM users WHERE disabled_at IS NULL") == 1


async def test_review_an_administrator_does_not_lock_themselves_out_of_their_tenants(desk: Desk) -> None:
    root = await desk.client("root", "admin")
    refused = await put(root, "root", roles=["admin"], tenants=["north"])
    assert code(refused) == (409, "own-account")
    assert (await put(root, "root", roles=["admin"], tenants=["*"])).status_code == 200
