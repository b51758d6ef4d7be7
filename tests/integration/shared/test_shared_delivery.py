"""The order of a hop on a real broker: nothing lost, whatever goes wrong between poll and commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from countersign_shared.errors import ConfigurationError, FatalError, TransientError
from countersign_shared.messaging import Bus, Message, Record, open_bus, write_event
from countersign_shared.messaging.ahead import BATCHES_AHEAD
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings

pytestmark = pytest.mark.kafka

LIMIT_SECONDS = 30.0


@asynccontextmanager
async def bus_of(settings: ServiceSettings, service: str = "echo") -> AsyncIterator[Bus]:
    async with open_bus(settings, service=service, health=Health(), metrics=Metrics(service)) as bus:
        yield bus


def created(case_id: str, body: bytes = b"{}", **changes) -> Message:
    return write_event(
        "case.created", event_id=f"up-{case_id}", source="/up", case_id=case_id, time="2026-01-02T03:04:05.000000Z",
        body=body, partition=changes.get("partition"),
    )  # fmt: skip


async def eventually(holds, *, what: str) -> None:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            while not holds():
                await asyncio.sleep(0.02)
    except TimeoutError:
        pytest.fail(f"not within {LIMIT_SECONDS} s: {what}")


class Echo:
    """Collects what it is given and answers each record with one on case.scored, in the same partition."""

    def __init__(self) -> None:
        self.seen: list[Record] = []
        self.fail_with: BaseException | None = None
        self.failures = 0

    async def __call__(self, records):
        if self.fail_with is not None:
            self.failures += 1
            raise self.fail_with
        self.seen += records
        return [
            write_event(
                "case.scored", event_id=f"s-{r.key.decode()}", source="/echo", case_id=r.key.decode(),
                time="2026-01-02T03:04:05.000000Z", body=r.value, partition=r.partition,
            )
            for r in records
        ]  # fmt: skip


async def test_every_record_is_answered_in_its_partition_and_order(settings):
    echo = Echo()
    messages = [created(f"c{n % 7}", str(n).encode()) for n in range(700)]
    async with bus_of(settings) as bus:
        await bus.publish(messages)
        async with bus.consume(["case.created"], echo):
            await eventually(lambda: len(echo.seen) >= 700, what="700 records handled")
        answers = await bus.read_all("case.scored")
    assert len(answers) == 700
    for key in {a.key for a in answers}:
        per_key = [int(a.value) for a in answers if a.key == key]
        assert per_key == sorted(per_key)
    assert {(r.key, r.partition) for r in echo.seen} == {(a.key, a.partition) for a in answers}


async def test_an_explicit_partition_is_kept(settings):
    async with bus_of(settings) as bus:
        await bus.publish([created("x", partition=p) for p in (0, 1, 2, 2)])
        found = await bus.read_all("case.created")
    assert sorted(r.partition for r in found) == [0, 1, 2, 2]


async def test_a_transient_fault_is_tried_again_and_nothing_is_lost(settings):
    echo = Echo()
    echo.fail_with = TransientError("the database is away")
    async with bus_of(settings) as bus:
        await bus.publish([created(f"c{n}") for n in range(50)])
        async with bus.consume(["case.created"], echo):
            await eventually(lambda: echo.failures >= 2, what="two failures")
            echo.fail_with = None
            await eventually(lambda: len({r.key for r in echo.seen}) == 50, what="50 records handled")
        assert not bus.failed.done()
        # Back-off, not a hot loop: NACK without a pause retries thousands of times a second.
        assert echo.failures < 6


async def test_a_defect_ends_the_service_and_commits_nothing(settings):
    broken, echo = Echo(), Echo()
    broken.fail_with = ValueError("a defect")
    async with bus_of(settings) as bus:
        await bus.publish([created(f"c{n}") for n in range(20)])
        async with bus.consume(["case.created"], broken):
            await eventually(bus.failed.done, what="the service failed")
            assert isinstance(bus.failed.exception(), ValueError)
            assert broken.failures == 1
    async with bus_of(settings) as bus, bus.consume(["case.created"], echo):
        await eventually(lambda: len(echo.seen) == 20, what="all 20 delivered again")


async def test_a_crash_after_publishing_delivers_again(settings):
    """The commit comes last: dying between publish and commit repeats, it does not lose."""
    first, second = Echo(), Echo()

    class DiesAfterPublishingError(Exception):
        pass

    async with bus_of(settings) as bus:
        await bus.publish([created(f"c{n}") for n in range(10)])
        publish = bus.publish

        async def publish_then_die(messages):
            await publish(messages)
            raise DiesAfterPublishingError

        bus.publish = publish_then_die  # type: ignore[method-assign]
        async with bus.consume(["case.created"], first):
            await eventually(bus.failed.done, what="died")
    async with bus_of(settings) as bus:
        async with bus.consume(["case.created"], second):
            await eventually(lambda: len({r.key for r in second.seen}) == 10, what="delivered again")
        answers = await bus.read_all("case.scored")
    by_key: dict[bytes, set[bytes]] = {}
    for answer in answers:
        by_key.setdefault(answer.key, set()).add(answer.value)
    assert len(by_key) == 10
    assert all(len(bodies) == 1 for bodies in by_key.values())


async def test_a_clean_stop_leaves_nothing_to_repeat(settings):
    first, second = Echo(), Echo()
    async with bus_of(settings) as bus:
        await bus.publish([created(f"c{n}") for n in range(200)])
        async with bus.consume(["case.created"], first):
            await eventually(lambda: len(first.seen) == 200, what="200 handled")
        async with bus.consume(["case.created"], second):
            await bus.publish([created("last")])
            await eventually(lambda: any(r.key == b"last" for r in second.seen), what="the last one")
    assert [r.key for r in second.seen] == [b"last"]


async def test_hostile_headers_do_not_poison_the_batch(settings):
    echo = Echo()
    bad = Message("case.created", 0, b"bad", b"\xff", (("ce_id", b"\xff\xfe"), ("x", b"")))
    async with bus_of(settings) as bus:
        await bus.publish([created("a", partition=0), bad, created("b", partition=0)])
        async with bus.consume(["case.created"], echo):
            await eventually(lambda: len(echo.seen) == 3, what="three records")
    assert not bus.failed.done()
    assert [r.key for r in echo.seen] == [b"a", b"bad", b"b"]


async def test_a_rebalance_loses_nothing(settings):
    one, two = Echo(), Echo()
    async with bus_of(settings) as first, bus_of(settings) as second:
        await first.publish([created(f"a{n}") for n in range(500)])
        async with first.consume(["case.created"], one):
            await eventually(lambda: len(one.seen) >= 1, what="the first one works")
            async with second.consume(["case.created"], two):
                for n in range(20):
                    await first.publish([created(f"b{n}-{m}") for m in range(25)])
                await eventually(lambda: len({r.key for r in one.seen + two.seen}) == 1000, what="all 1000")
                await eventually(lambda: bool(two.seen), what="the second one got a share")
    answered = {a.key for a in await _read(settings)}
    assert len(answered) == 1000


async def _read(settings) -> list[Record]:
    async with bus_of(settings, "reader") as bus:
        return await bus.read_all("case.scored")


async def test_missing_topics_are_said_in_one_line(kafka_bootstrap, topic_prefix):
    settings = ServiceSettings(
        database_url="x", kafka_bootstrap_servers=kafka_bootstrap, http_port=0, topic_prefix=topic_prefix
    )
    with pytest.raises(ConfigurationError, match="countersign topics ensure"):
        async with bus_of(settings):
            pass


async def test_unequal_partition_counts_are_refused(settings, kafka_bootstrap, topic_prefix):
    from aiokafka.admin import AIOKafkaAdminClient, NewPartitions

    admin = AIOKafkaAdminClient(bootstrap_servers=kafka_bootstrap)
    await admin.start()
    await admin.create_partitions({topic_prefix + "case.scored": NewPartitions(5)})
    await admin.close()

    async def refused() -> bool:
        try:
            async with bus_of(settings):
                return False
        except ConfigurationError as error:
            return "case.scored=5" in str(error)

    async with asyncio.timeout(LIMIT_SECONDS):
        while not await refused():
            await asyncio.sleep(0.1)


async def test_a_message_past_the_limit_is_a_fatal_error_not_a_hang(settings):
    async with bus_of(settings) as bus:
        with pytest.raises(FatalError):
            await bus.publish([created("big", b"x" * 5_000_000)])


async def test_an_unreachable_broker_is_said_in_one_line():
    settings = ServiceSettings(database_url="x", kafka_bootstrap_servers="127.0.0.1:1", http_port=0)
    with pytest.raises(ConfigurationError, match=r"127\.0\.0\.1:1"):
        async with bus_of(settings):
            pass


async def test_several_bootstrap_addresses_are_several(settings, kafka_bootstrap):
    several = settings.model_copy(update={"kafka_bootstrap_servers": f"{kafka_bootstrap},127.0.0.1:1"})
    echo = Echo()
    async with bus_of(several) as bus:
        await bus.publish([created("a")])
        async with bus.consume(["case.created"], echo):
            await eventually(lambda: len(echo.seen) == 1, what="one record")


class Ahead:
    """A handler that is told what is coming; it waits where it is told to."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.done: list[str] = []
        self.gate = asyncio.Event()

    def begin(self, records):
        keys = [record.key.decode() for record in records]
        self.begun += keys
        return keys

    async def finish(self, batches):
        await self.gate.wait()
        self.done += [key for batch in batches for key in batch]
        return []


