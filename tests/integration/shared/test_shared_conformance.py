"""What the client libraries do, pinned down: our rules rest on these facts, and an upgrade that changes one must show.

Each test names the trap it stands for. Nothing here tests our own code, but for the two that show how it stays clear.
"""

import asyncio
import contextlib
import time

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from faststream import AckPolicy
from faststream.kafka import KafkaBroker

from countersign_shared.errors import FatalError
from countersign_shared.messaging import write_event
from countersign_shared.messaging.producer import open_publisher

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 20.0


async def put(bootstrap: str, topic: str, *records: tuple[int, bytes]) -> None:
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap)
    await producer.start()
    for partition, value in records:
        await producer.send_and_wait(topic, value, key=value, partition=partition)
    await producer.stop()


async def eventually(holds) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not holds():
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def subscriber(bootstrap, topic, handle, **options):
    broker = KafkaBroker(bootstrap, logger=None, apply_types=False)
    settings = {"group_id": f"{topic}-g", "auto_offset_reset": "earliest", "batch": True, "batch_timeout_ms": 10}
    sub = broker.subscriber(topic, **(settings | options))

    async def decode(message):
        return message.raw_message

    sub(handle, decoder=decode)
    await broker.start()
    try:
        yield sub
    finally:
        await broker.stop()


@pytest.mark.filterwarnings("ignore:AckPolicy.REJECT_ON_ERROR has the same effect")
@pytest.mark.parametrize("policy", [AckPolicy.ACK, AckPolicy.REJECT_ON_ERROR])
async def test_trap_1_other_policies_lose_a_failed_record(kafka_bootstrap, topic, policy):
    await put(kafka_bootstrap, topic, (0, b"poison"))
    seen: list[bytes] = []

    async def handle(batch):
        seen.extend(r.value for r in batch)
        if any(r.value == b"poison" for r in batch):
            raise ValueError

    async with subscriber(kafka_bootstrap, topic, handle, ack_policy=policy):
        await eventually(lambda: b"poison" in seen)
        await put(kafka_bootstrap, topic, (0, b"good"))
        await eventually(lambda: b"good" in seen)
    seen.clear()
    await put(kafka_bootstrap, topic, (0, b"later"))
    async with subscriber(kafka_bootstrap, topic, handle, ack_policy=policy):
        await eventually(lambda: b"later" in seen)
    assert b"poison" not in seen


async def test_traps_2_and_3_nack_rewinds_every_partition_and_retries_without_a_pause(kafka_bootstrap, topic):
    await put(kafka_bootstrap, topic, (0, b"a"), (1, b"b"), (2, b"c"))
    attempts: list[set[bytes]] = []

    async def handle(batch):
        attempts.append({r.value for r in batch})
        raise ValueError

    async with subscriber(kafka_bootstrap, topic, handle, ack_policy=AckPolicy.NACK_ON_ERROR):
        await eventually(lambda: len(attempts) > 100)
    assert set().union(*attempts[-50:]) == {b"a", b"b", b"c"}


async def test_trap_4_the_frameworks_own_parser_fails_a_batch_for_one_header(kafka_bootstrap, topic):
    producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
    await producer.start()
    await producer.send_and_wait(topic, b"x", partition=0, headers=[("h", b"\xff")])
    await producer.stop()
    called = []
    broker = KafkaBroker(kafka_bootstrap, logger=None, apply_types=False)
    sub = broker.subscriber(topic, group_id="g4", auto_offset_reset="earliest", batch=True, batch_timeout_ms=10)

    async def handle(batch):
        called.append(batch)

    sub(handle)
    await broker.start()
    async with asyncio.timeout(LIMIT_SECONDS):
        while (await sub.consumer.position(TopicPartition(topic, 0))) < 1:
            await asyncio.sleep(0.02)
    await broker.stop()
    assert not called


def test_trap_6_defaults_are_not_ours():
    import inspect

    from aiokafka import AIOKafkaConsumer

    assert inspect.signature(AIOKafkaConsumer).parameters["auto_offset_reset"].default == "latest"
    producer = inspect.signature(AIOKafkaProducer).parameters
    assert producer["enable_idempotence"].default is False
    assert inspect.signature(KafkaBroker).parameters["allow_auto_create_topics"].default is True


async def test_trap_7_publish_batch_puts_all_keys_into_one_partition(kafka_bootstrap, topic):
    from faststream.kafka import KafkaPublishMessage

    broker = KafkaBroker(kafka_bootstrap, logger=None)
    await broker.connect()
    await broker.publish_batch(*(KafkaPublishMessage(b"x", key=b"%d" % n) for n in range(50)), topic=topic)
    await broker.stop()
    from aiokafka import AIOKafkaConsumer

    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_bootstrap)
    await consumer.start()
    ends = await consumer.end_offsets([TopicPartition(topic, n) for n in range(3)])
    await consumer.stop()
    assert sorted(ends.values()) == [0, 0, 50]


async def test_trap_12_a_broker_that_is_gone_is_a_fatal_error_in_bounded_time(kafka_broker, monkeypatch):
    from countersign_shared.messaging import producer
    from countersign_shared.messaging.topics import ensure_topics

    monkeypatch.setattr(producer, "SEND_SECONDS", 5.0)
    await ensure_topics(kafka_broker.bootstrap, partitions=3)
    async with open_publisher(kafka_broker.bootstrap, prefix="", client_id="t") as publisher:
        publisher._send_seconds = 3.0
        message = write_event("case.scored", event_id="1", source="/t", case_id="c", time="2026-01-02T03:04:05Z",
                              body=b"{}", partition=0)  # fmt: skip
        await publisher.publish([message])
        await asyncio.to_thread(kafka_broker.kill, 1)
        began = time.monotonic()
        with pytest.raises(FatalError):
            await publisher.publish([message])
        assert time.monotonic() - began < 30


async def test_trap_45_clients_disagree_about_the_partition_of_a_key(kafka_bootstrap, topic):
    """The reason why the partition is stored with the case: upstream may use any client."""
    from confluent_kafka import Producer

    from countersign_shared.messaging.producer import partition_for

    landed: dict[bytes, int] = {}
    upstream = Producer({"bootstrap.servers": kafka_bootstrap})
    for number in range(30):
        key = b"case-%d" % number
        upstream.produce(topic, b"x", key=key, on_delivery=lambda _, m: landed.__setitem__(m.key(), m.partition()))
    upstream.flush(LIMIT_SECONDS)
    assert any(partition_for(key, 3) != partition for key, partition in landed.items())
