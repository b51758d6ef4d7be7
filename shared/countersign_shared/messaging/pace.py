"""How often a consumer asks the broker: it waits there for the first record while little happens, and not otherwise."""

import asyncio
import time
from typing import Any

from aiokafka import TopicPartition

GATHER_MS = 25
"""How long records gather for a service that somebody waits for."""
GATHER_BYTES = 131_072
"""How many bytes a consumer that is behind asks for at least."""
QUIET_MS = 500
"""How long the broker waits for a first record."""
DOZE_MS = 100
"""The same in memory, where the broker holds a request to its end: so much later comes a first record."""
QUIET_AFTER_SECONDS = 1.0
"""Without a record for so long, little happens."""
ROOM = 1.5
"""How many times as long as a batch takes the next one gathers, where that is longer than ``gather_ms``."""
LONGEST_GATHER_SECONDS = 0.1
"""Batches that are larger still gain little, and somebody waits for them."""


class Pace:
    """Decides when a consumer sends its next request, and what it asks for.

    *Quiet*: the broker holds the request until there is a record. *Steady*: requests follow each other at the distance
    of ``gather_ms``, or of half as much again as the last batch took: on a busy machine small batches would make it
    busier. The broker answers at once with what there is - unless the last answer brought records and was too small
    for all of them: what is known to lie there is asked for directly. A request that waits there is looked at anew with
    every record of any of its partitions: with eighty of them, and five services, that costs the broker more than
    everything else. Also the client asks only for partitions from which nothing is left, and asks nothing else
    until that is answered: one that waits for quiet partitions would keep the busy ones waiting. *Behind*: there is
    plenty, so requests follow each other directly.
    """

    def __init__(self, consumer: Any, gather_ms: int) -> None:
        # The client has no other way to change these between two requests; the conformance tests hold it to it.
        self._fetcher = consumer._fetcher  # noqa: SLF001
        self._send = self._fetcher._proc_fetch_request  # noqa: SLF001
        self._fetcher._proc_fetch_request = self._in_time  # noqa: SLF001
        self._gather_ms = gather_ms
        self._gather_seconds = gather_ms / 1000
        self._steady = False
        self._brought: dict[int, bool] = {}
        self._records_at = self._asked_at = self._answered_at = time.monotonic()

    def handled(self) -> None:
        """Note that what the last poll brought has been handled, before the next one begins."""
        took = time.monotonic() - self._answered_at
        self._gather_seconds = max(self._gather_ms / 1000, min(ROOM * took, LONGEST_GATHER_SECONDS))

    def answered(self, records: int, *, most: int) -> None:
        """Note how many records a poll brought out of so many at most, before the next request can be made."""
        now = self._answered_at = time.monotonic()
        if records:
            self._records_at = now
        self._steady = records < most and now - self._records_at < QUIET_AFTER_SECONDS
        if self._steady:
            self._ask(0, 1)
        elif records:
            self._ask(self._gather_ms, GATHER_BYTES)
        else:
            self._ask(QUIET_MS, 1)

    async def _in_time(self, assignment: Any, node_id: int, request: Any) -> Any:
        early = self._asked_at + self._gather_seconds - time.monotonic()
        if self._steady and early > 0 and not (self._brought.get(node_id) and _left_behind(assignment, request)):
            try:
                await asyncio.sleep(early)
            except asyncio.CancelledError:
                # As the client ends a request itself when partitions move or the consumer stops: no new records.
                return False
        self._asked_at = time.monotonic()
        self._brought[node_id] = brought = await self._send(assignment, node_id, request)
        return brought

    def _ask(self, wait_ms: int, least_bytes: int) -> None:
        self._fetcher._fetch_max_wait_ms = wait_ms  # noqa: SLF001
        self._fetcher._fetch_min_bytes = least_bytes  # noqa: SLF001


class Doze:
    """The pace at the in-memory broker, which answers at once or at the end of the wait, whatever comes meanwhile.

    So a wait is no longer than records gather, and a little longer while little happens: five services that ask forty
    times a second for nothing keep a third of a processor busy.
    """

    def __init__(self, consumer: Any, gather_ms: int) -> None:
        self._fetcher = consumer._fetcher  # noqa: SLF001 - as above
        self._gather_ms = gather_ms
        self._records_at = time.monotonic()

    def handled(self) -> None:
        """Nothing depends here on how long that took."""

    def answered(self, records: int, *, most: int) -> None:
        """Note how many records a poll brought, before the next request can be made."""
        del most
        now = time.monotonic()
        if records:
            self._records_at = now
        quiet = now - self._records_at >= QUIET_AFTER_SECONDS
        self._fetcher._fetch_max_wait_ms = max(self._gather_ms, DOZE_MS if quiet else 0)  # noqa: SLF001


def _left_behind(assignment: Any, request: Any) -> bool:
    """Tell whether the broker, as of its last answer, holds records that may be read and have not been fetched."""
    for topic, partitions in request.topics:
        for partition, offset, _ in partitions:
            state = assignment.state_value(TopicPartition(topic, partition))
            # What an open transaction holds back is not to be had by asking.
            end = None if state is None else state.highwater if state.lso is None else state.lso
            if end is not None and offset < end:
                return True
    return False
