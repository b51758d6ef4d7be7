"""What leads see to: reviews that are blocked, wait for upstream, are kept for somebody, or that nobody may take."""

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import asyncpg

from countersign_review.domain.eligibility import Lack, Profile, lacks
from countersign_review.domain.events import review_fact
from countersign_review.domain.refusals import NotFound
from countersign_review.domain.review import HELD_STATES, Action, ReviewState, advance
from countersign_review.store.acting import check_lead
from countersign_review.store.at_the_desk import at_the_desk
from countersign_review.store.caller import Caller
from countersign_review.store.claimed import demand_of, ref_of
from countersign_review.store.events import SQL, Connection, Journal, activity_event
from countersign_review.store.people import profile_of
from countersign_review.store.requests import Identified, Requests
from countersign_shared.clock import Clock
from countersign_shared.postgres import Queries


class Aside:
    """Lists reviews outside the queues, and brings them back."""

    def __init__(self, pool: asyncpg.Pool, journal: Journal, requests: Requests, *, clock: Clock) -> None:
        self._pool = pool
        self._journal = journal
        self._requests = requests
        self._clock = clock
        self._queries = Queries.load(SQL / "actions.sql")
        self._lists = Queries.load(SQL / "aside.sql")

    async def listed(self, caller: Caller, state: str, *, limit: int) -> list[Any]:
        """Return reviews that are ``blocked``, ``asked`` or ``assigned``, oldest first."""
        check_lead(caller, "list these")
        query = self._lists.kept_reviews if state == "assigned" else self._lists.aside_reviews
        rows: list[Any] = await self._pool.fetch(query, caller.tenants, state, limit)
        return rows

    async def unassignable(self, caller: Caller, *, limit: int) -> list[tuple[Any, list[Lack]]]:
        """Return waiting reviews that nobody at the desk may take, with what everybody lacks."""
        check_lead(caller, "list these")
        rows = await self._pool.fetch(self._lists.unassignable, caller.tenants, limit, self._clock())
        people = [
            profile_of(dict(row), roles=frozenset(row["roles"]), tenants=frozenset(row["tenants"]))
            for row in await self._pool.fetch(self._queries.desk_users)
        ]
        return [(row, missing(row, people, self._clock().date())) for row in rows]

    async def unblock(self, caller: Caller, review_id: str, request: Identified, *, reason: str | None) -> None:
        """Let a blocked case go: it waits again."""
        check_lead(caller, "unblock a case")
        await self._bring_back(caller, review_id, request, Action.UNBLOCK, "review.unblocked", reason)

    async def recall(self, caller: Caller, review_id: str, request: Identified, *, reason: str | None) -> None:
        """Take a review from whoever holds it, or whom it is kept for, or stop waiting for upstream."""
        check_lead(caller, "call a review back")
        await self._bring_back(caller, review_id, request, Action.RECALL, "review.recalled", reason)

    async def _bring_back(
        self, caller: Caller, review_id: str, request: Identified, action: Action, kind: str, reason: str | None
    ) -> None:
        now = self._clock()

        async def work() -> dict[str, Any]:
            found: Any = await connection.fetchrow(self._queries.lock_review_and_holder, review_id)
            if found is None or not caller.acts_for(found["tenant"]):
                raise NotFound("There is no such review.")
            # Read again under the lock: the claim may have changed hands while it was waited for.
            review: Any = await connection.fetchrow(self._queries.lock_review_and_holder, review_id)
            await self._move(connection, review, action)
            fact = review_fact(review, claim_id=review["claim_id"], reviewer=review["reviewer"], reason=reason)
            ref = ref_of(review)
            numbers = await self._journal.numbers(connection, ref, 1)
            event = activity_event(ref, kind, fact, sequence=numbers.first, at=now, actor=caller.actor)
            await self._journal.write(connection, ref, [event], partition=numbers.partition, at=now)
            return {}

        async with at_the_desk(self._pool) as connection:
            await self._requests.once(connection, caller.profile.pseudonym, request, now, work)
        self._journal.hurry()

    async def _move(self, connection: Connection, review: Mapping[str, Any], action: Action) -> None:
        before = ReviewState(review["state"])
        state, claim_state = advance(before, action)
        if before in HELD_STATES:
            await connection.execute(
                self._queries.end_claim, review["claim_id"], claim_state, self._clock(), state, None, None, False,
                None, False,
            )  # fmt: skip
        else:
            await connection.execute(self._queries.move_review, review["review_id"], state)


def missing(review: Any, people: Iterable[Profile], today: date | None = None) -> list[Lack]:
    """Return what everybody at the desk lacks for a review; where nothing is common to all, what the nearest lacks."""
    found = [lacks(person, demand_of(review), today) for person in people]
    if not found:
        return [Lack("nobody", "Nobody works at this desk.", "anybody at the desk")]
    everywhere = set.intersection(*({lack.code for lack in each} for each in found))
    nearest = min(found, key=len)
    return [lack for lack in nearest if lack.code in everywhere] or nearest
