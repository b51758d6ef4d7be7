"""Busy periods and the past of controls over HTTP."""

from typing import Annotated, Any

from fastapi import APIRouter, Query

from countersign_router.api.models.controls import Control
from countersign_router.api.models.proposals import ControlHistory, PeakEnd, PeakRequest, ScopeName, TierName
from countersign_router.api.once import OnlyOnce
from countersign_router.api.parts import MAX_LIST, Reader, WithDesk, check_declared, check_tenant
from countersign_router.api.refusals import BUSY, UNDECLARED, answered
from countersign_router.controls import peaks
from countersign_router.controls.events import Actor
from countersign_router.domain.controls import ANY
from countersign_router.store import ControlKey
from countersign_shared.http import Principal, Problem, require

router = APIRouter(tags=["router"])

Lead = Annotated[Principal, require("lead")]
_NO_PEAK: dict[int | str, dict[str, Any]] = {**BUSY, 404: {"description": "There is no peak of exactly this scope."}}
NEWEST = 2**53


@router.post("/controls/peak", summary="Declare a busy period", responses={**BUSY, **UNDECLARED})
async def set_peak(desk: WithDesk, principal: Lead, once: OnlyOnce, asked: PeakRequest) -> Control:
    """Policies may answer with `controls.peak`. It ends by itself; declaring it anew replaces it."""
    tenant, decision_type = asked.key
    check_tenant(principal, tenant)
    check_declared(desk, decision_type)
    operation = peaks.set_peak(
        desk.store, tenant=tenant, decision_type=decision_type, reason=asked.reason, until=asked.until,
        actor=Actor(principal.subject, "lead"), once=once,
    )  # fmt: skip
    return Control.model_validate(await answered(operation, peaks.PeakRefusal, "There is no such peak"))


@router.post("/controls/peak/end", summary="End a busy period early", responses=_NO_PEAK)
async def end_peak(desk: WithDesk, principal: Lead, once: OnlyOnce, asked: PeakEnd) -> Control:
    """From the next batch on it is over."""
    tenant, decision_type = asked.key
    check_tenant(principal, tenant)
    operation = peaks.clear_peak(
        desk.store, tenant=tenant, decision_type=decision_type, reason=asked.reason,
        actor=Actor(principal.subject, "lead"), once=once,
    )  # fmt: skip
    return Control.model_validate(await answered(operation, peaks.PeakRefusal, "There is no peak to end"))


@router.get("/controls/history", summary="One control and what it was before")
async def control_history(
    desk: WithDesk, principal: Reader, kind: Annotated[str, Query(pattern=r"^[a-z.]{1,40}$")],
    tenant: ScopeName = ANY, decision_type: ScopeName = ANY, tier: TierName = "*",
    limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 50,
    before: Annotated[int, Query(ge=1, le=NEWEST, description="`next_cursor` of the page before.")] = NEWEST,
) -> ControlHistory:  # fmt: skip
    """Every state it has had, with who changed it, when and why, newest first."""
    key = ControlKey(kind, tenant, decision_type, tier)
    present = await desk.store.control(key) if tenant == ANY or principal.sees(tenant) else None
    if present is None:
        raise Problem(404, "control-unknown", "No such control", _never(key))
    control = Control.model_validate_json(present)
    found = await desk.store.control_history(key, before=min(before, control.revision), limit=limit + 1)
    earlier = [Control.model_validate_json(body) for body in found[:limit]]
    more = len(found) > limit
    return ControlHistory(control=control, earlier=earlier, next_cursor=earlier[-1].revision if more else None)


def _never(key: ControlKey) -> str:
    kind, tenant, decision_type, tier = key.parts
    return (
        f"There never was a control {kind} of tenant {tenant}, decision type {decision_type}, tier {tier}: * stands "
        "for all, also where nothing is named. The list of controls has those there are."
    )
