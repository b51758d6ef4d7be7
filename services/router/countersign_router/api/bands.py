"""Raising the bands over HTTP; letting them down again is a proposal that two people sign."""

from fastapi import APIRouter

from countersign_router.api.models.controls import Control
from countersign_router.api.models.proposals import BandsRequest
from countersign_router.api.once import OnlyOnce
from countersign_router.api.parts import Switcher, WithDesk, actor, check_declared, check_tenant
from countersign_router.api.refusals import BUSY, UNDECLARED, answered
from countersign_router.controls import bands
from countersign_router.store import ControlKey

router = APIRouter(tags=["router"])


@router.post(
    "/controls/bands", summary="Ask for more confidence than the policy does",
    responses={**BUSY, **UNDECLARED, 409: {"description": "The limits are raised by as much already."}},
)  # fmt: skip
async def raise_bands(desk: WithDesk, principal: Switcher, once: OnlyOnce, asked: BandsRequest) -> Control:
    """Needs one person, and acts from the next batch on. No case is decided with fewer people because of it.

    It holds until two people sign `bands.lowered` among the proposals.
    """
    tenant, decision_type = asked.key
    check_tenant(principal, tenant)
    check_declared(desk, decision_type)
    operation = bands.raise_bands(
        desk.store, ControlKey(bands.KIND, tenant, decision_type, asked.tier), high=asked.high, medium=asked.medium,
        reason=asked.reason, actor=actor(principal), once=once,
    )  # fmt: skip
    return Control.model_validate(await answered(operation, bands.BandsRefusal, "The bands stay as they are"))
