"""The life of a policy over HTTP. Each step names the hash of the text it rests on, as If-Match."""

import asyncio
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response

from countersign_router.api.asking import REFUSED, UNUSABLE, Approver, Author, Named, Worker, taken
from countersign_router.api.desk import Desk
from countersign_router.api.draft_views import draft_entry, draft_view, publish_preview
from countersign_router.api.models.drafts import (
    ApprovalRequest,
    DiagnosticView,
    DraftEdit,
    DraftList,
    DraftRequest,
    DraftView,
    ExampleView,
    PolicyText,
    PublishPreview,
    PublishRequest,
    RollBackRequest,
    Validation,
)
from countersign_router.api.once import OnlyOnce
from countersign_router.api.parts import MAX_LIST, NewId, Reader, WithDesk
from countersign_router.api.refusals import BUSY
from countersign_router.language.diagnostics import Diagnostic
from countersign_router.language.examples import example_results, problems
from countersign_router.language.loading import LoadedPolicy, PolicyRefused
from countersign_router.life import drafting, signing
from countersign_router.life.progress import effect, progress
from countersign_router.life.steps import Caller
from countersign_router.store import StoredDraft
from countersign_shared.http import Principal, Problem

router = APIRouter(tags=["policies"])


@router.post("/policies/validate", summary="What is wrong with a policy, and where")
async def validate_policy(desk: WithDesk, _: Reader, asked: PolicyText) -> Validation:
    """Read, check and compile a text and run its examples. Nothing is stored; an unusable text is no error here."""
    data = asked.yaml.encode()
    found = await asyncio.to_thread(problems, data, desk.decision_types)
    try:
        loaded = await asyncio.to_thread(drafting.compiled, data, desk.decision_types)
    except PolicyRefused:
        return Validation(
            usable=False, id=None, version=None, sha256=None, automation_sha256=None, examples=[],
            diagnostics=_diagnostics(found),
        )  # fmt: skip
    return _validation(loaded, found)


@router.get("/policies/drafts", summary="Policies on their way to being published")
async def list_drafts(
    desk: WithDesk, principal: Reader, limit: Annotated[int, Query(ge=1, le=MAX_LIST)] = 50,
    cursor: Annotated[UUID | None, Query(description="`next_cursor` of the page before.")] = None,
    state: Annotated[Literal["open", "published"] | None, Query()] = None,
) -> DraftList:  # fmt: skip
    """The newest first, with what has been done and what is left to do."""
    tenants = None if "*" in principal.tenants else sorted(principal.tenants)
    found = await desk.store.drafts(tenants=tenants, state=state, after=cursor, limit=limit + 1)
    page = found[:limit]
    items = [draft_entry(one) for one in await progress(desk.store, page, desk.clock())]
    return DraftList(items=items, next_cursor=page[-1].id if len(found) > limit else None)


@router.post("/policies/drafts", status_code=201, summary="Begin a draft", responses={**REFUSED, **UNUSABLE})
async def begin_draft(
    request: Request, response: Response, desk: WithDesk, caller: Author, once: OnlyOnce, asked: DraftRequest
) -> DraftView:
    """Only a text that can be read, checked and compiled is kept; its version is higher than any that was published."""
    data = asked.yaml.encode()
    new_id: NewId = request.app.state.new_id
    draft_id = await taken(drafting.draft(
        desk.store, desk.decision_types, data=data, reason=asked.reason, caller=caller, draft_id=new_id(), once=once
    ))  # fmt: skip
    return await _shown(desk, caller, draft_id, response)


@router.get("/policies/drafts/{draft_id}", summary="A draft with its text")
async def get_draft(response: Response, desk: WithDesk, principal: Reader, draft_id: UUID) -> DraftView:
    """The text, what was done with it as it is now, and what is left to do."""
    return await _shown(desk, principal, draft_id, response)


@router.put("/policies/drafts/{draft_id}", summary="Change a draft", responses={**REFUSED, **UNUSABLE})
async def edit_draft(
    response: Response, desk: WithDesk, caller: Author, named: Named, once: OnlyOnce, draft_id: UUID, asked: DraftEdit
) -> DraftView:
    """Another text has another hash: earlier tests, replays and approvals do not count for it."""
    await taken(drafting.edit(
        desk.store, desk.decision_types, draft_id=draft_id, named=named, data=asked.yaml.encode(), reason=asked.reason,
        caller=caller, once=once,
    ))  # fmt: skip
    return await _shown(desk, caller, draft_id, response)


