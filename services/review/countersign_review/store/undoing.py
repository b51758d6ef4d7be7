"""Taking an answer back while it is still here."""

from datetime import datetime
from typing import Any

import asyncpg

from countersign_review.domain.events import CaseRef, review_fact
from countersign_review.domain.refusals import AlreadyLeft, NotFound
from countersign_review.domain.review import Action, Kind, ReviewState, Stage, ended
from countersign_review.store.at_the_desk import at_the_desk
from countersign_review.store.caller import Caller
from countersign_review.store.claimed import ref_of
from countersign_review.store.claims import Leases
from countersign_review.store.events import SQL, Connection, Journal, activity_event
from countersign_review.store.updates import Updates
from countersign_shared.clock import Clock
from countersign_shared.postgres import Queries

HAS_LEFT = "The decision has left; a later decision has to supersede it."


class Undoing:
    """Takes answers back: decision, events and outbox rows go together, and that they went is on the record."""

    def __init__(self, pool: asyncpg.Pool, journal: Journal, updates: Updates, *, leases: Leases, clock: Clock) -> None:
        self._pool = pool
        self._updates = updates
        self._journal = journal
        self._leases = leases
        self._clock = clock
        self._queries = Queries.load(SQL / "desk.sql")
        self._actions = Queries.load(SQL / "actions.sql")

    async def undo(self, caller: Caller, answer_id: str) -> Any:
        """Take an answer back before it leaves; the review is the caller's again."""
        async with at_the_desk(self._pool) as connection:
            review = await connection.fetchrow(self._queries.lock_answered_review, answer_id)
            # Read only now: its time may have gone by while the lock was waited for.
            now = self._clock()
            row = await connection.fetchrow(self._queries.answer, answer_id)
            own = row is not None and row["reviewer"] == caller.profile.pseudonym and caller.acts_for(row["tenant"])
            if review is None or not own:
                raise NotFound("You made no such decision.")
            if row["undone_at"] is not None:
                return row
            if row["part"] == "blind":
                raise AlreadyLeft("The proposal has been shown; what you answered before it cannot be taken back.")
            if row["leaves_at"] <= now:
                # Be it still here: what has come in since its time went by it.
                raise AlreadyLeft(HAS_LEFT)
            await self._take_back(connection, caller, review, row, now)
        # What came in while the answer stood has waited for this.
        await self._updates.catch_up(review["tenant"], review["case_id"])
        self._journal.hurry()
        return await self._pool.fetchrow(self._queries.answer, answer_id)

    async def _take_back(self, connection: Connection, caller: Caller, review: Any, row: Any, now: datetime) -> None:
        standing = await connection.fetch(self._queries.standing_answers, review["review_id"])
        action = _action(row, standing)
        if action is Action.UNDO_OPINION and review["state"] != ReviewState.WAITING:
            raise AlreadyLeft("Somebody else is looking at the case by now.")
        state, _ = ended(ReviewState(review["state"]), action)
        ref = ref_of(review)
        partition = await self._journal.partition(connection, ref)
        if await connection.fetchval(self._actions.was_reopened, ref.tenant, ref.case_id, row["answer_id"]):
            raise AlreadyLeft("Somebody has opened the decision again; what they come to will stand.")
        unsaid = [row["event_id"]]
        if (
            action is Action.UNDO
            and review["kind"] == Kind.DECISION
            and (control := await self._control(connection, ref))
        ):
            unsaid.append(control)
        # The judgement of a control is written after the decision and never leaves before it.
        if not all([await self._journal.take_back(connection, event_id) for event_id in unsaid]):
            raise AlreadyLeft(HAS_LEFT)
        await connection.execute(self._actions.delete_judgement, row["answer_id"])
        numbers = sorted(item["sequence"] for item in await connection.fetch(self._queries.unsay, unsaid))
        await connection.execute(
            self._queries.undo_answer, row["answer_id"], now, now + self._leases.opened, ref.tenant, ref.case_id,
            state, _stage(review, row, standing),
        )  # fmt: skip
        fact = review_fact(
            review, claim_id=row["claim_id"], reviewer=row["reviewer"], decision_id=row["answer_id"]
        )  # fmt: skip
        # They take the numbers of what never left, so that no hole shows: taken back, and open again.
        events = [
            activity_event(ref, kind, fact, sequence=number, at=now, actor=caller.actor)
            for kind, number in zip(("review.undone", "review.opened"), numbers, strict=False)
        ]
        await self._journal.write(connection, ref, events, partition=partition, at=now)

    async def _control(self, connection: Connection, ref: CaseRef) -> str | None:
        row = await connection.fetchrow(self._queries.control_judged, ref.tenant, ref.case_id)
        return row["event_id"] if row else None


def _action(row: Any, standing: list[Any]) -> Action:
    if row["part"] == "opinion":
        return Action.UNDO_OPINION
    confirmed = any(item["part"] == "blind" and item["reviewer"] == row["reviewer"] for item in standing)
    return Action.UNDO_CONFIRMATION if confirmed else Action.UNDO


def _stage(review: Any, row: Any, standing: list[Any]) -> str:
    """Return whose turn it was before the answer that is taken back."""
    if row["part"] == "final":
        stage: str = review["stage"]
        return stage
    # New evidence may have voided it meanwhile: then it is not among them.
    others = [item for item in standing if item["part"] == "opinion" and item["reviewer"] != row["reviewer"]]
    return Stage.SECOND if others else Stage.FIRST
