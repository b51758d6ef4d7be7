"""HTTP in: policies, explanations, the matrix with its counts, and the controls."""

from typing import Any
from uuid import uuid4

from fastapi import FastAPI, Request

from countersign_router.api import (
    bands,
    comparing,
    controls,
    draft_replays,
    drafts,
    dry_run,
    matrix,
    peaks,
    policies,
    proposals,
    replays,
)
from countersign_router.api.desk import Desk
from countersign_router.api.parts import NewId
from countersign_router.replaying.running import Replays
from countersign_shared.http import Authenticate, Principal, Problem, create_app
from countersign_shared.observability import Health, Metrics

__all__ = ["Desk", "build_app", "build_openapi"]

PREFIX = "/api/router/v1"
FEATURES = (drafts, draft_replays, comparing, policies, dry_run, matrix, controls, proposals, peaks, bands, replays)
"""In the order in which paths are matched: `policies/drafts` is no hash of a policy."""


def build_app(
    *, desk: Desk, health: Health, metrics: Metrics, authenticate: Authenticate, new_id: NewId = uuid4,
    replaying: Replays | None = None,
) -> FastAPI:  # fmt: skip
    """Return the router's HTTP application."""
    app = _app(health, metrics, authenticate)
    app.state.desk = desk
    app.state.new_id = new_id
    app.state.replays = replays.Turn(replaying)
    return app


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI document; needs no database and no broker, and answers nothing."""

    async def nobody(request: Request) -> Principal:
        raise Problem(401, "unauthenticated", "Who are you?", f"{request.url.path} is only described here.")

    return _app(Health(), Metrics("router"), nobody).openapi()


def _app(health: Health, metrics: Metrics, authenticate: Authenticate) -> FastAPI:
    app = create_app(
        service="router", title="Countersign router", health=health, metrics=metrics, authenticate=authenticate
    )
    for feature in FEATURES:
        app.include_router(feature.router, prefix=PREFIX)
    return app
