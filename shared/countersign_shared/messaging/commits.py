"""Committing what was handled beside the handling of what comes next."""

import asyncio
import logging
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError

from countersign_shared.messaging.ahead import current_assignment

EVERY_SECONDS = 0.1
"""Commits are at least so far apart: each costs the broker and us as much as a small batch. What a crash leaves
uncommitted is delivered again, and repeats change nothing."""
SETTLE_SECONDS = 3.0
"""How long the last commit may take before partitions are given away: without a broker it would be tried for ever."""

log = logging.getLogger(__name__)


class Commits:
    """The commits of one consumer, one after the other, each of everything that was handled by then."""

    def __init__(self, consumer: Any) -> None:
        self._consumer = consumer
        self._due: dict[TopicPartition, Any] = {}
        self._committed: dict[TopicPartition, Any] = {}
        self._sending: asyncio.Task[None] | None = None
        self._hurry = asyncio.Event()

    def handled(self) -> None:
        """Note that everything read so far is handled; committed soon. Called before the next is read."""
        assignment = current_assignment(self._consumer)
        if assignment is None:
            return
        # Positions, not the places of records: what transactions leave between them is passed, too.
        self._due = assignment.all_consumed_offsets()
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send())

    async def settle(self) -> None:
        """Commit what is due now, and wait for it: the partitions are about to move. Later positions start anew."""
        if self._sending is not None and not self._sending.done():
            self._hurry.set()
            await asyncio.wait([self._sending], timeout=SETTLE_SECONDS)
            self._hurry.clear()
            if not self._sending.done():
                log.warning("what was handled last could not be committed in time: it is delivered again")
                self._sending.cancel()
        self._due, self._committed = {}, {}

    async def _send(self) -> None:
        while self._due:
            due, self._due = self._due, {}
            await self._commit({part: at for part, at in due.items() if self._committed.get(part) != at})
            try:
                await asyncio.wait_for(self._hurry.wait(), EVERY_SECONDS)
            except TimeoutError:
                continue

    async def _commit(self, moved: dict[TopicPartition, Any]) -> None:
        if not moved:
            return
        try:
            await self._consumer.commit(moved)
        except (IllegalStateError, KafkaError) as error:
            # Most often the partitions have moved; their new owner reads from what was committed before.
            log.info("a commit failed, what it was for is delivered again: %r", error)
        else:
            self._committed |= moved
