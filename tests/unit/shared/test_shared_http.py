"""The application factory: problems, roles, tokens, limits."""

import socket
import time
from datetime import UTC, datetime

import asyncpg
import httpx
import pytest
from fastapi import Request
from joserfc import jwt
from joserfc.jwk import KeySet, OKPKey
from pydantic import BaseModel, field_validator

from countersign_shared.clock import Clock, system_clock
from countersign_shared.http import FieldError, Principal, Problem, TokenVerifier, create_app, public, require
from countersign_shared.observability import Health, Metrics

FAULTS: dict[str, Exception] = {
    "refused": ConnectionRefusedError(111, "Connect call failed"),
    "reset": ConnectionResetError(104, "Connection reset by peer"),
    "lost": asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation"),
    "shut down": asyncpg.AdminShutdownError("terminating connection due to administrator command"),
    "closed": asyncpg.InterfaceError("connection is closed"),
    "ending": asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
    "nameless": socket.gaierror(-2, "Name or service not known"),
    "silent": TimeoutError(),
}


class Body(BaseModel):
    amount: int

    @field_validator("amount")
    @classmethod
    def _not_negative(cls, amount: int) -> int:
        if amount < 0:
            raise ValueError("must not be negative")
        return amount


async def lead(_request) -> Principal:
    return Principal("p-1", "lena", frozenset({"lead"}), frozenset({"*"}))


def application(authenticate=lead, **limits):
    app = create_app(
        service="test", title="Test", health=Health(), metrics=Metrics("test"), authenticate=authenticate, **limits
    )

    @app.post("/echo", dependencies=[public])
    async def echo(body: Body) -> int:
        return body.amount

    @app.get("/leads")
    async def leads(principal: Principal = require("lead")) -> str:
        return principal.username

    @app.get("/auditors", dependencies=[require("auditor")])
    async def auditors() -> str:
        return "never"

    @app.get("/conflict", dependencies=[public])
    async def conflict() -> None:
        raise Problem(409, "stale", "Stale", "Bo decided.", errors=(FieldError("/x", "old"),), decided_by="bo")

    @app.get("/crash", dependencies=[public])
    async def crash() -> None:
        raise RuntimeError("secret detail")

    @app.get("/busy", dependencies=[public])
    async def busy() -> None:
        raise asyncpg.LockNotAvailableError("canceling statement due to lock timeout")

    @app.get("/fault/{name}", dependencies=[public])
    async def fault(name: str) -> None:
        raise FAULTS[name]

    return app


def client(app) -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(app, raise_app_exceptions=False), base_url="http://test")


async def test_a_wrong_field_is_pointed_at():
    async with client(application()) as http:
        answer = await http.post("/echo", json={"amount": "many"})
    assert answer.status_code == 422
    assert answer.headers["content-type"] == "application/problem+json"
    body = answer.json()
    assert body["type"] == "https://countersign.dev/problems/invalid-request"
    assert body["errors"][0]["pointer"] == "/amount"
    assert len(body["trace_id"]) == 32


async def test_a_rule_of_our_own_speaks_in_its_own_words():
    async with client(application()) as http:
        answer = await http.post("/echo", json={"amount": -1})
    assert answer.json()["errors"] == [{"pointer": "/amount", "detail": "must not be negative"}]


async def test_the_callers_trace_is_kept():
    async with client(application()) as http:
        answer = await http.get("/conflict", headers={"traceparent": f"00-{'ab' * 16}-{'cd' * 8}-01"})
    assert answer.json()["trace_id"] == "ab" * 16
    assert answer.json()["decided_by"] == "bo"
    assert answer.json()["errors"] == [{"pointer": "/x", "detail": "old"}]


async def test_a_crash_tells_nothing_but_its_trace():
    async with client(application()) as http:
        answer = await http.get("/crash")
    assert answer.status_code == 500
    assert "secret" not in answer.text


@pytest.mark.parametrize("fault", [asyncpg.DiskFullError("no space left"), asyncpg.OutOfMemoryError("no memory left")])
async def test_a_database_without_room_is_worth_asking_again(fault, monkeypatch):
    monkeypatch.setitem(FAULTS, "room", fault)
    async with client(application()) as http:
        answer = await http.get("/fault/room")
    assert (answer.status_code, answer.json()["type"].rsplit("/")[-1]) == (503, "database-busy")


async def test_a_busy_database_is_worth_asking_again():
    async with client(application()) as http:
        answer = await http.get("/busy")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
    assert answer.json()["type"].endswith("/database-busy")


