"""Reading ahead: the next batches come in, and work on them begins, while earlier ones are still being handled.

What is committed is where the group stood when the last handled batch had been read, never where reading has got to.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from typing import Any

from aiokafka import ConsumerRecord, TopicPartition

from countersign_shared.messaging.records import Record

log = logging.getLogger(__name__)

BATCHES_AHEAD = 2
"""Batches that wait at most, and so the most that are handled at once: enough to keep both sides busy, and each one
more takes memory and makes the last wait longer."""
RECORDS_AHEAD = 512
"""With so many records waiting no further batch is read."""

Begin = Callable[[Sequence[Record]], Any]
"""Called with a batch when it has been read. It returns at once; what it returns is what the handler gets for it.

Batches become due in the order in which they were begun. One may never become due, when the partitions move to another
member of the group: then it is delivered again, and begun again.
"""
Poll = Callable[[], Awaitable[Mapping[Any, Sequence[ConsumerRecord]]]]


@dataclass(frozen=True, slots=True)
class Waiting:
    """A batch that was read; ``positions`` is where the group stands once it has been handled."""

    raw: tuple[ConsumerRecord, ...]
    records: list[Record]
    begun: Any
    assignment: Any
    positions: Mapping[TopicPartition, Any]


class ReadingAhead:
    """The batches between reading and handling, of one consumer."""

    def __init__(self, begin: Begin, as_record: Callable[[ConsumerRecord], Record]) -> None:
        self.begin = begin
        self._as_record = as_record
        self._waiting: deque[Waiting] = deque()
        self._change = asyncio.Event()
        self._committed: Mapping[TopicPartition, Any] = {}

    async def read(self, consumer: Any, poll: Poll) -> None:
        """Read until cancelled, as long as there is room."""
        while True:
            while self._full():
                await self._changed()
            found = await poll()
            assignment = current_assignment(consumer)
            positions = {} if assignment is None else assignment.all_consumed_offsets()
            if not _belong(found, positions):
                # The partitions have moved meanwhile: these records are delivered again.
                continue
            raw = tuple(chain.from_iterable(found.values()))
            records = [self._as_record(one) for one in raw]
            self._waiting.append(Waiting(raw, records, self.begin(records), assignment, positions))
            self._change.set()

    async def take(self, consumer: Any, seconds: float = 0.0) -> list[Waiting]:
        """Return all that waits, or nothing after so long; the room is free for the next."""
        if not self._waiting and seconds:
            with suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._changed()
        # What was read before partitions moved is delivered again.
        current = current_assignment(consumer)
        taken = [one for one in self._waiting if one.assignment is current]
        self._waiting.clear()
        self._change.set()
        return taken

    async def commit(self, consumer: Any, handled: Waiting) -> None:
        """Commit where the group stands after a batch, as far as that has changed."""
        if current_assignment(consumer) is not handled.assignment:
            log.info("partitions have moved: what was handled last is delivered again")
            return
        positions = handled.positions
        moved = {part: at for part, at in positions.items() if self._committed.get(part) != at}
        if moved:
            await consumer.commit(moved)
        self._committed = positions

    def _full(self) -> bool:
        return len(self._waiting) >= BATCHES_AHEAD or sum(len(one.raw) for one in self._waiting) >= RECORDS_AHEAD

    async def _changed(self) -> None:
        self._change.clear()
        await self._change.wait()


def current_assignment(consumer: Any) -> Any:
    """Return the consumer's own account of what it owns and where it stands, or None while it owns nothing."""
    # Made anew with every rebalance. The consumer shows only the names of its partitions.
    subscription = consumer._subscription.subscription  # noqa: SLF001
    return None if subscription is None else subscription.assignment


def _belong(found: Mapping[Any, Sequence[ConsumerRecord]], positions: Mapping[TopicPartition, Any]) -> bool:
    """Tell whether the consumer, as it stands now, has read these records."""
    return all(part in positions and positions[part].offset > records[-1].offset for part, records in found.items())
