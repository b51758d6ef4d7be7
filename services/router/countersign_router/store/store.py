"""The router's schema: its transactions, and every read."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg

from countersign_router.store.change import Change, ControlChange
from countersign_router.store.controls import BatchEndedError, BatchInFlightError, ControlReads
from countersign_router.store.counts import CountReads
from countersign_router.store.drafts import DraftReads
from countersign_router.store.judgements import JudgementReads
from countersign_router.store.people import PeopleReads
from countersign_router.store.policies import PolicyReads
from countersign_router.store.releases import ReleaseReads
from countersign_router.store.routings import Batch, Repeats
from countersign_router.store.statements import Statements
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.postgres.bodies import Bodies

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 0.75
"""How long a process may say nothing in the middle of a batch while a change of controls waits for it. A batch takes a
tenth of that; one that is ended comes again."""


class Store(ControlReads, PolicyReads, DraftReads, PeopleReads, ReleaseReads, CountReads, JudgementReads):
    """The router's schema."""

    def __init__(self, pool: asyncpg.Pool, outbox: Outbox) -> None:
        super().__init__(pool, Statements.load())
        self._outbox = outbox
        self._bodies = Bodies()
        self._repeats = Repeats()
        self._changing = asyncio.Lock()

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """Open the transaction of one batch."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                yield Batch(connection, self._sql.queries, self._bodies, self._repeats)
        except (asyncpg.AdminShutdownError, asyncpg.InternalClientError) as error:
            # The driver, too, loses its thread when a session ends between a question and its answer.
            raise BatchEndedError("the database ended the transaction of a batch that hung, or shuts down") from error

    @asynccontextmanager
    async def change(self) -> AsyncIterator[Change]:
        """Open a transaction that changes no control and waits for no batch."""
        async with self._pool.acquire() as connection, connection.transaction():
            yield Change(connection, self._sql, self._outbox)
        self._outbox.hurry()

    @asynccontextmanager
    async def control_change(self) -> AsyncIterator[ControlChange]:
        """Open a transaction that waits for batches in flight and holds later ones back until it has committed."""
        async with self._alone() as connection:
            yield ControlChange(connection, self._sql, self._outbox)
        self._outbox.hurry()

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[Any]:
        # One at a time in this process, as the table's lock has it anyway: else those that wait for it would hold every
        # connection, and none would be left to end the batch that they all wait for.
        async with self._changing, self._pool.acquire() as connection, connection.transaction():
            freeing = asyncio.create_task(self._end_hanging_batches())
            try:
                await connection.execute(self._sql.controls.lock_controls_table)
            except asyncpg.LockNotAvailableError as error:
                raise BatchInFlightError("a batch in flight did not end in time") from error
            finally:
                freeing.cancel()
                await asyncio.gather(freeing, return_exceptions=True)
            yield connection

    async def _end_hanging_batches(self) -> None:
        """Let a change of controls not wait for a process that hangs in the middle of a batch."""
        while True:
            await asyncio.sleep(PATIENCE_SECONDS)
            for row in await self._pool.fetch(self._sql.controls.end_hanging_batches, PATIENCE_SECONDS):
                log.warning("a batch of %s hung for %.1f s and was ended: a control changes", row[0], row[1])

    async def sampling_key(self, key_id: str, fresh: bytes, created_at: datetime) -> tuple[str, bytes]:
        """Return the key in use; the fresh one becomes it when there is none yet. Replicas agree on one."""
        async with self._alone() as connection:
            row = await connection.fetchrow(self._sql.queries.newest_sampling_key)
            if row is None:
                await connection.execute(self._sql.queries.insert_sampling_key, key_id, fresh, created_at)
                return key_id, fresh
        return row["key_id"], row["key"]
