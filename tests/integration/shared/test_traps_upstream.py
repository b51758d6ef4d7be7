"""What other people's clients may do to a topic that we read, on a real broker."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from confluent_kafka import Producer

from countersign_shared.errors import FatalError
from countersign_shared.messaging import Message, Record, dead_letter, open_bus
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 20.0


@pytest.fixture
async def settings(kafka_bootstrap, topic_prefix) -> ServiceSettings:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=3)
    return ServiceSettings(
        database_url="unused", kafka_bootstrap_servers=kafka_bootstrap, http_port=0, topic_prefix=topic_prefix
    )


def publish(settings: ServiceSettings, *values: bytes, partition: int = 0, **options: object) -> None:
    producer = Producer({"bootstrap.servers": settings.kafka_bootstrap_servers, **options})
    refused: list[object] = []
    for value in values:
        producer.produce(
            settings.topic_prefix + "case.created", value, key=b"k", partition=partition,
            on_delivery=lambda error, _: refused.append(error) if error else None,
        )  # fmt: skip
    assert producer.flush(LIMIT_SECONDS) == 0
    assert not refused


class Refusing:
    """Puts everything aside, as a service does with what it cannot read."""

    def __init__(self) -> None:
        self.seen: list[Record] = []

    async def __call__(self, records: Sequence[Record]) -> list[Message]:
        self.seen += records
        return [dead_letter(record, service="test", reason="malformed_json") for record in records]


async def put_aside(settings: ServiceSettings, count: int) -> tuple[list[Record], list[Record]]:
    """Consume until that many records were handled; returns them and the dead letters."""
    handler = Refusing()
    async with open_bus(settings, service="test", health=Health(), metrics=Metrics("test")) as bus:
        async with bus.consume(["case.created"], handler), asyncio.timeout(LIMIT_SECONDS):
            while len(handler.seen) < count:
                assert not bus.failed.done(), bus.failed.exception()
                await asyncio.sleep(0.02)
        assert not bus.failed.done(), bus.failed.exception()
        return handler.seen, await bus.read_all("countersign.dead-letter")


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_upstream_may_compress_as_it_likes(settings, codec):
    """Without its codec a batch stalls the consumer, with nothing but a line in the log every fifteen seconds."""
    values = [b"%d" % number * 200 for number in range(20)]
    await asyncio.to_thread(publish, settings, *values, **{"compression.type": codec})
    seen, _ = await put_aside(settings, len(values))
    assert [record.value for record in seen] == values


async def test_a_poll_that_fails_ends_the_service_and_loses_nothing(settings, monkeypatch):
    """The client has by then passed what the same poll took from other partitions; the next commit would cover it."""
    publish(settings, b"a", b"b", b"c", partition=0)
    publish(settings, b"d" * 500, partition=1, **{"compression.type": "zstd"})
    publish(settings, b"e", b"f", partition=2)
    handler = Refusing()
    with monkeypatch.context() as without:
        without.setattr("aiokafka.codec.has_zstd", lambda: False)
        async with open_bus(settings, service="test", health=Health(), metrics=Metrics("test")) as bus:
            async with bus.consume(["case.created"], handler), asyncio.timeout(LIMIT_SECONDS):
                while not bus.failed.done():
                    await asyncio.sleep(0.02)
            with pytest.raises(FatalError, match="reading from Kafka failed"):
                bus.failed.result()
    seen, _ = await put_aside(settings, 6 - len(handler.seen))
    assert sorted(record.value or b"" for record in handler.seen + seen) == [b"a", b"b", b"c", b"d" * 500, b"e", b"f"]
