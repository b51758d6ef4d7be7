"""Following a topic without a group: whole first, then live; what cannot be taken ends the process."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from countersign_shared.errors import FatalError, TransientError
from countersign_shared.messaging import Message, Record, open_bus
from countersign_shared.messaging.follower import following
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings

pytestmark = pytest.mark.kafka
TOPIC = "control.changed"
LIMIT_SECONDS = 20.0


class Taking:
    """Keeps what it took; the first tries of each batch can fail."""

    def __init__(self, failures: Sequence[Exception] = ()) -> None:
        self.taken: list[bytes] = []
        self.failures = list(failures)
        self.failed: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def __call__(self, records: Sequence[Record]) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.taken += [one.value or b"" for one in records]

    def fail(self, error: BaseException) -> None:
        self.failed.set_result(error)

    async def has(self, values: list[bytes]) -> None:
        async with asyncio.timeout(LIMIT_SECONDS):
            while self.taken != values:
                await asyncio.sleep(0.01)


def message(number: int) -> Message:
    return Message(TOPIC, None, str(number).encode(), str(number).encode(), ())


async def publish(settings: ServiceSettings, *numbers: int) -> None:
    async with open_bus(settings, service="feedback", health=Health(), metrics=Metrics("feedback")) as bus:
        for number in numbers:
            await bus.publish([message(number)])


async def test_two_followers_each_read_all_of_it_and_then_follow(settings: ServiceSettings) -> None:
    await publish(settings, *range(30))
    one, two = Taking(), Taking([TransientError("the database is away")])
    async with (
        following(settings, TOPIC, one, service="router", fail=one.fail),
        following(settings, TOPIC, two, service="router", fail=two.fail),
    ):
        before = [str(number).encode() for number in range(30)]
        assert one.taken == two.taken == before, "all of it is there when the context opens"
        await publish(settings, 30, 31)
        for each in (one, two):
            await each.has([*before, b"30", b"31"])
    assert not one.failed.done()


async def test_an_empty_topic_opens_at_once(settings: ServiceSettings) -> None:
    taking = Taking()
    async with following(settings, TOPIC, taking, service="router", fail=taking.fail):
        assert taking.taken == []


async def test_what_cannot_be_taken_at_the_start_is_raised(settings: ServiceSettings) -> None:
    await publish(settings, 1)
    taking = Taking([KeyError("nonsense")])
    with pytest.raises(KeyError):
        async with following(settings, TOPIC, taking, service="router", fail=taking.fail):
            pytest.fail("it must not open")


async def test_what_cannot_be_taken_later_ends_the_process(settings: ServiceSettings) -> None:
    taking = Taking()
    async with following(settings, TOPIC, taking, service="router", fail=taking.fail):
        taking.failures = [FatalError("the schema is gone")]
        await publish(settings, 1)
        error = await asyncio.wait_for(taking.failed, LIMIT_SECONDS)
    assert isinstance(error, FatalError)
