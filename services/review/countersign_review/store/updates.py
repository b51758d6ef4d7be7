"""Applying what upstream says about a case afterwards: withdrawals, answers, objections, other deadlines."""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson

from countersign_review.domain.binding import chain
from countersign_review.domain.events import SERVICE, CaseRef, review_fact
from countersign_review.domain.intake import FIRST_HUMAN_LEVEL, deadline
from countersign_review.domain.records import closed_decision
from countersign_review.domain.review import Action, Kind, ReviewState, advance
from countersign_review.store.claims import KEPT_FOR
from countersign_review.store.events import DECISIONS, SQL, Connection, Journal, Outgoing, activity_event
from countersign_review.store.reversals import Reversals, TooEarly
from countersign_review.store.routed import routed_of
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.outbox import LONGEST_HELD
from countersign_shared.postgres import Queries

log = logging.getLogger(__name__)

SWEEP = 200
"""Updates applied in one transaction of the sweep: a short lock, many rounds."""
TRY_AGAIN = timedelta(seconds=30)
SOON = timedelta(seconds=1)
"""A relay needs less to send what is due."""
FOR_WHOEVER_ANSWERS = frozenset({"withdrawn", "information_provided", "deadline_changed"})
PATIENCE = timedelta(days=1)
"""How long an objection may come before its decision; topics are hours apart at the very worst."""


