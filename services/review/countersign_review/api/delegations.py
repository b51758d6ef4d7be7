"""Standing in for somebody who is away, over HTTP."""

from collections.abc import Mapping
from typing import Any

from fastapi import APIRouter

from countersign_review.api.access import Identity, Known
from countersign_review.api.again import Again
from countersign_review.api.models.people import Delegation, DelegationRequest, Delegations
from countersign_review.api.models.text import PathPart
from countersign_review.api.parts import Using
from countersign_review.domain.administration import Administrator
from countersign_review.domain.delegation import Wish
from countersign_review.domain.events import person
from countersign_shared.http import Problem, require

router = APIRouter(tags=["people"])
DESK_AND_ADMIN = require("reviewer", "lead", "admin")


@router.get("/delegations", dependencies=[DESK_AND_ADMIN])
async def list_delegations(who: Known, parts: Using) -> Delegations:
    """Return who stands in for whom, now and later: your own; as lead or administrator, your tenants'."""
    rows = await parts.delegations.standing(None if _for_all(who) else who.user["username"], who.tenants)
    return Delegations(
        items=[_shown(row, beyond=not _looking_after(who).looks_after(row["person_tenants"])) for row in rows]
    )


@router.post("/delegations", dependencies=[DESK_AND_ADMIN], status_code=201)
async def create_delegation(body: DelegationRequest, who: Known, parts: Using, again: Again) -> Delegation:
    """Let somebody stand in for you or, as lead or administrator, for others. Work goes over, never authority."""
    username = body.username or who.user["username"]
    _may_act_for(who, username)
    wish = Wish(username, body.delegate, body.starts_at, body.ends_at)
    row = await parts.delegations.add(wish, reason=body.reason, by=_looking_after(who), request=again)
    return _shown(row)


@router.post("/delegations/{delegation_id}/end", dependencies=[DESK_AND_ADMIN], status_code=204)
async def end_delegation(delegation_id: PathPart, who: Known, parts: Using, again: Again) -> None:
    """End a delegation now. Doing it twice changes nothing."""
    row = await parts.delegations.find(delegation_id, _looking_after(who))
    _may_act_for(who, row["username"])
    await parts.delegations.end(delegation_id, by=_by(who), request=again)


def _for_all(who: Identity) -> bool:
    return bool(who.roles & {"lead", "admin"})


def _may_act_for(who: Identity, username: str) -> None:
    if username != who.user["username"] and not _for_all(who):
        raise Problem(403, "forbidden", "Not yours", "Only leads and administrators delegate for somebody else.")


def _by(who: Identity) -> dict[str, Any]:
    role = next(role for role in ("admin", "lead", "reviewer") if role in who.roles)
    return person(who.user["pseudonym"], role)


def _looking_after(who: Identity) -> Administrator:
    return Administrator(_by(who), who.tenants)


def _shown(row: Mapping[str, Any], *, beyond: bool = False) -> Delegation:
    names = ("delegation_id", "username", "delegate", "starts_at", "ends_at", "reason", "created_at")
    return Delegation(**{name: row[name] for name in names}, beyond_you=beyond)
