"""Connecting to PostgreSQL with limits on everything."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg

from countersign_shared.postgres.away import LIBRARY_ERRORS, unusable
from countersign_shared.postgres.queries import Queries

CONNECT_SECONDS = 15.0
COMMAND_SECONDS = 60.0
IDLE_IN_TRANSACTION = "120s"
"""A forgotten transaction keeps rows from being tidied away; nearly nobody thinks so long between two statements."""


@asynccontextmanager
async def open_pool(
    database_url: str, *, schema: str, size: int = 8, create_schema: bool = True, resets: bool = True
) -> AsyncIterator[asyncpg.Pool]:
    """Open a pool whose connections see the service's own schema.

    A server that does not answer is an ``AwayError``, a wrong address, database or password a ``ConfigurationError``.

    Without ``resets`` a connection goes back into the pool without the round trip that clears its session. Whoever
    takes a lock of the session or changes its settings must then clear that away, or terminate the connection.
    """
    try:
        if create_schema:
            await asyncio.wait_for(_create_schema(database_url, schema), CONNECT_SECONDS)
        pool = await asyncio.wait_for(
            asyncpg.create_pool(
                database_url, min_size=1, max_size=size, command_timeout=COMMAND_SECONDS,
                reset=None if resets else _as_it_is,
                server_settings={
                    "search_path": schema, "application_name": f"countersign-{schema}", "timezone": "UTC",
                    # A plan made while a table was empty reads it from end to end, and would be kept until the next
                    # ANALYZE; planning anew costs a fraction of a millisecond a batch.
                    "plan_cache_mode": "force_custom_plan",
                    "jit": "off", "lock_timeout": "10s", "idle_in_transaction_session_timeout": IDLE_IN_TRANSACTION,
                },
            ),
            CONNECT_SECONDS,
        )  # fmt: skip
    except LIBRARY_ERRORS as error:
        raise unusable(error, f" for schema {schema}") from error
    try:
        yield pool
    finally:
        try:
            await asyncio.wait_for(pool.close(), CONNECT_SECONDS)
        except TimeoutError:
            pool.terminate()


async def _as_it_is(connection: Any) -> None:
    """Leave a session as it is; the pool itself ends a transaction that was left open."""


async def _create_schema(database_url: str, schema: str) -> None:
    queries = Queries.load(Path(__file__).with_name("pool.sql"))
    connection = await asyncpg.connect(database_url)
    try:
        if not await connection.fetchval(queries.schema_exists, schema):
            try:
                await connection.execute(queries.create_schema.format(schema=schema))
            except asyncpg.UniqueViolationError:
                return  # another replica was faster
    finally:
        await connection.close()
