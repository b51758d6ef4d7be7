"""What the floors of single services share: reading batches, sending them on, and what that costs the process."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from typing import Any, Protocol

import asyncpg
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

BATCH = 500


def compression() -> str:
    """Return how both sides compress what they send, so that the ratio is about the work; `none` to leave it out."""
    return os.environ.get("KAFKA_COMPRESSION", "zstd")


class Bare(Protocol):
    """A service reduced to its work."""

    async def take(self, batches: dict[Any, list[Any]]) -> int:
        """Do the work on one batch, store and publish it; returns how many cases."""


async def send(producer: AIOKafkaProducer, topic: str, partition: int, values: list[tuple[Any, bytes]]) -> list[Any]:
    """Send (record that came, body that goes) under the same key and headers; returns what to wait for."""
    batch, sends = producer.create_batch(), []
    for record, value in values:
        headers = list(record.headers)
        if batch.append(key=record.key, value=value, timestamp=None, headers=headers) is None:
            sends.append(await producer.send_batch(batch, topic, partition=partition))
            batch = producer.create_batch()
            batch.append(key=record.key, value=value, timestamp=None, headers=headers)
    if batch.record_count():
        sends.append(await producer.send_batch(batch, topic, partition=partition))
    return sends


async def drained(
    make: Callable[[AIOKafkaProducer, asyncpg.Connection, str], Bare], *, table: str, topic: str, bootstrap: str,
    url: str, prefix: str, count: int,
) -> dict[str, float]:  # fmt: skip
    """Take ``count`` cases of a topic to their end; returns wall and CPU seconds from the first batch on."""
    consumer = AIOKafkaConsumer(
        f"{prefix}{topic}", bootstrap_servers=bootstrap, group_id=f"bare-{prefix}", enable_auto_commit=False,
        auto_offset_reset="earliest", max_partition_fetch_bytes=4_194_304,
    )  # fmt: skip
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=1_000_000,
        max_request_size=4_000_000, compression_type=None if compression() == "none" else compression(),
    )  # fmt: skip
    connection = await asyncpg.connect(url)
    await connection.execute(table)
    await producer.start()
    await consumer.start()
    bare, seen, began, cpu = make(producer, connection, f"bare{prefix}"), 0, 0.0, 0.0
    while seen < count:
        batches = await consumer.getmany(timeout_ms=500, max_records=BATCH)
        if batches and not began:
            began, cpu = time.perf_counter(), time.process_time()
        if batches:
            seen += await bare.take(batches)
            await consumer.commit()
    result = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    await consumer.stop()
    await producer.stop()
    await connection.close()
    return result
