"""Work that comes round again outlives what passes by itself."""

from __future__ import annotations

import asyncio

import asyncpg
import pytest

from countersign_audit.repeating import repeating
from countersign_shared.messaging.consumer import RETRIES

LOST = asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")


class Work:
    """Comes to what is left of a list, then to nothing any more."""

    def __init__(self, *faults: Exception | None) -> None:
        self.faults = list(faults)
        self.done = asyncio.Event()

    async def __call__(self) -> None:
        if not self.faults:
            self.done.set()
            return
        if (fault := self.faults.pop(0)) is not None:
            raise fault


@pytest.mark.parametrize("at_once", [True, False])
async def test_a_database_that_was_away_for_a_moment_ends_nothing(at_once: bool) -> None:
    faults: list[BaseException] = []
    many = [LOST] * (RETRIES - 1)
    work = Work(*many, None, *many)
    async with asyncio.timeout(20), repeating(work, 0.001, faults.append, at_once=at_once):
        await work.done.wait()
    assert faults == []


@pytest.mark.parametrize("fault", [[LOST] * RETRIES, [RuntimeError("a fault of ours")]])
async def test_one_that_stays_away_and_every_other_fault_end_the_service(fault: list[Exception]) -> None:
    ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
    async with asyncio.timeout(20), repeating(Work(*fault), 0.001, ended.set_result):
        assert await ended is fault[-1]
