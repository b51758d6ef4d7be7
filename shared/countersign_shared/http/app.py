"""The application every service starts from."""

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import FastAPI, HTTPException, Request
from starlette.responses import JSONResponse, Response

from countersign_shared import __version__
from countersign_shared.http import problems
from countersign_shared.http.auth import Authenticate, public
from countersign_shared.http.problems import Problem
from countersign_shared.observability.health import Health
from countersign_shared.observability.metrics import Metrics

MAX_BODY_BYTES = 1_048_576
"""Above the largest event we take (192 KiB) with room for lists; what is larger goes by reference."""
_PROBLEM = {
    "description": "What went wrong (RFC 9457)",
    "content": {
        problems.MEDIA_TYPE: {
            "schema": {
                "type": "object",
                "required": ["type", "title", "status", "trace_id"],
                "properties": {
                    "type": {"type": "string", "format": "uri"},
                    "title": {"type": "string"},
                    "status": {"type": "integer"},
                    "detail": {"type": "string"},
                    "errors": {
                        "type": "array",
                        "items": {
                            "type": "object",
                            "required": ["pointer", "detail"],
                            "properties": {"pointer": {"type": "string"}, "detail": {"type": "string"}},
                        },
                    },
                    "trace_id": {"type": "string"},
                },
            }
        }
    },
}
PROBLEMS: dict[int | str, dict[str, Any]] = {"4XX": _PROBLEM, "5XX": _PROBLEM}
"""Documented for every route; without them FastAPI would promise its own shape of validation errors."""
METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def create_app(
    *, service: str, title: str, health: Health, metrics: Metrics, authenticate: Authenticate,
    max_body_bytes: int = MAX_BODY_BYTES,
) -> FastAPI:  # fmt: skip
    """Return an application with problem details, health, metrics and a limit on bodies.

    Routes under ``/api/<service>/v1`` are the service's own; each states its roles with ``require`` or ``public``.
    What is added to ``state.on_stop`` is called when the server stops, before it waits for open answers: streams end.
    """
    app = FastAPI(
        title=title, version=__version__, openapi_url="/openapi.json", docs_url=None, redoc_url=None,
        generate_unique_id_function=lambda route: route.name, responses=PROBLEMS,
    )  # fmt: skip
    app.state.authenticate = authenticate
    app.state.service = service
    on_stop: list[Callable[[], None]] = []
    app.state.on_stop = on_stop
    problems.install(app)
    app.add_middleware(BodyLimit, max_bytes=max_body_bytes)
    poll_age, silence = metrics.gauge("last_poll_age_seconds"), metrics.gauge("broker_silence_seconds")

    @app.get("/livez", dependencies=[public], include_in_schema=False)
    async def livez() -> Response:
        return _health_response(*health.live())

    @app.get("/readyz", dependencies=[public], include_in_schema=False)
    async def readyz() -> Response:
        return _health_response(*health.is_ready())

    @app.get("/metrics", dependencies=[public], include_in_schema=False)
    async def exposition() -> Response:
        poll_age.set(health.last_poll_age_seconds())
        silence.set(health.broker_silence_seconds())
        return Response(metrics.exposition(), media_type=METRICS_TYPE)

    return app


def _health_response(good: bool, details: dict[str, object]) -> Response:
    return JSONResponse({"status": "ok" if good else "failing", **details}, 200 if good else 503)


class BodyLimit:
    """Refuses bodies past a limit while they arrive, whatever Content-Length claimed."""

    def __init__(self, app: Callable[..., Awaitable[None]], max_bytes: int) -> None:
        self._app = app
        self._max = max_bytes

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        """Pass the request on, counting its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = Request(scope)
        declared = request.headers.get("content-length", "0")
        if not declared.isdigit() or int(declared) > self._max:
            await self._refuse(request, scope, receive, send)
            return
        seen = 0

        async def counted() -> Any:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._max:
                # FastAPI turns any other error while it reads a body into a 400.
                raise HTTPException(413, f"The body is too large: at most {self._max} bytes.")
            return message

        await self._app(scope, counted, send)

    async def _refuse(self, request: Request, scope: Any, receive: Any, send: Any) -> None:
        problem = Problem(413, "too-large", "The body is too large", f"At most {self._max} bytes.")
        await problem.response(problems.trace_id(request))(scope, receive, send)
