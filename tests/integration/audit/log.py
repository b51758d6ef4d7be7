"""A log on a real database, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg

from countersign_audit.app import writing
from countersign_audit.custody.anchors import Place
from countersign_audit.handlers import Handler
from countersign_audit.settings import Settings
from countersign_audit.store import MIGRATIONS, SCHEMA
from countersign_audit.verifying.database import Report, local_verifier_key, verify_database
from countersign_audit.writing.writer import LogWriter
from countersign_shared.messaging import Record
from countersign_shared.observability import Metrics
from countersign_shared.postgres import migrate, open_pool

TABLES = ("entries", "payloads", "data_keys", "checkpoints", "reads")
LOSE_THE_LOCK = """
SELECT pg_terminate_backend(pid) FROM pg_locks
WHERE locktype = 'advisory' AND granted AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
"""Ends whoever holds the writer's lock."""
LOST = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
"""What whoever was ended so may see."""
START = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


class SteppingClock:
    """Moves on by a second each time it is read, so that every batch is due a checkpoint."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


@dataclass
class Log:
    """An open log; ``add`` is what Kafka does to it."""

    database_url: str
    keys_dir: Path
    pool: asyncpg.Pool
    writer: LogWriter
    metrics: Metrics
    handler: Handler

    async def add(self, records: Sequence[Record]) -> None:
        assert await self.handler(records) == ()

    async def rows(self, query: str, *arguments: Any) -> list[Any]:
        return await self.pool.fetch(query, *arguments)

    async def count(self) -> int:
        return int((await self.rows("SELECT count(*) FROM entries"))[0][0])

    async def verify(self, **more: Any) -> Report:
        return await verified(self.database_url, self.keys_dir, **more)


async def verified(database_url: str, keys_dir: Path, *, with_keys: bool = True, **more: Any) -> Report:
    key = await local_verifier_key(database_url, keys_dir)
    return await verify_database(database_url, key, keys_dir=keys_dir if with_keys else None, **more)


def settings(database_url: str, keys_dir: Path, **more: Any) -> Settings:
    return Settings(
        database_url=database_url, kafka_bootstrap_servers="unused:9092", audit_keys_dir=keys_dir,
        audit_writer_wait_seconds=0.3, **more,
    )  # fmt: skip


@asynccontextmanager
async def open_log(
    database_url: str, keys_dir: Path, *, clock: Any = None, places: Sequence[Place] = (), **more: Any
) -> AsyncIterator[Log]:
    """Open the log of a database, beginning it when it is empty."""
    chosen = settings(database_url, keys_dir, **more)
    clock = clock or SteppingClock()
    metrics = Metrics("audit")
    async with open_pool(database_url, schema=SCHEMA, size=4, resets=False) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        async with writing(chosen, pool, clock=clock, places=places) as (writer, _):
            yield Log(database_url, keys_dir, pool, writer, metrics, Handler(writer, metrics, clock))
