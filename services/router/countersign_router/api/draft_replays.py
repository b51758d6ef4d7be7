"""Replaying a draft over HTTP: the step that shows an approver what a policy would have changed."""

from collections.abc import AsyncIterator, Mapping
from contextlib import aclosing
from typing import Annotated, Any
from uuid import UUID

import orjson
from fastapi import APIRouter, Request
from fastapi.responses import StreamingResponse
from pydantic import Field

from countersign_router.api.asking import REFUSED, Named, Worker, taken
from countersign_router.api.models.fields import Request as Body
from countersign_router.api.models.replays import ReplayStream
from countersign_router.api.parts import WithDesk
from countersign_router.api.replays import Queued, Turn
from countersign_router.life import drafting
from countersign_router.life.refusals import REFUSALS
from countersign_router.life.steps import Caller
from countersign_router.replaying.against import read_against
from countersign_router.replaying.report import ReplayReport
from countersign_router.replaying.running import Replays, Wish
from countersign_router.store import Store
from countersign_shared.errors import CountersignError
from countersign_shared.http import FieldError, Problem

router = APIRouter(tags=["policies"])


class DraftReplayRequest(Body):
    """The cases to replay a draft against."""

    against: Annotated[
        str, Field(max_length=64, description="`last:N`, the newest cases, or `since:DATE`, those routed from then on.")
    ] = "last:100000"


_ANSWERS: dict[int | str, dict[str, Any]] = {
    **REFUSED,
    200: {"model": ReplayStream, "description": "One JSON value a line: progress, and the report or a problem last."},
    429: {"description": "Several replays are waiting already."},
}


@router.post(
    "/policies/drafts/{draft_id}/replay", summary="Replay a draft against the cases that came",
    response_class=StreamingResponse, responses=_ANSWERS,
)  # fmt: skip
async def replay_draft(
    request: Request, desk: WithDesk, caller: Worker, named: Named, draft_id: UUID, asked: DraftReplayRequest
) -> StreamingResponse:
    """Streams lines as `POST /policies/replays` does. The step counts once the report is there; its sum is recorded."""
    turn: Turn = request.app.state.replays
    try:
        against = read_against(asked.against)
    except ValueError as error:
        raise Problem(422, "invalid", "Not understood", errors=(FieldError("/against", str(error)),)) from error
    if turn.replays is None:
        raise Problem(503, "no-database", "Only a description", "There is nothing to replay here.")
    turn.check()
    loaded = await taken(
        drafting.for_replay(desk.store, desk.decision_types, draft_id=draft_id, named=named, caller=caller)
    )
    tenants = None if "*" in caller.tenants else caller.tenants
    wish = Wish(loaded, against, tenants)
    return Queued(turn, _lines(turn, turn.replays, wish, desk.store, draft_id, caller))


async def _lines(
    turn: Turn, replays: Replays, wish: Wish, store: Store, draft_id: UUID, caller: Caller
) -> AsyncIterator[bytes]:
    try:
        if turn.lock.locked():
            yield _line({"kind": "progress", "done": 0, "total": None})
        async with turn.lock, aclosing(replays.run(wish)) as running:
            async for one in running:
                if isinstance(one, ReplayReport):
                    await drafting.note_replayed(
                        store, draft_id=draft_id, named=wish.policy.policy.sha256, result=summed_up(one), caller=caller
                    )
                    yield _line({"kind": "report", "report": one.model_dump(mode="json")})
                else:
                    yield _line({"kind": "progress", "done": one.done, "total": one.total})
    except REFUSALS as refusal:
        yield _line({"kind": "problem", "title": "The policy stays as it is", "detail": str(refusal)})
    except CountersignError as error:
        # The answer has begun, so that its status cannot say this any more.
        yield _line({"kind": "problem", "title": "The replay could not be finished", "detail": str(error)})


def summed_up(report: ReplayReport) -> Mapping[str, Any]:
    """Return what the record keeps of a report: the figures that an approver weighs, no case."""
    automation = report.automation
    return {
        "against": report.against.asked, "cases": report.against.cases, "changed": report.changed,
        "raised": report.raised, "lowered": report.lowered, "automatic_before": automation.before,
        "automatic_after": automation.after, "would_automate_before": automation.would_before,
        "would_automate_after": automation.would_after, "becoming_automatic": report.becoming_automatic.cases,
        "same_when_made_again": report.fidelity.same, "differing_when_made_again": report.fidelity.differing,
    }  # fmt: skip


def _line(value: Mapping[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)
