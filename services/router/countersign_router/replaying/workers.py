"""Other processes do the work: the service's own goes on routing and answering."""

import asyncio
import multiprocessing
import os
from collections.abc import AsyncIterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Protocol

from countersign_router.replaying.brief import Brief, question
from countersign_router.replaying.evaluation import Replayer, StoredCase
from countersign_router.replaying.tally import Tally
from countersign_shared.errors import CountersignError
from countersign_shared.postgres.bodies import bodies

Row = tuple[datetime, bytes]
"""When a case was routed, and its packed body."""
WORKERS = 2
NICENESS = 10
"""Cases that come now go first."""
AT_ONCE = 2 * WORKERS
"""Parts under way: each worker has the next one waiting, and no more is held."""


class ReplayFailedError(CountersignError):
    """A worker process died; the message says what to try."""

    code = "replay_failed"


class Evaluate(Protocol):
    """Starts counting over some rows."""

    def __call__(self, rows: list[Row]) -> "asyncio.Future[Tally]":
        """Return the tally to come."""


class _Worker:
    """What one process keeps between its parts."""

    replayer: Replayer | None = None


def begin(brief: Brief) -> None:
    """Compile once per process."""
    os.nice(NICENESS)
    _Worker.replayer = Replayer(question(brief))


def part(rows: list[Row]) -> Tally:
    """Count over some rows, in a worker process."""
    if _Worker.replayer is None:
        raise RuntimeError("this process was not told what to replay")
    return evaluate(_Worker.replayer, rows)


def evaluate(replayer: Replayer, rows: list[Row]) -> Tally:
    """Count over some rows."""
    unpack = bodies().unpack
    return replayer.replay(StoredCase(routed_at, unpack(packed)) for routed_at, packed in rows)


@asynccontextmanager
async def open_workers(brief: Brief) -> AsyncIterator[Evaluate]:
    """Start worker processes; they end with the context, at the latest after the part they are at."""
    # Spawned, not forked: this process has threads, and a fork would copy their locks as they happen to be.
    pool = ProcessPoolExecutor(WORKERS, multiprocessing.get_context("spawn"), initializer=begin, initargs=(brief,))
    try:
        yield lambda rows: asyncio.wrap_future(_submitted(pool, rows))
    except BrokenProcessPool as error:
        raise ReplayFailedError(
            "A process that was replaying ended by itself, perhaps for want of memory; replay fewer cases."
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, rows: list[Row]) -> "Future[Tally]":
    return pool.submit(part, rows)
