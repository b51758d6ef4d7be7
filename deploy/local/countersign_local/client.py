"""Talking to a running system over HTTP, through review, as any program with an API key would."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from typing import Any
from urllib.parse import quote

import httpx

from countersign_local.errors import (
    CONFIGURATION,
    NOT_PERMITTED,
    NOT_RIGHT,
    UNAVAILABLE,
    USAGE,
    CommandError,
    LocalError,
)
from countersign_shared.tls import roots

_TIMEOUT_SECONDS = 30.0
_QUIET_SECONDS = 300.0
"""How long an answer that comes in lines may say nothing: a replay may wait for others before it."""
_MOST_ITEMS = 200
"""Of one page of a list."""
_BUSY = 429
_UNAUTHENTICATED = 401
_FORBIDDEN = 403
_FIRST_ERROR = 400


class Refused(LocalError):  # noqa: N818 - it names what happened
    """The system answered with a problem (RFC 9457); `status` and `problem` are its own."""

    code = "refused"

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        fields = "".join(f"\n  {item.get('pointer') or '/'}: {item['detail']}" for item in problem.get("errors", ()))
        # The detail only repeats what is told of each field.
        detail = f": {problem['detail']}" if problem.get("detail") and not fields else ""
        name = str(problem.get("type", "")).rpartition("/")[2]
        named = f"{status} {name}" if name else str(status)
        super().__init__(f"{problem.get('title', 'The request failed')} ({named}){detail}{fields}")
        self.status = status
        self.problem = problem
        self.exit_code = NOT_PERMITTED if status in {_UNAUTHENTICATED, _FORBIDDEN} else NOT_RIGHT

    @property
    def retry_after_seconds(self) -> float | None:
        """How long to wait when the system is busy; None when waiting does not help."""
        return float(self.problem.get("retry_after", 1)) if self.status == _BUSY else None


class Unreachable(LocalError):  # noqa: N818 - it names what happened
    """Nothing answers at this address."""

    code = "unreachable"
    exit_code = UNAVAILABLE


class Client:
    """JSON in, JSON out; every error is a Refused or an Unreachable."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self._http = http

    async def sign_in(self, login_token: str) -> dict[str, Any]:
        """Sign in as a browser does and return who it is; writes then carry the session's CSRF token."""
        me: dict[str, Any] = await self.post("/api/review/v1/session", {"login_token": login_token})
        self._http.headers["x-csrf-token"] = me["csrf_token"]
        return me

    async def call(
        self, method: str, path: str, *, body: Any = None, params: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:  # fmt: skip
        """Send one request and return its JSON, None for an empty answer."""
        try:
            answer = await self._http.request(
                method, path, json=body, params=dict(params or {}), headers=dict(headers or {})
            )
        except httpx.HTTPError as error:
            raise Unreachable(f"Nothing answers at {self._address} ({_why(error)}): is it running?") from error
        if answer.status_code >= _FIRST_ERROR:
            raise Refused(answer.status_code, _problem(answer))
        try:
            return answer.json() if answer.content else None
        except ValueError as error:
            raise Unreachable(
                f"What answers at {self._address} is not Countersign's API: COUNTERSIGN_URL is the address of its "
                "console, such as http://127.0.0.1:8100."
            ) from error

    @property
    def _address(self) -> str:
        return str(self._http.base_url).rstrip("/")

    async def lines(self, path: str, body: Any, *, headers: Mapping[str, str] | None = None) -> AsyncIterator[Any]:
        """POST a JSON body and give the answer's lines as they come, each a JSON value."""
        timeout = httpx.Timeout(_TIMEOUT_SECONDS, read=_QUIET_SECONDS)
        try:
            async with self._http.stream("POST", path, json=body, timeout=timeout, headers=headers) as answer:
                if answer.status_code >= _FIRST_ERROR:
                    await answer.aread()
                    raise Refused(answer.status_code, _problem(answer))
                async for line in answer.aiter_lines():
                    yield json.loads(line)
        except httpx.HTTPError as error:
            raise Unreachable(f"{self._address} does not answer any more ({_why(error)}): is it running?") from error

    async def get(self, path: str, **params: Any) -> Any:
        """GET with query parameters; those that are None are left out."""
        return await self.call("GET", path, params={name: value for name, value in params.items() if value is not None})

    async def every(self, path: str, **params: Any) -> list[dict[str, Any]]:
        """GET the items of all pages of a list."""
        items: list[dict[str, Any]] = []
        cursor: str | None = None
        while True:
            page = await self.get(path, limit=_MOST_ITEMS, cursor=cursor, **params)
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items

    async def read(self, path: str, **params: Any) -> bytes:
        """GET something that is not JSON, whole."""
        return b"".join([piece async for piece in self.stream(path, **params)])

    async def stream(self, path: str, **params: Any) -> AsyncIterator[bytes]:
        """GET something that is not JSON, piece by piece as it arrives."""
        given = {name: value for name, value in params.items() if value is not None}
        try:
            async with self._http.stream("GET", path, params=given) as answer:
                if answer.status_code >= _FIRST_ERROR:
                    await answer.aread()
                    raise Refused(answer.status_code, _problem(answer))
                async for piece in answer.aiter_bytes():
                    yield piece
        except httpx.ConnectError as error:
            raise Unreachable(f"Nothing answers at {self._address} ({_why(error)}): is it running?") from error
        except httpx.HTTPError as error:
            raise Unreachable(f"{self._address} does not answer to the end ({_why(error)}): try again") from error

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST a JSON body."""
        return await self.call("POST", path, body=body, headers=headers)


def step(name: str, what: str) -> str:
    """Return a name that somebody gave as one step of a path; a ``CommandError`` where it would lead elsewhere."""
    if name in {"", ".", ".."} or "/" in name:
        raise CommandError(f"{name!r} is no {what}.", USAGE)
    return quote(name, safe="")


def _why(error: httpx.HTTPError) -> str:
    return str(error) or type(error).__name__


def _problem(answer: httpx.Response) -> Mapping[str, Any]:
    retry_after = answer.headers.get("retry-after", "1")
    extra = {"retry_after": float(retry_after) if retry_after.isdecimal() else 1.0}
    try:
        found = answer.json()
    except ValueError:
        found = {}
    return {**extra, **(found if isinstance(found, dict) else {})}


@asynccontextmanager
async def open_client(url: str, *, api_key: str | None = None) -> AsyncIterator[Client]:
    """Open a client; without a key it may sign in and then keeps the session's cookie.

    The proxies that the environment names are for systems elsewhere; one that cannot be used is a ``CommandError``.
    """
    headers = {"authorization": f"Bearer {api_key}"} if api_key else {}
    try:
        http = httpx.AsyncClient(
            base_url=url, headers=headers, timeout=_TIMEOUT_SECONDS, trust_env=not _on_this_machine(url), verify=roots()
        )
    except (ImportError, ValueError) as error:
        raise CommandError(
            f"{url} cannot be asked through the proxy that the environment names: {error}", CONFIGURATION
        ) from error
    async with http:
        yield Client(http)


def _on_this_machine(url: str) -> bool:
    host = httpx.URL(url).host
    with suppress(ValueError):
        return ip_address(host).is_loopback
    return host == "localhost"
