"""What a service may do with topics."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError

from countersign_shared.errors import ConfigurationError, FatalError
from countersign_shared.messaging.bus import Bus
from countersign_shared.messaging.producer import Publisher
from countersign_shared.messaging.records import Message
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings


class Producer:
    """The library's producer, with a broker that is gone."""

    def create_batch(self) -> Any:
        class Batch:
            def append(self, **_: Any) -> object:
                return object()

        return Batch()

    async def send_batch(self, *_: Any, **__: Any) -> asyncio.Future[None]:
        raise KafkaTimeoutError


async def test_a_publication_that_fails_ends_the_process_whoever_asked_for_it() -> None:
    settings = ServiceSettings(database_url="x", kafka_bootstrap_servers="nowhere:9092", http_port=0)
    bus = Bus(settings, Publisher(Producer(), ""), service="x", health=Health(), metrics=Metrics("inference"))
    with pytest.raises(FatalError):
        await bus.publish([Message("case.created", 0, b"c-1", b"{}", ())])
    assert isinstance(bus.failed.exception(), FatalError)


class Forbidding(Producer):
    """The library's producer, at brokers that let this user see nothing of a topic."""

    async def partitions_for(self, topic: str) -> set[int]:
        raise TopicAuthorizationFailedError(topic)


async def test_a_topic_that_may_not_be_seen_is_not_called_missing() -> None:
    with pytest.raises(ConfigurationError, match=r"topic case\.created may not be described: give this user the right"):
        await Publisher(Forbidding(), "").partitions("case.created")
