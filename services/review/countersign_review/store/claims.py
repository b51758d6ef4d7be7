"""Queues and claims: giving the next right review to a person, and taking it back when they leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from countersign_review.domain.events import SERVICE, review_fact
from countersign_review.domain.review import Action, ClaimState, ReviewState, ended
from countersign_review.store.at_the_desk import at_the_desk
from countersign_review.store.caller import Caller
from countersign_review.store.claimed import check_held, check_version, own, ref_of
from countersign_review.store.dispatch import Dispatch
from countersign_review.store.events import SQL, Connection, Journal, activity_event
from countersign_review.store.routed import routed_of
from countersign_review.store.taking import Taking
from countersign_review.store.views import Views
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.observability import Metrics
from countersign_shared.postgres import Queries

SKIP_HOLDS = timedelta(hours=8)
"""A skip ends after a working day, so that a case skipped by everybody does not wait for ever."""
KEPT_FOR = timedelta(hours=8)
"""A review kept for one person is everybody's again after a working day."""
MOST_COUNTED = 500
"""Reviews of a queue looked at to count what somebody could take: some milliseconds, however long the queue is."""
EXPIRIES_PER_ROUND = 200
CLOCKS_DIFFER = timedelta(hours=1)
"""Clocks of replicas differ by less. What ends later than it could by that much was set under one that ran ahead."""
FIRST_PAGE = (-(2**62), 0, 0, "")


@dataclass(frozen=True, slots=True)
class Leases:
    """How long claims hold: once opened, and before."""

    opened: timedelta
    ahead: timedelta


@dataclass(frozen=True, slots=True)
class Opened:
    """A claim that is on the screen, and the waiting review that comes before it by now, if any."""

    version: int
    lease_expires_at: datetime
    overtaken_by: Any


