"""Migrations: numbered files, applied once, in order, by one process at a time."""

import hashlib
import logging
from collections.abc import Awaitable
from pathlib import Path

import asyncpg

from countersign_shared.errors import ConfigurationError
from countersign_shared.postgres.queries import Queries

log = logging.getLogger(__name__)

MIGRATION_SECONDS = 6 * 3_600
"""A large table may have to be read through once; giving up half-way would only begin again at the next start."""


def _files(migrations: Path) -> list[Path]:
    return sorted(migrations.glob("[0-9][0-9][0-9][0-9]_*.sql"))


async def migrate(pool: asyncpg.Pool, *, schema: str, migrations: Path) -> list[str]:
    """Apply the files of ``migrations`` that are not applied yet and return their names.

    An advisory lock keeps replicas apart; lock time-outs keep a migration from stopping traffic for long. A file
    that was edited after it was applied, or a database newer than the code, is a ``ConfigurationError``.
    """
    queries = Queries.load(Path(__file__).with_name("migrate.sql"))
    files = _files(migrations)
    applied: list[str] = []
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute(queries.wait_long_for_other_replicas)
        await connection.execute(queries.lock, schema)
        if not await connection.fetchval(queries.has_table):
            await _allowed(connection.execute(queries.create_table), schema, "its tables")
        await connection.execute(queries.wait_briefly_for_traffic)
        known = {row["name"]: row["sha256"] for row in await connection.fetch(queries.applied)}
        if missing := sorted(set(known) - {file.name for file in files}):
            raise ConfigurationError(f"schema {schema} was migrated by a newer release: it has {missing[-1]}")
        for file in files:
            text = file.read_text(encoding="utf-8")
            digest = hashlib.sha256(text.encode()).hexdigest()
            if file.name not in known:
                await _allowed(connection.execute(text, timeout=MIGRATION_SECONDS), schema, file.name)
                await connection.execute(queries.record, file.name, digest)
                applied.append(file.name)
            elif known[file.name] != digest:
                raise ConfigurationError(f"{schema}: {file.name} was changed after it had been applied")
    for name in applied:
        log.info("schema %s: applied %s", schema, name)
    return applied


async def _allowed(work: Awaitable[object], schema: str, what: str) -> None:
    try:
        await work
    except (asyncpg.InsufficientPrivilegeError, asyncpg.InvalidSchemaNameError) as error:
        raise ConfigurationError(
            f"schema {schema} lacks {what}, and this role may not add it ({error}): run `countersign migrate` as the"
            " schema's owner"
        ) from error
