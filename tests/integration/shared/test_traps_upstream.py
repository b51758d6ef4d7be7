"""What other people's clients may do to a topic that we read, on a real broker."""

from __future__ import annotations

import asyncio
import struct
import sys
from asyncio.subprocess import PIPE
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record._crc32c import crc as crc32c
from confluent_kafka import Producer

from countersign_shared.errors import FatalError
from countersign_shared.messaging import Message, Record, dead_letter, open_bus
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 20.0
CRC_AT = 17
"""Where a record batch of format 2 holds the checksum of all that follows it."""


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


async def test_what_upstream_aborted_was_never_said(settings):
    producer = Producer({
        "bootstrap.servers": settings.kafka_bootstrap_servers, "transactional.id": settings.topic_prefix + "upstream",
    })  # fmt: skip

    def say(value: bytes, *, keep: bool) -> None:
        producer.begin_transaction()
        producer.produce(settings.topic_prefix + "case.created", value, key=b"k", partition=0)
        if keep:
            producer.commit_transaction(LIMIT_SECONDS)
        else:
            producer.flush(LIMIT_SECONDS)
            producer.abort_transaction(LIMIT_SECONDS)

    await asyncio.to_thread(producer.init_transactions, LIMIT_SECONDS)
    for value, keep in ((b"first", True), (b"taken back", False), (b"second", True)):
        await asyncio.to_thread(say, value, keep=keep)
    seen, _ = await put_aside(settings, 2)
    assert [record.value for record in seen] == [b"first", b"second"]


async def publish_as_bytes(settings: ServiceSettings, *, names: Sequence[bytes], values: Sequence[bytes]) -> None:
    """Publish one batch whose headers have these names: no client in Python sends them, so the bytes are exchanged."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers)
    await producer.start()
    batch = producer.create_batch()
    for number, value in enumerate(values):
        batch.append(timestamp=None, key=b"k%d" % number, value=value, headers=[(f"name-{number}", b"x")])
    batch._build()
    raw = bytearray(batch._buffer)
    for number, name in enumerate(names):
        at = raw.index(b"name-%d" % number)
        raw[at : at + 6] = name
    struct.pack_into(">I", raw, CRC_AT, crc32c(bytes(raw[CRC_AT + 4 :])))
    batch._buffer = bytes(raw)
    await (await producer.send_batch(batch, settings.topic_prefix + "case.created", partition=0))
    await producer.stop()


async def test_a_header_name_that_is_no_text_stops_nothing(settings):
    """aiokafka fails at such a record, and at each later poll again."""
    for start in (b"a", b"b"):
        await publish_as_bytes(
            settings, names=[b"name-0", b"\xff\xfe\x00abc", b"name-2", b"\xc3\x28xxxx", b"name-4"],
            values=[start + b"%d" % number for number in range(5)],
        )  # fmt: skip
    await asyncio.to_thread(publish, settings, b"c0", b"c1", partition=0)
    seen, letters = await put_aside(settings, 12)
    assert [record.value for record in seen] == [b"%s%d" % (s, n) for s in (b"a", b"b") for n in range(5)] + [
        b"c0",
        b"c1",
    ]
    assert [record.offset for record in seen] == list(range(12))
    assert [record.headers for record in seen[:4]] == [
        (("name-0", b"x"),), (("\\xff\\xfe\x00abc", b"x"),), (("name-2", b"x"),), (("\\xc3(xxxx", b"x"),),
    ]  # fmt: skip
    assert len(letters) == 12


ALONE = """
import asyncio, sys
from countersign_local.watching import watched
from countersign_shared.messaging.whole import read_topic
from countersign_shared.settings import ServiceSettings
_, broker, prefix = sys.argv
settings = ServiceSettings(database_url="unused", kafka_bootstrap_servers=broker, http_port=0, topic_prefix=prefix)

async def read():
    return len(await read_topic(settings, "case.created", 3, client_id="test-alone"))

async def watch():
    seen = 0
    async for one in watched(broker, topics=["case.created"], prefix=prefix, from_beginning=True):
        seen += 1
        if seen == 2:
            return seen
"""


@pytest.mark.parametrize("work", ["read", "watch"])
async def test_a_header_name_that_is_no_text_stops_no_command_that_reads_a_topic_alone(settings, work):
    """A command is a process of its own, in which no service has prepared the client."""
    await publish_as_bytes(settings, names=[b"\xff\xfe\x00abc"], values=[b"a", b"b"])
    code = f"{ALONE}\nprint(asyncio.run({work}()))"
    command = (sys.executable, "-c", code, settings.kafka_bootstrap_servers, settings.topic_prefix)
    reading = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE)
    out, said = await asyncio.wait_for(reading.communicate(), LIMIT_SECONDS * 3)
    assert out.split() == [b"2"], said.decode()


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
