"""Searches that people keep, each for themselves."""

from typing import Any

import asyncpg

from countersign_review.domain.refusals import NotFound, TooMany
from countersign_review.store.events import SQL
from countersign_shared.clock import Clock
from countersign_shared.postgres import Queries

MOST_VIEWS = 50
"""More names than that nobody tells apart."""


class SavedViews:
    """Keeps searches under a name."""

    def __init__(self, pool: asyncpg.Pool, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._queries = Queries.load(SQL / "register.sql")

    async def of(self, username: str) -> list[Any]:
        """Return a person's views, by name."""
        rows: list[Any] = await self._pool.fetch(self._queries.saved_views, username)
        return rows

    async def save(self, username: str, name: str, filters: bytes) -> Any:
        """Keep a view, in place of one of the same name."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._queries.lock_views_of, username)
            row = await connection.fetchrow(self._queries.save_view, username, name, filters, self._clock(), MOST_VIEWS)
        if row is None:
            raise TooMany(f"You keep {MOST_VIEWS} views; delete one first.")
        return row

    async def delete(self, username: str, name: str) -> None:
        """Forget a view."""
        if await self._pool.execute(self._queries.delete_view, username, name) == "DELETE 0":
            raise NotFound("You keep no such view.")
