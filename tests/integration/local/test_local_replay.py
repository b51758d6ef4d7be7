"""What an operator sends back onto a topic: it goes where it came from."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, aclosing

import pytest
from aiokafka import AIOKafkaProducer

from countersign_local import watching
from countersign_local.dead_letters import operators_bus, read_letters, replay
from countersign_local.errors import UNAVAILABLE, CommandError
from countersign_local.parts.mock_broker import MockBroker, mock_broker
from countersign_shared.contracts.topics import load_topics
from countersign_shared.messaging.bus import Bus
from countersign_shared.messaging.dead_letters import dead_letter
from countersign_shared.messaging.producer import partition_for
from countersign_shared.messaging.records import Record
from countersign_shared.messaging.topics import ensure_topics

LIMIT_SECONDS = 60.0
PARTITIONS = 3
KEY = b"loan-1"
BY_KEY = partition_for(KEY, PARTITIONS)


@pytest.fixture
async def bus(kafka_bootstrap: str, topic_prefix: str) -> AsyncIterator[Bus]:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    async with operators_bus(kafka_bootstrap, topic_prefix) as bus:
        yield bus


async def replayed(bus: Bus, topic: str, partition: int) -> list[int]:
    """Let a record of that partition be refused, replay it, and return where it lies then."""
    bad = Record(topic, partition, 7, 1_700_000_000_000, KEY, b"{", ())
    await bus.publish([dead_letter(bad, service="inference", reason="malformed_json")])
    (letter,) = await read_letters(bus)
    await replay(bus, letter)
    return [record.partition for record in await bus.read_all(topic)]


@pytest.mark.kafka
@pytest.mark.parametrize("topic", ["case.created", "case.updated"])
async def test_a_replayed_record_lies_where_its_sender_had_put_it(bus: Bus, topic: str) -> None:
    # Upstream may choose partitions otherwise than we do; what it sends of the same case later lies there, too.
    other = (BY_KEY + 1) % PARTITIONS
    assert await replayed(bus, topic, other) == [other]


@pytest.mark.kafka
async def test_a_partition_that_is_no_more_is_left_to_the_key(bus: Bus) -> None:
    assert await replayed(bus, "case.created", PARTITIONS) == [BY_KEY]


def broker_of_ours() -> AbstractContextManager[MockBroker]:
    return mock_broker({topic.name: topic.partitions for topic in load_topics().values()})


def killed(broker: MockBroker) -> None:
    broker.process.kill()
    broker.process.wait()


async def test_a_broker_that_dies_under_an_operators_command_is_one_line() -> None:
    async def read_of_a_dead_one(broker: MockBroker) -> None:
        async with operators_bus(broker.bootstrap, "") as bus:
            killed(broker)
            await read_letters(bus)

    with broker_of_ours() as broker:
        with pytest.raises(CommandError, match="Kafka does not answer") as gone:
            await read_of_a_dead_one(broker)
        assert gone.value.exit_code == UNAVAILABLE


async def test_a_broker_that_dies_under_an_onlooker_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watching, "ANSWER_SECONDS", 2.0)
    with broker_of_ours() as broker:
        async with AIOKafkaProducer(bootstrap_servers=broker.bootstrap) as producer:
            await producer.send_and_wait("case.created", b"{}")
        events = watching.watched(broker.bootstrap, topics=["case.created"], prefix="", from_beginning=True)
        async with aclosing(events), asyncio.timeout(LIMIT_SECONDS):
            assert (await anext(events)).body == {}
            killed(broker)
            with pytest.raises(CommandError, match="Kafka does not answer") as gone:
                await anext(events)
        assert gone.value.exit_code == UNAVAILABLE
