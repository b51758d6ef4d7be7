from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from fastapi import Request
from fastapi.routing import iter_route_contexts

from countersign_review.api.access import COOKIE
from countersign_shared.http import ROLES, Problem, TokenVerifier
from countersign_shared.runtime import serving
from tests.integration.review.harness import API, BY, Desk, decision, open_desk, record, routed

pytestmark = pytest.mark.postgres


def roles_of(route: Any) -> frozenset[str] | None:
    for dependency in route.dependant.dependencies:
        roles: frozenset[str] | None = getattr(dependency.call, "roles", None)
        if roles is not None:
            return roles
    return None


def routes_of(desk: Desk) -> list[Any]:
    # An included router is one entry of the application; its routes stand behind it.
    found = [route for route in iter_route_contexts(desk.app.routes) if route.path != "/openapi.json"]
    assert len(found) > 30
    return found


async def test_review_every_route_states_its_roles_and_keeps_to_them(desk: Desk) -> None:
    keys = {role: await desk.add_user(f"only-{role.replace('_', '-')}", role) for role in ROLES}
    nobody = desk.anonymous()
    values = {
        "claim_id": "c",
        "review_id": "r",
        "decision_id": "d",
        "queue": "q",
        "tenant": "t",
        "case_id": "i",
        "username": "u",
        "key_id": "k",
        "delegation_id": "d",
        "name": "n",
        "path": "v1/x",
    }
    for route in routes_of(desk):
        stated = roles_of(route)
        assert stated, f"{route.path} states no roles"
        if stated == {"public"}:
            continue
        for method in route.methods:
            url = route.path.replace(":path}", "}").format(**values)
            assert (await nobody.request(method, url)).status_code == 401, f"{method} {url}"
            for role, key in keys.items():
                if role not in stated:
                    answer = await nobody.request(method, url, headers={"Authorization": f"Bearer {key}"})
                    assert answer.status_code == 403, f"{role} {method} {url}: {answer.text}"


async def test_review_open_routes_are_these_and_no_others(desk: Desk) -> None:
    open_to_all = {route.path for route in routes_of(desk) if roles_of(route) == {"public"}}
    assert open_to_all == {
        "/livez", "/readyz", "/metrics", f"{API}/session", f"{API}/jwks", "/{path:path}",
        "/api/audit/v1/explanations/{token}",
    }  # fmt: skip


