"""Work that comes round again while the service runs."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

from countersign_shared.background import beside
from countersign_shared.messaging.consumer import RETRIES, TRANSIENT

log = logging.getLogger(__name__)


@asynccontextmanager
async def repeating(
    work: Callable[[], Awaitable[Any]], seconds: float, fail: Callable[[BaseException], None], *, at_once: bool = False
) -> AsyncIterator[None]:
    """Do some work, again ``seconds`` after it was done, while the context is open; a fault ends the service.

    The first time is after as long, or ``at_once``. What may pass by itself, such as a database that starts anew, is a
    fault when it comes ``RETRIES`` times in a row.
    """

    async def again() -> None:
        failed = 0
        if not at_once:
            await asyncio.sleep(seconds)
        while True:
            try:
                await work()
            except TRANSIENT as error:
                failed += 1
                if failed == RETRIES:
                    raise
                log.warning("work that comes round again failed (attempt %d): %r", failed, error)
            else:
                failed = 0
            await asyncio.sleep(seconds)

    async with beside(again(), fail=fail):
        yield
