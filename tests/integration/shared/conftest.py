"""What the tests of the client libraries stand on."""

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic


@pytest.fixture
async def topic(kafka_bootstrap, topic_prefix) -> str:
    """A topic of three partitions that no service knows."""
    name = f"{topic_prefix}strange"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(name=name, num_partitions=3, replication_factor=1)])
    await admin.close()
    return name
