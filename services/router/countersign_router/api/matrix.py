"""The matrix over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from countersign_router.api.models.matrix import MatrixView
from countersign_router.api.parts import Reader, WithDesk, check_tenant
from countersign_router.domain.controls import ANY
from countersign_shared.http import Problem

router = APIRouter(tags=["router"])
MAX_HOURS = 24 * 90


@router.get("/matrix", summary="The matrix in force, with counts and audited errors per cell")
async def get_matrix(
    desk: WithDesk, principal: Reader, decision_type: Annotated[str, Query(min_length=1, max_length=64)],
    tenant: Annotated[str | None, Query(max_length=64, description="Absent: all tenants together.")] = None,
    hours: Annotated[int, Query(ge=1, le=MAX_HOURS, description="How far back to count.")] = 24,
) -> MatrixView:  # fmt: skip
    """Tier by band: each cell's level, its cases, how many the machine decided, and how often that was wrong."""
    check_tenant(principal, tenant or ANY)
    if decision_type not in desk.decision_types:
        raise Problem(404, "decision-type-unknown", "No such decision type", f"Nobody declared {decision_type}.")
    return await desk.matrix(decision_type, tenant, hours)
