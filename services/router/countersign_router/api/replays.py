"""Replays over HTTP: what a policy would have made of the cases that came, told while it is found out."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Annotated, Any

import orjson
from fastapi import APIRouter, Depends, Request
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from countersign_router.api.models.replays import Label, ReplayRequest, ReplayStream
from countersign_router.api.parts import Reader, WithDesk, check_tenant, check_untold
from countersign_router.language.loading import LoadedPolicy, PolicyRefused, load_policy
from countersign_router.replaying.against import Against, read_against
from countersign_router.replaying.report import ReplayReport
from countersign_router.replaying.running import Progress, Replays, Wish
from countersign_shared.errors import CountersignError
from countersign_shared.http import Principal, Problem
from countersign_shared.http.problems import FieldError

router = APIRouter(tags=["router"])

MOST_WAITING = 4
"""Replays that wait for their turn; whoever comes later is told to."""
BUSY_SECONDS = 15
LINES = "application/x-ndjson"
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"model": ReplayStream, "description": "One JSON value a line: progress, and the report or a problem last."},
    404: {"description": "There is no such policy."},
    422: {"description": "The policy cannot be used, or the request is not understood."},
    429: {"description": "Several replays are waiting already."},
}


class Turn:
    """One replay at a time: each takes two processors. ``waiting`` counts the one that runs, too."""

    def __init__(self, replays: Replays | None) -> None:
        self.replays = replays
        self.lock = asyncio.Lock()
        self.waiting = 0

    def check(self) -> None:
        """Turn away whoever would be one too many."""
        if self.waiting > MOST_WAITING:
            raise Problem(
                429, "replays-waiting", "Several replays are waiting already",
                "They run one after another; ask again.", headers={"Retry-After": str(BUSY_SECONDS)},
            )  # fmt: skip


class Queued(StreamingResponse):
    """An answer that takes its place in the queue when it is promised, not when its first line is asked for."""

    def __init__(self, turn: Turn, lines: AsyncIterator[bytes]) -> None:
        super().__init__(lines, media_type=LINES)
        # Again, and in the same step as the place is taken: others asked while the policy was read.
        turn.check()
        turn.waiting += 1
        self._turn = turn

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, and give its place up however that ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._turn.waiting -= 1


def _turn(request: Request) -> Turn:
    turn: Turn = request.app.state.replays
    return turn


@router.post(
    "/policies/replays", summary="What a policy would have made of the cases that came",
    response_class=StreamingResponse, responses=_ANSWERS,
)  # fmt: skip
async def replay_policy(
    desk: WithDesk, principal: Reader, turn: Annotated[Turn, Depends(_turn)], asked: ReplayRequest
) -> StreamingResponse:
    """Routes stored cases again under a draft or a published version, beside what was decided. Nothing is changed.

    The answer is a stream of lines, each one JSON object with a `kind`: `progress` as often as there is news, then
    `report`, or `problem` when it could not be finished. Cases of tenants you may not see are left out.
    """
    if turn.replays is None:
        raise Problem(503, "no-database", "Only a description", "There is nothing to replay here.")
    turn.check()
    against = _against(asked.against)
    check_untold(principal)
    policy = await _policy(desk, turn.replays, asked)
    if asked.yaml is None and not principal.sees(policy.policy.tenant):
        raise _unknown(asked)
    check_tenant(principal, policy.policy.tenant)
    _check_fields(turn.replays, policy, asked.by)
    wish = Wish(policy, against, _tenants(principal), tuple(asked.by), _labels(asked.labels))
    return Queued(turn, _lines(turn, turn.replays, wish))


async def _lines(turn: Turn, replays: Replays, wish: Wish) -> AsyncIterator[bytes]:
    try:
        if turn.lock.locked():
            yield _line({"kind": "progress", "done": 0, "total": None})
        async with turn.lock, aclosing(replays.run(wish)) as running:
            async for one in running:
                yield _line(_told(one))
    except CountersignError as error:
        # The answer has begun, so that its status cannot say this any more.
        yield _line({"kind": "problem", "title": "The replay could not be finished", "detail": str(error)})


def _told(one: Progress | ReplayReport) -> dict[str, Any]:
    if isinstance(one, ReplayReport):
        return {"kind": "report", "report": one.model_dump(mode="json")}
    return {"kind": "progress", "done": one.done, "total": one.total}


def _line(value: dict[str, Any]) -> bytes:
    return orjson.dumps(value, option=orjson.OPT_APPEND_NEWLINE)


def _against(text: str) -> Against:
    try:
        return read_against(text)
    except ValueError as error:
        problem = FieldError("/against", str(error))
        raise Problem(422, "invalid", "Not understood", errors=(problem,)) from error


async def _policy(desk: Any, replays: Replays, asked: ReplayRequest) -> LoadedPolicy:
    data = None if asked.yaml is None else asked.yaml.encode()
    published_at = desk.clock()
    if data is None:
        found = await desk.store.policy_document(asked.sha256)
        if found is None:
            raise _unknown(asked)
        data, published_at = found.data, found.published_at
    try:
        return await asyncio.to_thread(
            load_policy, data, name="the policy", decision_types=replays.decision_types, published_at=published_at,
            published=asked.yaml is None,
        )  # fmt: skip
    except PolicyRefused as refused:
        errors = tuple(FieldError("/yaml", str(one)) for one in refused.diagnostics)
        raise Problem(422, "policy-refused", "The policy cannot be used", errors=errors) from refused


def _unknown(asked: ReplayRequest) -> Problem:
    return Problem(404, "policy-unknown", "No such policy", f"No published policy has the hash {asked.sha256}.")


def _check_fields(replays: Replays, policy: LoadedPolicy, names: list[str]) -> None:
    known = replays.decision_types[policy.policy.decision_type].payload_schema.get("properties", {})
    errors = tuple(
        FieldError(f"/by/{number}", f"{name!r} is no field of {policy.policy.decision_type}")
        for number, name in enumerate(names)
        if name not in known
    )
    if errors:
        raise Problem(422, "invalid", "Not understood", errors=errors)


def _tenants(principal: Principal) -> frozenset[str] | None:
    return None if "*" in principal.tenants else principal.tenants


def _labels(labels: list[Label]) -> dict[tuple[str, str], bool] | None:
    return {(one.tenant, one.case_id): one.error for one in labels} if labels else None
