"""What review passes on to the other services, and with whose rights."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import httpx
import pytest

from countersign_review.api import forward
from countersign_review.api.forward import NO_LINK
from countersign_shared.runtime import serving
from tests.integration.review.harness import Desk, record, routed

pytestmark = pytest.mark.postgres


class Upstream:
    """A small service that says who it was told is calling, and can stream."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        stream = scope["path"].endswith("/stream")
        kind = b"text/event-stream" if stream else b"application/json"
        await send({
            "type": "http.response.start", "status": 200,
            "headers": [(b"content-type", kind), (b"set-cookie", b"evil=1"), (b"x-from", scope["path"].encode())],
        })  # fmt: skip
        if stream:
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            await self.gate.wait()
            await send({"type": "http.response.body", "body": b"data: 2\n\n"})
            return
        body = (await receive())["body"]
        named = {name: headers.get(name) for name in ("authorization", "cookie")}
        said = {**named, "body": body.decode(), "query": scope["query_string"].decode(), "method": scope["method"]}
        await send({"type": "http.response.body", "body": json.dumps(said).encode()})


async def test_review_forwards_with_a_token_of_its_own_and_streams(desk: Desk) -> None:
    upstream = Upstream()
    async with serving(upstream, "127.0.0.1", 0) as port:  # type: ignore[arg-type]
        for service in ("router", "audit", "feedback", "inference"):
            object.__setattr__(desk.parts.settings, f"{service}_url", f"http://127.0.0.1:{port}")
        lead = await desk.browser("lea", "lead")
        answer = await lead.http.post("/api/router/v1/route?dry=1", json={"a": 1})
        assert answer.status_code == 200, answer.text
        said = answer.json()
        assert (said["method"], said["query"], said["body"], said["cookie"]) == ("POST", "dry=1", '{"a":1}', None)
        claims = desk.parts.signer.read(
            said["authorization"].removeprefix("Bearer "), audience="router", now=desk.clock()
        )
        assert claims is not None
        assert (claims["roles"], claims["name"]) == (["lead"], "lea")
        assert "set-cookie" not in answer.headers
        assert answer.headers["x-from"] == "/api/router/v1/route"
        for path in ("/api/router/../../x", "/api/router/%2e%2e/x", "/api/router//x"):
            escaped = await lead.http.get(path)
            assert (
                escaped.headers.get("x-from", "/api/router/").startswith("/api/router/") or escaped.status_code == 400
            )
        upstream.gate.set()
        async with lead.http.stream("GET", "/api/feedback/v1/stream") as stream:
            assert [line async for line in stream.aiter_lines()] == ["data: 1", "", "data: 2", ""]
    down = await lead.http.get("/api/router/v1/route")
    assert down.status_code == 503
    assert down.headers["content-type"] == "application/problem+json"


async def test_review_the_affected_persons_link_needs_no_key_and_brings_none_along(desk: Desk) -> None:
    upstream, token = Upstream(), "0a" * 32
    async with serving(upstream, "127.0.0.1", 0) as port:  # type: ignore[arg-type]
        object.__setattr__(desk.parts.settings, "audit_url", f"http://127.0.0.1:{port}")
        lead = await desk.browser("lea", "lead")
        for client in (desk.anonymous(), lead.http):
            for method in ("GET", "POST"):
                answer = await client.request(method, f"/api/audit/v1/explanations/{token}?tenant=x")
                said = answer.json()
                assert (said["method"], said["query"], said["cookie"], said["authorization"]) == (
                    method,
                    "",
                    None,
                    None,
                )
                assert answer.headers["x-from"] == f"/api/audit/v1/explanations/{token}"
        for other in (token.upper(), token[:-1], f"{token}."):
            # The words for whoever copied less or more than the link are audit's.
            answer = await desk.anonymous().get(f"/api/audit/v1/explanations/{other}")
            assert answer.headers["x-from"] == f"/api/audit/v1/explanations/{NO_LINK}"
        for other in (f"{token}/x", "../checkpoint"):
            assert (await desk.anonymous().get(f"/api/audit/v1/explanations/{other}")).status_code in {401, 404, 422}
        assert (await desk.anonymous().delete(f"/api/audit/v1/explanations/{token}")).status_code in {401, 405}


