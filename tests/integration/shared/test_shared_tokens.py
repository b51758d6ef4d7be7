"""Tokens are verified against the keys of review, which come over HTTP; and while review does not answer?"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import orjson
import pytest
from fastapi import Request
from joserfc.jwk import KeySet, OKPKey

from countersign_shared.errors import ConfigurationError
from countersign_shared.http import Problem, TokenVerifier, auth
from countersign_shared.runtime import serving
from countersign_shared.tls import roots
from tests.unit.shared.test_shared_http import token

OURS, FORGED = (OKPKey.generate_key("Ed25519", auto_kid=True) for _ in range(2))


class Review:
    """Answers with its keys, or, told to hang, with nothing until it is told to go on."""

    def __init__(self) -> None:
        self.asked = 0
        self.hangs = False
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.asked += 1
        self.reached.set()
        if self.hangs:
            await self.go_on.wait()
        kind = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": 503 if self.hangs else 200, "headers": [kind]})
        await send({"type": "http.response.body", "body": orjson.dumps(KeySet([OURS]).as_dict(private=False))})


@asynccontextmanager
async def verifying(review: Review) -> AsyncIterator[TokenVerifier]:
    async with asyncio.timeout(60), serving(review, "127.0.0.1", 0) as port:  # type: ignore[arg-type]
        try:
            yield TokenVerifier("router", f"http://127.0.0.1:{port}/keys")
        finally:
            review.go_on.set()


def call(key: OKPKey) -> Request:
    return Request({"type": "http", "headers": [(b"authorization", f"Bearer {token(key)}".encode())]})


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auth, "REFETCH_SECONDS", 0.0)


@pytest.mark.usefixtures("at_once")
async def test_a_forged_token_keeps_nobody_waiting_while_review_hangs() -> None:
    review = Review()
    async with verifying(review) as verify:
        assert (await verify(call(OURS))).username == "lena"
        review.hangs = True
        review.reached.clear()
        forged = asyncio.create_task(verify(call(FORGED)))
        await review.reached.wait()
        async with asyncio.timeout(20):
            assert (await verify(call(OURS))).username == "lena"
        assert not forged.done(), "the keys are still being fetched"
        review.go_on.set()
        with pytest.raises(Problem) as refused:
            await forged
        assert refused.value.status == 401


async def test_the_keys_are_fetched_past_every_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    # They say whom to believe, and come from a service beside us, as on a machine that names a proxy for the world.
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with verifying(Review()) as verify:
        assert (await verify(call(OURS))).username == "lena"


async def test_callers_before_the_first_keys_wait_together() -> None:
    review = Review()
    review.hangs = True
    async with verifying(review) as verify:
        callers = [asyncio.create_task(verify(call(OURS))) for _ in range(5)]
        await review.reached.wait()
        # One that goes away takes nobody along.
        callers.pop().cancel()
        review.go_on.set()
        refused = await asyncio.gather(*callers, return_exceptions=True)
        assert [(one.status, one.headers["Retry-After"]) for one in refused if isinstance(one, Problem)] == [
            (503, "5")
        ] * 4
        assert review.asked == 1
        review.hangs = False
        assert (await verify(call(OURS))).username == "lena"


@pytest.mark.usefixtures("at_once")
async def test_keys_are_fetched_anew_without_reading_whom_to_trust_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    # The event loop stands still for as long as that takes.
    read: list[object] = []
    load = ssl.SSLContext.load_verify_locations

    def noted(context: ssl.SSLContext, *args: Any, **kwargs: Any) -> None:
        read.append(context)
        load(context, *args, **kwargs)

    monkeypatch.setattr(ssl.SSLContext, "load_verify_locations", noted)
    review = Review()
    async with verifying(review) as verify:
        for _ in range(4):
            assert (await verify(call(OURS))).username == "lena"
            with pytest.raises(Problem):
                await verify(call(FORGED))
    assert review.asked >= 4
    assert len(read) <= 1


async def test_roots_that_are_not_there_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "nowhere.pem"))
    roots.cache_clear()
    try:
        with pytest.raises(ConfigurationError, match="SSL_CERT_FILE"):
            roots()
        async with verifying(Review()) as verify:
            with pytest.raises(Problem, match="SSL_CERT_FILE") as refused:
                await verify(call(OURS))
        assert refused.value.status == 503
    finally:
        roots.cache_clear()
