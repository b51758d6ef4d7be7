"""Following what changes: one table that every write adds to, and a hint to all instances that there is more in it."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Protocol

import asyncpg

from countersign_review.domain.live import Reading
from countersign_review.store.events import SQL
from countersign_shared.clock import Clock
from countersign_shared.postgres import FAULTS, Queries

log = logging.getLogger(__name__)

CHANNEL = "countersign_review_live"
POLL_SECONDS = 0.5
"""Polling is the truth, within the second that is promised; a hint only shortens the wait."""
PAUSE_SECONDS = 0.05
"""Between two reads, so that a burst of writes costs one hint and one read."""
RETRY_SECONDS = 1.0
PAGE = 500
KEPT_FOR = timedelta(minutes=10)
"""Whoever was away longer reads the pages anew anyway."""


class Listeners(Protocol):
    """Whoever wants to know: the streams of this instance."""

    def any(self) -> bool:
        """Tell whether anybody listens; otherwise nothing is read."""

    def publish(self, rows: Sequence[Any]) -> None:
        """Take rows in the order in which they were read."""

    def resync(self) -> None:
        """Tell everybody to read anew: something may have been missed."""


class Live:
    """Reads the table of changes for this instance's listeners, and hints to the other instances."""

    def __init__(self, pool: asyncpg.Pool, listeners: Listeners, clock: Clock) -> None:
        self._pool = pool
        self._listeners = listeners
        self._clock = clock
        self._queries = Queries.load(SQL / "live.sql")
        self._woken = asyncio.Event()
        self._written = False

    def hint(self) -> None:
        """Say, after a commit here, that there is something new."""
        self._written = True
        self._woken.set()

    def wake(self) -> None:
        """Say that somebody began to listen."""
        self._woken.set()

    async def run(self) -> None:
        """Follow until cancelled; a lost connection is sought again, and whoever listens then reads anew."""
        while True:
            try:
                async with self._pool.acquire() as connection:
                    await self._follow(connection)
            except FAULTS as error:
                log.warning("the live table cannot be read: %r", error)
            self._listeners.resync()
            await asyncio.sleep(RETRY_SECONDS)

    async def forget(self) -> None:
        """Delete what nobody needs any more."""
        await self._pool.execute(self._queries.forget, self._clock() - KEPT_FOR)

    async def _follow(self, connection: Any) -> None:
        own = connection.get_server_pid()

        def hinted(_: Any, pid: int, channel: str, payload: object) -> None:
            del channel, payload
            if pid != own:
                self._woken.set()

        await connection.add_listener(CHANNEL, hinted)
        try:
            reading: Reading | None = None
            while True:
                if self._written:
                    self._written = False
                    await connection.execute(self._queries.hint, CHANNEL)
                reading = await self._read(connection, reading) if self._listeners.any() else None
                await asyncio.sleep(PAUSE_SECONDS)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), POLL_SECONDS)
                self._woken.clear()
        finally:
            with contextlib.suppress(asyncpg.InterfaceError):  # lost, and so given back already
                if not connection.is_closed():
                    await connection.remove_listener(CHANNEL, hinted)

    async def _read(self, connection: Any, reading: Reading | None) -> Reading:
        if reading is None:
            # Somebody began to listen since the last look: they fetched their pages before, or are told to now.
            reading = Reading(await connection.fetchval(self._queries.newest))
            self._listeners.resync()
        rows: Sequence[Any] = await connection.fetch(self._queries.read, reading.last, list(reading.missing), PAGE)
        if not reading.seen([row["number"] for row in rows], self._clock()):
            self._listeners.resync()
        if rows:
            self._listeners.publish(rows)
        if len(rows) == PAGE:
            self._woken.set()
        return reading