class Claims:
    """Claims on reviews. Every write locks the review's row first, then the case's counter."""

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, views: Views, dispatch: Dispatch, taking: Taking, *, leases: Leases,
        clock: Clock, metrics: Metrics,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._journal = journal
        self._views = views
        self._dispatch = dispatch
        self._taking = taking
        self._leases = leases
        self._clock = clock
        self._expired = metrics.counter("claims_expired_total")
        self._queries = Queries.load(SQL / "desk.sql")
        self._actions = Queries.load(SQL / "actions.sql")

    async def queues(self, caller: Caller) -> list[Any]:
        """Return the queues that hold work for this caller."""
        rows: list[Any] = await self._pool.fetch(
            self._queries.queues, caller.profile.username, caller.tenants, self._clock(), MOST_COUNTED
        )
        return rows

    async def items(
        self, caller: Caller, queue: str, *, wants: Caller, after: tuple[int, int, int, str], limit: int
    ) -> tuple[list[Any], list[Any]]:
        """Return what the caller holds in a queue, and what waits there for them after a place, most urgent first.

        ``wants`` is the caller with the tenants whose work they ask for; what they hold is listed in any case.
        """
        now = self._clock()
        held = []
        if after == FIRST_PAGE:
            rows = await self._pool.fetch(self._queries.held_items, caller.profile.pseudonym, now, queue)
            held = [row for row in rows if caller.acts_for(row["tenant"])]
        waiting = await self._pool.fetch(
            self._queries.queue_items, wants.profile.username, wants.tenants, now, queue, *after, limit
        )
        return held, waiting

    async def claim(self, caller: Caller, queue: str, review_id: str | None) -> Mapping[str, Any] | None:
        """Give the caller the named review or the best eligible one; returns the claim as ``read`` does.

        None when there is no review for them.
        """
        if review_id is not None:
            return await self._taking.named(caller, queue, review_id)
        return await self._taking.best(caller, queue)

    async def mine(self, caller: Caller) -> list[Any]:
        """Return what the caller holds."""
        rows = await self._pool.fetch(self._queries.claims_of, caller.profile.pseudonym, self._clock())
        return [row for row in rows if caller.acts_for(row["tenant"])]

    async def read(self, caller: Caller, claim_id: str) -> Any:
        """Return one of the caller's claims; what came since, or was erased, makes a further view while it is held."""
        row = own(caller, await self._pool.fetchrow(self._queries.claim, claim_id, caller.profile.pseudonym))
        current = row["shown_revision"] == row["revision"] and row["redacted_at"] is None
        if current or row["claim_state"] != ClaimState.HELD:
            return row
        async with at_the_desk(self._pool) as connection:
            claim = await self._lock(connection, caller, claim_id)
            shown = await self._views.show(
                connection, claim, routed_of(row["body"]), lead="lead" in caller.profile.roles
            )
            await connection.execute(
                self._queries.insert_shown, claim_id, claim["revision"], shown.sha256, self._clock(), shown.package
            )
        return await self._pool.fetchrow(self._queries.claim, claim_id, caller.profile.pseudonym)

    async def heartbeat(self, caller: Caller, claim_id: str, version: int) -> tuple[int, datetime]:
        """Extend a lease; returns the version and the new end.

        A claim that was fetched ahead and not opened keeps its end: nobody is looking at the case yet.
        """
        now = self._clock()
        async with at_the_desk(self._pool) as connection:
            claim = await self._held(connection, caller, claim_id, Action.HEARTBEAT, now)
            check_version(claim, version)
            if claim["opened_at"] is None:
                return claim["version"], claim["lease_expires_at"]
            expires = now + self._leases.opened
            await connection.execute(self._queries.extend_lease, claim_id, expires)
        return claim["version"], expires

    async def opened(self, caller: Caller, claim_id: str, *, wants: Caller) -> Opened:
        """Start the clock of a claim: the case is on the screen now. Says whether the order still holds.

        ``wants`` is the caller with the tenants whose work they ask for.
        """
        now = self._clock()
        async with at_the_desk(self._pool) as connection:
            claim = await self._held(connection, caller, claim_id, Action.OPEN, now)
            expires = now + self._leases.opened
            if claim["opened_at"] is not None:
                return Opened(claim["version"], claim["lease_expires_at"], None)
            overtaking = await self._dispatch.overtaking(connection, wants, claim, now)
            await connection.execute(self._queries.open_claim, claim_id, now, expires)
            fact = review_fact(claim, claim_id=claim_id, reviewer=claim["reviewer"], lease_expires_at=rfc3339(expires))
            await self._record(connection, claim, "review.opened", fact, caller.actor, now)
        self._journal.hurry()
        return Opened(claim["version"], expires, overtaking)

    async def release(self, caller: Caller, claim_id: str) -> None:
        """Give a review back."""
        await self._give_back(caller, claim_id, Action.RELEASE)

    async def skip(self, caller: Caller, claim_id: str) -> None:
        """Give a review back and not be offered it again for a while."""
        await self._give_back(caller, claim_id, Action.SKIP)

    async def _give_back(self, caller: Caller, claim_id: str, action: Action) -> None:
        now = self._clock()
        async with at_the_desk(self._pool) as connection:
            claim = await self._held(connection, caller, claim_id, action, now)
            _, state = ended(ReviewState(claim["state"]), action)
            await connection.execute(self._queries.give_back, claim_id, state, now)
            if action is Action.SKIP:
                await connection.execute(self._queries.skip, claim["reviewer"], claim["review_id"], now + SKIP_HOLDS)
            fact = review_fact(claim, claim_id=claim_id, reviewer=claim["reviewer"])
            await self._record(connection, claim, f"review.{state}", fact, caller.actor, now)
        self._journal.hurry()

    async def expire(self) -> int:
        """Give back what nobody heartbeats any more; returns how many leases ended."""
        now = self._clock()
        latest = now + max(self._leases.opened, self._leases.ahead)
        async with self._pool.acquire() as connection, connection.transaction():
            # Not ended at once: somebody may be at it.
            await connection.execute(self._queries.shorten_leases, latest, latest + CLOCKS_DIFFER)
            rows = await connection.fetch(self._queries.lock_expired, now, EXPIRIES_PER_ROUND)
            ended = await self._end(connection, rows, ClaimState.EXPIRED, now) if rows else 0
        if ended:
            self._expired.inc(ended)
            self._journal.hurry()
        return ended

    async def free_late(self) -> None:
        """Offer to everybody what was kept for somebody who did not come, or cannot take it; forget ended skips."""
        # Found by its index even where the table was filled a moment ago and nobody has counted its rows yet.
        async with at_the_desk(self._pool) as connection:
            now = self._clock()
            await connection.execute(self._actions.unassign_late, now, now + KEPT_FOR + CLOCKS_DIFFER)
            await connection.execute(self._queries.forget_skips, now, now + SKIP_HOLDS + CLOCKS_DIFFER)

    async def release_all(self, connection: Connection, pseudonym: str, *, but: Sequence[str] = ()) -> int:
        """Give back what a person holds, all that is not of the tenants ``but``, in the caller's transaction."""
        await connection.execute(self._actions.unassign, pseudonym, list(but))
        rows = await connection.fetch(self._queries.lock_held_by, pseudonym, list(but))
        return await self._end(connection, rows, ClaimState.RELEASED, self._clock()) if rows else 0

    async def _end(self, connection: Connection, rows: Sequence[Any], state: ClaimState, now: datetime) -> int:
        ids = [row["claim_id"] for row in rows]
        ended = {row["claim_id"] for row in await connection.fetch(self._queries.end_claims, ids, state, now)}
        for row in sorted(rows, key=lambda row: (row["tenant"], row["case_id"])):
            if row["claim_id"] in ended:
                fact = review_fact(row, claim_id=row["claim_id"], reviewer=row["reviewer"])
                await self._record(connection, row, f"review.{state}", fact, SERVICE, now)
        return len(ended)

    async def _lock(self, connection: Connection, caller: Caller, claim_id: str) -> Any:
        return own(caller, await connection.fetchrow(self._queries.lock_claim, claim_id, caller.profile.pseudonym))

    async def _held(self, connection: Connection, caller: Caller, claim_id: str, action: Action, now: datetime) -> Any:
        claim = await self._lock(connection, caller, claim_id)
        check_held(claim, action, now)
        return claim

    async def _record(
        self, connection: Connection, review: Any, kind: str, fact: Mapping[str, Any],
        actor: Mapping[str, Any], now: datetime,
    ) -> None:  # fmt: skip
        ref = ref_of(review)
        numbers = await self._journal.numbers(connection, ref, 1)
        event = activity_event(ref, kind, fact, sequence=numbers.first, at=now, actor=actor)
        await self._journal.write(connection, ref, [event], partition=numbers.partition, at=now)
