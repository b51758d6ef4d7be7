"""A session that PostgreSQL ends, used between its last word and the end of the connection: it is lost, no defect.

That moment lasts as long as the network takes; here a relay holds the end back.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import httpx
import pytest

from countersign_shared.http import Principal, create_app, public
from countersign_shared.messaging.consumer import TRANSIENT
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import FAULTS, open_pool
from tests.fixtures.postgres import execute

pytestmark = pytest.mark.postgres

LIMIT_SECONDS = 30.0


class Relay:
    """Passes on what is said, and keeps the next end of a connection back once it is told to."""

    def __init__(self, host: str, port: int) -> None:
        self._to = host, port
        self._holding = False
        self._held = asyncio.Event()
        self._writers: list[asyncio.StreamWriter] = []
        self._passing: list[asyncio.Task[None]] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Connect a caller with the server."""
        answers, server = await asyncio.open_connection(*self._to)
        self._writers += writer, server
        self._passing += (
            asyncio.create_task(self._pass(reader, server)),
            asyncio.create_task(self._pass(answers, writer)),
        )

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(65_536):
            writer.write(said)
            await writer.drain()
        if self._holding:
            self._holding = False
            self._held.set()
        else:
            writer.close()

    @asynccontextmanager
    async def holding(self) -> AsyncIterator[None]:
        """Keep back the end that comes while the context is open, which closes when all before it was passed on."""
        self._holding = True
        yield
        async with asyncio.timeout(LIMIT_SECONDS):
            await self._held.wait()

    async def close(self) -> None:
        """End every connection."""
        for writer in self._writers:
            writer.close()
        await asyncio.gather(*self._passing, *(one.wait_closed() for one in self._writers), return_exceptions=True)


@asynccontextmanager
async def relayed(database_url: str) -> AsyncIterator[tuple[str, Relay]]:
    parts = urlsplit(database_url)
    relay = Relay(parts.hostname or "", parts.port or 0)
    async with await asyncio.start_server(relay.accept, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        place = parts.netloc.rpartition("@")[0] + f"@127.0.0.1:{port}"
        try:
            yield urlunsplit(parts._replace(netloc=place)), relay
        finally:
            await relay.close()


@pytest.fixture
async def ended(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool of one session, which the server has ended; nobody has heard the connection end."""
    async with relayed(database_url) as (url, relay), open_pool(url, schema="ended", size=1) as pool:
        session = await pool.fetchval("SELECT pg_backend_pid()")
        async with relay.holding():
            await execute(database_url, f"SELECT pg_terminate_backend({session})")
        yield pool


async def read(pool: asyncpg.Pool) -> int:
    async with pool.acquire() as connection, connection.transaction():
        number: int = await connection.fetchval("SELECT 2")
        return number


async def test_a_batch_is_tried_again(ended: asyncpg.Pool) -> None:
    with pytest.raises(TRANSIENT):
        await read(ended)
    assert await read(ended) == 2


async def test_what_comes_round_by_itself_goes_on(ended: asyncpg.Pool) -> None:
    with pytest.raises(FAULTS):
        await read(ended)
    assert await read(ended) == 2


async def test_a_request_is_told_to_be_asked_again(ended: asyncpg.Pool) -> None:
    async def nobody(_: object) -> Principal:
        raise AssertionError

    app = create_app(service="test", title="Test", health=Health(), metrics=Metrics("test"), authenticate=nobody)

    @app.get("/number", dependencies=[public])
    async def number() -> int:
        return await read(ended)

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
        first, second = [await client.get("/number") for _ in range(2)]
    assert (first.status_code, first.json()["type"].rpartition("/")[2]) == (503, "database-away")
    assert (second.status_code, second.json()) == (200, 2)
