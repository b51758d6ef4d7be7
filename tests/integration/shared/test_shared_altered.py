"""A table that gets a column while a service of before still runs: whoever meets it first is asked to try again."""

from __future__ import annotations

from collections.abc import AsyncIterator

import asyncpg
import httpx
import pytest

from countersign_shared.http import Principal, create_app, public
from countersign_shared.messaging.consumer import TRANSIENT
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import open_pool

pytestmark = pytest.mark.postgres


@pytest.fixture
async def altered(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of one session that has read a table, which has one column more by now."""
    async with open_pool(database_url, schema="altered", size=1) as pool:
        await pool.execute("CREATE TABLE kept AS SELECT 1 AS one")
        for _ in range(2):
            await read(pool)
        other = await asyncpg.connect(database_url)
        try:
            await other.execute("ALTER TABLE altered.kept ADD COLUMN two integer DEFAULT 2")
        finally:
            await other.close()
        yield pool


async def read(pool: asyncpg.Pool) -> int:
    async with pool.acquire() as connection, connection.transaction():
        return len(await connection.fetchrow("SELECT * FROM kept"))


async def test_a_batch_is_tried_again(altered: asyncpg.Pool) -> None:
    with pytest.raises(TRANSIENT):
        await read(altered)
    assert await read(altered) == 2


async def test_a_request_is_told_to_be_asked_again(altered: asyncpg.Pool) -> None:
    async def nobody(_: object) -> Principal:
        raise AssertionError

    app = create_app(service="test", title="Test", health=Health(), metrics=Metrics("test"), authenticate=nobody)

    @app.get("/kept", dependencies=[public])
    async def kept() -> int:
        return await read(altered)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        first, second = [await client.get("/kept") for _ in range(2)]
    assert (first.status_code, first.json()["type"].rpartition("/")[2]) == (503, "database-busy")
    assert first.headers["retry-after"] == "1"
    assert (second.status_code, second.json()) == (200, 2)
