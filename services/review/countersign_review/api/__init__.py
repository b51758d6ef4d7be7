"""HTTP in: every route of the service, and the description of them that clients are generated from."""

from typing import Any

from fastapi import FastAPI

from countersign_review.api import (
    actions,
    answers,
    console,
    delegations,
    desk,
    forward,
    people,
    problems,
    register,
    remarks,
    reviews,
    stream,
    users,
)
from countersign_review.api.access import authenticate
from countersign_shared.http import create_app
from countersign_shared.observability import Health, Metrics

PREFIX = "/api/review/v1"
TITLE = "Countersign review"


def build_app(*, health: Health, metrics: Metrics) -> FastAPI:
    """Return the application; ``app`` puts its parts into ``state.parts`` before it serves."""
    app = create_app(service="review", title=TITLE, health=health, metrics=metrics, authenticate=authenticate)
    problems.install(app)
    app.add_middleware(console.SecurityHeaders)
    for feature in (
        people, users, delegations, desk, answers, actions, reviews, register, remarks, stream,
    ):  # fmt: skip
        app.include_router(feature.router, prefix=PREFIX)
    for router in forward.routers():
        app.include_router(router)
    app.include_router(console.router())
    return app


def build_openapi() -> dict[str, Any]:
    """Return the API's description, without starting anything."""
    return build_app(health=Health(), metrics=Metrics("review")).openapi()
