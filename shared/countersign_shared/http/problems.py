"""Errors as RFC 9457 problem details: a stable type, what happened, where, and what to do next."""

import logging
import secrets
import socket
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import asyncpg
import orjson
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from countersign_shared.contracts.wording import in_words
from countersign_shared.postgres.away import LOST

TYPE_BASE = "https://countersign.dev/problems/"
MEDIA_TYPE = "application/problem+json"
BUSY = (asyncpg.LockNotAvailableError, asyncpg.DeadlockDetectedError, asyncpg.SerializationError,
        asyncpg.InsufficientResourcesError, asyncpg.CannotConnectNowError,
        asyncpg.InvalidCachedStatementError)  # fmt: skip
"""What the database says when it cannot just now, or not as before a migration: nothing was written, and asking again
helps."""
AWAY = (*LOST, ConnectionError, socket.gaierror, TimeoutError)
"""How it shows that the database is gone, or was lost half-way: who was just committing cannot know what came of it."""
RETRY_SECONDS = 1
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class FieldError:
    """What is wrong with one field: ``pointer`` is a JSON Pointer into the request body."""

    pointer: str
    detail: str


class Problem(Exception):  # noqa: N818 - RFC 9457 calls it a problem
    """An answer other than success; ``slug`` names the problem's type and never changes."""

    def __init__(
        self, status: int, slug: str, title: str, detail: str = "", *,
        errors: tuple[FieldError, ...] = (), headers: dict[str, str] | None = None, **extra: Any,
    ) -> None:  # fmt: skip
        super().__init__(f"{status} {slug}: {detail or title}")
        self.status = status
        self.slug = slug
        self.title = title
        self.detail = detail
        self.errors = errors
        self.headers = headers
        self.extra = extra

    def response(self, trace_id: str) -> Response:
        """Write the problem as a response."""
        body: dict[str, Any] = {"type": TYPE_BASE + self.slug, "title": self.title, "status": self.status}
        if self.detail:
            body["detail"] = self.detail
        if self.errors:
            body["errors"] = [{"pointer": error.pointer, "detail": error.detail} for error in self.errors]
        body |= self.extra
        body["trace_id"] = trace_id
        return Response(orjson.dumps(body), self.status, media_type=MEDIA_TYPE, headers=self.headers)


def trace_id(request: Request) -> str:
    """Return the trace id of the caller's ``traceparent``, or a fresh one."""
    parts = request.headers.get("traceparent", "").split("-")
    if len(parts) == 4 and len(parts[1]) == 32 and parts[1].isalnum():  # noqa: PLR2004 - W3C Trace Context
        return parts[1]
    return secrets.token_hex(16)


def install(app: FastAPI) -> None:
    """Make every error of the application a problem."""

    async def on_problem(request: Request, problem: Exception) -> Response:
        if not isinstance(problem, Problem):
            raise problem
        return problem.response(trace_id(request))

    async def on_validation(request: Request, error: Exception) -> Response:
        if not isinstance(error, RequestValidationError):
            raise error
        errors = tuple(_field_error(item) for item in error.errors())
        problem = Problem(
            422, "invalid-request", "The request is not valid", "See errors for each field.", errors=errors
        )
        return problem.response(trace_id(request))

    async def on_http(request: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            raise error
        phrase = HTTPStatus(error.status_code).phrase
        slug = phrase.lower().replace(" ", "-")
        detail = str(error.detail) if error.detail != phrase else ""
        headers = dict(error.headers) if error.headers else None
        return Problem(error.status_code, slug, phrase, detail, headers=headers).response(trace_id(request))

    app.add_exception_handler(Problem, on_problem)
    app.add_exception_handler(RequestValidationError, on_validation)
    app.add_exception_handler(HTTPException, on_http)
    faults: dict[type[Exception], Any] = {**dict.fromkeys(BUSY, _on_busy), **dict.fromkeys(AWAY, _on_away)}
    for kind, handler in faults.items():
        app.add_exception_handler(kind, handler)
    app.add_exception_handler(asyncpg.CharacterNotInRepertoireError, _on_unstorable)
    app.add_exception_handler(Exception, _on_crash)


async def _on_busy(request: Request, error: Exception) -> Response:
    trace = trace_id(request)
    log.warning("%s %s was turned away, trace %s: %r", request.method, _route(request), trace, error)
    return Problem(
        503, "database-busy", "The database is busy", "Nothing was changed; ask again in a moment.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    ).response(trace)  # fmt: skip


async def _on_away(request: Request, error: Exception) -> Response:
    if isinstance(error, ValueError):
        # The driver's word for values that do not fit their columns: a fault of ours, however often it is asked.
        return await _on_crash(request, error)
    trace = trace_id(request)
    log.warning("%s %s lost the database, trace %s: %r", request.method, _route(request), trace, error)
    return Problem(
        503, "database-away", "The database does not answer",
        "Ask again in a moment, with the same Idempotency-Key: it may have been done already.",
        headers={"Retry-After": str(RETRY_SECONDS)},
    ).response(trace)  # fmt: skip


async def _on_crash(request: Request, error: Exception) -> Response:
    trace = trace_id(request)
    log.error("%s %s failed, trace %s", request.method, _route(request), trace, exc_info=error)
    return Problem(500, "internal-error", "Something broke on our side", "It is logged under trace_id.").response(trace)


async def _on_unstorable(request: Request, error: Exception) -> Response:
    """Refuse what the database cannot hold and no field's own limits have caught."""
    del error
    detail = "It holds a NUL character, which no text may have."
    return Problem(422, "invalid-request", "The request is not valid", detail).response(trace_id(request))


def _field_error(item: dict[str, Any]) -> FieldError:
    location = [str(part).replace("~", "~0").replace("/", "~1") for part in item["loc"]]
    inside = location[1:] if location and location[0] == "body" else location
    return FieldError("/" + "/".join(inside) if inside else "", in_words(item))


def _route(request: Request) -> str:
    """Name what was asked for as the description does: in a path there may be a secret, or whose case it is."""
    return str(getattr(request.scope.get("route"), "path", "(no route)"))