@router.post("/policies/drafts/{draft_id}/test", summary="Run a draft's examples", responses=REFUSED)
async def test_draft(
    response: Response, desk: WithDesk, caller: Worker, named: Named, once: OnlyOnce, draft_id: UUID
) -> DraftView:
    """The result goes on the record, whether they pass or fail; only what passes can be approved."""
    await taken(drafting.run_tests(
        desk.store, desk.decision_types, draft_id=draft_id, named=named, caller=caller, once=once
    ))  # fmt: skip
    return await _shown(desk, caller, draft_id, response)


@router.post("/policies/drafts/{draft_id}/approve", summary="Approve a draft as another person", responses=REFUSED)
async def approve_draft(
    response: Response, desk: WithDesk, caller: Approver, named: Named, once: OnlyOnce, draft_id: UUID,
    asked: ApprovalRequest,
) -> DraftView:  # fmt: skip
    """Signs the hash in If-Match, for a day. Authors cannot, and it counts while the signer holds the role."""
    await taken(signing.approve(
        desk.store, draft_id=draft_id, named=named, comment=asked.comment, caller=caller, once=once
    ))  # fmt: skip
    return await _shown(desk, caller, draft_id, response)


@router.get("/policies/drafts/{draft_id}/preview", summary="What publishing a draft would do")
async def preview_publishing(desk: WithDesk, principal: Reader, draft_id: UUID) -> PublishPreview:
    """Which version it replaces, whether automation changes, what certificates it voids, what is doubtful."""
    draft = await _visible(desk, principal, draft_id)
    found = await asyncio.to_thread(problems, draft.document, desk.decision_types, published=draft.returns)
    return publish_preview(await effect(desk.store, draft, await desk.controls(), desk.clock()), found, principal)


@router.post("/policies/drafts/{draft_id}/publish", summary="Put a draft into force", responses={**REFUSED, **BUSY})
async def publish_draft(
    response: Response, desk: WithDesk, caller: Worker, named: Named, once: OnlyOnce, draft_id: UUID,
    asked: PublishRequest,
) -> DraftView:  # fmt: skip
    """When this answers, every later batch of every router is routed under it; batches in flight ended before."""
    await taken(signing.publish(
        desk.store, desk.decision_types, draft_id=draft_id, named=named, reason=asked.reason, caller=caller, once=once
    ))  # fmt: skip
    return await _shown(desk, caller, draft_id, response)


@router.post("/policies/{sha256}/roll-back", status_code=201, summary="Propose an older version", responses=REFUSED)
async def propose_roll_back(
    request: Request, response: Response, desk: WithDesk, caller: Worker, once: OnlyOnce, sha256: str,
    asked: RollBackRequest,
) -> DraftView:  # fmt: skip
    """Makes a draft of it as it was, which is tested, replayed, approved by another person and published like any."""
    new_id: NewId = request.app.state.new_id
    draft_id = await taken(drafting.roll_back(
        desk.store, sha256=sha256, reason=asked.reason, caller=caller, draft_id=new_id(), once=once
    ))  # fmt: skip
    return await _shown(desk, caller, draft_id, response)


async def _visible(desk: Desk, who: Principal | Caller, draft_id: UUID) -> StoredDraft:
    draft = await desk.store.draft(draft_id)
    if draft is None or not who.sees(draft.tenant):
        raise Problem(404, "draft-unknown", "No such draft", f"There is no draft {draft_id}.")
    return draft


async def _shown(desk: Desk, who: Principal | Caller, draft_id: UUID, response: Response) -> DraftView:
    # Looked at even after a step: a request that came before is answered before anything is asked of the draft.
    draft = await _visible(desk, who, draft_id)
    response.headers["ETag"] = f'"{draft.sha256}"'
    (one,) = await progress(desk.store, [draft], desk.clock())
    return draft_view(one)


def _diagnostics(found: list[Diagnostic]) -> list[DiagnosticView]:
    return [DiagnosticView.model_validate(one, from_attributes=True) for one in found]


def _validation(loaded: LoadedPolicy, found: list[Diagnostic]) -> Validation:
    policy = loaded.policy
    return Validation(
        usable=True, diagnostics=_diagnostics(found), id=policy.id, version=policy.version, sha256=policy.sha256,
        automation_sha256=policy.automation_sha256,
        examples=[
            ExampleView(name=one.name, level=one.level, passed=one.passed, differences=list(one.differences))
            for one in example_results(loaded)
        ],
    )  # fmt: skip