async def test_what_was_read_ahead_and_not_handled_is_delivered_again(settings):
    first, second = Ahead(), Ahead()
    names = [f"c{number:02d}" for number in range(40)]
    async with bus_of(settings) as bus:
        await bus.publish([created(name, partition=0) for name in names[:8]])
        async with bus.consume(["case.created"], first.finish, begin=first.begin, max_records=2):
            first.gate.set()
            await eventually(lambda: len(first.done) == 8, what="8 records handled")
            first.gate.clear()
            await bus.publish([created(name, partition=0) for name in names[8:]])
            # While one batch is being handled the next is begun.
            await eventually(lambda: len(first.begun) >= 8 + 2 * (1 + BATCHES_AHEAD), what="a batch begun ahead")
            asyncio.get_running_loop().call_later(0.2, first.gate.set)
    assert first.done == names[: len(first.done)]
    assert len(first.done) < len(names)
    second.gate.set()
    async with bus_of(settings) as bus, bus.consume(["case.created"], second.finish, begin=second.begin, max_records=2):
        await eventually(lambda: second.done[-1:] == names[-1:], what="the rest handled")
    assert second.done == names[len(first.done) :]


async def test_members_that_read_ahead_lose_nothing_when_partitions_move(settings):
    one, two = Ahead(), Ahead()
    names = {f"c{number:03d}" for number in range(300)}
    one.gate.set()
    async with bus_of(settings) as first, bus_of(settings) as second:
        await first.publish([created(name) for name in sorted(names)[:150]])
        async with first.consume(["case.created"], one.finish, begin=one.begin, max_records=5):
            await eventually(lambda: len(one.done) > 20, what="some records handled")
            one.gate.clear()
            two.gate.set()
            async with second.consume(["case.created"], two.finish, begin=two.begin, max_records=5):
                one.gate.set()
                await first.publish([created(name) for name in sorted(names)[150:]])
                await eventually(lambda: set(one.done) | set(two.done) == names, what="every record handled")
        assert not first.failed.done()
        assert not second.failed.done()


async def test_a_defect_in_a_handler_that_reads_ahead_commits_nothing(settings):
    broken, sound = Ahead(), Ahead()

    async def fail(_):
        raise ValueError("a defect")

    async with bus_of(settings) as bus:
        await bus.publish([created(f"c{number}") for number in range(20)])
        async with bus.consume(["case.created"], fail, begin=broken.begin, max_records=3):
            await eventually(bus.failed.done, what="the service failed")
    sound.gate.set()
    async with bus_of(settings) as bus, bus.consume(["case.created"], sound.finish, begin=sound.begin, max_records=3):
        await eventually(lambda: len(sound.done) == 20, what="all 20 delivered again")
