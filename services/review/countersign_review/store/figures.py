"""Counting what waits."""

from collections import Counter
from collections.abc import Container

import asyncpg

from countersign_review.store.events import SQL
from countersign_shared.clock import Clock
from countersign_shared.observability import Metrics
from countersign_shared.observability.labels import type_label
from countersign_shared.postgres import Queries

UNASSIGNABLE_EVERY = 6
"""Rounds: it asks of every waiting review whether anybody could take it, which is a tenth of a second at 20,000."""


class Figures:
    """Keeps the gauges of queues and open cases; ``types`` are the decision types that have a name there."""

    def __init__(self, pool: asyncpg.Pool, types: Container[str], metrics: Metrics, clock: Clock) -> None:
        self._pool = pool
        self._types = types
        self._clock = clock
        self._queries = Queries.load(SQL / "queries.sql")
        self._depth = metrics.gauge("review_queue_depth")
        self._oldest = metrics.gauge("review_oldest_case_age_seconds")
        self._overdue = metrics.gauge("review_overdue")
        self._open = metrics.gauge("open_cases")
        self._unassignable = metrics.gauge("review_unassignable_cases")
        self._round = 0

    async def measure(self) -> None:
        """Count once; a queue that has emptied reads 0, not its last figure."""
        now = self._clock()
        queues = await self._pool.fetch(self._queries.queue_figures, now)
        self._depth.clear()
        self._oldest.clear()
        self._overdue.clear()
        for row in queues:
            self._depth.labels(queue=row["queue"]).set(row["depth"])
            self._oldest.labels(queue=row["queue"]).set(max((now - row["oldest"]).total_seconds(), 0.0))
            self._overdue.labels(queue=row["queue"]).set(row["overdue"])
        cases: Counter[tuple[str, str]] = Counter()
        for row in await self._pool.fetch(self._queries.open_figures):
            cases[type_label(row["decision_type"], self._types), row["state"]] += row["cases"]
        self._open.clear()
        for (decision_type, state), count in cases.items():
            self._open.labels(decision_type=decision_type, state=state).set(count)
        if self._round % UNASSIGNABLE_EVERY == 0:
            self._unassignable.set(await self._pool.fetchval(self._queries.count_unassignable))
        self._round += 1
