"""Latency at a steady rate: append of case.created to append of decision.made, by the broker's own clock."""

from __future__ import annotations

import asyncio
import time

from aiokafka import AIOKafkaConsumer, TopicPartition
from confluent_kafka import Producer

from countersign_shared.messaging import Message
from tests.bench import cases
from tests.bench.rounds import PARTITIONS, Ground, drained, drop_database, drop_topics, fresh_stack

WARM_UP_SECONDS = 3
FLUSH_SECONDS = 30.0


async def latency_round(ground: Ground, *, rate: int, seconds: int) -> dict[str, float]:
    """Send ``rate`` cases a second, open loop, and return percentiles in milliseconds for automatic decisions."""
    stack = await fresh_stack(ground, log_append_time=True)
    with stack:
        count = rate * (seconds + WARM_UP_SECONDS)
        await send(ground, stack.topic_prefix, rate, count)
        await drained(ground, stack, count)
        times = await _times(ground, stack.topic_prefix)
        await asyncio.to_thread(stack.stop)
    await drop_topics(ground, stack.topic_prefix)
    await drop_database(ground, stack.database_url)
    first = min(created for created, _ in times) + WARM_UP_SECONDS * 1000
    spans = sorted(decided - created for created, decided in times if created >= first)
    return {f"p{q}_ms": spans[min(int(len(spans) * q / 100), len(spans) - 1)] for q in (50, 95, 99)} | {
        "rate": rate, "decisions": len(spans)
    }  # fmt: skip


async def send(ground: Ground, prefix: str, rate: int, count: int) -> None:
    """Send ``count`` cases at this rate a second, whatever becomes of them.

    They are made before, and sent by a client that is not Python: upstream has machines of its own, and what it spends
    here the services do not get.
    """
    prepared = list(cases.messages(count, partitions=PARTITIONS, run="latency"))
    await asyncio.to_thread(_paced, ground.kafka.bootstrap, prefix, prepared, rate)


def _paced(bootstrap: str, prefix: str, prepared: list[Message], rate: int) -> None:
    # As the client comes from its makers: like Java's, it waits 5 ms for more. What it waits is not measured.
    producer = Producer({"bootstrap.servers": bootstrap, "enable.idempotence": True})
    began = time.perf_counter()
    for number, case in enumerate(prepared):
        if (wait := began + number / rate - time.perf_counter()) > 0:
            time.sleep(wait)
        producer.produce(
            prefix + case.topic, case.value, key=case.key, partition=case.partition, headers=list(case.headers)
        )
        producer.poll(0)
    if left := producer.flush(FLUSH_SECONDS):
        raise RuntimeError(f"{left} cases were not taken by the broker")


async def _times(ground: Ground, prefix: str) -> list[tuple[int, int]]:
    created = await appended(ground, f"{prefix}case.created")
    decided = await appended(ground, f"{prefix}decision.made")
    return [(created[key], moment) for key, moment in decided.items()]


async def appended(ground: Ground, topic: str) -> dict[bytes, int]:
    """Return when the first record of each key was appended, in milliseconds by the broker's clock."""
    consumer = AIOKafkaConsumer(bootstrap_servers=ground.kafka.bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    parts = [TopicPartition(topic, number) for number in range(PARTITIONS)]
    consumer.assign(parts)
    ends = await consumer.end_offsets(parts)
    found: dict[bytes, int] = {}
    while any([await consumer.position(part) < ends[part] for part in parts]):
        for records in (await consumer.getmany(timeout_ms=200)).values():
            for record in records:
                found.setdefault(record.key, record.timestamp)
    await consumer.stop()
    return found
