"""When a person leaves: everything they could do ends at once, in one transaction."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from countersign_review.domain.administration import Administrator
from countersign_review.domain.delegation import AT_THE_DESK
from countersign_review.store.claims import Claims
from countersign_review.store.events import Journal
from countersign_review.store.people import Change, People
from countersign_review.store.requests import Identified


class Departures:
    """Disables users, and changes what they may do."""

    def __init__(self, pool: asyncpg.Pool, people: People, claims: Claims, journal: Journal) -> None:
        self._pool = pool
        self._people = people
        self._claims = claims
        self._journal = journal

    async def disable(
        self, username: str, *, by: Administrator, request: Identified | None = None
    ) -> Mapping[str, Any]:
        """End a user's sessions, links, keys and claims."""
        async with self._pool.acquire() as connection, connection.transaction():
            user = await self._people.disable(connection, username, by=by, request=request)
            if user["disabled_at"] is not None:
                await self._claims.release_all(connection, user["pseudonym"])
        self._journal.hurry()
        return user

    async def change(
        self, username: str, change: Change, *, by: Administrator, request: Identified | None = None
    ) -> Mapping[str, Any]:
        """Set what a user may do; whoever leaves the desk, or a tenant, gives back what they hold of it."""
        async with self._pool.acquire() as connection, connection.transaction():
            user = await self._people.change(connection, username, change, by=by, request=request)
            stays = user["tenants"] if AT_THE_DESK & set(user["roles"]) else ()
            await self._claims.release_all(connection, user["pseudonym"], but=stays)
        self._journal.hurry()
        return user
