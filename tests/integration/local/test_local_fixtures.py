"""The servers the other tests rest on are real, empty and apart."""

from __future__ import annotations

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


@pytest.mark.postgres
async def test_database_is_empty_and_real(database_url):
    connection = await asyncpg.connect(database_url)
    try:
        tables = await connection.fetchval(
            "SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        )
        assert tables == 0
        assert await connection.fetchval("SHOW server_encoding") == "UTF8"
    finally:
        await connection.close()


@pytest.mark.kafka
async def test_broker_keeps_what_it_confirmed(kafka_bootstrap, topic_prefix):
    topic = f"{topic_prefix}words"
    await _create(kafka_bootstrap, topic, partitions=1, replicas=1)
    async with AIOKafkaProducer(bootstrap_servers=kafka_bootstrap, acks="all", enable_idempotence=True) as producer:
        await producer.send_and_wait(topic, b"one")
    assert await _first(kafka_bootstrap, topic) == b"one"


@pytest.mark.kafka
async def test_three_brokers_survive_the_loss_of_one(kafka_cluster, topic_prefix):
    topic = f"{topic_prefix}words"
    await _create(kafka_cluster.bootstrap, topic, partitions=3, replicas=3)
    kafka_cluster.kill(3)
    async with AIOKafkaProducer(
        bootstrap_servers=kafka_cluster.bootstrap, acks="all", enable_idempotence=True
    ) as producer:
        for partition in range(3):
            await producer.send_and_wait(topic, b"one", partition=partition)
    kafka_cluster.restart(3)
    assert await _first(kafka_cluster.bootstrap, topic) == b"one"


async def _create(bootstrap, topic, *, partitions, replicas):
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=replicas)])
    finally:
        await admin.close()


async def _first(bootstrap, topic):
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        return (await consumer.getone()).value
