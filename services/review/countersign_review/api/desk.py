"""Queues and claims over HTTP."""

import base64
from dataclasses import replace
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Query
from pydantic import Field, TypeAdapter
from starlette.responses import Response

from countersign_review.api.access import DESK, AtDesk, Version
from countersign_review.api.models.desk import (
    Claim,
    ClaimRequest,
    Claims,
    ClaimSummary,
    ContextPackage,
    Lease,
    OpenedLease,
    Overtaking,
    Queue,
    QueueItem,
    QueueItems,
    Queues,
)
from countersign_review.api.models.people import TenantScope
from countersign_review.api.models.text import NO_CONTROL_CHARACTERS, PathPart
from countersign_review.api.parts import Parts, Using
from countersign_review.domain.administration import narrowed
from countersign_review.domain.binding import views_to_quote
from countersign_review.domain.refusals import Redacted
from countersign_review.domain.review import ReviewState, Stage
from countersign_review.domain.saying import Saying
from countersign_review.store.caller import Caller
from countersign_review.store.checking import grace_seconds
from countersign_review.store.claims import FIRST_PAGE
from countersign_review.store.routed import routed_of
from countersign_shared.clock import rfc3339
from countersign_shared.http import Problem

router = APIRouter(tags=["desk"])
Limit = Annotated[int, Query(ge=1, le=200)]
Cursor = Annotated[str | None, Query(max_length=500, description="From `next_cursor` of the page before.")]

# Whatever somebody makes of a cursor must be something the database can compare with.
_Small = Annotated[int, Field(strict=True, ge=-1_000_000, le=1_000_000)]
_PLACE: TypeAdapter[tuple[int, int, int, str]] = TypeAdapter(tuple[
    Annotated[int, Field(strict=True, ge=-(2**62), le=2**62)], _Small, _Small,
    Annotated[str, Field(max_length=200, pattern=NO_CONTROL_CHARACTERS)],
])  # fmt: skip


async def _for_tenant(
    caller: AtDesk,
    tenant: Annotated[TenantScope, Query(description="Only work of this tenant; * is every one of yours.")] = "*",
) -> Caller:
    tenants = narrowed(caller.profile.tenants, frozenset({tenant}))
    return replace(caller, profile=replace(caller.profile, tenants=tenants))


ForTenant = Annotated[Caller, Depends(_for_tenant)]
"""The caller as a reviewer who asks for the work of one tenant, or of all of theirs."""


@router.get("/queues", dependencies=[DESK])
async def list_queues(caller: ForTenant, parts: Using) -> Queues:
    """Return the queues that hold work for you, counting only what you could take."""
    now = parts.clock()
    return Queues(items=[
        Queue(
            queue=row["queue"], label=words(row["queue"]), depth=row["depth"],
            oldest_age_seconds=max((now - row["oldest"]).total_seconds(), 0.0), due_within_hour=row["due_within_hour"],
            more=row["more"],
        )
        for row in await parts.claims.queues(caller)
    ])  # fmt: skip


@router.get("/queues/{queue}/items", dependencies=[DESK])
async def list_queue_items(
    queue: PathPart, caller: AtDesk, wants: ForTenant, parts: Using, limit: Limit = 50, cursor: Cursor = None
) -> QueueItems:
    """Return what waits for you in a queue, most urgent first; what you hold comes before that."""
    after = _place(cursor)
    held, waiting = await parts.claims.items(caller, queue, wants=wants, after=after, limit=limit)
    last = waiting[-1] if len(waiting) == limit else None
    return QueueItems(
        items=[*(_item(row, mine=True) for row in held), *(_item(row, mine=False) for row in waiting)],
        next_cursor=_cursor(last) if last else None,
    )


@router.post(
    "/queues/{queue}/claims", dependencies=[DESK], status_code=201, response_model=Claim,
    responses={204: {"description": "Nothing waits here that you could take."}},
)  # fmt: skip
async def claim(queue: PathPart, caller: ForTenant, parts: Using, body: ClaimRequest | None = None) -> Response:
    """Take the named review, or the best one you may take: earliest deadline first, then consequence."""
    taken = await parts.claims.claim(caller, queue, body.review_id if body else None)
    if taken is None:
        return Response(status_code=204)
    return claim_response(parts, caller, taken, status=201)


@router.get("/claims", dependencies=[DESK])
async def list_claims(caller: AtDesk, parts: Using) -> Claims:
    """Return what you hold."""
    names = ("claim_id", "version", "review_id", "queue", "case_id", "tenant", "title", "opened_at", "due_at")
    return Claims(items=[
        ClaimSummary(
            **{name: row[name] for name in names}, state=row["claim_state"], lease_expires_at=row["lease_expires_at"]
        )
        for row in await parts.claims.mine(caller)
    ])  # fmt: skip


@router.get("/claims/{claim_id}", dependencies=[DESK], response_model=Claim)
async def read_claim(claim_id: PathPart, caller: AtDesk, parts: Using) -> Response:
    """Return one of your claims with everything shown to you; evidence that came since is in it."""
    return claim_response(parts, caller, await parts.claims.read(caller, claim_id), status=200)


