"""Rewinding a service: everything the topics still hold is delivered to it once more.

For a database that was restored behind its topics. The database absorbs what it still knows.
"""

from collections.abc import Sequence

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging.stopping import opened

CLIENT = "countersign-rewind"


async def rewind(bootstrap: str, service: str, topics: Sequence[str], *, prefix: str = "") -> int:
    """Let a stopped service begin its topics anew; returns how many partitions were moved.

    A service that still runs, or was killed less than a session ago, is a ``ConfigurationError``.
    """
    consumer = AIOKafkaConsumer(
        bootstrap_servers=bootstrap, group_id=f"{prefix}countersign-{service}", enable_auto_commit=False,
        client_id=CLIENT,
    )  # fmt: skip
    async with opened(consumer, "the rewinding consumer"):
        try:
            parts = await partitions_of(bootstrap, [prefix + topic for topic in topics])
            consumer.assign(parts)
            await consumer.commit(await consumer.beginning_offsets(parts))
        except KafkaError as error:
            raise ConfigurationError(
                f"{service} cannot be rewound: {error!r}. Stop every replica of it, wait until its session has ended "
                "(10 s after a kill), and try again"
            ) from error
        return len(parts)


async def partitions_of(bootstrap: str, names: Sequence[str]) -> list[TopicPartition]:
    """Return the partitions of topics by their whole names; a missing topic is a ``ConfigurationError``."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap, client_id=CLIENT)
    async with opened(admin, "the administrator"):
        described = await admin.describe_topics(list(names))
    missing = [topic["topic"] for topic in described if topic["error_code"]]
    if missing:
        raise ConfigurationError(f"topic {missing[0]} is missing: run `countersign topics ensure`")
    return [TopicPartition(topic["topic"], one["partition"]) for topic in described for one in topic["partitions"]]
