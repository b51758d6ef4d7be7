"""Which review a person gets next."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from typing import Any

import asyncpg

from countersign_review.domain.dispatch import Pace, Place, overloaded, overtakes
from countersign_review.store.caller import Caller
from countersign_review.store.events import SQL, Connection
from countersign_shared.clock import Clock
from countersign_shared.postgres import Queries

PACE_OVER = timedelta(hours=1)
"""Long enough for a few answers of one person, short enough to notice lunch."""


class Dispatch:
    """Gives the most urgent review that somebody may take.

    Ordinarily the earliest deadline. In overload, when deadlines cannot all be met, the worst consequence, and among
    the worst the tenant that has fewest people working for it: then a flood of one tenant holds up no other.
    """

    def __init__(self, pool: asyncpg.Pool, *, clock: Clock) -> None:
        self._pool = pool
        self._clock = clock
        self._queries = Queries.load(SQL / "dispatch.sql")
        self._overloaded: frozenset[str] = frozenset()
        self._only_tenant: Mapping[str, str] = {}

    async def measure(self) -> None:
        """Look which queues are overloaded; every instance sees the same rows and comes to the same."""
        now = self._clock()
        answered = _counts(await self._pool.fetch(self._queries.answered_since, now - PACE_OVER))
        held = _counts(await self._pool.fetch(self._queries.held_now))
        rows = await self._pool.fetch(self._queries.deadlines)
        self._only_tenant = _only_tenants(rows)
        self._overloaded = frozenset(
            queue
            for queue, waiting in groupby(rows, key=lambda row: row["queue"])
            if overloaded(
                ((datetime.fromtimestamp(row["due_minute"] * 60, UTC), row["waiting"]) for row in waiting),
                Pace(answered.get(queue, 0) / (PACE_OVER / timedelta(hours=1)), held.get(queue, 0)), now,
            )
        )  # fmt: skip

    def in_overload(self, queue: str) -> bool:
        """Tell whether a queue goes by consequence at the moment."""
        return queue in self._overloaded

    def only_tenant(self, queue: str) -> str | None:
        """Return whose work alone waited in a queue at the last look; what came since waits for the next."""
        return self._only_tenant.get(queue)

    async def overtaking(self, connection: Connection, caller: Caller, claim: Any, now: datetime) -> Any:
        """Return a waiting review that comes before one the caller fetched ahead; None when the order still holds."""
        overload = claim["queue"] in self._overloaded
        query = self._queries.next_in_overload if overload else self._queries.next_review
        row = await connection.fetchrow(query, caller.profile.username, caller.tenants, now, claim["queue"])
        return row if row is not None and overtakes(_place(row), _place(claim), overload=overload) else None


def _counts(rows: Sequence[Any]) -> dict[str, int]:
    return {row["queue"]: row["count"] for row in rows}


def _only_tenants(rows: Sequence[Any]) -> dict[str, str]:
    tenants: dict[str, set[str]] = {}
    for row in rows:
        tenants.setdefault(row["queue"], set()).update((row["first_tenant"], row["last_tenant"]))
    return {queue: next(iter(names)) for queue, names in tenants.items() if len(names) == 1}


def _place(row: Any) -> Place:
    return Place(row["due_minute"], row["tier_rank"], row["priority"], row["review_id"])
