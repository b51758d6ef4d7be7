"""Summaries of the pages that entries lie on: over them a search by time finds what is not where its time says."""

from typing import Any

from countersign_audit.store import SQL
from countersign_shared.postgres.queries import Queries

SUM_UP_SECONDS = 60.0
"""A search reads every page that was filled since: at most what a minute writes."""
MOST_SECONDS = 600
"""A millisecond a range: what the whole of two partitions could take, after a start that found nothing summed up."""


async def sum_up_pages(pool: Any) -> int:
    """Sum up what was written since the last time; return how many ranges of pages."""
    async with pool.acquire() as connection:
        summed: int = await connection.fetchval(Queries.load(SQL / "upkeep.sql").sum_up_pages, timeout=MOST_SECONDS)
        return summed
