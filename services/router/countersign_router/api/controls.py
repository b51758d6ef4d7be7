"""Controls over HTTP: the stop switch, and turning automation back on."""

from collections.abc import Awaitable
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request

from countersign_router.api.models.controls import (
    AutomaticCase,
    Control,
    ControlList,
    QueueLoad,
    ReleaseView,
    StopAnswer,
    StopPreview,
    StopRequest,
    StopScope,
)
from countersign_router.api.once import OnlyOnce
from countersign_router.api.parts import NewId, Reader, Switcher, WithDesk, actor, check_declared, check_tenant
from countersign_router.api.refusals import BUSY, UNDECLARED, answered
from countersign_router.controls import stops
from countersign_router.controls.gauges import show_automation
from countersign_router.controls.stop_preview import HOURS, preview
from countersign_router.domain.controls import ANY
from countersign_router.store import ReleaseRequest

router = APIRouter(tags=["router"])

MAX_PREVIEW_HOURS = 168

_STOPPED: dict[int | str, dict[str, Any]] = {**BUSY, **UNDECLARED}
_REFUSED: dict[int | str, dict[str, Any]] = {
    **BUSY,
    404: {"description": "There is no such request."},
    409: {"description": "Nothing is stopped, the request is void, or it is your own."},
}


@router.get("/controls", summary="Every control, and who asked to release a stop")
async def list_controls(desk: WithDesk, principal: Reader) -> ControlList:
    """Controls of the tenants you may see, and those that hold for all."""
    items = [Control.model_validate_json(body) for _, _, body in await desk.store.controls()]
    requests = await desk.store.release_requests(desk.clock())
    return ControlList(
        items=[one for one in items if one.tenant == ANY or principal.sees(one.tenant)],
        release_requests=[_release(one) for one in requests if one.tenant == ANY or principal.sees(one.tenant)],
    )


@router.post("/controls/stop/preview", summary="What a stop would send to people", responses=UNDECLARED)
async def preview_stop(
    desk: WithDesk, principal: Switcher, asked: StopScope,
    hours: Annotated[int, Query(ge=1, le=MAX_PREVIEW_HOURS, description="How far back to look.")] = HOURS,
) -> StopPreview:  # fmt: skip
    """Cases an hour for each queue, going by what the machine decided in the last hours; nothing changes."""
    tenant, decision_type = asked.key
    check_tenant(principal, tenant)
    check_declared(desk, decision_type)
    now = desk.clock()
    hour = await desk.automatic_since(tenant, decision_type, now - timedelta(seconds=stops.PREVIEW_SECONDS))
    minute = await desk.automatic_since(tenant, decision_type, now - timedelta(seconds=stops.RECENT_SECONDS))
    load = await preview(
        desk.store, desk.shelf, await desk.controls(), tenant=tenant, decision_type=decision_type, hours=hours, now=now
    )
    return StopPreview(
        tenant=tenant, decision_type=decision_type, automatic_last_hour=hour, automatic_last_minute=minute,
        hours=load.hours, automatic_per_hour=load.automatic_per_hour, people_per_hour=load.people_per_hour,
        queues=[QueueLoad.model_validate(one, from_attributes=True) for one in load.queues],
    )  # fmt: skip


@router.post("/controls/stop", summary="Halt automation now", responses=_STOPPED)
async def stop_automation(desk: WithDesk, principal: Switcher, once: OnlyOnce, asked: StopRequest) -> StopAnswer:
    """Needs one person. When this answers, no later automatic decision can happen in the scope.

    Stopping what is stopped already changes nothing and answers the same.
    """
    tenant, decision_type = asked.key
    check_tenant(principal, tenant)
    check_declared(desk, decision_type)
    operation = stops.stop(
        desk.store, tenant=tenant, decision_type=decision_type, reason=asked.reason, actor=actor(principal), once=once
    )
    stopped = await _unless_busy(operation)
    show_automation(desk.metrics, await desk.controls(), desk.shelf, desk.clock())
    # Whoever may have to judge one of them unseen is told by review, which knows which are outstanding.
    told = stopped.recent if principal.forwarded or not principal.may_answer else ()
    return StopAnswer(
        control=Control.model_validate(stopped.control), recent_seconds=stops.RECENT_SECONDS,
        recent_total=stopped.recent_total,
        recent=[AutomaticCase.model_validate(one, from_attributes=True) for one in told],
    )  # fmt: skip


@router.post(
    "/controls/stop/release-requests", status_code=201, summary="Ask for automation to go on", responses=_REFUSED
)
async def request_release(
    request: Request, desk: WithDesk, principal: Switcher, once: OnlyOnce, asked: StopRequest
) -> ReleaseView:
    """The first of two people. Nothing changes until another one confirms."""
    tenant, decision_type = asked.key
    check_tenant(principal, tenant)
    new_id: NewId = request.app.state.new_id
    operation = stops.request_release(
        desk.store, request_id=new_id(), tenant=tenant, decision_type=decision_type, reason=asked.reason,
        actor=actor(principal), once=once,
    )  # fmt: skip
    return _release(await _unless_busy(operation))


@router.post(
    "/controls/stop/release-requests/{request_id}/confirm", summary="Turn automation back on", responses=_REFUSED
)
async def confirm_release(desk: WithDesk, principal: Switcher, once: OnlyOnce, request_id: UUID) -> Control:
    """The second of two people. A request is void once the switch has changed or a day has passed."""
    asked = await desk.store.release_request(request_id)
    if asked is not None:
        check_tenant(principal, asked.tenant)
    control = await _unless_busy(
        stops.confirm_release(desk.store, request_id=request_id, actor=actor(principal), once=once)
    )
    show_automation(desk.metrics, await desk.controls(), desk.shelf, desk.clock())
    return Control.model_validate(control)


async def _unless_busy(operation: Awaitable[Any]) -> Any:
    return await answered(operation, stops.StopRefusal, "The stop switch stays as it is")


def _release(request: ReleaseRequest) -> ReleaseView:
    return ReleaseView(
        request_id=request.id, tenant=request.tenant, decision_type=request.decision_type, revision=request.revision,
        requested_by=request.requested_by, reason=request.reason, requested_at=request.requested_at,
        expires_at=request.expires_at,
    )  # fmt: skip
