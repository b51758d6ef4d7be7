"""Topics that are not there: whose turn it is, and what makes them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.mock_broker import mock_broker
from countersign_shared.contracts.topics import load_topics
from countersign_shared.errors import AwayError, ConfigurationError
from countersign_shared.messaging import producer
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.topics import ensure_topics

LIMIT_SECONDS = 20.0
THERE = 5


@pytest.fixture
async def admin(kafka_bootstrap: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    yield admin
    await admin.close()


async def make(admin: AIOKafkaAdminClient, name: str) -> None:
    """Make a topic, and return when the broker tells of it."""
    await admin.create_topics([NewTopic(name, num_partitions=THERE, replication_factor=1)])
    async with asyncio.timeout(LIMIT_SECONDS):
        while name not in await admin.list_topics():
            await asyncio.sleep(0.02)


async def counts(admin: AIOKafkaAdminClient, prefix: str) -> dict[str, int]:
    found = await admin.describe_topics([prefix + name for name in load_topics()])
    return {one["topic"].removeprefix(prefix): len(one["partitions"]) for one in found}


def counted_in(client: AdminClient) -> bool:
    """Tell whether the controller counts any broker in; the library takes an answer that names none for a part."""
    try:
        return bool(client.list_topics(timeout=5).brokers)
    except KafkaException:
        return False


async def test_a_broker_that_dies_during_a_start_is_away_and_no_topic_is_called_missing() -> None:
    with mock_broker({"case.created": 3}) as broker:
        async with open_publisher(broker.bootstrap, prefix="", client_id="test") as publisher:
            broker.process.kill()
            broker.process.wait()
            with pytest.raises(AwayError, match=f"Kafka does not answer at {broker.bootstrap}"):
                await publisher.partitions("case.created")


async def test_a_topic_that_a_slow_broker_tells_of_late_is_not_called_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(producer, "TOPIC_SECONDS", 2.0)
    with mock_broker({"case.created": 3}) as broker:
        async with open_publisher(broker.bootstrap, prefix="", client_id="test") as publisher:
            broker.process.send_signal(signal.SIGSTOP)
            try:
                asked = asyncio.create_task(publisher.partitions("case.created"))
                await asyncio.wait([asked], timeout=3.0)
            finally:
                broker.process.send_signal(signal.SIGCONT)
            assert await asked == 3


@pytest.mark.kafka
async def test_a_topic_that_a_broker_does_not_have_is_somebodys_to_make(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    async with open_publisher(kafka_bootstrap, prefix=topic_prefix, client_id="test") as publisher:
        with pytest.raises(ConfigurationError, match="is missing: run `countersign topics ensure`") as missing:
            await publisher.partitions("case.created")
    assert not isinstance(missing.value, AwayError)


@pytest.mark.kafka
async def test_a_case_topic_that_is_made_anew_gets_as_many_partitions_as_the_others_have(
    admin: AIOKafkaAdminClient, kafka_bootstrap: str, topic_prefix: str
) -> None:
    # Services refuse to start on topics of different counts, and a count is never changed while cases are in flight.
    await make(admin, f"{topic_prefix}case.created")
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix)
    wanted = {name: THERE if topic.copartitioned else topic.partitions for name, topic in load_topics().items()}
    assert await counts(admin, topic_prefix) == wanted


@pytest.mark.kafka
async def test_another_count_than_the_case_topics_have_is_refused(
    admin: AIOKafkaAdminClient, kafka_bootstrap: str, topic_prefix: str
) -> None:
    await make(admin, f"{topic_prefix}case.created")
    with pytest.raises(ConfigurationError, match=rf"case\.created has {THERE} partitions"):
        await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=THERE + 1)
    assert f"{topic_prefix}case.scored" not in await admin.list_topics()


@pytest.mark.kafka
async def test_topics_are_made_although_the_controller_has_just_missed_a_sign_of_life_from_every_broker(
    tmp_path: Path,
) -> None:
    # One sign of life in four seconds, missed after one: most of the time the only broker counts as dead.
    beat = {"broker.session.timeout.ms": "1000", "broker.heartbeat.interval.ms": "4000"}
    with kafka(tmp_path, environ=os.environ, properties=beat) as broker:
        client = AdminClient({"bootstrap.servers": broker.bootstrap, "log_level": 0})
        async with asyncio.timeout(LIMIT_SECONDS):
            while counted_in(client):
                await asyncio.sleep(0.05)
        assert sorted(await ensure_topics(broker.bootstrap, partitions=1)) == sorted(load_topics())


@pytest.mark.kafka
async def test_more_copies_than_brokers_are_refused_at_once(kafka_bootstrap: str, topic_prefix: str) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        with pytest.raises(ConfigurationError, match=r"InvalidReplicationFactor.*only 1 broker"):
            await ensure_topics(kafka_bootstrap, prefix=topic_prefix, replication=3)
