"""HTTP in: what the counts and the labels say, as JSON and as pictures."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Request
from fastapi.responses import Response

from countersign_feedback.api import evidence, promises, reviewers
from countersign_feedback.api.scope import reader, scope
from countersign_feedback.domain.picture import draw
from countersign_feedback.domain.reviewer_privacy import ReviewerSignals
from countersign_feedback.domain.summary import Scope, Summary, summarise
from countersign_feedback.store import Store
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.http import Authenticate, Principal, Problem, create_app
from countersign_shared.observability import Health, Metrics

Read = Callable[[Scope], Awaitable[Summary]]
"""Computes the summary of a scope."""


def build_app(
    *, store: Store, health: Health, metrics: Metrics, authenticate: Authenticate, clock: Clock,
    modes: reviewers.Modes | None = None,
) -> FastAPI:  # fmt: skip
    """Return the feedback service's HTTP application; ``modes`` says what each tenant lets be shown of reviewers."""

    async def read(scope: Scope) -> Summary:
        rows, unplaced = await store.rows(scope), await store.unplaced(scope)
        # Off the loop: the first exact interval imports scipy, which takes most of a second.
        return await asyncio.to_thread(summarise, rows, scope=scope, unplaced=unplaced, generated_at=rfc3339(clock()))

    return _app(read, lambda: (store, clock), modes or _team, health=health, metrics=metrics, authenticate=authenticate)


def _team(_: str) -> ReviewerSignals:
    return ReviewerSignals.TEAM


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI document; needs no database and answers nothing."""

    async def nobody(request: Request) -> Principal:
        raise Problem(401, "unauthenticated", "Who are you?", f"{request.url.path} is only described here.")

    async def nothing(scope: Scope) -> Summary:
        raise Problem(503, "no-database", "Only a description", f"There is nothing to read {scope} from.")

    def nowhere() -> tuple[Store, Clock]:
        raise Problem(503, "no-database", "Only a description", "There is nothing to read from.")

    return _app(nothing, nowhere, _team, health=Health(), metrics=Metrics("feedback"), authenticate=nobody).openapi()


def _app(
    read: Read, desk: evidence.Desk, modes: reviewers.Modes, *, health: Health, metrics: Metrics,
    authenticate: Authenticate,
) -> FastAPI:  # fmt: skip
    app = create_app(
        service="feedback", title="Countersign feedback", health=health, metrics=metrics, authenticate=authenticate
    )
    app.include_router(_routes(read))
    app.include_router(evidence.routes(desk))
    app.include_router(promises.routes(desk))
    app.include_router(reviewers.routes(desk, modes))
    return app


def _routes(read: Read) -> APIRouter:
    router = APIRouter(prefix="/api/feedback/v1", tags=["feedback"], dependencies=[reader])

    @router.get("/summary", summary="What was automated, and was it right?")
    async def get_summary(asked: Annotated[Scope, Depends(scope)]) -> Summary:
        """Counts and rates per decision type, tier, band, level, reason and model, each with how many it rests on."""
        return await read(asked)

    @router.get(
        "/summary.svg",
        summary="The same as a picture",
        response_class=Response,
        responses={200: {"content": {"image/svg+xml": {}}, "description": "A picture that needs nothing else."}},
    )
    async def get_summary_picture(asked: Annotated[Scope, Depends(scope)]) -> Response:
        """Automation, overrides and audited errors with their intervals; follows the viewer's light or dark mode."""
        return Response(draw(await read(asked)), media_type="image/svg+xml", headers=evidence.PICTURE_HEADERS)

    return router
