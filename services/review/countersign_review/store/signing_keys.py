"""The keys that tokens are signed with."""

from typing import Any

import asyncpg

from countersign_review.store.events import SQL
from countersign_shared.clock import Clock
from countersign_shared.postgres import Queries


class SigningKeys:
    """Keeps the keys that every instance signs with."""

    def __init__(self, pool: asyncpg.Pool, *, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._queries = Queries.load(SQL / "people.sql")

    async def all(self, made: tuple[str, bytes, bytes]) -> list[Any]:
        """Return the keys, newest first; ``made`` is kept when there are none yet."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._queries.lock_signing_keys)
            rows: list[Any] = await connection.fetch(self._queries.signing_keys)
            if not rows:
                await connection.execute(self._queries.insert_signing_key, *made, self._clock())
                rows = await connection.fetch(self._queries.signing_keys)
        return rows
