"""The demo without a person: scripted reviewers to the end, then the checks."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict
from random import Random
from typing import Any

from countersign_local.client import open_client
from countersign_local.demo.access import DESK_ROLES
from countersign_local.demo.reviewer import ScriptedReviewer
from countersign_local.demo.run import Demo, Fate, background, drain
from countersign_local.verifying import decided_once_on_record, verified

_LOOK_SECONDS = 0.5
_QUIET_LOOKS = 3
"""Nothing on its way and nothing to review, so often in a row: an audit sample reaches its queue a moment after."""


async def headless(demo: Demo, fate: Fate) -> dict[str, Any]:
    """Run to the end and return the summary; `right` says whether everything is as it must be."""
    demo.submitted_again = await demo.arrivals.again()
    async with AsyncExitStack() as stack:
        reviewers = [
            await stack.enter_async_context(_reviewer(demo, number, fate)) for number in range(demo.options.reviewers)
        ]
        arriving = demo.arrivals.bring(demo.run, per_second=demo.options.per_second)
        await stack.enter_async_context(background(arriving, fate))
        complete = await _until_all_decided(demo, reviewers, fate)
    fate.check()
    await drain(demo, fate)
    return await _summary(demo, reviewers, complete=complete)


@asynccontextmanager
async def _reviewer(demo: Demo, number: int, fate: Fate) -> AsyncIterator[ScriptedReviewer]:
    username = f"scripted-{number + 1}"
    await demo.access.link(username, display_name=f"Scripted reviewer {number + 1}", roles=DESK_ROLES)
    async with open_client(demo.access.url) as client:
        await client.sign_in(await demo.access.token(username))
        # Seeded apart, so that two reviewers do not answer in step.
        reviewer = ScriptedReviewer(client, Random(demo.options.seed * 1000 + number))  # noqa: S311 - a script, no secret
        async with background(reviewer.work(), fate):
            yield reviewer


async def _until_all_decided(demo: Demo, reviewers: list[ScriptedReviewer], fate: Fate) -> bool:
    """Wait for the last decision and the last audit answer; False when nothing has moved for too long."""
    moved_at, before, quiet = time.monotonic(), (-1, -1), 0
    while not fate.future.done():
        census = await demo.ledger.census(demo.run.number)
        answered = sum(reviewer.answered for reviewer in reviewers)
        still = demo.flow.outstanding == 0 and all(reviewer.idle for reviewer in reviewers)
        quiet = quiet + 1 if still and census.cases >= demo.run.size and census.undecided == 0 else 0
        if quiet == _QUIET_LOOKS:
            return True
        if (now := (census.decided_once, answered)) != before:
            moved_at, before = time.monotonic(), now
        if time.monotonic() - moved_at > demo.options.give_up_seconds:
            return False
        await asyncio.sleep(_LOOK_SECONDS)
    return False


async def _summary(demo: Demo, reviewers: list[ScriptedReviewer], *, complete: bool) -> dict[str, Any]:
    census = await demo.ledger.census(demo.run.number)
    database_url, keys = demo.ground.database_url, demo.directory / "audit-keys"
    log = await verified(database_url, vkey=None, keys=keys)
    on_record = await decided_once_on_record(database_url, keys, await demo.ledger.cases_of(demo.run.number))
    progress = demo.progress
    return {
        "right": complete and census.right and on_record == census.cases and log["verified"],
        **asdict(census),
        "exactly_one_decision_each": census.right,
        "decided_once_on_record": on_record,
        "decisions": await demo.ledger.kinds_of_decision(demo.run.number),
        "answered_by_reviewers": sum(reviewer.answered for reviewer in reviewers),
        "submitted_again": demo.submitted_again,
        "first_case_decided_after_s": _rounded(progress.first_decided_after),
        "seconds": _rounded(progress.monotonic() - progress.started_at),
        "log": log,
        "broker": demo.ground.broker,
        "gave_up": not complete,
    }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 2)
