"""HTTP in: what the counts say, as JSON and as a picture."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import date
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Query, Request
from fastapi.responses import Response

from countersign_feedback.domain.picture import draw
from countersign_feedback.domain.summary import Scope, Summary, summarise
from countersign_feedback.store import Store
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.http import Authenticate, Principal, Problem, create_app, require
from countersign_shared.observability import Health, Metrics

Read = Callable[[Scope], Awaitable[Summary]]
"""Computes the summary of a scope."""

reader = require("analyst", "lead", "operator", "auditor", "policy_author", "policy_approver", "admin")
"""Who may see figures. Reviewers may not: a running error rate would colour their blind answers."""

# The picture is a document of its own when opened: it may style itself and do nothing else.
PICTURE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}


def build_app(*, store: Store, health: Health, metrics: Metrics, authenticate: Authenticate, clock: Clock) -> FastAPI:
    """Return the feedback service's HTTP application."""

    async def read(scope: Scope) -> Summary:
        rows, unplaced = await store.rows(scope), await store.unplaced(scope)
        # Off the loop: the first exact interval imports scipy, which takes most of a second.
        return await asyncio.to_thread(summarise, rows, scope=scope, unplaced=unplaced, generated_at=rfc3339(clock()))

    return _app(read, health=health, metrics=metrics, authenticate=authenticate)


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI document; needs no database and answers nothing."""

    async def nobody(request: Request) -> Principal:
        raise Problem(401, "unauthenticated", "Who are you?", f"{request.url.path} is only described here.")

    async def nothing(scope: Scope) -> Summary:
        raise Problem(503, "no-database", "Only a description", f"There is nothing to read {scope} from.")

    return _app(nothing, health=Health(), metrics=Metrics("feedback"), authenticate=nobody).openapi()


def _app(read: Read, *, health: Health, metrics: Metrics, authenticate: Authenticate) -> FastAPI:
    app = create_app(
        service="feedback", title="Countersign feedback", health=health, metrics=metrics, authenticate=authenticate
    )
    app.include_router(_routes(read))
    return app


def _routes(read: Read) -> APIRouter:
    router = APIRouter(prefix="/api/feedback/v1", tags=["feedback"], dependencies=[reader])

    @router.get("/summary", summary="What was automated, and was it right?")
    async def get_summary(scope: Annotated[Scope, Depends(_scope)]) -> Summary:
        """Counts and rates per decision type, tier, band, level, reason and model, each with how many it rests on."""
        return await read(scope)

    @router.get(
        "/summary.svg",
        summary="The same as a picture",
        response_class=Response,
        responses={200: {"content": {"image/svg+xml": {}}, "description": "A picture that needs nothing else."}},
    )
    async def get_summary_picture(scope: Annotated[Scope, Depends(_scope)]) -> Response:
        """Automation, overrides and audited errors with their intervals; follows the viewer's light or dark mode."""
        return Response(draw(await read(scope)), media_type="image/svg+xml", headers=PICTURE_HEADERS)

    return router


def _scope(
    principal: Annotated[Principal, reader],
    tenant: Annotated[str | None, Query(max_length=64, description="Absent: every tenant you may see.")] = None,
    decision_type: Annotated[str | None, Query(max_length=64, description="Absent: all decision types.")] = None,
    since: Annotated[date | None, Query(description="Cases routed on this UTC day or later.")] = None,
    until: Annotated[date | None, Query(description="Cases routed on this UTC day or earlier.")] = None,
) -> Scope:
    if tenant is None:
        tenants = None if "*" in principal.tenants else tuple(sorted(principal.tenants))
    elif principal.sees(tenant):
        tenants = (tenant,)
    else:
        raise Problem(403, "forbidden", "Not your tenant", f"You may not see tenant {tenant}.")
    return Scope(tenants=tenants, decision_type=decision_type, since=since, until=until)
