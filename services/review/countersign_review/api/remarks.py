"""What is said and done about a case beside a review of it, over HTTP: comments, tags, updates, reversals."""

from typing import Any

from fastapi import APIRouter
from starlette.responses import Response

from countersign_review.api.access import DESK, UPDATERS, AtDesk, Known
from countersign_review.api.actions import Once
from countersign_review.api.desk import claim_response
from countersign_review.api.models.actions import (
    CaseUpdateAccepted,
    CaseUpdateRequest,
    Comment,
    CommentRequest,
    Comments,
    ReversalRequest,
    TagRequest,
    Tags,
)
from countersign_review.api.models.desk import Claim
from countersign_review.api.models.text import PathPart
from countersign_review.api.parts import Using

router = APIRouter(tags=["cases"])


@router.get("/cases/{tenant}/{case_id}/comments", dependencies=[DESK])
async def list_comments(tenant: PathPart, case_id: PathPart, caller: AtDesk, parts: Using) -> Comments:
    """Return a case's comments, oldest first; while an answer must be given unseen, only your own."""
    mine = caller.profile.pseudonym
    return Comments(items=[
        Comment(
            comment_id=row["comment_id"], commented_at=row["commented_at"], comment=row["comment"],
            by=row["display_name"], mine=row["author"] == mine,
        )
        for row in await parts.remarks.comments(caller, tenant, case_id)
    ])  # fmt: skip


@router.post("/cases/{tenant}/{case_id}/comments", dependencies=[DESK], status_code=201)
async def comment(
    tenant: PathPart, case_id: PathPart, body: CommentRequest, who: Known, caller: AtDesk, parts: Using, once: Once
) -> Comment:
    """Comment on a case. It is on the record; colleagues read it once nobody has to answer unseen any more."""
    made = await parts.remarks.comment(caller, tenant, case_id, once, text=body.comment)
    return Comment(**made, comment=body.comment, by=who.user["display_name"], mine=True)


@router.get("/cases/{tenant}/{case_id}/tags", dependencies=[DESK])
async def list_tags(tenant: PathPart, case_id: PathPart, caller: AtDesk, parts: Using) -> Tags:
    """Return a case's tags; while an answer must be given unseen, only your own."""
    return Tags(tags=await parts.remarks.tags(caller, tenant, case_id))


@router.post("/cases/{tenant}/{case_id}/tags", dependencies=[DESK])
async def tag(tenant: PathPart, case_id: PathPart, body: TagRequest, caller: AtDesk, parts: Using, once: Once) -> Tags:
    """Change a case's tags; returns all it has now, or your own alone while an answer must be given unseen."""
    return Tags(**await parts.remarks.tag(caller, tenant, case_id, once, add=body.add, remove=body.remove))


@router.post("/cases/{tenant}/{case_id}/updates", dependencies=[UPDATERS], status_code=202)
async def update(
    tenant: PathPart, case_id: PathPart, body: CaseUpdateRequest, who: Known, parts: Using, once: Once
) -> CaseUpdateAccepted:
    """Say what is new about a case, as upstream would on `case.updated`.

    An answer to a question, a withdrawal, another deadline, an objection, an outcome in the world. A reviewer may pass
    on answers; the rest takes a lead, an operator or a submitter.
    """
    accepted = await parts.incoming.accept(who.caller, tenant, case_id, once, kind=body.kind, body=body.body)
    return CaseUpdateAccepted(**accepted)


@router.post("/cases/{tenant}/{case_id}/reversal", dependencies=[DESK], status_code=201, response_model=Claim)
async def reverse(
    tenant: PathPart, case_id: PathPart, body: ReversalRequest, caller: AtDesk, parts: Using, once: Once
) -> Response:
    """Open a decided case again, also one that was decided automatically, and hold it.

    Leads may, and whoever decided it; the case's own authority is needed too. Answer the claim as any other: the same
    outcome upholds the decision, another one supersedes it.
    """
    made: dict[str, Any] = await parts.reversals.begin(parts.taking, caller, tenant, case_id, once, reason=body.reason)
    return claim_response(parts, caller, await parts.claims.read(caller, made["claim_id"]), status=201)
