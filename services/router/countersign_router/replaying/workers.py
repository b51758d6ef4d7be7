"""Other processes do the work: the service's own goes on routing and answering."""

import asyncio
import pickle
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from countersign_router.replaying.brief import Brief
from countersign_router.replaying.tally import Tally
from countersign_router.replaying.worker import LENGTH, Row, packed
from countersign_shared.errors import CountersignError

WORKERS = 2
AT_ONCE = 2 * WORKERS
"""Parts under way: each worker has the next one waiting, and no more is held."""

Evaluate = Callable[[list[Row]], Awaitable[Tally]]
"""Counts over some rows, as soon as a worker is free."""


class ReplayFailedError(CountersignError):
    """A worker process ended; what it had to say is on standard error."""

    code = "replay_failed"


@asynccontextmanager
async def open_workers(brief: Brief, count: int = WORKERS) -> AsyncIterator[Evaluate]:
    """Start worker processes; leaving the context ends them at once.

    They are programs of their own and no forks: this process has threads, and a fork would copy their locks as they
    happen to be. ``ReplayFailedError`` when one ends by itself.
    """
    idle: asyncio.Queue[Process] = asyncio.Queue()
    processes: list[Process] = []
    try:
        for _ in range(count):
            processes.append(await _started())
            await _tell(processes[-1], brief)
            idle.put_nowait(processes[-1])

        async def evaluate(rows: list[Row]) -> Tally:
            process = await idle.get()
            await _tell(process, rows)
            tally = await _heard(process)
            idle.put_nowait(process)
            return tally

        yield evaluate
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def _started() -> Process:
    # What is executed is this interpreter and a module of this package.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "countersign_router.replaying", stdin=PIPE, stdout=PIPE
    )  # fmt: skip


async def _tell(process: Process, message: object) -> None:
    if process.stdin is None:
        raise RuntimeError("started with a pipe")
    process.stdin.write(packed(message))
    try:
        await process.stdin.drain()
    except (BrokenPipeError, ConnectionResetError) as error:
        raise _ended() from error


async def _heard(process: Process) -> Tally:
    if process.stdout is None:
        raise RuntimeError("started with a pipe")
    try:
        head = await process.stdout.readexactly(LENGTH.size)
        body = await process.stdout.readexactly(*LENGTH.unpack(head))
    except asyncio.IncompleteReadError as error:
        raise _ended() from error
    tally: Tally = pickle.loads(body)  # noqa: S301 - from the process that this one started
    return tally


def _ended() -> ReplayFailedError:
    return ReplayFailedError(
        "A process that was replaying ended by itself; its reason is in the router's log. If memory was short, replay "
        "fewer cases."
    )
