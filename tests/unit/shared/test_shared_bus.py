"""What a service may do with topics."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from aiokafka.errors import KafkaTimeoutError

from countersign_shared.errors import FatalError
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
