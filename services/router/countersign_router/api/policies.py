"""Policies and decision types over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Query

from countersign_router.api.models.policies import DecisionTypeList, PolicyList, PolicyView
from countersign_router.api.parts import MAX_LIST, Reader, WithDesk, reader
from countersign_shared.http import Problem

router = APIRouter(tags=["router"])


@router.get("/policies", summary="Published policy versions")
async def list_policies(
    desk: WithDesk, principal: Reader, limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 50,
    cursor: Annotated[str | None, Query(max_length=64, description="`next_cursor` of the page before.")] = None,
) -> PolicyList:  # fmt: skip
    """The newest version of each decision type first; `in_force` says which one routes."""
    entries = [one for one in await desk.policies() if principal.sees(one.tenant)]
    start = next((number + 1 for number, one in enumerate(entries) if one.sha256 == cursor), 0)
    page = entries[start : start + limit]
    more = start + limit < len(entries)
    return PolicyList(items=page, next_cursor=page[-1].sha256 if more else None)


@router.get("/policies/{sha256}", summary="One published version, as written and as read")
async def get_policy(desk: WithDesk, principal: Reader, sha256: str) -> PolicyView:
    """The document of a published version; it never changes."""
    found = await desk.policy(sha256)
    if found is None or not principal.sees(found.tenant):
        raise Problem(404, "policy-unknown", "No such policy", f"No published policy has the hash {sha256}.")
    return found


@router.get("/decision-types", summary="What can be decided", dependencies=[reader])
async def list_decision_types(desk: WithDesk) -> DecisionTypeList:
    """Payload schemas and outcomes of every decision type, and the policy in force for the default tenant."""
    return DecisionTypeList(items=await desk.types())
