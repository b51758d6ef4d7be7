"""Transactions that a person waits for: begun with the settings that spare them the planning, in one round trip."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache

import asyncpg

from countersign_review.store.events import SQL, Connection
from countersign_shared.postgres import Queries


@asynccontextmanager
async def at_the_desk(pool: asyncpg.Pool) -> AsyncIterator[Connection]:
    """Give a connection inside a transaction; an error takes back what it did. Not for statements about many cases."""
    queries = _queries()
    async with pool.acquire() as connection:
        await connection.execute(queries.begin)
        try:
            yield connection
        except BaseException:
            if not connection.is_closed():
                await connection.execute(queries.roll_back)
            raise
        await connection.execute(queries.commit)


@cache
def _queries() -> Queries:
    return Queries.load(SQL / "at_the_desk.sql")
