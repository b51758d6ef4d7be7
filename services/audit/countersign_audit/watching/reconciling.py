"""Reconciling: each day's entries counted, and producers' numbers looked through for events that never arrived."""

import logging
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import Any

from countersign_audit.domain.lineage import RECONCILED
from countersign_audit.own_entries import reconciled_leaf
from countersign_audit.store import SQL
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.postgres.queries import Queries

log = logging.getLogger(__name__)

SETTLED_AFTER = timedelta(hours=6)
"""After a day's end: what was still on its way by then is late, and a hole that it fills is gone the next time."""
DECIDED_WITHIN = timedelta(days=14)
"""A case that came so long ago has been decided; if not here, the decision may still be on its topic, which keeps it
for 30 days."""
LOOK_SECONDS = 900.0
COUNT_SECONDS = 600
"""A million cases a day are read within a minute."""
MAX_HOLES = 1_000
SHOWN_HOLES = 20
SHOWN_NUMBERS = 20
"""Of one hole in the entry: a leaf has its limit, and the numbers are whatever the producer makes them."""
MAX_DAYS = 31
"""Days made up for after a pause; earlier ones are looked at by hand."""


@dataclass(frozen=True, slots=True)
class Hole:
    """Numbers of one producer's events of a case that are not in the log, though a later one is; ``count`` in all."""

    case: str
    source: str
    missing: list[int]
    count: int


@dataclass(frozen=True, slots=True)
class Absent:
    """An event of a case that is not in the log, though a later one rests on it, or time has passed for it."""

    case: str
    topic: str


@dataclass(frozen=True, slots=True)
class Day:
    """What the log holds of one day."""

    day: date
    counts: dict[str, int]
    conflicts: int
    holes: list[Hole] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)

    @property
    def entries(self) -> int:
        """All entries of the day."""
        return sum(self.counts.values())


async def look_at(connection: Any, day: date) -> Day:
    """Count a UTC day's entries, and find the holes in what was said about the cases of that day."""
    queries = Queries.load(SQL / "reconciling.sql")
    begin = datetime.combine(day, time(), UTC)
    end = begin + timedelta(days=1)
    counts = await connection.fetch(queries.counts, begin, end, timeout=COUNT_SECONDS)
    holes = await connection.fetch(queries.holes, begin, end, MAX_HOLES, timeout=COUNT_SECONDS)
    came = (begin - DECIDED_WITHIN, end - DECIDED_WITHIN)
    absent = await connection.fetch(queries.absent, begin, end, *came, MAX_HOLES, timeout=COUNT_SECONDS)
    return Day(
        day, {row["kind"]: row["entries"] for row in counts}, sum(row["conflicts"] for row in counts),
        [Hole(row["case"], row["source"], *_missing(row["seen"])) for row in holes],
        [Absent(row["case"], row["topic"]) for row in absent],
    )  # fmt: skip


def _missing(seen: list[int]) -> tuple[list[int], int]:
    """Return the first numbers that are missing, and how many there are."""
    known, last = set(seen), max(seen)
    absent = (number for number in range(1, min(last, len(seen) + SHOWN_NUMBERS) + 1) if number not in known)
    return list(islice(absent, SHOWN_NUMBERS)), last - len(seen)


class Reconciler:
    """Keeps the days reconciled."""

    def __init__(self, pool: Any, writer: LogWriter, clock: Clock) -> None:
        self._pool = pool
        self._writer = writer
        self._clock = clock
        self._queries = Queries.load(SQL / "reconciling.sql")

    async def work(self) -> list[Day]:
        """Reconcile every day that has settled and was not yet; each becomes an entry of the log's own."""
        now = self._clock()
        newest = (now - SETTLED_AFTER).astimezone(UTC).date() - timedelta(days=1)
        async with self._pool.acquire() as connection:
            last = await connection.fetchval(self._queries.last_day, now)
        first = newest if last is None else max(last + timedelta(days=1), newest - timedelta(days=MAX_DAYS))
        days = []
        while first <= newest:
            days.append(await self._reconcile(first))
            first += timedelta(days=1)
        return days

    async def work_unless_busy(self) -> None:
        """Reconcile what can be; counting must not end the writing."""
        try:
            await self.work()
        except TimeoutError:
            log.warning("a day could not be counted within %d s; tried again later", COUNT_SECONDS)

    async def _reconcile(self, day: date) -> Day:
        now = self._clock()
        async with self._pool.acquire() as connection:
            found = await look_at(connection, day)

        async def note(connection: Any) -> None:
            await connection.execute(self._queries.add_day, day, found.entries, holes, now)

        holes = len(found.holes) + len(found.absent)
        shown: list[object] = [
            {"case": one.case, "missing": one.missing, "missing_count": one.count, "source": one.source}
            for one in found.holes[:SHOWN_HOLES]
        ]
        shown += [{"case": one.case, "topic": one.topic} for one in found.absent[:SHOWN_HOLES]]
        leaf = reconciled_leaf(
            day=day.isoformat(), counts=found.counts, conflicts=found.conflicts, holes=holes, shown=shown,
            occurred_at=rfc3339(now),
        )  # fmt: skip
        await self._writer.append_own(leaf, RECONCILED, now, within=note)
        say = log.error if holes else log.info
        say("%s: %d entries, %d conflicts, holes in %d cases", day, found.entries, found.conflicts, holes)
        return found
