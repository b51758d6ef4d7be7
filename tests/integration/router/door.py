"""The router's HTTP API over a test's store: whoever calls is known by their name in place of a key."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import httpx
from fastapi import FastAPI, Request

from countersign_router.api import Desk, build_app
from countersign_router.domain.draws import Draws
from countersign_router.policy_shelf import PolicyShelf
from countersign_router.replaying.running import Replays
from countersign_router.store import Store
from countersign_shared.clock import system_clock
from countersign_shared.http import Principal, Problem
from countersign_shared.observability import Health, Metrics
from tests.integration.router.desk import KEY_ID
from tests.unit.router.cases import DRAW_KEY, NEVER_DRAWN, decision_types

Who = Callable[[Request], Awaitable[Principal]]


def desk_of(store: Store, draws: Draws = NEVER_DRAWN) -> Desk:
    """What the routes work with."""
    return Desk(
        store=store, shelf=PolicyShelf(decision_types()), decision_types=decision_types(), draws=draws,
        metrics=Metrics("router"), clock=system_clock,
    )  # fmt: skip


def door(store: Store, who: Who, *, draws: Draws = NEVER_DRAWN, replays_on: str | None = None) -> FastAPI:
    """The application; with ``replays_on``, the URL of the database, it also replays."""
    desk = desk_of(store, draws)
    replaying = None
    if replays_on is not None:
        replaying = Replays(replays_on, decision_types(), None, KEY_ID, DRAW_KEY, system_clock)
    return build_app(desk=desk, health=Health(), metrics=desk.metrics, authenticate=who, replaying=replaying)


def named(people: Mapping[str, Principal]) -> Who:
    """Let these people in, and nobody else."""

    async def who(request: Request) -> Principal:
        name = request.headers.get("authorization", "").removeprefix("Bearer ")
        if name not in people:
            raise Problem(401, "unauthenticated", "Who are you?")
        return people[name]

    return who


def calling(app: FastAPI) -> httpx.AsyncClient:
    """A client of it, to be entered."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://router")
