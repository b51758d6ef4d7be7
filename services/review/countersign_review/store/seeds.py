"""Proposals known to be wrong, put before people as if they were new: who still looks, and who nods?"""

from datetime import datetime, timedelta
from typing import Any

import asyncpg

from countersign_review.domain.review import Kind
from countersign_review.domain.seeds import may_carry
from countersign_review.store.events import SQL, Connection
from countersign_review.store.opening import Opening, Purpose
from countersign_review.store.routed import routed_of
from countersign_shared.clock import Clock
from countersign_shared.ids import derived_event_id
from countersign_shared.postgres import Queries

PLANTED_PER_ROUND = 20
SHOWN_AGAIN_AFTER = timedelta(days=30)
"""The same wrong proposal twice a month would be recognised."""


class Seeds:
    """Plants seeds: reviews of kind ``seed`` on cases whose proposal people have found wrong together.

    The router draws the cases that bring one along. The answer is recorded as ``seed.judged``; nothing else follows
    from it, whatever it is.
    """

    def __init__(self, pool: asyncpg.Pool, opening: Opening, *, clock: Clock) -> None:
        self._pool = pool
        self._opening = opening
        self._clock = clock
        self._queries = Queries.load(SQL / "dispatch.sql")
        self._actions = Queries.load(SQL / "actions.sql")
        self._intake = Queries.load(SQL / "queries.sql")

    async def plant(self) -> int:
        """Plant what was drawn and not planted yet; a draw without a fitting case is used up."""
        now = self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(self._queries.pending_seeds, PLANTED_PER_ROUND)
            planted = [await self._plant_one(connection, row, now) for row in rows]
        return sum(planted)

    async def _plant_one(self, connection: Connection, row: Any, now: datetime) -> bool:
        case = await connection.fetchrow(
            self._queries.known_wrong, row["tenant"], row["decision_type"], row["case_id"], now,
            now - SHOWN_AGAIN_AFTER,
        )  # fmt: skip
        usable = (
            case is not None
            and may_carry(routed_of(case["body"]))
            # Under its lock: it may be being erased in this moment.
            and await connection.fetchval(self._intake.lock_counter, row["tenant"], case["case_id"]) is not None
        )
        if usable:
            answerers = await connection.fetch(self._actions.answerers, row["tenant"], case["case_id"])
            purpose = Purpose(
                Kind.SEED, withheld=False, queue=row["queue"], excluded=[one["reviewer"] for one in answerers]
            )
            review_id = derived_event_id(row["tenant"], case["case_id"], f"seed {row['case_id']}")
            await self._opening.open(connection, case, purpose, review_id=review_id, now=now)
        await connection.execute(
            self._queries.seed_planted, row["tenant"], row["case_id"], now, case["case_id"] if usable else None
        )
        return usable