@pytest.mark.parametrize("name", sorted(FAULTS))
async def test_a_database_that_is_away_is_worth_asking_again_and_nobody_is_told_that_nothing_was_done(name):
    async with client(application()) as http:
        answer = await http.get(f"/fault/{name}")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1"), answer.text
    assert answer.json()["type"].endswith("/database-away")
    assert "Nothing was changed" not in answer.text


async def test_a_value_that_does_not_fit_its_column_is_our_fault(monkeypatch):
    monkeypatch.setitem(FAULTS, "wrong", type("WrongValue", (asyncpg.InterfaceError, ValueError), {})("x"))
    async with client(application()) as http:
        assert (await http.get("/fault/wrong")).status_code == 500


async def test_roles_are_asked_for():
    async with client(application()) as http:
        assert (await http.get("/leads")).json() == "lena"
        refused = await http.get("/auditors")
    assert refused.status_code == 403
    assert "auditor" in refused.json()["detail"]


def test_a_role_that_does_not_exist_is_refused_when_the_route_is_made():
    with pytest.raises(ValueError, match="boss"):
        require("boss")


@pytest.mark.parametrize("declared", [True, False])
async def test_a_body_past_the_limit_is_refused(declared):
    async def chunks():
        for _ in range(20):
            yield b" " * 100

    async with client(application(max_body_bytes=1000)) as http:
        content = b" " * 2000 if declared else chunks()
        answer = await http.post("/echo", content=content, headers={"content-type": "application/json"})
    assert answer.status_code == 413


async def test_health_and_metrics_are_open():
    async with client(application()) as http:
        assert (await http.get("/livez")).status_code == 200
        assert (await http.get("/readyz")).status_code == 503
        assert "countersign_last_poll_age_seconds 0.0" in (await http.get("/metrics")).text


class Keys(TokenVerifier):
    """Verifies against keys given here instead of fetching them."""

    def __init__(self, key: OKPKey, clock: Clock = system_clock) -> None:
        super().__init__("router", "http://unused", clock)
        self._given = KeySet([key])

    async def _current_keys(self, *, fresh: bool) -> KeySet:
        return self._given


def token(key: OKPKey, **changes) -> str:
    claims = {
        "iss": "countersign-review", "aud": "router", "sub": "p-1", "name": "lena", "roles": ["lead", "emperor"],
        "tenants": ["*"], "exp": int(time.time()) + 300,
    } | changes  # fmt: skip
    return jwt.encode({"alg": "Ed25519", "kid": key.kid}, claims, key, algorithms=["Ed25519"])


async def test_tokens_are_checked():
    key, other = OKPKey.generate_key("Ed25519", auto_kid=True), OKPKey.generate_key("Ed25519", auto_kid=True)
    cases = {
        token(key): 200, token(key, aud="audit"): 401, token(key, exp=1): 401, token(key, iss="me"): 401,
        token(other): 401, "nonsense": 401, token(key, roles=["auditor"]): 403,
        # What somebody is besides what a token lends them opens nothing.
        token(key, roles=["auditor"], own_roles=["lead"]): 403,
    }  # fmt: skip
    async with client(application(Keys(key))) as http:
        for given, status in cases.items():
            answer = await http.get("/leads", headers={"authorization": f"Bearer {given}"})
            assert answer.status_code == status, answer.text
        assert (await http.get("/leads")).headers["www-authenticate"].startswith("Bearer")


async def test_a_token_says_who_somebody_is_and_nothing_else():
    key, now = OKPKey.generate_key("Ed25519", auto_kid=True), datetime(2026, 3, 1, tzinfo=UTC)
    verify, ends = Keys(key, lambda: now), int(now.timestamp())

    async def who(scheme="Bearer", **changes):
        given = f"{scheme} {token(key, **{'exp': ends} | changes)}"
        return await verify(Request({"type": "http", "headers": [(b"authorization", given.encode())]}))

    found = await who(aud=["audit", "router"], tenants=["east"], own_roles=["auditor", "emperor"], forwarded="true")
    assert (found.subject, found.username, found.roles, found.own_roles) == ("p-1", "lena", {"lead"}, {"auditor"})
    assert (found.sees("east"), found.sees("west"), found.sees("*"), found.forwarded) == (True, False, False, False)
    everywhere = await who("bearer", forwarded=True)
    assert (everywhere.sees("west"), everywhere.forwarded) == (True, True)
    answering = [(await who(roles=[role])).may_answer for role in ("reviewer", "lead", "auditor", "admin")]
    assert answering == [True, True, False, False]
    # Clocks differ by a little.
    assert await who(exp=ends - 5)
    for change in ({"exp": ends - 6}, {"exp": None}, {"exp": str(ends + 60)}, {"aud": None}, {"scheme": "Basic"}):
        with pytest.raises(Problem):
            await who(**change)