async def test_review_a_browser_needs_its_csrf_token_for_every_write(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.browser("ana")
    token = ana.http.headers.pop("X-CSRF-Token")
    assert (await ana.get("/me")).json()["csrf_token"] == token
    for headers in ({}, {"X-CSRF-Token": "wrong"}):
        answer = await ana.http.post(f"{API}/queues/senior/claims", json={}, headers=headers)
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (403, "csrf")
    ana.http.headers["X-CSRF-Token"] = token
    assert (await ana.claim()).status_code == 201


async def test_review_signing_in_gives_a_fresh_session_and_signing_out_ends_it(desk: Desk) -> None:
    ana = await desk.browser("ana")
    first = ana.http.cookies[COOKIE]
    link = await desk.parts.people.new_link("ana", lasts=desk.parts.claims._leases.opened)
    planted = desk.anonymous()
    planted.cookies.set(COOKIE, first, domain="desk.test")
    signed_in = await planted.post(f"{API}/session", json={"login_token": link})
    second = signed_in.headers["set-cookie"]
    assert first not in second
    for part in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert part in second
    # The session the browser came with is over.
    assert (await ana.get("/me")).status_code == 401
    assert (await desk.anonymous().post(f"{API}/session", json={"login_token": link})).status_code == 401
    planted.headers["X-CSRF-Token"] = signed_in.json()["csrf_token"]
    planted.cookies.delete(COOKIE, domain="desk.test")
    planted.cookies.set(COOKIE, second.split("=", 1)[1].split(";", 1)[0], domain="desk.test")
    assert (await planted.delete(f"{API}/session")).status_code == 204
    assert (await planted.get(f"{API}/me")).status_code == 401


async def test_review_sessions_and_keys_end(desk: Desk) -> None:
    browser, program = await desk.browser("ana"), await desk.client("ben")
    desk.clock.forward(minutes=50)
    assert (await browser.get("/me")).status_code == 200
    desk.clock.forward(hours=12)
    assert (await browser.get("/me")).status_code == 401
    assert (await program.get("/me")).status_code == 200
    desk.clock.forward(hours=12)
    assert (await program.get("/me")).status_code == 401
    await desk.parts.people.forget_old_sessions()
    assert await desk.pool.fetchval("SELECT count(*) FROM sessions") == 0


async def test_review_passwords_work_and_guessing_is_slowed(desk: Desk) -> None:
    root = await desk.client("root", "admin")
    made = await root.post(
        "/users", {"username": "ana", "display_name": "Ana", "roles": ["reviewer"], "authority": {"max_tier": "low"}}
    )
    assert made.status_code == 201, made.text
    password = made.json()["password"]
    assert password not in (await root.get("/users")).text
    assert (await root.post("/users", {"username": "ana", "display_name": "A", "roles": ["lead"]})).status_code == 409
    web = desk.anonymous()
    good = await web.post(f"{API}/session", json={"username": "ana", "password": password})
    assert good.status_code == 200
    assert good.json()["authority"]["max_tier"] == "low"
    wrong = [await web.post(f"{API}/session", json={"username": "ana", "password": f"no-{n}"}) for n in range(6)]
    assert [answer.status_code for answer in wrong] == [401] * 5 + [429]
    assert int(wrong[-1].headers["retry-after"]) > 0
    assert (await web.post(f"{API}/session", json={"username": "ana", "password": password})).status_code == 429
    desk.clock.forward(seconds=61)
    assert (await web.post(f"{API}/session", json={"username": "ana", "password": password})).status_code == 200
    nobody = await desk.anonymous().post(f"{API}/session", json={"username": "nobody", "password": "x"})
    assert nobody.json()["detail"] == wrong[0].json()["detail"]
    kinds = [row["body"].decode() for row in await desk.pool.fetch("SELECT body FROM outbox")]
    assert sum('"user.sign_in_failed"' in body for body in kinds) == 5
    assert password not in "".join(kinds)


async def test_review_a_foreign_page_cannot_sign_a_browser_in(desk: Desk) -> None:
    await desk.add_user("ana")
    link = await desk.parts.people.new_link("ana", lasts=desk.parts.claims._leases.opened)
    answer = await desk.anonymous().post(
        f"{API}/session", json={"login_token": link}, headers={"Origin": "https://evil.example"}
    )
    assert answer.status_code == 403


async def test_review_local_users_stay_on_this_machine(database_url: str) -> None:
    async with open_desk(database_url, http_host="0.0.0.0") as desk:
        await desk.parts.people.add(
            "ana", display_name="Ana", roles=["reviewer"], tenants=["*"], by=BY, authority=await _any_authority(),
            password_hash=await desk.parts.passwords.hash("secret"),
        )  # fmt: skip
        answer = await desk.anonymous().post(f"{API}/session", json={"username": "ana", "password": "secret"})
        assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (403, "local-users-only-on-loopback")


async def _any_authority() -> Any:
    from countersign_review.store.people import Authority

    return Authority()


async def test_review_a_key_can_do_no_more_than_its_owner(desk: Desk) -> None:
    await desk.add_user("ana", "reviewer", tenants=("a", "b"))
    root = await desk.client("root", "admin")
    asked = {"name": "script", "username": "ana", "roles": ["reviewer", "admin"]}
    assert (await root.post("/api-keys", asked)).status_code == 422
    made = (await root.post("/api-keys", {**asked, "roles": ["reviewer"], "tenants": ["b", "c"]})).json()
    assert made["api_key"].startswith("cs_test_")
    secret = made["api_key"].rsplit("_", 1)[1]
    assert secret not in (await root.get("/api-keys")).text
    program = desk.anonymous()
    program.headers["Authorization"] = f"Bearer {made['api_key']}"
    me = (await program.get(f"{API}/me")).json()
    assert (me["roles"], me["tenants"], me["csrf_token"]) == (["reviewer"], ["b"], None)
    for tenant in ("a", "b"):
        await desk.take_in(record("case.routed", routed(tenant=tenant)))
    assert (await program.get(f"{API}/queues")).json()["items"][0]["depth"] == 1
    for broken in (made["api_key"][:-1], made["api_key"] + "x", "cs_test_nothing_here", "cs__", "cs_"):
        program.headers["Authorization"] = f"Bearer {broken}"
        assert (await program.get(f"{API}/me")).status_code == 401


async def test_review_tokens_are_short_and_for_one_service(desk: Desk) -> None:
    ana = await desk.client("ana")
    for audience, status in (("review", 200), ("audit", 401)):
        token = (await ana.post("/token", {"audience": audience})).json()
        assert token["expires_in"] == 300
        bearer = {"Authorization": f"Bearer {token['access_token']}"}
        assert (await desk.anonymous().get(f"{API}/me", headers=bearer)).status_code == status
    token = (await ana.post("/token", {"audience": "review"})).json()["access_token"]
    bearer = {"Authorization": f"Bearer {token}"}
    desk.clock.forward(minutes=6)
    assert (await desk.anonymous().get(f"{API}/me", headers=bearer)).status_code == 401
    tampered = {"Authorization": f"Bearer {token[:-4]}AAAA"}
    assert (await desk.anonymous().get(f"{API}/me", headers=tampered)).status_code == 401


async def test_review_tokens_are_good_at_the_other_services(desk: Desk) -> None:
    desk.clock.now = datetime.now(UTC)
    key = await desk.add_user("ana", "auditor", tenants=("a",))
    async with serving(desk.app, "127.0.0.1", 0) as port:
        base = f"http://127.0.0.1:{port}{API}"
        async with httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client:
            token = (await client.post(f"{base}/token", json={"audience": "audit"})).json()["access_token"]
        request = Request({"type": "http", "headers": [(b"authorization", f"Bearer {token}".encode())]})
        principal = await TokenVerifier("audit", f"{base}/jwks")(request)
        assert (principal.username, principal.roles, principal.tenants) == ("ana", {"auditor"}, {"a"})
        with pytest.raises(Problem, match="not for router"):
            await TokenVerifier("router", f"{base}/jwks")(request)


async def test_review_security_headers_are_on_every_answer(desk: Desk) -> None:
    web = desk.anonymous()
    for path in ("/", f"{API}/me", f"{API}/jwks", "/livez", "/api/nowhere"):
        answer = await web.get(path)
        assert "script-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert (await web.get(f"{API}/jwks")).headers["cache-control"] == "no-store"
    assert (await web.get("/api/nowhere")).headers["content-type"] == "application/problem+json"
    for path in ("/../../../etc/passwd", "/assets/../../app.py", "/%2e%2e/%2e%2e/settings.py"):
        answer = await web.get(path)
        assert "class Settings(" not in answer.text
        assert "root:" not in answer.text


async def test_review_bad_input_is_a_problem_with_its_place(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    path = f"{API}/claims/{claim['claim_id']}/decision"
    headers = {"If-Match": '"1"', "Idempotency-Key": "k", "Content-Type": "application/json"}
    for content, status in (
        (b"{", 422), (b"[]", 422), (b"null", 422), (b'{"outcome": 1}', 422), (b"\xff\xfe", 422),
        (b"x" * 2_000_000, 413), (b"[" * 50_000, 400),
    ):  # fmt: skip
        answer = await ana.http.post(path, content=content, headers=headers)
        assert answer.status_code == status, (content[:20], answer.text[:200])
        assert answer.headers["content-type"] == "application/problem+json"
    surrogate = decision(claim, "approve", reason={"codes": ["missing_context"], "note": "\ud800"})
    answer = await ana.http.post(path, content=json.dumps(surrogate).encode(), headers=headers)
    assert answer.status_code == 422
    for bad in ("/cases?cursor=x", "/cases?limit=0", "/cases?state=nonsense", "/queues/senior/items?limit=1000"):
        assert (await ana.get(bad)).status_code == 422
    for odd in ("/cases/default/%00", "/claims/%00", "/decisions/%F0%9F%8E%89", "/cases/default/a%2Fb"):
        assert (await ana.get(odd)).status_code in {404, 422}, odd


async def test_review_passwords_tried_at_once_are_counted_like_passwords_tried_in_turn(desk: Desk) -> None:
    await desk.add_user("ana")
    right = await desk.parts.passwords.hash("right")
    await desk.parts.people.set_password("ana", right, by=BY)
    http = desk.anonymous()
    tries = (http.post(f"{API}/session", json={"username": "ana", "password": f"wrong-{n}"}) for n in range(30))
    answers = [answer.status_code for answer in await asyncio.gather(*tries)]
    # Two are compared at a time: one more than the five may have begun.
    assert answers.count(401) <= 6
    assert answers.count(401) + answers.count(429) == 30


async def test_review_a_password_that_was_reset_in_the_moment_of_its_use_opens_nothing(desk: Desk) -> None:
    await desk.add_user("ana")
    for password in ("leaked", "fresh"):
        await desk.parts.people.set_password("ana", await desk.parts.passwords.hash(password), by=BY)
        if password == "leaked":
            proven = await desk.parts.people.find("ana")
    assert proven is not None
    lasts = timedelta(hours=1)
    assert await desk.parts.people.open_session(proven, lasts=lasts, replaces=None) is None
    now = await desk.parts.people.find("ana")
    assert now is not None
    assert await desk.parts.people.open_session(now, lasts=lasts, replaces=None) is not None


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_review_a_time_outside_the_calendar_is_refused_by_name(desk: Desk, moment: str) -> None:
    ana = await desk.client("ana")
    answer = await ana.http.get(f"{API}/cases", params={"since": moment})
    assert answer.status_code == 422, answer.text
    wish = {"delegate": "ana", "starts_at": "2026-03-02T00:00:00Z", "ends_at": moment}
    assert (await ana.post("/delegations", wish)).status_code == 422
