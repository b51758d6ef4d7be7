"""The only file that sees a database connection."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import asyncpg

from countersign_inference.domain.arrivals import CaseKey
from countersign_shared.postgres import Queries

SQL = Path(__file__).parent / "sql"
SCHEMA = "inference"


@dataclass(frozen=True, slots=True)
class NewCase:
    """A case that was scored just now; `headers` are packed."""

    key: CaseKey
    digest: bytes
    partition: int
    event_id: str
    headers: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class StoredCase:
    """What was kept of a case when it came first."""

    digest: bytes
    partition: int
    headers: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class Kept:
    """A batch after it was kept: what is stored for each of its cases, and which of them are new."""

    stored: dict[CaseKey, StoredCase]
    new: Collection[CaseKey]


class Store:
    """Keeps one row per case."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._queries = Queries.load(SQL / "queries.sql")

    async def keep(self, cases: Sequence[NewCase], moment: datetime) -> Kept:
        """Keep the cases that are new, and return what is stored for each: for a known case, its first row.

        `cases` are sorted by key and hold each key once. One INSERT is one transaction; what it left out is read in a
        second statement, which sees what a concurrent batch has just committed.
        """
        async with self._pool.acquire() as connection:
            inserted = await connection.fetch(
                self._queries.insert_cases,
                [case.key[0] for case in cases],
                [case.key[1] for case in cases],
                [case.digest for case in cases],
                [case.partition for case in cases],
                [case.event_id for case in cases],
                [case.headers for case in cases],
                [case.body for case in cases],
                moment,
            )
            new = {(row[0], row[1]) for row in inserted}
            stored = {
                case.key: StoredCase(case.digest, case.partition, case.headers, case.body)
                for case in cases
                if case.key in new
            }
            known = [case.key for case in cases if case.key not in new]
            if known:
                rows = await connection.fetch(
                    self._queries.find_cases, [key[0] for key in known], [key[1] for key in known]
                )
                stored |= {(row[0], row[1]): StoredCase(row[2], row[3], row[4], row[5]) for row in rows}
        return Kept(stored, new)

    async def digest(self, key: CaseKey) -> bytes | None:
        """Return the digest of a stored case, or None when the case is not known."""
        found: bytes | None = await self._pool.fetchval(self._queries.find_digest, *key)
        return found
