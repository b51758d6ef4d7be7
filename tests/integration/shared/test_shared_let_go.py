"""A client of Kafka that is cut short leaves no connection open: it would end in whatever runs next."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import aclosing
from functools import partial
from itertools import count
from typing import Any, cast

import aiokafka.client
import pytest
from aiokafka.conn import AIOKafkaConnection

from countersign_local.demo.flow import open_sampler
from countersign_local.watching import watched
from countersign_shared.messaging import Message
from countersign_shared.messaging.positions import read_positions
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.rewind import rewind
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.messaging.whole import read_topic
from countersign_shared.settings import ServiceSettings

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 200.0


@pytest.fixture
async def made(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[list[AIOKafkaConnection]]:
    """Every connection that a client makes meanwhile."""
    made: list[AIOKafkaConnection] = []
    create = aiokafka.client.create_conn

    async def noted(*args: Any, **options: Any) -> AIOKafkaConnection:
        made.append(await create(*args, **options))
        return made[-1]

    monkeypatch.setattr("aiokafka.client.create_conn", noted)
    yield made
    for one in made:
        one.close()


class Cut:
    """Work that is cancelled at one of its suspensions, counted from 0, or ``again`` at each one after it as well."""

    def __init__(self, work: Coroutine[Any, Any, Any], at: int, *, again: bool) -> None:
        self.work, self.at, self.again, self.suspensions = work, at, again, 0

    def __await__(self) -> Generator[Any, Any, None]:
        step = partial(self.work.send, None)
        while True:
            try:
                waits = step()
            except StopIteration:
                return
            if self.suspensions == self.at or (self.again and self.suspensions > self.at):
                cast("asyncio.Task[None]", asyncio.current_task()).cancel()
            self.suspensions += 1
            try:
                yield waits
            except BaseException as error:  # noqa: BLE001 - it is for the work
                step = partial(self.work.throw, error)
            else:
                step = partial(self.work.send, None)

    async def done(self) -> None:
        await self


async def sampled(settings: ServiceSettings) -> None:
    groups = {"countersign-audit": ["case.created"]}
    async with open_sampler(settings.kafka_bootstrap_servers, settings.topic_prefix, groups) as sampler:
        await sampler.sample()


async def rewound(settings: ServiceSettings) -> None:
    await rewind(settings.kafka_bootstrap_servers, "audit", ["case.created"], prefix=settings.topic_prefix)


async def seen(settings: ServiceSettings) -> None:
    async with aclosing(
        watched(
            settings.kafka_bootstrap_servers, topics=["case.created"], prefix=settings.topic_prefix, from_beginning=True
        )
    ) as found:
        async for _ in found:
            break


async def published(settings: ServiceSettings) -> None:
    async with open_publisher(
        settings.kafka_bootstrap_servers, prefix=settings.topic_prefix, client_id="test"
    ) as publisher:
        await publisher.publish([Message("case.created", None, b"k", b"{}", ())])


WORK: dict[str, Callable[[ServiceSettings], Coroutine[Any, Any, Any]]] = {
    "positions": lambda settings: read_positions(settings, "audit", ["case.created"]),
    "whole": lambda settings: read_topic(settings, "case.created", 3, client_id="test"),
    "rewind": rewound,
    "topics": lambda settings: ensure_topics(settings.kafka_bootstrap_servers, prefix=settings.topic_prefix),
    "sampler": sampled,
    "watching": seen,
    "publisher": published,
}


@pytest.mark.parametrize("again", [False, True], ids=["once", "again and again"])
@pytest.mark.parametrize("name", WORK)
async def test_whenever_it_is_cancelled_no_connection_stays_open(
    settings: ServiceSettings, made: list[AIOKafkaConnection], name: str, *, again: bool
) -> None:
    await published(settings)
    left = []
    async with asyncio.timeout(LIMIT_SECONDS):
        for at in count():
            cut = Cut(WORK[name](settings), at, again=again)
            task = asyncio.create_task(cut.done())
            await asyncio.wait([task])
            left += [at for one in made if one.connected()]
            for one in made:
                one.close()
            made.clear()
            if cut.suspensions <= at:
                break
    assert at > 3
    assert left == []
