"""Reading a topic once, without a group: the whole of it, or only its end."""

import asyncio
from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition

from countersign_shared.messaging.header_names import take_any_header_name
from countersign_shared.messaging.records import Record, whole_headers
from countersign_shared.messaging.stopping import opened
from countersign_shared.settings import ServiceSettings

READ_SECONDS = 30.0
PIECE_MS = 200


async def read_topic(
    settings: ServiceSettings, topic: str, partitions: int, *, client_id: str, last: int | None = None
) -> list[Record]:
    """Read a topic up to where it ended at the call; ``last`` leaves out all but so many records of each partition."""
    take_any_header_name()
    name, prefix = settings.topic_prefix + topic, len(settings.topic_prefix)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, enable_auto_commit=False, auto_offset_reset="earliest",
        client_id=client_id,
    )  # fmt: skip
    async with opened(consumer, "the reader"):
        parts = [TopicPartition(name, number) for number in range(partitions)]
        consumer.assign(parts)
        ends = await consumer.end_offsets(parts)
        begins = await consumer.beginning_offsets(parts)
        for part in parts:
            consumer.seek(part, begins[part] if last is None else max(begins[part], ends[part] - last))
        return await _up_to(consumer, parts, ends, prefix)


async def _up_to(
    consumer: AIOKafkaConsumer, parts: Sequence[TopicPartition], ends: dict[TopicPartition, int], prefix: int
) -> list[Record]:
    found: list[Record] = []
    async with asyncio.timeout(READ_SECONDS):
        while any([await consumer.position(part) < ends[part] for part in parts]):
            for batch in (await consumer.getmany(timeout_ms=PIECE_MS)).values():
                found += [
                    Record(
                        raw.topic[prefix:], raw.partition, raw.offset, raw.timestamp, raw.key, raw.value,
                        whole_headers(raw.headers),
                    )
                    for raw in batch
                ]  # fmt: skip
    return found
