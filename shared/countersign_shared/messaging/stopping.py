"""Stopping a client of Kafka for certain: without a broker its own way to stop may wait for ever."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Any

STOP_SECONDS = 5.0
"""Longest that leaving a group or handing over the last batch may take; the broker's own time-outs do the rest."""

log = logging.getLogger(__name__)


async def stopped(stop: Coroutine[Any, Any, None], what: str, *, seconds: float = STOP_SECONDS) -> None:
    """Await a client's ``stop()``; one that fails or takes longer is said, left alone and never raised.

    In a task of its own: with the broker gone, the library lets out the cancellation of its own tasks like one of ours.
    """
    stopping = asyncio.create_task(stop)
    await asyncio.wait([stopping], timeout=seconds)
    if not stopping.done():
        log.warning("%s did not stop within %g s; its connections end with the process", what, seconds)
        stopping.cancel()
    elif not stopping.cancelled() and (error := stopping.exception()) is not None:
        log.warning("%s did not stop cleanly: %r", what, error)
