"""Looking for entries by their time: found wherever they stand, however wrong their producer's clock was."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

import pytest

from countersign_audit.store import Search, Store
from countersign_audit.watching.summing import sum_up_pages
from countersign_shared.clock import rfc3339
from tests.integration.audit.log import START, Log, SteppingClock, open_log
from tests.unit.audit.records import record

HOURS = 40
EACH_HOUR = 3
CLOCKS = (timedelta(), timedelta(days=400), -timedelta(days=2), timedelta(seconds=30), timedelta(hours=5))
"""By how much a producer's clock is wrong, in turn."""
AT = [START + timedelta(hours=hours) for hours in (-100, 0, 7, 20, 39, 40, 200, 10_000)]


class Hourly(SteppingClock):
    """Stands still until it is set."""

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
async def log(database_url: str, tmp_path: Path) -> AsyncIterator[Log]:
    clock = Hourly()
    async with open_log(database_url, tmp_path / "keys", clock=clock, audit_partition_entries=1_000) as log:
        for hour in range(HOURS):
            clock.now = START + timedelta(hours=hour)
            numbers = range(hour * EACH_HOUR, (hour + 1) * EACH_HOUR)
            await log.add([
                record("case.created", b"{}", event_id=f"e-{number}", time=rfc3339(clock.now + wrong))
                for number in numbers
                for wrong in (CLOCKS[number % len(CLOCKS)],)
            ])  # fmt: skip
        yield log


async def test_a_search_from_a_time_on_misses_nothing_whatever_the_clocks_said(log: Log) -> None:
    store = Store()
    rows = await log.rows("SELECT index, occurred_at FROM entries ORDER BY index")
    async with log.pool.acquire() as connection:
        for since, until, first, limit in product([None, *AT], [None, *AT], (0, 50), (1, 10, 1_000)):
            found = await store.search(connection, Search(first, limit, since=since, until=until))
            expected = [
                row["index"]
                for row in rows
                if row["index"] >= first
                and (since is None or (row["occurred_at"] is not None and row["occurred_at"] >= since))
                and (until is None or (row["occurred_at"] is not None and row["occurred_at"] < until))
            ]
            assert [row["index"] for row in found] == expected[:limit], (since, until, first, limit)


async def test_the_first_and_the_last_possible_time_are_times(log: Log) -> None:
    store = Store()
    async with log.pool.acquire() as connection:
        for since in (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)):
            found = await store.search(connection, Search(0, 1_000, since=since))
            assert len(found) == (0 if since.year > 1 else HOURS * EACH_HOUR + 1)


MANY = 4_000
LOSSY = re.compile(r"Heap Blocks:.*lossy=(\d+)")


async def pages_read(log: Log) -> int:
    """Return how many pages a search by time reads over their summaries."""
    async with log.pool.acquire() as connection, connection.transaction():
        await connection.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        plan = await connection.fetch(
            "EXPLAIN (ANALYZE) SELECT index FROM entries WHERE occurred_at >= $1", datetime(2100, 1, 1, tzinfo=UTC)
        )
    return sum(int(lossy) for (line,) in plan for lossy in LOSSY.findall(line))


async def test_pages_that_filled_up_are_summed_up_and_read_no_more(database_url: str, tmp_path: Path) -> None:
    async with open_log(database_url, tmp_path / "keys", audit_partition_entries=MANY) as log:
        # As where more fill up at once than PostgreSQL remembers to sum up.
        await log.rows("ALTER INDEX entries_0_occurred_at_index_idx SET (autosummarize = off)")
        for first in range(0, MANY, 1_000):
            await log.add([
                record("case.created", b"{}", event_id=f"e-{at}", time=rfc3339(START + timedelta(seconds=at)))
                for at in range(first, first + 1_000)
            ])  # fmt: skip
        before = await pages_read(log)
        assert before > 100
        async with log.pool.acquire() as vacuuming, vacuuming.transaction():
            await vacuuming.execute("LOCK TABLE entries_0 IN SHARE UPDATE EXCLUSIVE MODE")
            await sum_up_pages(log.pool)
            assert await pages_read(log) == before
        assert await sum_up_pages(log.pool) > 0
        assert await pages_read(log) == 0
        assert await sum_up_pages(log.pool) == 0
