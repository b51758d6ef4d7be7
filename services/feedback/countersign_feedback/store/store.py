"""Feedback's schema: the transaction of a batch, that of a change of controls, and every read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

import asyncpg

from countersign_feedback.domain.facts import Gathered
from countersign_feedback.store.controls import ControlChange, ControlReads
from countersign_feedback.store.facts import CaseReads, CaseWrites
from countersign_feedback.store.labels import LabelReads, LabelWrites
from countersign_feedback.store.openings import Opening, opened_event
from countersign_feedback.store.reviewers import ReviewerReads, ReviewerWrites
from countersign_feedback.store.statements import SCHEMA, Statements
from countersign_shared.messaging.outbox import Outbox

__all__ = ["SCHEMA", "Store"]


class Store(CaseReads, LabelReads, ReviewerReads, ControlReads):
    """Feedback's schema."""

    def __init__(self, pool: asyncpg.Pool, outbox: Outbox | None = None) -> None:
        sql = Statements.load()
        super().__init__(pool, sql)
        self._pool = pool
        self._outbox = outbox or Outbox()
        self._cases = CaseWrites(sql)
        self._labels = LabelWrites(sql)
        self._reviewers = ReviewerWrites(sql)

    async def add(self, gathered: Gathered) -> None:
        """Add what a batch says in one transaction; what is known already changes nothing."""
        if not gathered:
            return
        cells = {case.cell for case in gathered.cases.values() if case.cell is not None}
        cells |= {label.drawn.cell for label in gathered.labels.values() if label.drawn is not None}
        async with self._pool.acquire() as connection, connection.transaction():
            known = await self._cases.number(connection, cells)
            if gathered.cases:
                await self._cases.add(connection, gathered.cases.values(), known)
            await self._labels.add(connection, gathered.labels.values(), known)
            await self._reviewers.add(
                connection, gathered.answers.values(), gathered.outcomes.values(), gathered.truths.values()
            )
        self._cases.remember(known)

    async def forget(self) -> None:
        """Empty what follows from events alone; attempts, certificates and controls stay."""
        await self._pool.execute(self._sql.queries.forget)

    async def open_page(self, opening: Opening, moment: datetime) -> None:
        """Record that a person's page is opened, before anything of it is shown; the same request is recorded once."""
        queries = self._sql.reviewers
        asked = (opening.tenant, opening.reviewer)
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(queries.lock_openings)
            if opening.request_key is not None:
                known = await connection.fetchval(queries.find_opening, *asked, opening.asker, opening.request_key)
                if known is not None:
                    return
            number = await connection.fetchval(queries.add_opening, *asked, opening.asker, opening.request_key, moment)
            event_id, message = opened_event(opening, number, moment)
            await self._outbox.add(connection, message, event_id=event_id, not_before=moment)
        self._outbox.hurry()

    @asynccontextmanager
    async def control_change(self) -> AsyncIterator[ControlChange]:
        """Open a transaction in which controls are changed by nobody else."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._sql.controls.lock)
            yield ControlChange(connection, self._sql, self._outbox)
        self._outbox.hurry()
