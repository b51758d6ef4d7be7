"""HTTP in: the record, for those who may read it."""

from typing import Any

from fastapi import FastAPI, Request

from countersign_audit.api import entries, log
from countersign_audit.api import erasures as erasure_routes
from countersign_audit.erasure_desk import ErasureDesk
from countersign_audit.published import PublishedLog
from countersign_audit.reading_room import ReadingRoom
from countersign_shared.http import Authenticate, Principal, Problem, create_app
from countersign_shared.observability import Health, Metrics


def build_app(
    *, room: ReadingRoom, published: PublishedLog, erasures: ErasureDesk, health: Health, metrics: Metrics,
    authenticate: Authenticate,
) -> FastAPI:  # fmt: skip
    """Return the audit service's HTTP application."""
    app = _app(health, metrics, authenticate)
    app.state.room, app.state.published, app.state.erasures = room, published, erasures
    return app


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI document; needs no database and answers nothing."""

    async def nobody(request: Request) -> Principal:
        raise Problem(401, "unauthenticated", "Who are you?", f"{request.url.path} is only described here.")

    return _app(Health(), Metrics("audit"), nobody).openapi()


def _app(health: Health, metrics: Metrics, authenticate: Authenticate) -> FastAPI:
    app = create_app(
        service="audit", title="Countersign audit", health=health, metrics=metrics, authenticate=authenticate
    )
    app.include_router(entries.router())
    app.include_router(log.router())
    app.include_router(erasure_routes.router())
    return app
