"""Answers: what people decide and judge, from the preview of what it would carry out until it has left."""

from collections.abc import Container, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg

from countersign_review.domain.answer import Answer
from countersign_review.domain.refusals import InvalidAnswer, NotFound
from countersign_review.store.caller import Caller
from countersign_review.store.checking import Checking
from countersign_review.store.claimed import own
from countersign_review.store.claims import Leases
from countersign_review.store.deciding import Deciding
from countersign_review.store.events import SQL, Connection, Journal
from countersign_review.store.recording import Recorded, Recording, Submission
from countersign_review.store.routed import routed_of
from countersign_review.store.undoing import Undoing
from countersign_review.store.updates import Updates
from countersign_review.store.views import Views
from countersign_shared.clock import Clock
from countersign_shared.observability import Metrics
from countersign_shared.postgres import Queries


class Answers:
    """Everything about answers: preview, record, look up, take back."""

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, views: Views, updates: Updates, *, types: Container[str],
        leases: Leases, clock: Clock, metrics: Metrics,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._views = views
        self._queries = Queries.load(SQL / "desk.sql")
        self._checking = Checking(views)
        self._deciding = Deciding(pool, journal, self._checking, Recording(views), types, clock=clock, metrics=metrics)
        self._undoing = Undoing(pool, journal, updates, leases=leases, clock=clock)

    async def decide(self, caller: Caller, submission: Submission) -> Recorded:
        """Record an answer; the same request again returns what was recorded the first time."""
        return await self._deciding.decide(caller, submission)

    async def preview(
        self, caller: Caller, claim_id: str, outcome: str, outcome_params: Mapping[str, Any]
    ) -> tuple[dict[str, Any] | None, str]:
        """Return exactly what an outcome would carry out, and the digest to quote."""
        claim = own(caller, await self._pool.fetchrow(self._queries.claim, claim_id, caller.profile.pseudonym))
        routed = routed_of(claim["body"])
        # Reasons are not part of a preview; only what would be carried out is checked.
        found = self._checking.faults(claim, routed, Answer(outcome=outcome, outcome_params=outcome_params))
        wrong = [fault for fault in found if fault.pointer.startswith("/outcome")]
        if wrong:
            raise InvalidAnswer(wrong)
        return self._views.execution(claim, routed, outcome, outcome_params)

    async def status(self, caller: Caller, answer_id: str) -> Any:
        """Return one of the caller's own answers."""
        row = await self._pool.fetchrow(self._queries.answer, answer_id)
        if row is None or row["reviewer"] != caller.profile.pseudonym or not caller.acts_for(row["tenant"]):
            raise NotFound("You made no such decision.")
        return row

    async def mark_sent(self, connection: Connection, event_ids: Sequence[str], now: datetime) -> None:
        """Note that events have left, in the transaction that takes them out of the outbox."""
        await connection.execute(self._queries.mark_sent, list(event_ids), now)

    async def undo(self, caller: Caller, answer_id: str) -> Any:
        """Take an answer back before it leaves; the review is the caller's again."""
        return await self._undoing.undo(caller, answer_id)


__all__ = ["Answers", "Recorded", "Submission"]
