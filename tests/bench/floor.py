"""The floor: raw aiokafka passes the same records through, in explicit batches, doing nothing else.

Run as a process of its own, so that its CPU time is its own: ``python -m tests.bench.floor BOOTSTRAP FROM TO COUNT``.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer


async def passthrough(bootstrap: str, source: str, target: str, count: int) -> dict[str, float]:
    """Read ``count`` records, write each to the same partition of ``target``, commit; returns wall and CPU seconds."""
    consumer = AIOKafkaConsumer(
        source, bootstrap_servers=bootstrap, group_id=f"floor-{target}", enable_auto_commit=False,
        auto_offset_reset="earliest", max_partition_fetch_bytes=4_194_304,
    )  # fmt: skip
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=1_000_000,
        max_request_size=4_000_000,
    )  # fmt: skip
    await producer.start()
    await consumer.start()
    seen, began, cpu = 0, 0.0, 0.0
    while seen < count:
        batches = await consumer.getmany(timeout_ms=500, max_records=500)
        if batches and not began:
            began, cpu = time.perf_counter(), time.process_time()
        sends = []
        for partition, records in batches.items():
            batch = producer.create_batch()
            for record in records:
                headers = list(record.headers)
                if batch.append(key=record.key, value=record.value, timestamp=None, headers=headers) is None:
                    sends.append(await producer.send_batch(batch, target, partition=partition.partition))
                    batch = producer.create_batch()
                    batch.append(key=record.key, value=record.value, timestamp=None, headers=headers)
            sends.append(await producer.send_batch(batch, target, partition=partition.partition))
            seen += len(records)
        if sends:
            await asyncio.gather(*sends)
            await consumer.commit()
    result = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    await consumer.stop()
    await producer.stop()
    return result


if __name__ == "__main__":
    bootstrap, source, target, count = sys.argv[1:]
    print(json.dumps(uvloop.run(passthrough(bootstrap, source, target, int(count)))))
