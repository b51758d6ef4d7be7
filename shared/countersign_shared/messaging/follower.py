"""Reading a topic whole and then live, without a group: every process sees every record, again at each start."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from countersign_shared.background import beside
from countersign_shared.errors import AwayError, FatalError
from countersign_shared.messaging.away import unreachable
from countersign_shared.messaging.consumer import FIRST_BACKOFF_SECONDS, MAX_RECORDS, RETRIES, TRANSIENT
from countersign_shared.messaging.header_names import take_any_header_name
from countersign_shared.messaging.pace import DOZE_MS, QUIET_MS
from countersign_shared.messaging.records import Record, whole_headers
from countersign_shared.messaging.stopping import started, stopped
from countersign_shared.observability.faults import named
from countersign_shared.settings import ServiceSettings

log = logging.getLogger(__name__)

Take = Callable[[Sequence[Record]], Awaitable[None]]
"""Takes records in the order of the topic. Called again with the same ones after a transient fault and at each start,
so it must absorb repeats; ``TransientError`` and lost database connections are tried again, all else ends the process.
"""

WAIT_MS = 200
"""Longest wait of one poll: the broker answers at once when there is something."""
CATCH_UP_SECONDS = 60.0


@asynccontextmanager
async def following(
    settings: ServiceSettings, topic: str, take: Take, *, service: str, fail: Callable[[BaseException], None]
) -> AsyncIterator[None]:
    """Follow a topic of one partition while the context is open.

    The context opens once everything that lay on the topic has been taken; what cannot be taken then is raised, and
    afterwards handed to ``fail``: the process must end, because it would go on without what it was to know.
    """
    take_any_header_name()
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest",
        client_id=f"countersign-{service}-follower", isolation_level="read_committed",
        # The in-memory broker holds a request to its end.
        fetch_max_wait_ms=DOZE_MS if settings.broker == "mock" else QUIET_MS,
    )  # fmt: skip
    part = TopicPartition(settings.topic_prefix + topic, 0)
    try:
        try:
            await started(consumer)
            consumer.assign([part])
            await consumer.seek_to_beginning(part)
            end = (await consumer.end_offsets([part]))[part]
        except KafkaError as error:
            raise unreachable(settings.kafka_bootstrap_servers, error) from error
        await _caught_up(consumer, part, end, partial(_take_some, consumer, topic, take))
        async with beside(_follow(consumer, topic, take), fail=partial(_ended, fail)):
            yield
    finally:
        await stopped(consumer.stop(), "the follower", of=consumer)


async def _caught_up(consumer: Any, part: TopicPartition, end: int, take_some: Callable[[], Awaitable[None]]) -> None:
    try:
        async with asyncio.timeout(CATCH_UP_SECONDS):
            while await consumer.position(part) < end:
                await take_some()
    except TimeoutError as error:
        raise AwayError(f"{part.topic} could not be read up to offset {end} in {CATCH_UP_SECONDS:g} s") from error


async def _follow(consumer: Any, topic: str, take: Take) -> None:
    while True:
        await _take_some(consumer, topic, take)


async def _take_some(consumer: Any, topic: str, take: Take) -> None:
    for raws in (await consumer.getmany(timeout_ms=WAIT_MS, max_records=MAX_RECORDS)).values():
        records = [
            Record(topic, raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, whole_headers(raw.headers))
            for raw in raws
        ]
        if records:
            await _taken(records, take)


async def _taken(records: Sequence[Record], take: Take) -> None:
    backoff = FIRST_BACKOFF_SECONDS
    for attempt in range(RETRIES):
        try:
            return await take(records)
        except TRANSIENT as error:
            log.warning("%d records of %s failed (attempt %d): %r", len(records), records[0].topic, attempt + 1, error)
            last = error
        await asyncio.sleep(backoff)
        backoff *= 2
    raise FatalError(f"records of {records[0].topic} failed {RETRIES} times, last with {named(last)}") from last


def _ended(fail: Callable[[BaseException], None], error: BaseException) -> None:
    log.critical("cannot follow any more", exc_info=error)
    fail(error)
