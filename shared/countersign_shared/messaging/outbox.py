"""The outbox: what HTTP decides leaves through one relay, at least once, in order per case."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from countersign_shared.background import beside
from countersign_shared.clock import Clock
from countersign_shared.errors import FatalError
from countersign_shared.messaging.consumer import TRANSIENT
from countersign_shared.messaging.records import Message, unpack_headers
from countersign_shared.observability.metrics import Metrics
from countersign_shared.postgres.queries import Queries

log = logging.getLogger(__name__)

POLL_SECONDS = 0.5
"""Polling is the truth; a hint only shortens the wait. So long a row of another replica stays that was due at once."""
LOCK_RETRY_SECONDS = 1.0
BATCH = 500
FEW = 4
"""Rows of a pass after which the pause is as long as it was told to be."""
LONGEST_PAUSE = 4.0
"""Times that pause."""

LONGEST_HELD = timedelta(hours=2)
"""Nothing is meant to be held back for so long: an answer can be undone for an hour at most."""

Sent = Callable[[asyncpg.Connection, Sequence[str]], Awaitable[None]]
"""Called with the event ids just published, inside the transaction that deletes their rows."""


class Outbox:
    """Writes outbox rows in the caller's transaction.

    ``due`` finds what may leave in place of the query here, for a service that knows better than the key which messages
    must not overtake each other.
    """

    def __init__(self, due: str | None = None) -> None:
        self._queries = Queries.load(Path(__file__).with_name("outbox.sql"))
        self.due = due or self._queries.due
        self.hint = asyncio.Event()

    async def add(self, connection: Any, message: Message, *, event_id: str, not_before: datetime) -> None:
        """Add a message that leaves no earlier than ``not_before``; lock the case row first (order per case)."""
        await connection.execute(
            self._queries.add, event_id, message.topic, message.partition, message.key, message.value,
            message.stored_headers(), not_before,
        )  # fmt: skip

    async def remove(self, connection: Any, event_id: str) -> bool:
        """Take a message back; False when it has already left."""
        return await connection.fetchval(self._queries.remove, event_id) is not None

    def hurry(self) -> None:
        """Wake the relay after a commit."""
        self.hint.set()


class Relay:
    """Publishes due rows and deletes them, while it holds the service's advisory lock."""

    def __init__(
        self, outbox: Outbox, publish: Callable[[Sequence[Message]], Awaitable[None]], *, clock: Clock,
        sent: Sent | None = None, pause_seconds: float = 0.0,
    ) -> None:  # fmt: skip
        self._outbox = outbox
        self._queries = outbox._queries  # noqa: SLF001 - the two halves of one mechanism
        self._publish = publish
        self._clock = clock
        self._sent = sent
        self._pause_seconds = pause_seconds

    async def acquire(self, connection: Any) -> bool:
        """Try to become the one relay; the lock lives as long as the connection."""
        return bool(await connection.fetchval(self._queries.lock))

    async def pass_once(self, connection: Any) -> int:
        """Claim, publish and delete what is due in one transaction; returns how many left.

        A crash between publishing and commit publishes the same bytes again under the same id.
        """
        async with connection.transaction():
            now = self._clock()
            rows = await connection.fetch(self._outbox.due, now, BATCH, now + LONGEST_HELD)
            if not rows:
                return 0
            if not rows[0]["holds_lock"]:
                raise FatalError("the outbox relay lost its lock; another one may be running")
            await self._publish([_message(row) for row in rows])
            await connection.execute(self._queries.delete, [row["id"] for row in rows])
            if self._sent is not None:
                await self._sent(connection, [row["event_id"] for row in rows])
        return len(rows)

    async def run(self, pool: asyncpg.Pool) -> None:
        """Relay until cancelled; when the connection is lost the lock is too, and is sought again."""
        while True:
            try:
                async with pool.acquire() as connection:
                    if await self.acquire(connection):
                        try:
                            await self._pump(connection)
                        finally:
                            # The lock goes with the session, whatever state that is in and whether or not the pool
                            # resets it.
                            with contextlib.suppress(asyncpg.InterfaceError):  # lost, and so given back already
                                connection.terminate()
            except TRANSIENT as error:
                # A row that somebody else holds locked for long is one of them: all that was due is due again.
                log.warning("outbox relay lost the database, or waited too long for it: %r", error)
            await asyncio.sleep(LOCK_RETRY_SECONDS)

    async def _pump(self, connection: Any) -> None:
        while True:
            self._outbox.hint.clear()
            # One question outside of any transaction: with nothing to send, it is asked again and again.
            now = self._clock()
            waiting = await connection.fetchrow(self._queries.waiting, now, now + LONGEST_HELD)
            left = await self.pass_once(connection) if waiting["due"] else 0
            if left == BATCH:
                continue
            if left and self._pause_seconds:
                # What comes meanwhile leaves together: a pass costs as much for one row as for thirty. So the busier it
                # is, the longer the pause.
                await asyncio.sleep(self._pause_seconds * min(max(left / FEW, 1.0), LONGEST_PAUSE))
            held = (waiting["next"] - now).total_seconds() if waiting["next"] else POLL_SECONDS
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._outbox.hint.wait(), min(held, POLL_SECONDS))


def _message(row: Any) -> Message:
    return Message(row["topic"], row["partition"], row["key"], row["body"], unpack_headers(row["headers"]))


@asynccontextmanager
async def relaying(
    pool: asyncpg.Pool, relay: Relay, *, fail: Callable[[BaseException], None], metrics: Metrics, clock: Clock
) -> AsyncIterator[None]:
    """Run the relay while the context is open; its death ends the service."""
    queries = Queries.load(Path(__file__).with_name("outbox.sql"))
    gauge = metrics.gauge("outbox_oldest_seconds")

    async def watch() -> None:
        while True:
            try:
                oldest = await pool.fetchval(queries.oldest)
                gauge.set(max((clock() - oldest).total_seconds(), 0.0) if oldest else 0.0)
            except (*TRANSIENT, OSError) as error:
                # A figure a little older does no harm.
                log.warning("the age of the outbox keeps its last value: %r", error)
            await asyncio.sleep(LOCK_RETRY_SECONDS)

    async with beside(relay.run(pool), watch(), fail=fail):
        yield
