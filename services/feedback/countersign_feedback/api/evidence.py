"""What could be certified, what it would take, and whether confidences can be taken at their word."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.responses import Response

from countersign_feedback.api.scope import one_type, reader
from countersign_feedback.domain.assessment import Assessment, Promise, assess
from countersign_feedback.domain.calibration import Method
from countersign_feedback.domain.drawn import as_judged, of_one_chance
from countersign_feedback.domain.drift import Drift, detect_rise
from countersign_feedback.domain.figures import DELTA, MINIMUM
from countersign_feedback.domain.intervals import clopper_pearson_upper
from countersign_feedback.domain.planning import Assumptions, NoPlan, Plan, plan
from countersign_feedback.domain.risk_picture import draw
from countersign_feedback.domain.summary import Scope
from countersign_feedback.store import Store
from countersign_shared.clock import Clock
from countersign_shared.http import Problem

MAX_POPULATIONS = 20
"""Populations in one answer, the newest first: every tier of a few models."""
REFERENCE_DAYS = 28
"""Days that set the level of overrides against which later ones are held."""
# A picture is a document of its own when opened: it may style itself and do nothing else.
PICTURE_HEADERS = {"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"}

Desk = Callable[[], tuple[Store, Clock]]
"""What the routes read from."""
LEAST_SHARE = 1e-9
"""No traffic proves less, and numbers far below it leave what floating point can hold."""
Share = Annotated[float, Query(ge=LEAST_SHARE, lt=1.0)]
Tier = Annotated[str | None, Query(max_length=20, description="Absent: every tier.")]
OneType = Annotated[Scope, Depends(one_type)]


@dataclass(frozen=True, slots=True)
class Preview:
    """What could be certified now, per population, the newest first. It acts on nothing and is no proposal."""

    assessments: tuple[Assessment, ...]


@dataclass(frozen=True, slots=True)
class Calibration:
    """Reliability and a trial refit per population, and whether overrides in assisted review have risen.

    Calibration is judged on audits of automatic decisions, drawn by chance and answered blind, and on nothing else.
    """

    assessments: tuple[Assessment, ...]
    overrides: Drift | None


@dataclass(frozen=True, slots=True)
class Asked:
    """A promise to be proven, and the threshold of a live certificate whose promise is watched."""

    promise: Promise
    watch: float | None


def asked(
    alpha: Annotated[Share, Query(description="Largest share of wrong decisions to promise.")],
    delta: Annotated[Share, Query(description="How probable it may be that the promise is false.")] = DELTA,
    attempt: Annotated[
        int | None, Query(ge=1, le=1_000, description="Which try at this certificate; absent: the only one.")
    ] = None,
    watch: Annotated[float | None, Query(ge=0.0, le=1.0, description="Threshold of a live certificate.")] = None,
) -> Asked:
    """Read a promise from a query."""
    return Asked(Promise(alpha, delta, attempt), watch)


def routes(desk: Desk) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/feedback/v1", tags=["feedback"], dependencies=[reader])
    _previews(router, desk)
    _planning(router)

    @router.get("/calibration", summary="Can confidences be taken at their word?")
    async def get_calibration(
        scope: OneType,
        tier: Tier = None,
        method: Annotated[Method, Query(description="The calibrator to try.")] = "platt",
    ) -> Calibration:
        """Reliability with exact intervals, a refit judged on labels it has not seen, and an alarm on overrides."""
        store, _ = desk()
        found = await _assess(desk, scope, tier, Asked(Promise(DELTA, DELTA), None), method)
        days = await store.daily_overrides(scope)
        return Calibration(found, await asyncio.to_thread(_override_drift, days))

    return router


def _previews(router: APIRouter, desk: Desk) -> None:
    @router.get("/certificates/preview", summary="What could be certified now, and if nothing, why?")
    async def get_preview(scope: OneType, wanted: Annotated[Asked, Depends(asked)], tier: Tier = None) -> Preview:
        """The certificate that the audits so far support, or why none, with everything needed to redo it."""
        return Preview(await _assess(desk, scope, tier, wanted, "platt"))

    @router.get(
        "/certificates/preview.svg",
        summary="The same as a picture",
        response_class=Response,
        responses={200: {"content": {"image/svg+xml": {}}, "description": "A picture that needs nothing else."}},
    )
    async def get_preview_picture(
        scope: OneType, wanted: Annotated[Asked, Depends(asked)], tier: Tier = None
    ) -> Response:
        """Risk against coverage with the certified point, and the calibration curve, of the newest population."""
        found = await _assess(desk, scope, tier, wanted, "platt")
        if not found:
            raise Problem(404, "not-found", "Nothing to draw", "No case of these decisions would be automated.")
        return Response(draw(found[0]), media_type="image/svg+xml", headers=PICTURE_HEADERS)


def _planning(router: APIRouter) -> None:
    @router.get("/plan", summary="What would the first certificate take?")
    async def get_plan(
        alpha: Annotated[Share, Query(description="Largest share of wrong decisions to promise.")],
        traffic: Annotated[float, Query(ge=0.0, le=1e9, description="Cases a day that would be automated.")],
        delta: Annotated[Share, Query(description="How probable it may be that the promise is false.")] = DELTA,
        label_share: Annotated[float, Query(ge=0.0, le=1.0, description="How many of them are judged blind.")] = 1.0,
        error: Annotated[
            float | None, Query(ge=0.0, le=1.0, description="Share wrong expected; absent: alpha/2.")
        ] = None,
        answers: Annotated[float, Query(ge=1.0, le=10.0, description="People per label.")] = 2.1,
        minutes: Annotated[float, Query(ge=0.0, le=1e4, description="Minutes per answer.")] = 4.0,
        tiers: Annotated[int, Query(ge=1, le=5, description="Tiers among which delta is split.")] = 1,
        days: Annotated[float, Query(gt=0.0, le=3650.0, description="Days it may take at most.")] = 180.0,
    ) -> Plan | NoPlan:
        """Labels, reviewers' hours and days, or a plain sentence why this alpha cannot be had with this traffic."""
        given = Assumptions(
            alpha=alpha, delta=delta, traffic=traffic, label_share=label_share, error=error, answers=answers,
            minutes=minutes, tiers=tiers, days=days,
        )  # fmt: skip
        return await asyncio.to_thread(plan, given)


async def _assess(desk: Desk, scope: Scope, tier: str | None, wanted: Asked, method: Method) -> tuple[Assessment, ...]:
    store, clock = desk()
    found = []
    for population, cells, number in await store.populations(scope, tier, MAX_POPULATIONS):
        drawn, traffic = of_one_chance(await store.drawn(cells)), await store.traffic(cells)
        labels = [case for case in drawn if case.error is not None]
        # Off the loop: sorting and fitting some ten thousand labels takes tens of milliseconds.
        found.append(
            await asyncio.to_thread(
                assess, as_judged(labels, population), population=population, promise=wanted.promise, now=clock(),
                traffic=traffic, watched=wanted.watch, method=method, number=number, unjudged=len(drawn) - len(labels),
            )
        )  # fmt: skip
    return tuple(found)


def _override_drift(days: list[tuple[int, int]]) -> Drift | None:
    """Hold later days against the upper bound of the first four weeks; None before there are enough of both."""
    k, n = (sum(column) for column in zip(*days[:REFERENCE_DAYS], strict=True)) if days else (0, 0)
    if n < MINIMUM or len(days) <= REFERENCE_DAYS or k == n:
        return None
    return detect_rise(days[REFERENCE_DAYS:], baseline=clopper_pearson_upper(k, n, DELTA))
