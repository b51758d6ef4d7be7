"""Storing what comes in from topics: one transaction a batch, one statement a table."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any

import asyncpg

from countersign_review.domain.intake import NewReview
from countersign_review.store.events import SQL, Connection, Journal
from countersign_review.store.updates import Updates
from countersign_shared.clock import Clock
from countersign_shared.messaging import Message, unpack_headers
from countersign_shared.postgres import Queries
from countersign_shared.postgres.bodies import bodies

log = logging.getLogger(__name__)

SEPARATOR = "\x1f"
CaseRow = tuple[str, str, str, str | None, str | None, int, int, str, datetime, bytes]
"""tenant, case_id, decision_type, subject_ref, title, level, partition, event_id, routed_at, body"""
DecisionRow = tuple[str, str, str, str | None, str | None, bytes, str, str, str, datetime]
"""tenant, case_id, decision_id, supersedes, outcome, outcome_params, closed_as, mode, relation, decided_at"""
UpdateRow = tuple[str, str, str, str, str, bytes]
"""tenant, case_id, source, event_id, kind, body"""
_REVIEW_COLUMNS = tuple(item.name for item in fields(NewReview))


@dataclass(slots=True)
class Batch:
    """What one batch of records says, as rows; each list in any order."""

    cases: list[CaseRow] = field(default_factory=list)
    reviews: list[tuple[NewReview, int]] = field(default_factory=list)
    decisions: list[DecisionRow] = field(default_factory=list)
    updates: list[UpdateRow] = field(default_factory=list)


class Intake:
    """Absorbs batches. A repeat changes nothing, and what was already said about the case is said again."""

    def __init__(self, pool: asyncpg.Pool, journal: Journal, updates: Updates, clock: Clock) -> None:
        self._pool = pool
        self._journal = journal
        self._updates = updates
        self._clock = clock
        self._queries = Queries.load(SQL / "queries.sql")

    async def absorb(self, batch: Batch) -> list[Message]:
        """Store a batch in one transaction; returns stored events to publish again."""
        async with self._pool.acquire() as connection, connection.transaction():
            again = await self._store_cases(connection, batch.cases)
            await self._store_reviews(connection, batch.reviews)
            await self._store_decisions(connection, batch.decisions)
            await self._store_updates(connection, batch)
        if batch.updates or batch.reviews:
            self._journal.hurry()
        return again

    async def _store_cases(self, connection: Connection, cases: list[CaseRow]) -> list[Message]:
        if not cases:
            return []
        cases.sort(key=_key)
        packed = [(*case[:-1], bodies().pack(case[-1])) for case in cases]
        answer = await connection.execute(self._queries.insert_cases, *_columns(packed))
        if _rows(answer) == len(cases):
            return []
        tenants, ids = _columns([_key(case) for case in cases])
        await self._compare(connection, cases, tenants, ids)
        rows = await connection.fetch(self._queries.events_that_left, tenants, ids)
        return [
            Message(
                row["topic"], row["partition"], row["case_id"].encode(), row["body"], unpack_headers(row["headers"])
            )
            for row in rows
        ]

    async def _compare(self, connection: Connection, cases: list[CaseRow], tenants: Any, ids: Any) -> None:
        stored = {
            (row["tenant"], row["case_id"]): bodies().unpack(row["body"])
            for row in await connection.fetch(self._queries.stored_bodies, tenants, ids)
        }
        for case in cases:
            if stored[_key(case)] != case[-1]:
                log.error("case %s/%s was routed again with another body; the first one stands", *_key(case))

    async def _store_reviews(self, connection: Connection, reviews: list[tuple[NewReview, int]]) -> None:
        if not reviews:
            return
        reviews.sort(key=lambda pair: (pair[0].tenant, pair[0].case_id, pair[0].review_id))
        counters = [(review.tenant, review.case_id, partition) for review, partition in reviews]
        await connection.execute(self._queries.insert_counters, *_columns(counters))
        rows = [(*_review_row(review), partition) for review, partition in reviews]
        await connection.execute(self._queries.insert_reviews, *_columns(rows), self._clock())

    async def _store_decisions(self, connection: Connection, decisions: list[DecisionRow]) -> None:
        if not decisions:
            return
        decisions.sort(key=lambda row: (row[0], row[1], row[2]))
        answer = await connection.execute(self._queries.insert_decisions, *_columns(decisions))
        if _rows(answer) == len(decisions):
            return
        keys = _columns([row[:4] for row in decisions])
        for row in await connection.fetch(self._queries.other_decisions, *keys):
            log.error(
                "case %s/%s has decision %s; another one, %s, is not stored",
                row["tenant"], row["case_id"], row["kept"], row["refused"],
            )  # fmt: skip

    async def _store_updates(self, connection: Connection, batch: Batch) -> None:
        if batch.updates:
            batch.updates.sort(key=lambda row: (row[0], row[1], row[2], row[3]))
            await connection.execute(self._queries.insert_updates, *_columns(batch.updates), self._clock())
        keys = {_key(row) for row in batch.updates} | {(one.tenant, one.case_id) for one, _ in batch.reviews}
        if keys:
            tenants, ids = _columns(sorted(keys))
            rows = await connection.fetch(self._queries.pending_updates_of, tenants, ids)
            await self._updates.apply(connection, rows)


def _key(row: Sequence[Any]) -> tuple[str, str]:
    return row[0], row[1]


def _columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)]


def _rows(answer: str) -> int:
    return int(answer.rsplit(" ", 1)[1])


def _review_row(review: NewReview) -> list[Any]:
    row = [getattr(review, name) for name in _REVIEW_COLUMNS]
    row[_REVIEW_COLUMNS.index("kind")] = review.kind.value
    row[_REVIEW_COLUMNS.index("skills")] = SEPARATOR.join(review.skills)
    row[_REVIEW_COLUMNS.index("roles")] = SEPARATOR.join(review.roles)
    return row
