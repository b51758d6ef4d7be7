"""What the holder of a claim can do beside answering, over HTTP."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Request

from countersign_review.api.access import DESK, AtDesk, parse_version
from countersign_review.api.again import Key, digest_of
from countersign_review.api.models.actions import (
    Delegation,
    Draft,
    DraftSaved,
    Escalation,
    InformationRequest,
    InformationRequested,
    Justification,
)
from countersign_review.api.models.text import PathPart
from countersign_review.api.parts import Using
from countersign_review.store.requests import Identified

router = APIRouter(tags=["actions"])


async def _identified(
    request: Request,
    idempotency_key: Key = None,
    if_match: Annotated[
        str | None, Header(alias="If-Match", description='The claim\'s version, for example `"3"`; optional here.')
    ] = None,
) -> Identified:
    version = parse_version(if_match) if if_match is not None else None
    return Identified(idempotency_key, await digest_of(request), version)


Once = Annotated[Identified, Depends(_identified)]
"""The request's identity: sent again under the same `Idempotency-Key`, it is answered as before."""


@router.post("/claims/{claim_id}/recuse", dependencies=[DESK], status_code=204)
async def recuse(claim_id: PathPart, body: Justification, caller: AtDesk, parts: Using, once: Once) -> None:
    """Step back for good, for example because you know the person: the case is never offered to you again."""
    await parts.acting.recuse(caller, claim_id, once, reason=body.reason)


@router.post("/claims/{claim_id}/escalate", dependencies=[DESK], status_code=204)
async def escalate(claim_id: PathPart, body: Escalation, caller: AtDesk, parts: Using, once: Once) -> None:
    """Hand a case to the leads, or to one of them."""
    await parts.acting.escalate(caller, claim_id, once, reason=body.reason, to=body.to)


@router.post("/claims/{claim_id}/delegate", dependencies=[DESK], status_code=204)
async def delegate(claim_id: PathPart, body: Delegation, caller: AtDesk, parts: Using, once: Once) -> None:
    """Hand a case to a colleague who may decide it; after a working day it is everybody's again."""
    await parts.acting.delegate(caller, claim_id, once, to=body.to, reason=body.reason)


@router.post("/claims/{claim_id}/block", dependencies=[DESK], status_code=204)
async def block(claim_id: PathPart, body: Justification, caller: AtDesk, parts: Using, once: Once) -> None:
    """Hold a case without an outcome until a lead unblocks it. Leads only."""
    await parts.acting.block(caller, claim_id, once, reason=body.reason)


@router.post("/claims/{claim_id}/information", dependencies=[DESK])
async def ask(
    claim_id: PathPart, body: InformationRequest, caller: AtDesk, parts: Using, once: Once
) -> InformationRequested:
    """Ask upstream. The case waits aside and comes back to you with the answer; quote `question_id` when answering."""
    return InformationRequested(**await parts.acting.ask(caller, claim_id, once, question=body.question))


@router.post("/claims/{claim_id}/return", dependencies=[DESK], status_code=204)
async def send_back(claim_id: PathPart, body: Justification, caller: AtDesk, parts: Using, once: Once) -> None:
    """Close a case that has no outcome to choose from, as of an unknown decision type. Leads only.

    It is closed as `withdrawn` with the reason code `returned`; upstream submits it again under another case id.
    """
    await parts.acting.send_back(caller, claim_id, once, reason=body.reason)


@router.put("/claims/{claim_id}/draft", dependencies=[DESK])
async def save_draft(claim_id: PathPart, body: Draft, caller: AtDesk, parts: Using) -> DraftSaved:
    """Keep what you have written so far. It is yours alone, on no record, and gone when the review is over."""
    return DraftSaved(draft=body.draft, saved_at=await parts.remarks.save_draft(caller, claim_id, body.draft))


@router.get("/claims/{claim_id}/draft", dependencies=[DESK])
async def read_draft(claim_id: PathPart, caller: AtDesk, parts: Using) -> DraftSaved:
    """Return what you had written about this review, under this claim or an earlier one; empty when nothing."""
    draft, saved_at = await parts.remarks.draft_of_claim(caller, claim_id)
    return DraftSaved(draft=draft, saved_at=saved_at)
