"""Storing what comes in from topics: one transaction a batch, one statement a table."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
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
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
CaseRow = tuple[str, str, str, str | None, str | None, int, int, str, datetime, bytes]
"""As ``CASE_COLUMNS``; the body is packed on its way into the table."""
DecisionRow = tuple[str, str, str, str | None, str | None, bytes, str, str, str, datetime]
"""As ``DECISION_COLUMNS``."""
UpdateRow = tuple[str, str, str, str, str, bytes]
"""tenant, case_id, source, event_id, kind, body"""
SeedRow = tuple[str, str, str, str, datetime]
"""tenant, case_id, decision_type, queue, drawn_at"""
CASE_COLUMNS = (
    "tenant", "case_id", "decision_type", "subject_ref", "title", "level", "partition", "event_id", "routed_at", "body",
)  # fmt: skip
DECISION_COLUMNS = (
    "tenant", "case_id", "decision_id", "supersedes", "outcome", "outcome_params", "closed_as", "mode", "relation",
    "decided_at",
)  # fmt: skip
COUNTER_COLUMNS = ("tenant", "case_id", "partition")
REVIEW_COLUMNS = (*NewReview._fields, "state", "created_at", "due_minute")


@dataclass(slots=True)
class Batch:
    """What one batch of records says, as rows; each list in any order.

    ``echoes`` are this service's own decisions coming back from the topic, so they are known as a rule.
    """

    cases: list[CaseRow] = field(default_factory=list)
    reviews: list[tuple[NewReview, int]] = field(default_factory=list)
    decisions: list[DecisionRow] = field(default_factory=list)
    echoes: list[DecisionRow] = field(default_factory=list)
    updates: list[UpdateRow] = field(default_factory=list)
    seeds: list[SeedRow] = field(default_factory=list)

    def sort(self) -> None:
        """Put every list in the order of its keys, in which two batches wait for each other."""
        self.cases.sort(key=_key)
        self.reviews.sort(key=lambda pair: (pair[0].tenant, pair[0].case_id, pair[0].review_id))
        for decisions in (self.decisions, self.echoes):
            decisions.sort(key=lambda row: row[:3])
        self.updates.sort(key=lambda row: row[:4])
        self.seeds.sort()


class Intake:
    """Absorbs batches. A repeat changes nothing, and what was already said about the case is said again.

    Nearly always all of a batch is new, and COPY writes new rows at half the cost of an INSERT that can pass over known
    ones. What COPY refuses is inserted; so are the batches after it until one holds nothing known, because repeats
    come in runs. The first batch after a start may be such a run.
    """

    def __init__(self, pool: asyncpg.Pool, journal: Journal, updates: Updates, clock: Clock) -> None:
        self._pool = pool
        self._journal = journal
        self._updates = updates
        self._clock = clock
        self._queries = Queries.load(SQL / "queries.sql")
        self._live = Queries.load(SQL / "live.sql")
        self._seeds = Queries.load(SQL / "dispatch.sql")
        self._all_new = False
        # A decision of our own came from the topic that the database did not know: it was restored to an older state.
        self._restored = False

    async def absorb(self, batch: Batch) -> list[Message]:
        """Store a batch in one transaction; returns stored events to publish again."""
        batch.sort()
        packed = [(*case[:-1], bodies().pack(case[-1])) for case in batch.cases]
        again: list[Message] = []
        if not (self._all_new and await self._copied(batch, packed)):
            again = await self._inserted(batch, packed)
        if batch.updates or batch.reviews:
            self._journal.hurry()
        return again

    async def _copied(self, batch: Batch, packed: list[CaseRow]) -> bool:
        """Store a batch of which nothing is known; False, with nothing stored, when something is."""
        try:
            async with self._pool.acquire() as connection, connection.transaction():
                for table, columns, rows in (
                    ("cases", CASE_COLUMNS, packed),
                    ("case_counters", COUNTER_COLUMNS, _counter_rows(batch)),
                    ("reviews", REVIEW_COLUMNS, self._review_rows(batch)),
                    ("decisions", DECISION_COLUMNS, batch.decisions),
                ):
                    if rows:
                        await connection.copy_records_to_table(table, records=rows, columns=columns)
                await self._insert_echoes(connection, batch)
                await self._store_updates(connection, batch)
        except asyncpg.UniqueViolationError as error:
            log.info("some of a batch is known: %s", error)
            return False
        return True

    async def _inserted(self, batch: Batch, packed: list[CaseRow]) -> list[Message]:
        """Store what is new of a batch; returns what had been said about its known cases."""
        again: list[Message] = []
        async with self._pool.acquire() as connection, connection.transaction():
            all_new = await self._insert_cases(connection, packed)
            if not all_new:
                again = await self._said(connection, batch.cases)
            await self._insert_reviews(connection, batch)
            all_new &= await self._insert_decisions(connection, batch.decisions) == len(batch.decisions)
            await self._insert_echoes(connection, batch)
            await self._store_updates(connection, batch)
        self._all_new = all_new
        return again

    async def _insert_echoes(self, connection: Connection, batch: Batch) -> None:
        """Store decisions of our own that are not known any more, and let nobody be asked for them once more."""
        self._restored |= await self._insert_decisions(connection, batch.echoes) > 0
        if self._restored:
            keys = {row[:2] for row in batch.echoes} | {(one.tenant, one.case_id) for one, _ in batch.reviews}
            if keys:
                await connection.execute(self._queries.end_decided, self._clock(), *_columns(sorted(keys)))

    async def _insert_cases(self, connection: Connection, packed: list[CaseRow]) -> bool:
        """Tell whether all of them were new."""
        if not packed:
            return True
        return _rows(await connection.execute(self._queries.insert_cases, *_columns(packed))) == len(packed)

    async def _said(self, connection: Connection, cases: list[CaseRow]) -> list[Message]:
        """Return what was said about these cases and has left; a case with another body than before is an alarm."""
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

    async def _insert_reviews(self, connection: Connection, batch: Batch) -> None:
        if not batch.reviews:
            return
        await connection.execute(self._queries.insert_counters, *_columns(_counter_rows(batch)))
        rows = [
            review._replace(skills=SEPARATOR.join(review.skills), roles=SEPARATOR.join(review.roles))
            for review, _ in batch.reviews
        ]
        await connection.execute(self._queries.insert_reviews, *_columns(rows), self._clock())

    def _review_rows(self, batch: Batch) -> list[tuple[Any, ...]]:
        now = self._clock()
        return [(*review, "waiting", now, (review.due_at - EPOCH) // MINUTE) for review, _ in batch.reviews]

    async def _insert_decisions(self, connection: Connection, decisions: list[DecisionRow]) -> int:
        """Return how many of them were new; one that differs from the case's stored decision is an alarm."""
        if not decisions:
            return 0
        new = _rows(await connection.execute(self._queries.insert_decisions, *_columns(decisions)))
        if new == len(decisions):
            return new
        keys = _columns([row[:4] for row in decisions])
        for row in await connection.fetch(self._queries.other_decisions, *keys):
            log.error(
                "case %s/%s has decision %s; another one, %s, is not stored",
                row["tenant"], row["case_id"], row["kept"], row["refused"],
            )  # fmt: skip
        return new

    async def _store_updates(self, connection: Connection, batch: Batch) -> None:
        if batch.reviews:
            places = [(review.tenant, review.case_id, review.queue) for review, _ in batch.reviews]
            await connection.execute(self._live.tell_waiting, *_columns(places))
        if batch.updates:
            await connection.execute(self._queries.insert_updates, *_columns(batch.updates), self._clock())
        if batch.seeds:
            await connection.execute(self._seeds.insert_seeds, *_columns(batch.seeds))
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


def _counter_rows(batch: Batch) -> list[tuple[str, str, int]]:
    return [(review.tenant, review.case_id, partition) for review, partition in batch.reviews]
