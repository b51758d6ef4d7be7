"""When a person leaves: everything they could do ends at once, in one transaction."""

from collections.abc import Mapping
from typing import Any

import asyncpg

from countersign_review.store.claims import Claims
from countersign_review.store.events import Journal
from countersign_review.store.people import People


class Departures:
    """Disables users."""

    def __init__(self, pool: asyncpg.Pool, people: People, claims: Claims, journal: Journal) -> None:
        self._pool = pool
        self._people = people
        self._claims = claims
        self._journal = journal

    async def disable(self, username: str, *, by: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """End a user's sessions, links, keys and claims; None when there is no such user."""
        async with self._pool.acquire() as connection, connection.transaction():
            user = await self._people.disable(connection, username, by=by)
            if user is not None:
                await self._claims.release_all(connection, user["pseudonym"])
        self._journal.hurry()
        return user
