"""The only file that sees a database connection."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import asyncpg

from countersign_inference.domain.arrivals import CaseKey
from countersign_shared.messaging.records import Message, unpack_headers
from countersign_shared.postgres import Queries
from countersign_shared.postgres.bodies import Bodies

SQL = Path(__file__).parent / "sql"
SCHEMA = "inference"
TOPIC = "case.scored"


class ScoredCase(NamedTuple):
    """A case with what was published for it; `message` names its partition and has no traceparent."""

    key: CaseKey
    digest: bytes
    message: Message


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

    async def keep(self, cases: Sequence[ScoredCase], moment: datetime) -> Kept:
        """Keep the cases that are new, and return what is stored for each: for a known case, what it was at first.

        `cases` are sorted by key and hold each key once. One INSERT is one transaction; what it left out is read in a
        second statement, which sees what a concurrent batch has just committed.
        """
        async with self._pool.acquire() as connection:
            inserted = await connection.fetch(
                self._queries.insert_cases,
                [case.key[0] for case in cases],
                [case.key[1] for case in cases],
                [case.digest for case in cases],
                [case.message.partition for case in cases],
                [case.message.stored_headers() for case in cases],
                [self._bodies.pack(case.message.value) for case in cases],
                moment,
            )
            new = {(row[0], row[1]) for row in inserted}
            stored = {case.key: case for case in cases if case.key in new}
            known = [case.key for case in cases if case.key not in new]
            if known:
                tenants, case_ids = [key[0] for key in known], [key[1] for key in known]
                rows = await connection.fetch(self._queries.find_cases, tenants, case_ids)
                stored |= {case.key: case for case in map(self._scored_case, rows)}
        return Kept(stored, new)

    async def digest(self, key: CaseKey) -> bytes | None:
        """Return the digest of a stored case, or None when the case is not known."""
        found: bytes | None = await self._pool.fetchval(self._queries.find_digest, *key)
        return found

    def _scored_case(self, row: asyncpg.Record) -> ScoredCase:
        body, headers = self._bodies.unpack(row["body"]), unpack_headers(row["headers"])
        message = Message(TOPIC, row["partition"], row["case_id"].encode(), body, headers)
        return ScoredCase((row["tenant"], row["case_id"]), row["digest"], message)
