"""Work that comes round again while the service runs."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from countersign_shared.background import beside


@asynccontextmanager
async def repeating(
    work: Callable[[], Awaitable[Any]], seconds: float, fail: Callable[[BaseException], None], *, at_once: bool = False
) -> AsyncIterator[None]:
    """Do some work, again ``seconds`` after it was done, while the context is open; a fault ends the service.

    The first time is after as long, or ``at_once``.
    """

    async def again() -> None:
        if at_once:
            await work()
        while True:
            await asyncio.sleep(seconds)
            await work()

    async with beside(again(), fail=fail):
        yield
