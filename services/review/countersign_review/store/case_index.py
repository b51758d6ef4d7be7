"""Filling the index that cases are found by, without the intake paying for it."""

import asyncio
import logging
import time
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import asyncpg

from countersign_review.domain.eligibility import tier_rank
from countersign_review.domain.titles import case_title
from countersign_review.domain.words import words_of
from countersign_review.store.events import SQL
from countersign_review.wire import work
from countersign_shared.clock import Clock
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.postgres import Queries
from countersign_shared.postgres.bodies import bodies

log = logging.getLogger(__name__)

SEPARATOR = "\x1f"
BATCH = 50
"""Some milliseconds of work, after which others get their turn: people at the desk wait meanwhile."""
QUIET_SECONDS = 3.0
"""Without a new case for this long the machine has time to spare."""
PATIENCE = timedelta(minutes=10)
"""A case is found by its words at the latest about this long after it came, however busy the intake is."""
SHARE, QUIET_SHARE = 0.1, 0.2
"""Of a core, at most, while the intake is busy and while it is quiet, which is when people decide."""
LATE = 10_000
"""Cases looked at again each round: their numbers are given before their transactions commit."""


class CaseIndex:
    """Indexes cases that are not in the index yet, oldest first."""

    def __init__(
        self,
        pool: asyncpg.Pool,
        types: Mapping[str, DecisionType],
        clock: Clock,
        *,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        self._pool = pool
        self._quiet_seconds = quiet_seconds
        self._types = types
        self._clock = clock
        self._queries = Queries.load(SQL / "case_index.sql")
        self._last = 0
        self._newest = 0
        self._quiet_since = time.monotonic()

    async def catch_up(self) -> int:
        """Index what there is time for; returns how many cases were indexed."""
        indexed, since = 0, self._last - LATE
        while True:
            began, quiet = time.monotonic(), await self._quiet()
            if not quiet and not await self._overdue():
                return indexed
            rows = await self._batch(since)
            if rows is None:
                # Whoever is at it may end before it is done, so none of it counts as done here.
                return indexed
            indexed += len(rows)
            if len(rows) < BATCH:
                self._last = max(self._newest, self._last)
                return indexed
            # What came late is looked for once a round: looking costs as much as indexing.
            since = self._last = max(rows[-1]["arrival"], self._last)
            share = QUIET_SHARE if quiet else SHARE
            await asyncio.sleep((time.monotonic() - began) * (1 / share - 1))

    async def _quiet(self) -> bool:
        newest = await self._pool.fetchval(self._queries.newest_case)
        if newest != self._newest:
            self._newest, self._quiet_since = newest, time.monotonic()
        return time.monotonic() - self._quiet_since >= self._quiet_seconds

    async def _overdue(self) -> bool:
        oldest = await self._pool.fetchval(self._queries.routed_after, self._last)
        return oldest is not None and self._clock() - oldest >= PATIENCE

    async def _batch(self, since: int) -> list[Any] | None:
        """Index a batch and return its rows; None when another instance is at it."""
        async with self._pool.acquire() as connection, connection.transaction():
            if not await connection.fetchval(self._queries.lock):
                return None
            rows: list[Any] = await connection.fetch(self._queries.not_indexed, since, BATCH)
            if rows:
                columns = zip(*(self._entry(row) for row in rows), strict=True)
                await connection.execute(self._queries.insert, *(list(column) for column in columns))
        return rows

    def _entry(self, row: Any) -> tuple[int, int | None, str]:
        try:
            body = work(bodies().unpack(row["body"]))
            consequence, title = body.get("consequence"), row["title"] or case_title(self._types, body)
            rank = tier_rank(consequence["tier"]) if consequence else None
        except (ValueError, KeyError, TypeError) as error:
            log.warning("case %s has no words but its names: %r", row["case_id"], error)
            title, rank = row["title"], None
        return row["arrival"], rank, SEPARATOR.join(words_of(row["case_id"], row["subject_ref"], title))