@router.get("/claims/{claim_id}/context", dependencies=[DESK], response_model=ContextPackage)
async def read_context(claim_id: PathPart, caller: AtDesk, parts: Using) -> Response:
    """Return the exact bytes that `shown_sha256` is over."""
    row = await parts.claims.read(caller, claim_id)
    if row["redacted_at"] is not None:
        raise Redacted(
            f"It named a case that was erased on {row['redacted_at']:%-d %B %Y}; the claim has what is left of it.",
            redacted_at=rfc3339(row["redacted_at"]),
        )  # fmt: skip
    return Response(row["package"], media_type="application/json", headers={"ETag": f'"{row["shown_sha256"]}"'})


@router.post("/claims/{claim_id}/heartbeat", dependencies=[DESK])
async def heartbeat(claim_id: PathPart, caller: AtDesk, parts: Using, version: Version) -> Lease:
    """Hold on to a claim."""
    held, expires = await parts.claims.heartbeat(caller, claim_id, version)
    return Lease(version=held, lease_expires_at=expires)


@router.post("/claims/{claim_id}/opened", dependencies=[DESK])
async def opened(claim_id: PathPart, caller: AtDesk, wants: ForTenant, parts: Using) -> OpenedLease:
    """Say that the case is on the screen: from now on the full lease counts.

    `overtaken_by` names a review that has become more urgent since this one was fetched ahead: give this one back and
    take that one first.
    """
    lease = await parts.claims.opened(caller, claim_id, wants=wants)
    first = lease.overtaken_by
    return OpenedLease(
        version=lease.version, lease_expires_at=lease.lease_expires_at,
        overtaken_by=None if first is None else Overtaking(
            review_id=first["review_id"], title=first["title"], due_at=first["due_at"]
        ),
    )  # fmt: skip


@router.post("/claims/{claim_id}/release", dependencies=[DESK], status_code=204)
async def release(claim_id: PathPart, caller: AtDesk, parts: Using) -> None:
    """Give a case back."""
    await parts.claims.release(caller, claim_id)


@router.post("/claims/{claim_id}/skip", dependencies=[DESK], status_code=204)
async def skip(claim_id: PathPart, caller: AtDesk, parts: Using) -> None:
    """Give a case back and not be offered it again for a working day; for everybody else it waits as before."""
    await parts.claims.skip(caller, claim_id)


def words(name: str) -> str:
    """Write a queue's name for people."""
    text = name.replace("_", " ").replace("-", " ").replace(".", " ")
    return text[:1].upper() + text[1:]


def _item(row: Any, *, mine: bool) -> QueueItem:
    names = ("review_id", "case_id", "tenant", "decision_type", "title", "reason", "due_at", "at_risk_at")
    return QueueItem(
        **{name: row[name] for name in names}, claimed_by_me=mine, kept_for_me=row["assigned_to"] is not None,
        escalated=row["escalated"],
    )  # fmt: skip


def claim_response(parts: Parts, caller: Caller, row: Any, *, status: int) -> Response:
    """Answer with a claim and everything shown to its holder."""
    # The package goes out byte for byte as it was stored: its digest is over these bytes.
    routed = row.get("routed") or routed_of(row["body"])
    names = (
        "claim_id", "version", "review_id", "queue", "claimed_at", "opened_at", "lease_expires_at", "due_at",
        "at_risk_at", "shown_sha256", "redacted_at", "payload_sha256",
    )  # fmt: skip
    body = {
        **{name: row[name] for name in names},
        "shown_sha256_all": views_to_quote(row["shown_sha256_all"]),
        "state": row["claim_state"],
        "asks": _asks(row),
        "blind_answer": _blind_answer(row, parts.views.saying(routed)),
        "context": orjson.Fragment(row["package"]),
        "execute_sha256_by_outcome": parts.views.executions(row, routed),
        "grace_seconds": grace_seconds(routed, caller),
    }
    return Response(
        orjson.dumps(body, option=orjson.OPT_UTC_Z), status, media_type="application/json",
        headers={"ETag": f'"{row["version"]}"'},
    )  # fmt: skip


def _asks(row: Any) -> str:
    if row["state"] == ReviewState.REVEALED:
        return "confirmation"
    return "adjudication" if row["stage"] == Stage.ADJUDICATION else "answer"


def _blind_answer(row: Any, saying: Saying) -> dict[str, Any] | None:
    return None if row["blind_said"] is None else saying.answer(orjson.loads(row["blind_said"]))


def _cursor(row: Any) -> str:
    place = [row["due_minute"], -row["tier_rank"], -row["priority"], row["review_id"]]
    return base64.urlsafe_b64encode(orjson.dumps(place)).decode()


def _place(cursor: str | None) -> tuple[int, int, int, str]:
    if cursor is None:
        return FIRST_PAGE
    try:
        place: tuple[int, int, int, str] = _PLACE.validate_json(base64.urlsafe_b64decode(cursor))
    except ValueError as error:
        raise Problem(400, "bad-cursor", "Not a cursor", "Take it from next_cursor of the page before.") from error
    minute, tier, priority, review_id = place
    return minute, -tier, -priority, review_id
