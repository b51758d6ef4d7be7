"""The columns beside the leaves, derived from them again in the background: queries answer from these copies.

What is wrong in a leaf itself is for verification, which anybody can do; this finds a copy that was changed so that a
search or a timeline misses an entry, before anybody relies on it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import orjson

from countersign_audit.domain.lineage import COPIES_CHECKED, is_own, is_remark
from countersign_audit.domain.tree import leaf_hash
from countersign_audit.own_entries import copies_checked_leaf
from countersign_audit.store import SQL
from countersign_audit.verifying.entries import copy_problem
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.observability import Metrics
from countersign_shared.postgres.queries import Queries

log = logging.getLogger(__name__)

ENTRIES_AT_ONCE = 250
"""About 5 ms of work."""
PAUSE_SECONDS = 0.05
STRETCH = 1_000_000
"""Entries after which it is noted how far the check has come; a start goes on from there."""
SHOWN = 20

Fetch = Callable[..., Awaitable[Sequence[Mapping[str, Any]]]]
"""Runs a query with its arguments, as a pool or a connection does."""
Difference = tuple[int, str]
"""An entry's index, and which copy is not what its leaf says."""


@dataclass(slots=True)
class Stretch:
    """Entries that were compared: from ``first`` on, before ``beyond``; ``ended`` at the end of the log."""

    first: int
    beyond: int
    ended: bool = False
    differing: list[Difference] = field(default_factory=list)


def difference(row: Mapping[str, Any]) -> str | None:
    """Say which copy beside a leaf is not what the leaf says."""
    if leaf_hash(row["leaf"]) != row["leaf_hash"]:
        return "its bytes do not have the hash stored beside them"
    try:
        said = orjson.loads(row["leaf"])
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        return "its leaf cannot be read"
    if row["known_as"] != row["index"]:
        return "the name of its record leads elsewhere"
    if is_own(said) or is_remark(said):
        return None if row["kind"] == said["kind"] else "the column kind is not what its leaf says"
    return copy_problem(row, said)


async def compared(fetch: Fetch, first: int, *, pause_seconds: float = 0.0) -> AsyncIterator[Stretch]:
    """Compare the entries from ``first`` on, a page at a time; what was found so far is the same object grown."""
    queries = Queries.load(SQL / "upkeep.sql")
    stretch = Stretch(first, first)
    while not stretch.ended:
        rows = await fetch(queries.copies_from, stretch.beyond, ENTRIES_AT_ONCE)
        for row in rows:
            if (what := difference(row)) is not None:
                stretch.differing.append((row["index"], what))
        if rows:
            stretch.beyond = rows[-1]["index"] + 1
        stretch.ended = len(rows) < ENTRIES_AT_ONCE
        yield stretch
        await asyncio.sleep(pause_seconds)


class CopyCheck:
    """Compares the whole log every so often; a difference is an entry, an error in the log, and a metric."""

    def __init__(self, pool: Any, writer: LogWriter, clock: Clock, metrics: Metrics, every: timedelta) -> None:
        self._pool = pool
        self._writer = writer
        self._clock = clock
        self._every = every
        self._differing = metrics.gauge("audit_copies_differing")
        self._queries = Queries.load(SQL / "upkeep.sql")

    async def work(self) -> Stretch | None:
        """Go through the log when it is time; returns the last stretch, None when it is not time yet."""
        async with self._pool.acquire() as connection:
            last = await connection.fetchrow(self._queries.last_checked)
            self._differing.set(await connection.fetchval(self._queries.differing_in_pass))
            since = last["checked_at"] if last is not None else await connection.fetchval(self._queries.began_at)
        unfinished = last is not None and not last["ended"]
        # A moment that is still to come was written under a clock that ran ahead: nobody is to wait for it.
        if not unfinished and (since is None or timedelta() <= self._clock() - since < self._every):
            return None
        first = last["beyond"] if last is not None and unfinished else 0
        return await self._pass(first)

    async def _pass(self, first: int) -> Stretch:
        while True:
            async for stretch in compared(self._pool.fetch, first, pause_seconds=PAUSE_SECONDS):
                if stretch.beyond - stretch.first >= STRETCH or stretch.ended or len(stretch.differing) >= SHOWN:
                    break
            await self._note(stretch)
            if stretch.ended:
                return stretch
            first = stretch.beyond

    async def _note(self, stretch: Stretch) -> None:
        now, count = self._clock(), len(stretch.differing)

        async def note(connection: Any) -> None:
            await connection.execute(
                self._queries.add_checked, stretch.first, stretch.beyond, count, stretch.ended, now
            )
            self._differing.set(await connection.fetchval(self._queries.differing_in_pass))

        leaf = copies_checked_leaf(
            first=stretch.first, beyond=stretch.beyond, differing=count,
            shown=[index for index, _ in stretch.differing[:SHOWN]], occurred_at=rfc3339(now),
        )  # fmt: skip
        await self._writer.append_own(leaf, COPIES_CHECKED, now, within=note)
        for index, what in stretch.differing[:SHOWN]:
            log.error("entry %d: %s", index, what)
        say = log.error if count else log.info
        say("columns of entries %d to %d compared: %d differ", stretch.first, stretch.beyond - 1, count)
