"""Work beside the main work: it runs while a context is open, its failure is told, and its end is certain."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from typing import Any

AGAIN_SECONDS = 0.5
"""How long a cancellation has to take effect before there is another."""


@asynccontextmanager
async def beside(*work: Coroutine[Any, Any, None], fail: Callable[[BaseException], None]) -> AsyncIterator[None]:
    """Run work in tasks of its own while the context is open; ``fail`` is told what ends one before."""

    def ended(task: "asyncio.Task[None]") -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            fail(error)

    tasks = [asyncio.create_task(one) for one in work]
    for task in tasks:
        task.add_done_callback(ended)
    try:
        yield
    finally:
        await cancelled(*tasks)


async def cancelled(*tasks: "asyncio.Task[Any]") -> None:
    """Cancel tasks and wait for their end, whatever it is.

    One cancellation is not enough. When it comes while a connection is being lost, what the clean-up raises takes its
    place (asyncpg: ``InterfaceError``); work that outlives lost connections goes on, and would be awaited for ever.
    """
    while waiting := [task for task in tasks if not task.done()]:
        for task in waiting:
            task.cancel()
        await asyncio.wait(waiting, timeout=AGAIN_SECONDS)
    await asyncio.gather(*tasks, return_exceptions=True)