class Updates:
    """Applies stored updates, each once, as soon as the case is known."""

    def __init__(self, pool: asyncpg.Pool, journal: Journal, reversals: Reversals, clock: Clock) -> None:
        self._pool = pool
        self._journal = journal
        self._reversals = reversals
        self._clock = clock
        self._queries = Queries.load(SQL / "queries.sql")
        self._actions = Queries.load(SQL / "actions.sql")

    async def sweep(self) -> int:
        """Apply what is still pending although its case is known; returns how many updates were looked at."""
        async with self._pool.acquire() as connection, connection.transaction():
            now = self._clock()
            rows = await connection.fetch(self._queries.pending_updates, SWEEP, now, now + LONGEST_HELD)
            await self.apply(connection, rows)
        if rows:
            self._journal.hurry()
        return len(rows)

    async def apply(self, connection: Connection, rows: Sequence[Any]) -> None:
        """Apply updates in the caller's transaction, in order of arrival within each case."""
        for row in rows:
            now = self._clock()
            key = row["tenant"], row["case_id"], row["source"], row["event_id"]
            again_at = await self._apply_one(connection, row, now)
            if again_at is None:
                await connection.execute(self._queries.mark_update_applied, *key, now)
            else:
                await connection.execute(self._actions.try_later, *key, again_at)

    async def catch_up(self, tenant: str, case_id: str) -> None:
        """Apply what waits for this case, whether or not it is time to look again."""
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(self._queries.pending_updates_of, [tenant], [case_id])
            await self.apply(connection, rows)

    async def _apply_one(self, connection: Connection, row: Any, now: datetime) -> datetime | None:
        """Return when to look again at an update that has to wait for a decision, None when it is dealt with."""
        body = orjson.loads(row["body"])["body"]
        undoable_until = await self._undoable_until(connection, row, now)
        if row["kind"] in FOR_WHOEVER_ANSWERS and undoable_until is not None:
            return undoable_until + SOON
        match row["kind"]:
            case "withdrawn":
                await self._withdraw(connection, row, body["reason"], now)
            case "information_provided":
                await self._revise(connection, row, body, now)
            case "deadline_changed":
                await self._move_deadline(connection, row, deadline(body["deadline_at"]), now)
            case "contested":
                done = await self._contest(connection, row, body["decision_id"], now)
                return None if done else now + TRY_AGAIN
            case kind:
                # Outcomes in the world are kept and shown; nothing follows from them here.
                log.info("case %s/%s: %s is on record", row["tenant"], row["case_id"], kind)
        return None

    async def _undoable_until(self, connection: Connection, row: Any, now: datetime) -> datetime | None:
        """Lock a case's reviews; return until when whoever answered it can take that back.

        None where somebody else looks at it, or nobody. Applied before, an update would change nothing, and be
        forgotten when the answer is taken back.
        """
        case = row["tenant"], row["case_id"]
        reviews = await connection.fetch(self._queries.lock_reviews_of, *case)
        if any(review["open"] for review in reviews):
            return None
        leaves_at: datetime | None = await connection.fetchval(self._actions.answer_leaves_at, *case, now)
        return leaves_at

    async def _withdraw(self, connection: Connection, row: Any, reason: str, now: datetime) -> None:
        reviews = [
            review
            for review in await connection.fetch(self._queries.lock_open_reviews, row["tenant"], row["case_id"])
            if review["kind"] == Kind.DECISION
        ]
        case = await connection.fetchrow(self._queries.case_of_update, row["tenant"], row["case_id"])
        routed = routed_of(case["body"])
        ref = CaseRef.of(routed)
        await connection.execute(self._queries.insert_counters, [ref.tenant], [ref.case_id], [case["partition"]])
        ends = case["level"] >= FIRST_HUMAN_LEVEL and case["decision_id"] is None and bool(reviews)
        numbers = await self._journal.numbers(connection, ref, 2 if ends else 1)
        fact = {"reason": reason, "ended_review_id": reviews[0]["review_id"] if ends else None}
        events = [activity_event(ref, "case.withdrawn", fact, sequence=numbers.first, at=now, actor=_upstream(routed))]
        if ends:
            for review in reviews:
                advance(ReviewState(review["state"]), Action.WITHDRAW)
                await connection.execute(self._queries.withdraw_review, review["review_id"], now)
            closing = _closing(routed, case, reviews[0], reason, sequence=numbers.first + 1, now=now)
            await self._store_closing(connection, ref, closing, now)
            events.append(closing)
        await self._journal.write(connection, ref, events, partition=numbers.partition, at=now)

    async def _store_closing(self, connection: Connection, ref: CaseRef, closing: Outgoing, now: datetime) -> None:
        body = closing.body
        await connection.execute(
            self._queries.insert_decisions, [ref.tenant], [ref.case_id], [body["decision_id"]], [None], [None], [b"{}"],
            [body["closed_as"]], [body["mode"]], [body["relation"]], [now],
        )  # fmt: skip

    async def _revise(self, connection: Connection, row: Any, body: Mapping[str, Any], now: datetime) -> None:
        reviews = await connection.fetch(self._queries.lock_open_reviews, row["tenant"], row["case_id"])
        if not reviews:
            return
        case = await connection.fetchrow(self._queries.case_of_update, row["tenant"], row["case_id"])
        routed = routed_of(case["body"])
        ref = CaseRef.of(routed)
        numbers = await self._journal.numbers(connection, ref, len(reviews))
        events = []
        for number, review in enumerate(reviews, start=numbers.first):
            digest = chain(review["payload_sha256"], row["body"])
            await self._revise_one(connection, routed, review, body["question_id"], digest, now)
            fact = review_fact(dict(review), question_id=body["question_id"], evidence_sha256=digest)
            events.append(
                activity_event(ref, "review.information_provided", fact, sequence=number, at=now, actor=SERVICE)
            )
        await self._journal.write(connection, ref, events, partition=numbers.partition, at=now)

    async def _revise_one(
        self, connection: Connection, routed: Mapping[str, Any], review: Any, question_id: str, digest: str,
        now: datetime,
    ) -> None:  # fmt: skip
        review_id, before = review["review_id"], ReviewState(review["state"])
        asked_by = await connection.fetchval(self._actions.answered_question, question_id, review_id, now)
        answered = before is ReviewState.ASKED and asked_by is not None
        # Evidence that nobody asked for leaves a review that waits for an answer where it is.
        after = before if before is ReviewState.ASKED and not answered else advance(before, Action.PROVIDE)[0]
        if answered and (routed["handling"].get("sla") or {}).get("pauses_while_asked"):
            await connection.execute(self._actions.pause_sla, review_id, now)
        await connection.execute(self._queries.revise_evidence, review_id, digest, now, after)
        if answered:
            # Whoever asked knows best what to do with the answer; the others may after a working day.
            await connection.execute(self._actions.give_back_to, review_id, asked_by, now + KEPT_FOR, now)

    async def _move_deadline(self, connection: Connection, row: Any, due_at: datetime, now: datetime) -> None:
        open_reviews = await connection.fetch(self._queries.lock_open_reviews, row["tenant"], row["case_id"])
        reviews = [review for review in open_reviews if review["kind"] != Kind.AUDIT]
        if not reviews:
            return
        await connection.execute(self._queries.change_deadline, row["tenant"], row["case_id"], due_at, now)
        case = await connection.fetchrow(self._queries.case_of_update, row["tenant"], row["case_id"])
        ref = CaseRef.of(routed_of(case["body"]))
        numbers = await self._journal.numbers(connection, ref, len(reviews))
        events = [
            activity_event(
                ref, "review.deadline_changed", review_fact(review, due_at=rfc3339(due_at)), sequence=number, at=now,
                actor=SERVICE,
            )
            for number, review in enumerate(reviews, start=numbers.first)
        ]  # fmt: skip
        await self._journal.write(connection, ref, events, partition=numbers.partition, at=now)

    async def _contest(self, connection: Connection, row: Any, decision_id: str, now: datetime) -> bool:
        tenant, case_id = row["tenant"], row["case_id"]
        known = await connection.fetchval(self._actions.decision_known, tenant, case_id, decision_id)
        if not known and now - row["received_at"] < PATIENCE:
            return False
        case = await connection.fetchrow(self._actions.case_at_hand, tenant, case_id)
        try:
            follows = known and await self._reversals.contest(connection, case, decision_id, row["body"], now)
        except TooEarly:
            return False
        if not follows:
            log.warning("case %s/%s: an objection to %s is on record; it does not stand", tenant, case_id, decision_id)
        return True


def _upstream(routed: Mapping[str, Any]) -> dict[str, Any]:
    return {"kind": "upstream", "pseudonym": routed["case"]["submitted_by"]}


def _closing(
    routed: Mapping[str, Any], case: Any, review: Any, reason: str, *, sequence: int, now: datetime
) -> Outgoing:
    ref = CaseRef.of(routed)
    event_id = derived_event_id(ref.tenant, ref.case_id, "decided", sequence)
    body = closed_decision(
        routed, event_id=event_id, routed_event_id=case["event_id"], sequence=sequence,
        payload_sha256=review["payload_sha256"], decided_at=rfc3339(now), reason=reason,
    )  # fmt: skip
    return Outgoing(topic=DECISIONS, kind="decision.withdrawn", event_id=event_id, sequence=sequence, body=body)
