"""Who stands in for whom, and when."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from countersign_review.domain.administration import Administrator, narrowed
from countersign_review.domain.delegation import MOST_HOPS, Wish, delegation_faults
from countersign_review.domain.refusals import InvalidAnswer, NotFound, TooMany
from countersign_review.store.events import SQL, Connection, Journal
from countersign_review.store.passwords import new_name
from countersign_review.store.people import People
from countersign_review.store.requests import Identified, Requests
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.postgres import Queries

MOST_LISTED = 1_000


class Delegations:
    """Keeps delegations; every one is on the record of the person it is about."""

    def __init__(self, pool: asyncpg.Pool, people: People, journal: Journal, clock: Clock) -> None:
        self._pool = pool
        self._people = people
        self._journal = journal
        self._clock = clock
        self._requests = Requests()
        self._queries = Queries.load(SQL / "people.sql")

    async def standing(self, username: str | None, tenants: frozenset[str]) -> list[Any]:
        """Return those that are not over: of one person on either side, or of everybody who shares a tenant."""
        rows: list[Any] = await self._pool.fetch(
            self._queries.delegations, username, self._clock(), MOST_LISTED, list(tenants)
        )
        return rows

    async def add(self, wish: Wish, *, reason: str | None, by: Administrator, request: Identified | None = None) -> Any:
        """Let somebody stand in for another; two at one time are refused, the same again is the same.

        All of a person's work goes over, so whoever says so looks after all of their tenants.

        Raises: InvalidAnswer, NotFound, BeyondYou, TooMany.
        """
        now = self._clock()
        person, delegate = await self._known(wish.username, by.tenants), await self._known(wish.delegate, by.tenants)
        if faults := delegation_faults(wish, person, delegate, now=now):
            raise InvalidAnswer(faults)
        by.check(person or {})
        async with self._pool.acquire() as connection, connection.transaction():
            again = not await self._requests.first(connection, by.actor["pseudonym"], request, now)
            await connection.execute(self._queries.lock_user, wish.username)
            same = await connection.fetchrow(
                self._queries.same_delegation, wish.username, wish.delegate, wish.starts_at, wish.ends_at
            )
            if same is not None:
                return same
            if again:
                raise NotFound("The same request made a delegation before, and it was ended since.")
            if await connection.fetchval(self._queries.overlapping, wish.username, wish.starts_at, wish.ends_at):
                raise TooMany("Somebody else stands in at that time; end that delegation first.")
            row = await connection.fetchrow(
                self._queries.insert_delegation, new_name("d_"), wish.username, wish.delegate, wish.starts_at,
                wish.ends_at, reason, by.actor["pseudonym"], now,
            )  # fmt: skip
            told = f"{(delegate or {})['pseudonym']} stands in from {_at(wish.starts_at)} until {_at(wish.ends_at)}"
            await self._people.tell(connection, wish.username, "user.changed", by.actor, reason=told)
        self._journal.hurry()
        return row

    async def find(self, delegation_id: str, by: Administrator) -> Any:
        """Return one of somebody who acts for these tenants alone.

        Raises: NotFound, BeyondYou.
        """
        row = await self._pool.fetchrow(self._queries.delegation_of, delegation_id, list(by.tenants))
        if row is None:
            raise NotFound("There is no such delegation.")
        by.check({"username": row["username"], "tenants": row["person_tenants"]})
        return row

    async def _known(self, username: str, tenants: frozenset[str]) -> Mapping[str, Any] | None:
        user = await self._people.find(username)
        return user if user is not None and narrowed(frozenset(user["tenants"]), tenants) else None

    async def end(self, delegation_id: str, *, by: Mapping[str, Any], request: Identified | None = None) -> None:
        """End one now; one that is over stays as it is."""
        now = self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            again = not await self._requests.first(connection, by["pseudonym"], request, now)
            row = await connection.fetchrow(self._queries.delegation, delegation_id)
            if row is None:
                raise NotFound("There is no such delegation.")
            if again or row["ends_at"] <= now:
                return
            await connection.execute(self._queries.end_delegation, delegation_id, now)
            await self._people.tell(connection, row["username"], "user.changed", by, reason="delegation ended")
        self._journal.hurry()

    async def stands_in(self, connection: Connection, username: str) -> Any:
        """Return who does a person's work now, along the chain; None when nobody does, or it is a ring."""
        now, found, seen = self._clock(), None, {username}
        for _ in range(MOST_HOPS):
            row = await connection.fetchrow(self._queries.stands_in, username, now)
            if row is None:
                return found
            if row["username"] in seen:
                return None
            found, username = row, row["username"]
            seen.add(username)
        return None


def _at(moment: datetime) -> str:
    return rfc3339(moment)
