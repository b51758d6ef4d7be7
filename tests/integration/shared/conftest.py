"""What the tests of the client libraries stand on."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.settings import ServiceSettings


@pytest.fixture
async def topic(kafka_bootstrap, topic_prefix) -> str:
    """A topic of three partitions that no service knows."""
    name = f"{topic_prefix}strange"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name=name, num_partitions=3, replication_factor=1)])
    await admin.close()
    return name


@pytest.fixture
async def settings(kafka_bootstrap: str, topic_prefix: str) -> ServiceSettings:
    """Settings of a service without a database; its topics are there, with three partitions each."""
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=3)
    return ServiceSettings(
        database_url="unused", kafka_bootstrap_servers=kafka_bootstrap, http_port=0, topic_prefix=topic_prefix
    )
