"""Starting and stopping a client of Kafka for certain: whatever happens meanwhile, it leaves no connection behind.

The library's ``stop()`` closes connections last and only once: without a broker it may wait for ever, and who is
cancelled within it, or meets the cancellation of the library's own tasks, leaves them open with nobody to close them.
"""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

STOP_SECONDS = 5.0
"""Longest that leaving a group or handing over the last batch may take; the broker's own time-outs do the rest."""

log = logging.getLogger(__name__)


@asynccontextmanager
async def opened(client: Any, what: str) -> AsyncIterator[None]:
    """Keep a client started while the context is open."""
    try:
        await started(client)
        yield
    finally:
        await stopped(client.stop() if hasattr(client, "stop") else client.close(), what, of=client)


async def started(client: Any) -> None:
    """Await a client's ``start()``; who is cancelled meanwhile waits for its end, ``STOP_SECONDS`` at most.

    Cut short, it would drop its first connection open: only the library's own frame knows that one.
    """
    starting = asyncio.create_task(client.start())
    try:
        await asyncio.shield(starting)
    except asyncio.CancelledError:
        until = time.monotonic() + STOP_SECONDS
        while not starting.done() and (left := until - time.monotonic()) > 0:
            with suppress(asyncio.CancelledError):
                await asyncio.wait([starting], timeout=left)
        starting.cancel()
        raise


async def stopped(stop: Coroutine[Any, Any, None], what: str, *, of: Any, seconds: float = STOP_SECONDS) -> None:
    """Await the ``stop()`` or ``close()`` of a client, then close what connections it still holds.

    One that fails or takes longer is said and never raised. In a task of its own: the library lets out the cancellation
    of its own tasks like one of ours. ``of`` is the client of the library, None where none was made.
    """
    stopping = asyncio.create_task(stop)
    try:
        await asyncio.wait([stopping], timeout=seconds)
        if not stopping.done():
            log.warning("%s did not stop within %g s; its connections are closed under it", what, seconds)
        elif not stopping.cancelled() and (error := stopping.exception()) is not None:
            log.warning("%s did not stop cleanly: %r", what, error)
    finally:
        stopping.cancel()
        if of is not None:
            _let_go(of)


def _let_go(client: Any) -> None:
    """End what a client still runs, and close what it still holds; of one that has stopped that is nothing."""
    # Public in the producer only.
    network = client.client if hasattr(client, "client") else client._client  # noqa: SLF001
    for part in (network, *(getattr(client, name, None) for name in ("_coordinator", "_fetcher", "_sender"))):
        for task in _tasks(part):
            # It would connect anew.
            task.cancel()
    for connection in network._conns.values():  # noqa: SLF001 - what close() of the library would close
        connection.close()


def _tasks(part: Any) -> Iterator["asyncio.Task[Any]"]:
    for value in () if part is None else vars(part).values():
        for one in value if isinstance(value, set) else (value,):
            if isinstance(one, asyncio.Task):
                yield one
