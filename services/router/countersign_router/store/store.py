"""The router's schema: its transactions, and every read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg

from countersign_router.store.change import Change, ControlChange
from countersign_router.store.controls import BatchInFlightError, ControlReads
from countersign_router.store.counts import CountReads
from countersign_router.store.drafts import DraftReads
from countersign_router.store.people import PeopleReads
from countersign_router.store.policies import PolicyReads
from countersign_router.store.releases import ReleaseReads
from countersign_router.store.routings import Batch
from countersign_router.store.statements import Statements
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.postgres.bodies import Bodies


class Store(ControlReads, PolicyReads, DraftReads, PeopleReads, ReleaseReads, CountReads):
    """The router's schema."""

    def __init__(self, pool: asyncpg.Pool, outbox: Outbox) -> None:
        super().__init__(pool, Statements.load())
        self._outbox = outbox
        self._bodies = Bodies()

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """Open the transaction of one batch."""
        async with self._pool.acquire() as connection, connection.transaction():
            yield Batch(connection, self._sql.queries, self._bodies)

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
        async with self._pool.acquire() as connection, connection.transaction():
            try:
                await connection.execute(self._sql.controls.lock_controls_table)
            except asyncpg.LockNotAvailableError as error:
                raise BatchInFlightError("a batch in flight did not end in time") from error
            yield connection

    async def sampling_key(self, key_id: str, fresh: bytes, created_at: datetime) -> tuple[str, bytes]:
        """Return the key in use; the fresh one becomes it when there is none yet. Replicas agree on one."""
        async with self._alone() as connection:
            row = await connection.fetchrow(self._sql.queries.newest_sampling_key)
            if row is None:
                await connection.execute(self._sql.queries.insert_sampling_key, key_id, fresh, created_at)
                return key_id, fresh
        return row["key_id"], row["key"]
