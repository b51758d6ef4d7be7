"""Talking to a chat API: bounded in time, requests and bytes, patient with a busy server, done with a failing one."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from countersign_inference.domain.restraint import Breaker, pause

log = logging.getLogger(__name__)

BUSY, SERVER_ERROR, OK = 429, 500, 200
LARGEST_ANSWER_BYTES = 1_048_576
"""An answer has at most a few thousand tokens with twenty alternatives each."""
PATH = "chat/completions"


@dataclass(frozen=True, slots=True)
class ChatLimits:
    """What one case and one batch may cost. Seconds are wall clock, `requests` and `characters` are per case."""

    concurrency: int = 8
    batch_seconds: float = 20.0
    request_seconds: float = 10.0
    attempts: int = 3
    requests: int = 8
    characters: int = 24_000
    answer_tokens: int = 800
    samples: int = 5
    sample_temperature: float = 0.7
    explained_fields: int = 0
    breaker_failures: int = 5
    breaker_seconds: float = 15.0


@dataclass(slots=True)
class Purse:
    """What a case has left: requests, and time until `deadline` (monotonic)."""

    requests: int
    deadline: float


class UnavailableError(Exception):
    """The server did not answer, or said that it cannot."""


@dataclass(slots=True)
class ChatClient:
    """One chat API. A busy server (429) holds everybody back, for a limit on requests is one for all of them."""

    base_url: str
    key: str | None
    limits: ChatLimits
    chance: Callable[[], float]
    monotonic: Callable[[], float] = time.monotonic
    transport: httpx.AsyncBaseTransport | None = None
    _http: httpx.AsyncClient | None = None
    _breaker: Breaker = field(init=False)
    _not_before: float = 0.0

    def __post_init__(self) -> None:
        self._breaker = Breaker(self.limits.breaker_failures, self.limits.breaker_seconds)

    async def complete(self, body: bytes, purse: Purse) -> bytes:
        """Return what the server answered to a request, which is paid from the purse; else ``UnavailableError``."""
        why = "the requests that a case may cost are used up"
        for attempt in range(self.limits.attempts):
            if purse.requests <= 0:
                break
            # Whoever may ask does ask: a trial that nobody makes would keep the breaker open for ever.
            await self._turn(purse)
            purse.requests -= 1
            status, asked, data = await self._post(body, purse)
            if status == OK:
                self._breaker.answered()
                return data
            wait = pause(attempt, asked, self.chance())
            if status == BUSY:
                self._breaker.answered()
                why = "the model server is busy"
                self._not_before = max(self._not_before, self.monotonic() + wait)
                continue
            self._breaker.failed(self.monotonic())
            if 0 < status < SERVER_ERROR:
                raise UnavailableError(f"the model server refused the request with status {status}")
            why = "the model server does not answer"
            if attempt + 1 < self.limits.attempts:
                await asyncio.sleep(min(wait, max(purse.deadline - self.monotonic(), 0.0)))
        raise UnavailableError(why)

    async def aclose(self) -> None:
        """Close connections."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def _turn(self, purse: Purse) -> None:
        while (wait := self._not_before - self.monotonic()) > 0:
            if self.monotonic() + wait >= purse.deadline:
                raise UnavailableError("the model server asks for more patience than a batch has")
            await asyncio.sleep(wait)
        if not self._breaker.may_ask(self.monotonic()):
            raise UnavailableError("the model server failed several times in a row and is left alone for a while")

    async def _post(self, body: bytes, purse: Purse) -> tuple[int, str | None, bytes]:
        """Return status, Retry-After and body; status 0 when there was no whole answer in time."""
        left = max(min(self.limits.request_seconds, purse.deadline - self.monotonic()), 0.001)
        data = bytearray()
        try:
            async with asyncio.timeout(left), self._open().stream("POST", PATH, content=body) as response:
                async for part in response.aiter_bytes():
                    data += part
                    if len(data) > LARGEST_ANSWER_BYTES:
                        return OK, None, b""
                return response.status_code, response.headers.get("retry-after"), bytes(data)
        except (TimeoutError, httpx.HTTPError) as error:
            log.warning("the model server at %s: %r", self.base_url, error)
            return 0, None, b""
        except asyncio.CancelledError:
            # The batch's time is up while this one waits: to the breaker that is a server that does not answer.
            self._breaker.failed(self.monotonic())
            raise

    def _open(self) -> httpx.AsyncClient:
        if self._http is None:
            headers = {"content-type": "application/json"}
            if self.key is not None:
                headers["authorization"] = f"Bearer {self.key}"
            # Neither proxies nor keys from the environment, and no redirect that takes a case elsewhere.
            self._http = httpx.AsyncClient(
                base_url=self.base_url.rstrip("/") + "/", headers=headers, trust_env=False, follow_redirects=False,
                timeout=self.limits.request_seconds, transport=self.transport,
                limits=httpx.Limits(max_connections=self.limits.concurrency * 2),
            )  # fmt: skip
        return self._http
