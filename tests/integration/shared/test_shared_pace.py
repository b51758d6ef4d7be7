"""How a consumer asks a real broker: gathered under load, at once when quiet, and never past its busy partitions."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from countersign_shared.messaging.pace import QUIET_MS, ROOM, Pace

pytestmark = pytest.mark.kafka

LONG_WAIT_MS = 3_000
GATHER_MS = 100
PARTITIONS = 3


@pytest.fixture
async def producer(kafka_bootstrap) -> AsyncIterator[AIOKafkaProducer]:
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap) as made:
        yield made


@asynccontextmanager
async def consuming(bootstrap: str, topic: str, wait_ms: int, **settings: Any) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, auto_offset_reset="earliest", fetch_max_wait_ms=wait_ms, **settings
    )  # fmt: skip
    async with consumer:
        consumer.assign([TopicPartition(topic, number) for number in range(PARTITIONS)])
        yield consumer


class Requests:
    """Notes the requests that a consumer sends, as the client makes them."""

    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.sent: list[set[int]] = []
        fetcher = consumer._fetcher
        self._send = fetcher._proc_fetch_request
        fetcher._proc_fetch_request = self._noted

    async def _noted(self, assignment, node_id, request):
        self.sent.append({partition for _, partitions in request.topics for partition, *_ in partitions})
        return await self._send(assignment, node_id, request)


async def one(consumer: AIOKafkaConsumer, pace: Pace | None = None) -> bytes:
    """Poll for one record, as the loop of a service does."""
    while True:
        found = await consumer.getmany(timeout_ms=200, max_records=1)
        if pace is not None:
            pace.answered(sum(map(len, found.values())), most=2)
        if found:
            return next(iter(found.values()))[0].value


async def seconds_of_a_record_behind_quiet_partitions(consumer, requests, producer, topic, pace=None) -> float:
    """Take two of two records while the client asks the other partitions, then see how long a third one takes."""
    batch = producer.create_batch()
    for value in (b"a", b"b"):
        batch.append(timestamp=None, key=None, value=value)
    await (await producer.send_batch(batch, topic, partition=0))
    assert await one(consumer, pace) == b"a"
    before = len(requests.sent)
    async with asyncio.timeout(20):
        while not any(0 not in asked for asked in requests.sent[before:]):
            await asyncio.sleep(0.01)
    assert await one(consumer, pace) == b"b"
    began = time.monotonic()
    await producer.send_and_wait(topic, b"c", partition=0)
    assert await one(consumer, pace) == b"c"
    return time.monotonic() - began


async def test_what_the_client_asks_of_quiet_partitions_holds_up_the_busy_ones(kafka_bootstrap, topic, producer):
    """The library alone: while it waits for partitions without records, it asks nothing of those that have some."""
    async with consuming(kafka_bootstrap, topic, LONG_WAIT_MS) as consumer:
        took = await seconds_of_a_record_behind_quiet_partitions(consumer, Requests(consumer), producer, topic)
    assert took > LONG_WAIT_MS / 2000


async def test_under_load_busy_partitions_are_not_held_up_by_quiet_ones(kafka_bootstrap, topic, producer):
    wait_ms = 10 * LONG_WAIT_MS
    async with consuming(kafka_bootstrap, topic, wait_ms) as consumer:
        requests = Requests(consumer)
        pace = Pace(consumer, GATHER_MS)
        pace.answered(1, most=2)
        took = await seconds_of_a_record_behind_quiet_partitions(consumer, requests, producer, topic, pace)
    assert took < wait_ms / 2000


async def test_under_load_requests_follow_each_other_at_the_distance_of_gathering(kafka_bootstrap, topic, producer):
    async with consuming(kafka_bootstrap, topic, QUIET_MS) as consumer:
        requests = Requests(consumer)
        pace = Pace(consumer, GATHER_MS)
        began = time.monotonic()
        for number in range(60):
            await producer.send_and_wait(topic, b"%d" % number, partition=number % PARTITIONS)
            await asyncio.sleep(0.01)
            found = await consumer.getmany(timeout_ms=0, max_records=500)
            pace.answered(sum(map(len, found.values())), most=500)
        lasted = time.monotonic() - began
    # Without it there is a request for each record.
    assert len(requests.sent) <= lasted * 1000 / GATHER_MS + 4


async def test_who_takes_long_for_a_batch_gathers_for_longer(kafka_bootstrap, topic, producer):
    """On a busy machine every request costs time that is short: larger batches come, not more of them."""
    took = 0.06
    async with consuming(kafka_bootstrap, topic, QUIET_MS) as consumer:
        requests, pace = Requests(consumer), Pace(consumer, 10)
        began = time.monotonic()
        for number in range(40):
            await producer.send_and_wait(topic, b"%d" % number, partition=number % PARTITIONS)
            pace.handled()
            found = await consumer.getmany(timeout_ms=0, max_records=500)
            pace.answered(sum(map(len, found.values())), most=500)
            await asyncio.sleep(took)
        lasted = time.monotonic() - began
    assert len(requests.sent) <= lasted / (ROOM * took) + 4


async def test_who_is_behind_asks_again_at_once_and_who_has_nothing_to_do_waits_at_the_broker(
    kafka_bootstrap, topic, monkeypatch
):
    async with consuming(kafka_bootstrap, topic, QUIET_MS) as consumer:
        await consumer.getmany(timeout_ms=100)
        pace, fetcher = Pace(consumer, GATHER_MS), consumer._fetcher
        pace.answered(500, most=500)
        assert (fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes) == (GATHER_MS, 131_072)
        pace.answered(3, most=500)
        assert (fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes) == (0, 1)
        pace.answered(0, most=500)
        assert fetcher._fetch_max_wait_ms == 0
        now = time.monotonic() + 2
        monkeypatch.setattr("countersign_shared.messaging.pace.time.monotonic", lambda: now)
        pace.answered(0, most=500)
        assert (fetcher._fetch_max_wait_ms, fetcher._fetch_min_bytes) == (QUIET_MS, 1)


async def test_what_is_known_to_lie_on_the_broker_is_asked_for_at_once_however_small_the_answers(
    kafka_bootstrap, topic, producer
):
    """A reader that is behind by more than one answer holds is held up by no gathering, though each poll has room."""
    answer = {"max_partition_fetch_bytes": 8_192, "fetch_max_bytes": 8_192}
    for _ in range(40):
        await producer.send_and_wait(topic, b"x" * 6_000, partition=0)
    async with consuming(kafka_bootstrap, topic, QUIET_MS, **answer) as consumer:
        requests, pace, found = Requests(consumer), Pace(consumer, LONG_WAIT_MS), 0
        began = time.monotonic()
        while found < 40:
            polled = await consumer.getmany(timeout_ms=200, max_records=500)
            count = sum(map(len, polled.values()))
            pace.answered(count, most=500)
            found += count
        lasted = time.monotonic() - began
    assert len(requests.sent) > 20
    # Gathered for, each answer would take LONG_WAIT_MS.
    assert lasted < len(requests.sent) * LONG_WAIT_MS / 4000


async def test_what_an_open_transaction_holds_back_is_not_asked_for_again_and_again(kafka_bootstrap, topic, producer):
    settings = {"isolation_level": "read_committed"}
    async with (
        AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, transactional_id=f"{topic}-open") as upstream,
        consuming(kafka_bootstrap, topic, QUIET_MS, **settings) as consumer,
        upstream.transaction(),
    ):
        await upstream.send_and_wait(topic, b"held back", partition=0)
        requests, pace = Requests(consumer), Pace(consumer, GATHER_MS)
        began, ends = time.monotonic(), time.monotonic() + 1.5
        while time.monotonic() < ends:
            # In another partition something comes all the time.
            await producer.send_and_wait(topic, b"seen", partition=1)
            polled = await consumer.getmany(timeout_ms=20, max_records=500)
            assert all(record.value == b"seen" for records in polled.values() for record in records)
            pace.answered(sum(map(len, polled.values())), most=500)
        lasted = time.monotonic() - began
    assert len(requests.sent) <= lasted * 1000 / GATHER_MS + 4
