"""Explaining a case over HTTP."""

from fastapi import APIRouter

from countersign_router.api.asking import UNUSABLE, unusable
from countersign_router.api.models.cases import DryRouting, DryRun
from countersign_router.api.parts import Reader, WithDesk, check_tenant
from countersign_router.language.loading import PolicyRefused
from countersign_shared.http import Problem

router = APIRouter(tags=["router"])


@router.post("/route", summary="Explain a case without side effects", responses=UNUSABLE)
async def explain_case(desk: WithDesk, principal: Reader, asked: DryRun) -> DryRouting:
    """What the router would make of this case now, and why: every reason and every expression's value.

    Nothing is stored or published.
    """
    check_tenant(principal, asked.tenant)
    try:
        found = await desk.dry_run(asked, principal.tenants)
    except PolicyRefused as refused:
        raise unusable(refused) from refused
    if found is None:
        raise Problem(
            404, "policy-unknown", "No policy speaks for this case",
            f"Cases of type {asked.decision_type} of tenant {asked.tenant} go to people at level 4.",
        )  # fmt: skip
    return found
