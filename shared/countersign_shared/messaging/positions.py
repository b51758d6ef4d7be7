"""Where a service's group stands in its topics, and from where on the broker still holds records."""

from collections.abc import Sequence
from dataclasses import dataclass

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from countersign_shared.errors import TransientError
from countersign_shared.messaging.rewind import partitions_of
from countersign_shared.messaging.stopping import opened
from countersign_shared.settings import ServiceSettings


@dataclass(frozen=True, slots=True)
class Position:
    """One partition: the next offset the group reads, None before its first commit; the first that is still there."""

    topic: str
    partition: int
    committed: int | None
    begins: int


async def read_positions(settings: ServiceSettings, service: str, topics: Sequence[str]) -> list[Position]:
    """Ask the brokers; joins no group, so a running service is not disturbed.

    Brokers that do not answer are a ``TransientError``, a missing topic is a ``ConfigurationError``.
    """
    prefix = settings.topic_prefix
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers, group_id=f"{prefix}countersign-{service}",
        enable_auto_commit=False, client_id=f"countersign-{service}-positions",
    )  # fmt: skip
    try:
        async with opened(consumer, "the reader of positions"):
            parts = await partitions_of(settings.kafka_bootstrap_servers, [prefix + topic for topic in topics])
            consumer.assign(parts)
            begins = await consumer.beginning_offsets(parts)
            return [
                Position(part.topic[len(prefix) :], part.partition, await consumer.committed(part), begins[part])
                for part in parts
            ]
    except (KafkaError, TimeoutError, OSError) as error:
        raise TransientError(f"the brokers do not say where the group stands: {error!r}") from error
