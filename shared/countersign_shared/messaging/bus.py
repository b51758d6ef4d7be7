"""A service's connection to the topics: one publisher, one consumer, the checks at start."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from countersign_shared.contracts.topics import load_topics
from countersign_shared.errors import ConfigurationError, FatalError
from countersign_shared.messaging.ahead import Begin
from countersign_shared.messaging.consumer import MAX_RECORDS, Delivery, Handler, consuming
from countersign_shared.messaging.header_names import take_any_header_name
from countersign_shared.messaging.light_zstd import take_light_zstd
from countersign_shared.messaging.pace import GATHER_MS
from countersign_shared.messaging.producer import Publisher, open_publisher
from countersign_shared.messaging.records import Message, Record
from countersign_shared.messaging.whole import read_topic
from countersign_shared.observability.health import Health
from countersign_shared.observability.metrics import Metrics
from countersign_shared.settings import ServiceSettings

__all__ = ["Bus", "Handler", "open_bus"]

log = logging.getLogger(__name__)


class Bus:
    """What a service may do with topics; ``failed`` resolves when the process must end."""

    def __init__(
        self, settings: ServiceSettings, publisher: Publisher, *, service: str, health: Health, metrics: Metrics
    ) -> None:
        self._settings = settings
        self._publisher = publisher
        self._service = service
        self._health = health
        self._metrics = metrics
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fail(self, error: BaseException) -> None:
        """Say that the process must end, and why; the first reason stands."""
        self._health.failed(error)
        if not self.failed.done():
            self.failed.set_exception(error)

    async def publish(self, messages: Sequence[Message]) -> None:
        """Publish and await the confirmation of every message (see ``Publisher.publish``).

        Whoever asked, a publication that failed ends the process: its producer will not recover, and a service that is
        asked over HTTP alone would go on refusing.
        """
        try:
            await self._publisher.publish(messages)
        except FatalError as error:
            self.fail(error)
            raise

    async def partitions(self, topic: str) -> int:
        """Return the partition count of a logical topic."""
        return await self._publisher.partitions(topic)

    async def check_topics(self) -> None:
        """Refuse to start when a topic is missing or the case topics differ in partition count."""
        counts = {
            topic.name: await self.partitions(topic.name) for topic in load_topics().values() if topic.copartitioned
        }
        if len(set(counts.values())) != 1:
            listed = ", ".join(f"{name}={count}" for name, count in sorted(counts.items()))
            raise ConfigurationError(f"case topics must have the same partition count, found {listed}")
        for topic in load_topics().values():
            if not topic.copartitioned:
                await self.partitions(topic.name)

    @asynccontextmanager
    async def consume(
        self, topics: Sequence[str], handler: Handler, *, max_records: int = MAX_RECORDS, gather_ms: int = GATHER_MS,
        begin: Begin | None = None,
    ) -> AsyncIterator[None]:  # fmt: skip
        """Feed the handler with batches of these topics, in this service's consumer group.

        Larger batches cost less per record and hold up the service's HTTP for longer. Under steady load records gather
        for ``gather_ms`` (``Pace``): longer for services that nobody waits for. With ``begin`` the next batches are
        read, and work on them begins, while the handler is busy; it gets what was begun.
        """
        settings = self._settings
        mock = settings.broker == "mock"
        delivery = Delivery(
            handler, self.publish, prefix=settings.topic_prefix, health=self._health, fail=self.fail, forgetful=mock,
            begin=begin,
        )  # fmt: skip
        lag = self._metrics.gauge("consumer_lag_records")
        for topic in topics:
            lag.labels(topic=topic).set_function(partial(_lag_of, delivery, topic))
        # The in-memory broker never lets a static member rejoin.
        instance = None if mock or not settings.instance_id else f"{self._service}-{settings.instance_id}"
        async with consuming(
            settings.kafka_bootstrap_servers, topics, delivery, group=f"countersign-{self._service}",
            prefix=settings.topic_prefix, client_id=f"countersign-{self._service}",
            instance_id=instance, health=self._health, max_records=max_records, gather_ms=gather_ms,
        ):  # fmt: skip
            yield

    async def read_all(self, topic: str) -> list[Record]:
        """Read a whole topic from the beginning, without a group, up to where it ended at the call."""
        return await self._read(topic, None)

    async def read_last(self, topic: str, count: int) -> list[Record]:
        """Read the last records of each partition of a topic, without a group, up to where it ended at the call."""
        return await self._read(topic, count)

    async def _read(self, topic: str, last: int | None) -> list[Record]:
        client_id = f"countersign-{self._service}-reader"
        return await read_topic(self._settings, topic, await self.partitions(topic), client_id=client_id, last=last)


def _lag_of(delivery: Delivery, topic: str) -> float:
    return delivery.lag().get(topic, 0)


@asynccontextmanager
async def open_bus(settings: ServiceSettings, *, service: str, health: Health, metrics: Metrics) -> AsyncIterator[Bus]:
    """Connect a service to Kafka and check the topics; what is wrong is said in one line."""
    take_any_header_name()
    take_light_zstd()
    async with open_publisher(
        settings.kafka_bootstrap_servers, prefix=settings.topic_prefix, client_id=f"countersign-{service}",
        compression=settings.kafka_compression,
    ) as publisher:  # fmt: skip
        bus = Bus(settings, publisher, service=service, health=health, metrics=metrics)
        await bus.check_topics()
        try:
            yield bus
        finally:
            if bus.failed.done() and not bus.failed.cancelled():
                bus.failed.exception()  # retrieved, so that asyncio does not complain a second time