async def test_review_a_stream_passes_through_as_it_comes(desk: Desk) -> None:
    upstream = Upstream()
    key = await desk.add_user("lea", "auditor")
    async with (
        serving(upstream, "127.0.0.1", 0) as port,  # type: ignore[arg-type]
        serving(desk.app, "127.0.0.1", 0) as front,
        httpx.AsyncClient(headers={"Authorization": f"Bearer {key}"}, timeout=60) as client,
    ):
        object.__setattr__(desk.parts.settings, "audit_url", f"http://127.0.0.1:{port}")
        async with client.stream("GET", f"http://127.0.0.1:{front}/api/audit/v1/stream") as stream:
            chunks = stream.aiter_bytes()
            async with asyncio.timeout(20):
                assert await anext(chunks) == b"data: 1\n\n"
            upstream.gate.set()
            assert await anext(chunks) == b"data: 2\n\n"


async def test_review_timeline_comes_through_review_after_the_answer(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"withhold": "blind"})))
    ana = await desk.client("ana")
    async with serving(Upstream(), "127.0.0.1", 0) as port:  # type: ignore[arg-type]
        object.__setattr__(desk.parts.settings, "audit_url", f"http://127.0.0.1:{port}")
        assert (await ana.get("/cases/default/loan-1/timeline")).status_code == 403
        assert (await ana.http.get("/api/audit/v1/cases/loan-1/timeline")).status_code == 403
        claim = await ana.claimed()
        await ana.decide(claim)
        # The proposal is shown to whoever answered unseen; nobody else is told before the last word.
        assert (await ana.get("/cases/default/loan-1/timeline")).status_code == 403
        await ana.decide(await ana.read(claim), key="key-2")
        told = await ana.get("/cases/default/loan-1/timeline")
    assert told.status_code == 200
    assert told.headers["x-from"] == "/api/audit/v1/cases/loan-1/timeline"
    assert told.json()["query"] == "tenant=default"
    claims = desk.parts.signer.read(
        told.json()["authorization"].removeprefix("Bearer "), audience="audit", now=desk.clock()
    )
    assert claims is not None
    assert (claims["tenants"], claims["roles"], claims["own_roles"]) == (["default"], ["auditor"], ["reviewer"])


async def never(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """A service that takes every request and answers none."""
    del scope, receive, send
    await asyncio.Event().wait()


async def test_review_a_service_that_hangs_keeps_none_of_the_others_away(desk: Desk) -> None:
    async with (
        serving(never, "127.0.0.1", 0) as hanging,  # type: ignore[arg-type]
        serving(Upstream(), "127.0.0.1", 0) as port,  # type: ignore[arg-type]
    ):
        object.__setattr__(desk.parts.settings, "router_url", f"http://127.0.0.1:{hanging}")
        object.__setattr__(desk.parts.settings, "audit_url", f"http://127.0.0.1:{port}")
        lead = await desk.browser("lea", "lead")
        # As many as a client has connections: open consoles ask for the controls every few seconds.
        waiting = [asyncio.create_task(lead.http.get("/api/router/v1/controls")) for _ in range(100)]
        try:
            await asyncio.wait(waiting, timeout=2)
            async with asyncio.timeout(30):
                answer = await lead.http.get("/api/audit/v1/checkpoint")
            assert answer.status_code == 200
        finally:
            for one in waiting:
                one.cancel()
            await asyncio.gather(*waiting, return_exceptions=True)


async def test_review_a_service_that_hangs_is_given_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forward, "ANSWER_SECONDS", 0.2, raising=False)
    async with serving(never, "127.0.0.1", 0) as hanging:  # type: ignore[arg-type]
        object.__setattr__(desk.parts.settings, "router_url", f"http://127.0.0.1:{hanging}")
        lead = await desk.browser("lea", "lead")
        async with asyncio.timeout(30):
            answer = await lead.http.post("/api/router/v1/route", json={"a": 1})
    assert answer.status_code == 503
    assert answer.json()["type"].endswith("/service-unavailable")
    assert "may have been done" in answer.json()["detail"]
