"""Traps of the client libraries and of the outbox, on the paths that the services use."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from faststream import AckPolicy, BaseMiddleware
from faststream.kafka import KafkaBroker
from faststream.middlewares import ExceptionMiddleware

from countersign_shared.errors import FatalError
from countersign_shared.messaging import Bus, Message, Record, open_bus, write_event
from countersign_shared.messaging.outbox import Outbox, Relay
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import migrate, open_pool

LIMIT_SECONDS = 20.0
OUTBOX = Path(__file__).parents[3] / "services" / "review" / "countersign_review" / "sql" / "migrations"


@asynccontextmanager
async def bus_of(settings, *, health=None, metrics=None) -> AsyncIterator[Bus]:
    health, metrics = health or Health(), metrics or Metrics("test")
    async with open_bus(settings, service="test", health=health, metrics=metrics) as bus:
        yield bus


def created(case_id: str, partition: int = 0) -> Message:
    return write_event(
        "case.created", event_id=f"up-{case_id}", source="/up", case_id=case_id, time="2026-01-02T03:04:05Z",
        body=b"{}", partition=partition,
    )  # fmt: skip


async def eventually(holds) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not holds():
            await asyncio.sleep(0.02)


class Collecting:
    def __init__(self) -> None:
        self.given, self.seen = 0, list[Record]()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, records):
        self.given += len(records)
        await self.gate.wait()
        self.seen += records
        return []


@pytest.mark.kafka
async def test_trap_5_a_middleware_that_catches_everything_loses_the_record(settings):
    """Why the bus has no such middleware, and a handler that fails ends the process."""
    name = settings.topic_prefix + "case.created"
    seen: list[bytes] = []

    def swallowing() -> type[BaseMiddleware] | ExceptionMiddleware:
        middleware = ExceptionMiddleware()
        middleware.add_handler(Exception)(lambda _: None)
        return middleware

    async def run_until(value: bytes) -> None:
        broker = KafkaBroker(
            settings.kafka_bootstrap_servers, logger=None, apply_types=False, middlewares=[swallowing()]
        )
        subscriber = broker.subscriber(
            name, group_id=f"{name}-g", auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR,
            batch=True, batch_timeout_ms=10,
        )  # fmt: skip

        async def handle(batch):
            seen.extend(record.key for record in batch)
            if any(record.key == b"poison" for record in batch):
                raise ValueError

        async def decode(message):
            return message.raw_message

        subscriber(handle, decoder=decode)
        await broker.start()
        await eventually(lambda: value in seen)
        await broker.stop()

    async with bus_of(settings) as bus:
        await bus.publish([created("poison")])
        await run_until(b"poison")
        seen.clear()
        await bus.publish([created("later")])
        await run_until(b"later")
    assert b"poison" not in seen


@pytest.mark.kafka
async def test_trap_8_a_thousand_messages_are_one_request_per_partition(settings):
    async with bus_of(settings) as bus:
        producer, sent = bus._publisher._producer, []
        send_batch = producer.send_batch

        async def counted(batch, *args, **kwargs):
            sent.append(batch.record_count())
            return await send_batch(batch, *args, **kwargs)

        producer.send_batch = counted
        await bus.publish([created(f"c{number}", number % 3) for number in range(1000)])
        assert sorted(sent) == [333, 333, 334]
        assert len(await bus.read_all("case.created")) == 1000


@pytest.mark.kafka
async def test_trap_13_a_consume_loop_that_died_is_not_alive(settings):
    moment = [time.monotonic()]
    health = Health(lambda: moment[0])
    async with bus_of(settings, health=health) as bus, bus.consume(["case.created"], Collecting()):
        moment[0] = time.monotonic()
        assert health.live()[0]
        (loop,) = [task for task in asyncio.all_tasks() if "_run_consume_loop" in repr(task.get_coro())]
        loop.cancel()
        await asyncio.wait([loop])
        # Kafka itself answers as before; only the polls have stopped.
        assert await bus.partitions("case.created") == 3
        moment[0] = time.monotonic() + 61
        assert not health.live()[0]


@pytest.mark.kafka
async def test_trap_14_an_idle_consumer_asks_again_at_once(settings):
    """Each empty poll takes 200 ms; with the framework's pause none would follow within 400 ms, on any machine."""
    polls: list[float] = []

    class Counting(Health):
        def polled(self, moment: float) -> None:
            polls.append(moment)

    async with bus_of(settings, health=Counting()) as bus, bus.consume(["case.created"], Collecting()):
        await eventually(lambda: len(polls) > 20)
    assert sorted(later - earlier for earlier, later in pairwise(polls))[len(polls) // 4] < 0.35


@pytest.mark.kafka
async def test_trap_15_lag_counts_what_is_not_handled_rather_than_what_was_delivered(settings):
    metrics, handler = Metrics("test"), Collecting()
    async with bus_of(settings, metrics=metrics) as bus, bus.consume(["case.created"], handler):
        await bus.publish([created("first")])
        await eventually(lambda: len(handler.seen) == 1)
        handler.gate.clear()
        await bus.publish([created(f"c{number}") for number in range(10)])
        await eventually(lambda: handler.given == 11)
        assert _lag(metrics) == 10
        handler.gate.set()
        await eventually(lambda: _lag(metrics) == 0)


def _lag(metrics: Metrics) -> float:
    (line,) = [
        line for line in metrics.exposition().decode().splitlines()
        if line.startswith('countersign_consumer_lag_records{topic="case.created"')
    ]  # fmt: skip
    return float(line.rsplit(" ", 1)[1])


@pytest.mark.kafka
async def test_trap_46_offsets_begin_anew_with_the_topic_and_nothing_is_taken_for_a_repeat(settings):
    names = [settings.topic_prefix + "case.created"]
    first, second = Collecting(), Collecting()
    async with bus_of(settings) as bus, bus.consume(["case.created"], first):
        await bus.publish([created("old-1"), created("old-2")])
        await eventually(lambda: len(first.seen) == 2)
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.delete_topics(names)
    async with asyncio.timeout(LIMIT_SECONDS):
        while set(names) & set(await admin.list_topics()):
            await asyncio.sleep(0.1)
    await admin.close()
    await ensure_topics(settings.kafka_bootstrap_servers, prefix=settings.topic_prefix, partitions=3)
    async with bus_of(settings) as bus, bus.consume(["case.created"], second):
        await bus.publish([created("new-1")])
        await eventually(lambda: len(second.seen) == 1)
    assert (second.seen[0].key, second.seen[0].offset) == (b"new-1", 0)
    assert first.seen[0].offset == 0


@pytest.mark.postgres
async def test_trap_42_a_relay_that_lost_its_lock_sends_nothing_more(database_url):
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    sent: list[Message] = []

    async def publish(messages):
        sent.extend(messages)

    async with open_pool(database_url, schema="review") as pool:
        await migrate(pool, schema="review", migrations=OUTBOX)
        outbox = Outbox()
        relay, other = (Relay(outbox, publish, clock=lambda: now) for _ in range(2))
        async with pool.acquire() as connection, pool.acquire() as rival:
            await outbox.add(connection, created("a"), event_id="a", not_before=now)
            assert await relay.acquire(connection)
            # What a dropped session does, without dropping it: the lock is gone and somebody else has it.
            await connection.execute("SELECT pg_advisory_unlock_all()")
            assert await other.acquire(rival)
            with pytest.raises(FatalError, match="lost its lock"):
                await relay.pass_once(connection)
            assert sent == []
            assert await other.pass_once(rival) == 1
    assert len(sent) == 1
