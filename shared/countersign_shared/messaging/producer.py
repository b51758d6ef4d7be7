"""Publishing in explicit batches: one request per partition, order per key kept, every one confirmed."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError, TopicAuthorizationFailedError
from aiokafka.partitioner import murmur2

from countersign_shared.errors import ConfigurationError, FatalError
from countersign_shared.messaging.away import CONNECTING, unreachable
from countersign_shared.messaging.records import Message
from countersign_shared.messaging.stopping import started, stopped
from countersign_shared.settings import Compression

log = logging.getLogger(__name__)

SEND_SECONDS = 30.0
"""Past this a send counts as lost: aiokafka's idempotent producer hangs for ever when Kafka is away."""
BATCH_BYTES = 1_000_000
"""Just under the broker's default message.max.bytes of 1,048,588 for a whole batch."""
LARGEST_BYTES = 4 * BATCH_BYTES
"""Longest body that is tried at all: dead letters carry what somebody else wrote, up to the limit of their topic."""
TOPIC_SECONDS = 5.0
"""How long a topic made a moment ago may take to be known to every broker."""


class Publisher:
    """Sends messages and returns when the broker has confirmed all of them."""

    def __init__(
        self, producer: AIOKafkaProducer, prefix: str, *, bootstrap: str = "", send_seconds: float = SEND_SECONDS
    ) -> None:
        self._producer = producer
        self._prefix = prefix
        self._bootstrap = bootstrap
        self._send_seconds = send_seconds
        self._counts: dict[str, int] = {}

    async def partitions(self, topic: str) -> int:
        """Return the number of partitions of a logical topic.

        A topic that is missing or not ours to see is a ``ConfigurationError``; brokers that answer no more are an
        ``AwayError``.
        """
        if topic not in self._counts:
            physical = self._prefix + topic
            try:
                found = await asyncio.wait_for(self._producer.partitions_for(physical), TOPIC_SECONDS)
            except TopicAuthorizationFailedError as error:
                raise ConfigurationError(f"topic {physical} may not be described: give this user the right") from error
            except (KafkaError, TimeoutError) as error:
                if not await self._answers():
                    raise unreachable(self._bootstrap, TimeoutError()) from error
                # A slow broker may have told of it in that last answer.
                found = self._producer.client.cluster.partitions_for_topic(physical)
                if not found:
                    raise ConfigurationError(f"topic {physical} is missing: run `countersign topics ensure`") from error
            self._counts[topic] = len(found)
        return self._counts[topic]

    async def _answers(self) -> bool:
        """Whether any broker says what topics there are."""
        try:
            return bool(await asyncio.wait_for(self._producer.client.force_metadata_update(), TOPIC_SECONDS))
        except (KafkaError, TimeoutError):
            return False

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish all messages and wait for acks=all; a send that fails or hangs is a ``FatalError``.

        A rejected batch leaves aiokafka's idempotent producer unusable, so nothing is tried again here:
        the process ends, and after its restart the stored rows are published once more.
        """
        if not messages:
            return
        grouped: dict[tuple[str, int], list[Message]] = defaultdict(list)
        for message in messages:
            partition = message.partition
            if partition is None:
                partition = partition_for(message.key, await self.partitions(message.topic))
            grouped[message.topic, partition].append(message)
        try:
            async with asyncio.timeout(self._send_seconds):
                sent = [
                    future
                    for (topic, partition), group in grouped.items()
                    for future in await self._send(topic, partition, group)
                ]
                await asyncio.gather(*sent)
        except (KafkaError, TimeoutError) as error:
            raise FatalError(f"publishing {len(messages)} messages failed: {error!r}") from error

    async def _send(self, topic: str, partition: int, group: list[Message]) -> list["asyncio.Future[object]"]:
        physical = self._prefix + topic
        batch, futures = self._producer.create_batch(), []
        for message in group:
            if len(message.value) > LARGEST_BYTES:
                # The library takes any first record of a batch, and compressed the broker might take it, too.
                raise MessageSizeTooLargeError(f"{len(message.value)} bytes for {physical}")
            if self._append(batch, message) is None:
                futures.append(await self._producer.send_batch(batch, physical, partition=partition))
                batch = self._producer.create_batch()
                self._append(batch, message)
        futures.append(await self._producer.send_batch(batch, physical, partition=partition))
        return futures

    @staticmethod
    def _append(batch: object, message: Message) -> object:
        return batch.append(  # type: ignore[attr-defined]
            timestamp=None, key=message.key, value=message.value, headers=list(message.headers)
        )


def partition_for(key: bytes, partitions: int) -> int:
    """Return the partition that Java's and aiokafka's default partitioner gives a key."""
    hashed: int = murmur2(key)
    return (hashed & 0x7FFFFFFF) % partitions


@asynccontextmanager
async def open_publisher(
    bootstrap: str, *, prefix: str, client_id: str, compression: Compression = "zstd"
) -> AsyncIterator[Publisher]:
    """Open an idempotent producer; an unreachable broker is an ``AwayError`` in one line.

    Events of one batch share most of their words: Zstandard takes a tenth of them to the broker and to each of up to
    four readers, and costs less than moving the rest would.
    """
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, client_id=client_id, acks="all", enable_idempotence=True,
        max_batch_size=BATCH_BYTES, max_request_size=LARGEST_BYTES, linger_ms=0,
        request_timeout_ms=15_000, metadata_max_age_ms=60_000,
        compression_type=None if compression == "none" else compression,
    )  # fmt: skip
    try:
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await started(producer)
        except CONNECTING as error:
            raise unreachable(bootstrap, error) from error
        yield Publisher(producer, prefix, bootstrap=bootstrap)
    finally:
        # For batches that no broker will ever confirm it would wait for ever.
        await stopped(producer.stop(), "the producer", of=producer)
