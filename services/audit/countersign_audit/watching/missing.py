"""Records that the broker removed before the log had read them: by retention that was too short, or on purpose.

Offsets say so exactly: what the group reads next is not there any more. A jump alone says nothing, since markers of
transactions take offsets too; so the broker is asked from where on it still holds records. Compacted topics lose
records by design.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from countersign_audit.domain.lineage import RECORDS_MISSING
from countersign_audit.own_entries import records_missing_leaf
from countersign_audit.store import SQL
from countersign_audit.watching.recreated import RecreatedTopics
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.contracts.topics import load_topics
from countersign_shared.errors import ConfigurationError, TransientError
from countersign_shared.messaging import Record
from countersign_shared.messaging.positions import Position
from countersign_shared.observability import Metrics
from countersign_shared.postgres.queries import Queries

log = logging.getLogger(__name__)

ReadPositions = Callable[[], Awaitable[Sequence[Position]]]


@dataclass(frozen=True, slots=True)
class Jump:
    """Offsets of a partition that were not delivered, from ``first`` on, before ``beyond``."""

    topic: str
    partition: int
    first: int
    beyond: int


class Offsets:
    """Follows what is delivered, partition by partition."""

    def __init__(self) -> None:
        self._next: dict[tuple[str, int], int] = {}

    def jumps(self, records: Iterable[Record]) -> list[Jump]:
        """Return where delivery went on further ahead than it was; what comes again, or from zero again, is none."""
        found, upcoming = [], self._next
        for record in records:
            place, offset = (record.topic, record.partition), record.offset
            if offset > upcoming.get(place, offset):
                found.append(Jump(*place, upcoming[place], offset))
            upcoming[place] = offset + 1
        return found

    def reached(self, topic: str, partition: int) -> int:
        """Return the offset after the last one delivered of a partition, 0 for none."""
        return self._next.get((topic, partition), 0)

    def forget(self, topic: str, partition: int) -> None:
        """Begin anew with a partition."""
        self._next.pop((topic, partition), None)


class MissingRecords:
    """Puts on the record what was removed unread; each stretch once."""

    def __init__(self, writer: LogWriter, read: ReadPositions, clock: Clock, metrics: Metrics) -> None:
        self._writer = writer
        self._read = read
        self._clock = clock
        self._missing = metrics.counter("audit_records_missing_total")
        self._queries = Queries.load(SQL / "upkeep.sql")
        self._offsets = Offsets()
        self._recreated = RecreatedTopics(writer, clock)
        self._unsaid: list[Jump] = []
        self._begun: dict[tuple[str, int], int] = {}
        self._suspected: set[tuple[str, int, int]] = set()
        self._compacted = {
            name for name, topic in load_topics().items() if "compact" in topic.settings.get("cleanup.policy", "")
        }

    async def look(self, pool: Any) -> list[Jump]:
        """Compare where the group stands with what is still there; for a start, before anything is read."""
        positions = await self._read()
        self._begin_anew(positions, await self._recreated.begin(pool, positions))
        return await self._say_each(pool, self._unread(positions))

    async def look_again(self, pool: Any) -> list[Jump]:
        """Do the same while records are read: what is not there this time and the time before.

        What is missing only once, or while the writer is held up, may have been read and be on its way into the log.
        Nothing is said while the broker is away, or a topic is.
        """
        try:
            positions = await self._read()
            self._begin_anew(positions, await self._recreated.look(positions))
            found = [] if self._writer.busy else self._unread(positions)
        except (TransientError, ConfigurationError) as error:
            log.warning("not asked what was removed: %s", error)
            found = []
        before, self._suspected = self._suspected, {(one.topic, one.partition, one.first) for one in found}
        return await self._say_each(
            pool, [jump for jump in found if (jump.topic, jump.partition, jump.first) in before]
        )

    def _begin_anew(self, positions: Sequence[Position], topics: Collection[str]) -> None:
        """Let topics that were made anew begin at zero, where all do, whatever was delivered of those before."""
        for place in [(one.topic, one.partition) for one in positions if one.topic in topics]:
            self._begun[place] = 0
            self._offsets.forget(*place)

    def _unread(self, positions: Sequence[Position]) -> list[Jump]:
        return [jump for one in positions if one.topic not in self._compacted and (jump := self._removed(one))]

    def _removed(self, position: Position) -> Jump | None:
        place = (position.topic, position.partition)
        # Before its first commit the group stands where it found the partition beginning.
        stands = self._begun.setdefault(place, position.begins) if position.committed is None else position.committed
        first = max(stands, self._offsets.reached(*place))
        return Jump(*place, first, position.begins) if first < position.begins else None

    async def follow(self, pool: Any, records: Sequence[Record]) -> list[Jump]:
        """Notice what delivery jumped over, as far as it was removed; costs a question only when it jumped."""
        await self._recreated.follow(records)
        # Kept until it is said: a batch that is tried again, because something was away, jumps no more.
        self._unsaid += [jump for jump in self._offsets.jumps(records) if jump.topic not in self._compacted]
        if not self._unsaid:
            return []
        jumps = list(self._unsaid)
        begins = {(one.topic, one.partition): one.begins for one in await self._read()}
        removed = [
            # Of a partition that is not there any more nobody can say what it held.
            Jump(*place, jump.first, min(jump.beyond, begins.get(place, jump.first)))
            for jump in jumps
            for place in [(jump.topic, jump.partition)]
        ]
        said = await self._say_each(pool, removed)
        del self._unsaid[: len(jumps)]
        return said

    async def _say_each(self, pool: Any, jumps: Sequence[Jump]) -> list[Jump]:
        return [said for jump in jumps if (said := await self._say(pool, jump)) is not None]

    async def _say(self, pool: Any, jump: Jump) -> Jump | None:
        """Return what of a stretch was not on the record and is now."""
        said = await pool.fetchval(self._queries.said_until, jump.topic, jump.partition, jump.first, jump.beyond)
        jump = replace(jump, first=said or jump.first)
        if jump.first >= jump.beyond:
            return None
        now, place = self._clock(), (jump.topic, jump.partition, jump.first)

        async def note(connection: Any) -> None:
            await connection.execute(self._queries.add_missing_records, *place, jump.beyond, now)

        leaf = records_missing_leaf(
            topic=jump.topic, partition=jump.partition, first=jump.first, beyond=jump.beyond, occurred_at=rfc3339(now)
        )
        index = await self._writer.append_own(leaf, RECORDS_MISSING, now, within=note)
        self._missing.inc(jump.beyond - jump.first)
        log.error(
            "entry %d: the broker removed offsets %d to %d of %s/%d before they were read", index, jump.first,
            jump.beyond - 1, jump.topic, jump.partition,
        )  # fmt: skip
        return jump
