"""The live stream: server-sent events that say where something changed; the page fetches what it may see."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import orjson
from fastapi import APIRouter, Request
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from countersign_review.api.access import ANYBODY, READING, Identity, Known, identify
from countersign_review.api.hub import Hub, Listener
from countersign_review.api.parts import Using
from countersign_shared.http import Problem

router = APIRouter(tags=["live"])
HEARTBEAT_SECONDS = 15.0
"""Shorter than the idle time-outs of usual proxies; each also checks that the caller may still listen."""
SEND_SECONDS = 30.0
"""A connection that takes nothing for this long is given up."""
RETRY_MS = 2_000
StillIn = Callable[[], Awaitable[frozenset[str] | None]]
"""Returns the caller's tenants as they are now, None when they may not listen any more."""


@router.get(
    "/stream", dependencies=[ANYBODY], response_class=Response,
    responses={200: {"description": "Server-sent events; see below.", "content": {"text/event-stream": {"schema": {
        "type": "string",
    }}}}},
)  # fmt: skip
async def read_stream(request: Request, who: Known, parts: Using) -> Response:
    r"""Follow what changes at the desk, on every instance, until the connection or the session ends.

    One stream is enough for a browser; share it between tabs. Events:

    * `ready`: you are listening; `{"heartbeat_seconds": 15}`. Fetch your pages now.
    * `change`: `{"kind", "tenant", "case_id", "queue", "review_id"}`; kind is `waiting`, `taken`, `decided`,
      `withdrawn` or `changed`. Ids only: fetch what you show. `case_id` is null when several cases arrived at once.
      Only whoever may look at cases is told.
    * `resync`: something may have been missed (you reconnected, or read too slowly), or your roles or tenants were
      changed; fetch your pages anew, and `/me`.
    * `end`: `{"reason"}`: `signed_out`, then do not reconnect; or `stopping`, then reconnect after a moment.

    A comment line is a heartbeat.
    """
    listener = parts.hub.join(who.user["pseudonym"], _heard(who))
    if listener is None:
        raise Problem(
            429, "too-many-streams", "Too many live streams", "Close other windows; one stream serves all tabs.",
            headers={"Retry-After": "10"},
        )  # fmt: skip

    parts.live.wake()
    rights = who.roles, who.tenants

    async def still_in() -> frozenset[str] | None:
        nonlocal rights
        try:
            identity = await identify(request, used=False)
        except Problem:
            return None
        if (identity.roles, identity.tenants) != rights:
            rights = identity.roles, identity.tenants
            listener.resync()
        return _heard(identity)

    return EventStream(parts.hub, listener, still_in, again="last-event-id" in request.headers)


def _heard(who: Identity) -> frozenset[str]:
    """Whose cases they hear of: nobody's where they may look at none. The end of a session is told to everybody."""
    return who.tenants if who.roles & READING else frozenset()


class EventStream(Response):
    """Sends what waits for a listener until either side ends."""

    media_type = "text/event-stream"

    def __init__(self, hub: Hub, listener: Listener, still_in: StillIn, *, again: bool) -> None:
        super().__init__(headers={"cache-control": "no-store", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._hub = hub
        self._listener = listener
        self._still_in = still_in
        self._again = again
        self._number = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Stream until the client goes, may not listen any more, or this instance stops."""
        del scope
        gone = asyncio.create_task(_gone(receive))
        sending = asyncio.create_task(self._send_all(send))
        try:
            await asyncio.wait({gone, sending}, return_when=asyncio.FIRST_COMPLETED)
            if sending.done() and not isinstance(sending.exception(), TimeoutError | OSError | None):
                sending.result()
        finally:
            self._hub.leave(self._listener)
            gone.cancel()
            sending.cancel()
            await asyncio.gather(gone, sending, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        first = self._event("ready", {"heartbeat_seconds": HEARTBEAT_SECONDS})
        await self._write(send, b"retry: %d\n" % RETRY_MS + first + (self._event("resync", {}) if self._again else b""))
        loop = asyncio.get_running_loop()
        check_at = loop.time() + HEARTBEAT_SECONDS
        while True:
            resync, changes = await self._listener.wait(max(check_at - loop.time(), 0.0))
            data = self._event("resync", {}) if resync else b""
            data += b"".join(self._event("change", change) for change in changes)
            if loop.time() >= check_at:
                check_at = loop.time() + HEARTBEAT_SECONDS
                data += b": still here\n\n"
                await self._check()
            if self._listener.ended:
                data += self._event("end", {"reason": self._listener.ended})
                await self._write(send, data, more=False)
                return
            await self._write(send, data)

    async def _check(self) -> None:
        tenants = await self._still_in()
        if tenants is None:
            self._listener.end("signed_out")
        else:
            self._listener.tenants = tenants

    def _event(self, name: str, data: dict[str, Any]) -> bytes:
        # The number only lets a reconnecting browser say that it was here before.
        self._number += 1
        return b"id: %d\nevent: %s\ndata: %s\n\n" % (self._number, name.encode(), orjson.dumps(data))

    async def _write(self, send: Send, data: bytes, *, more: bool = True) -> None:
        message: Message = {"type": "http.response.body", "body": data, "more_body": more}
        await asyncio.wait_for(send(message), SEND_SECONDS)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
