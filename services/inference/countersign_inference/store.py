"""The only file that sees a database connection."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg

from countersign_inference.domain.arrivals import CaseKey
from countersign_shared.messaging.records import Message, unpack_headers
from countersign_shared.postgres import Queries
from countersign_shared.postgres.bodies import Bodies

log = logging.getLogger(__name__)

SQL = Path(__file__).parent / "sql"
SCHEMA = "inference"
TOPIC = "case.scored"


COLUMNS = ("tenant", "case_id", "digest", "partition", "first_seen_at", "headers", "body")
Row = tuple[str, str, bytes, int | None, datetime, bytes, bytes]
"""As ``COLUMNS``."""
Connection = Any
"""A connection of the pool; asyncpg's two kinds share no type."""


class ScoredCase(NamedTuple):
    """A case with what was published for it; `message` names its partition and has no traceparent.

    `headers` are the message's as they are stored.
    """

    key: CaseKey
    digest: bytes
    message: Message
    headers: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A batch after it was kept: what is stored for each of its cases, and which of them are new."""

    stored: dict[CaseKey, ScoredCase]
    new: Collection[CaseKey]


class Store:
    """Keeps one row per case."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._queries = Queries.load(SQL / "queries.sql")
        self._bodies = Bodies()
        # Repeats come in runs, and the first batch after a start may be the end of one (docs/adr/0006-copy-first.md).
        self._all_new = False

    async def keep(self, cases: Sequence[ScoredCase], moment: datetime) -> Kept:
        """Keep the cases that are new, and return what is stored for each: for a known case, what it was at first.

        `cases` are sorted by key and hold each key once. Nearly always all are new, and then one COPY keeps them.
        """
        pack = self._bodies.pack
        rows = [
            (*key, digest, message.partition, moment, headers, pack(message.value))
            for key, digest, message, headers in cases
        ]
        async with self._pool.acquire() as connection:
            if self._all_new and await _copied(connection, rows):
                stored = {case.key: case for case in cases}
                return Kept(stored, stored.keys())
            return await self._inserted(connection, cases, rows)

    async def _inserted(self, connection: Connection, cases: Sequence[ScoredCase], rows: list[Row]) -> Kept:
        """Keep what is new; what one INSERT leaves out is read in a second statement.

        That one sees what a concurrent batch has just committed.
        """
        columns = [list(column) for column in zip(*rows, strict=True)]
        inserted = await connection.fetch(self._queries.insert_cases, *columns)
        new = {(row[0], row[1]) for row in inserted}
        stored = {case.key: case for case in cases if case.key in new}
        known = [case.key for case in cases if case.key not in new]
        if known:
            tenants, case_ids = [key[0] for key in known], [key[1] for key in known]
            found = await connection.fetch(self._queries.find_cases, tenants, case_ids)
            stored |= {case.key: case for case in map(self._scored_case, found)}
        self._all_new = not known
        return Kept(stored, new)

    async def digest(self, key: CaseKey) -> bytes | None:
        """Return the digest of a stored case, or None when the case is not known."""
        found: bytes | None = await self._pool.fetchval(self._queries.find_digest, *key)
        return found

    def _scored_case(self, row: asyncpg.Record) -> ScoredCase:
        # An erased case has neither.
        body = self._bodies.unpack(row["body"]) if row["body"] else b""
        headers = unpack_headers(row["headers"]) if row["headers"] else ()
        message = Message(TOPIC, row["partition"], row["case_id"].encode(), body, headers)
        return ScoredCase((row["tenant"], row["case_id"]), row["digest"], message, row["headers"])


async def _copied(connection: Connection, rows: list[Row]) -> bool:
    """Store the rows of cases that are all new; False, with nothing stored, when one is known."""
    try:
        await connection.copy_records_to_table("cases", records=rows, columns=COLUMNS)
    except asyncpg.UniqueViolationError as error:
        log.info("some of a batch is known: %s", error)
        return False
    return True
