"""How far the consumers are behind, and when a case is finished."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError
from hypothesis import given
from hypothesis import strategies as st

from countersign_local.demo.finishing import Finisher
from countersign_local.demo.flow import Flow, Sample
from countersign_shared.messaging.consumer import Delivery
from countersign_shared.observability import Health

CREATED, DECIDED = TopicPartition("case.created", 0), TopicPartition("decision.made", 0)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr("countersign_local.demo.finishing.SAMPLE_SECONDS", 0.01)
    monkeypatch.setattr("countersign_local.demo.finishing.REST_SECONDS", 0.02)


def _sample(created, decided, *, inference, review):
    return Sample(
        ends={CREATED: created, DECIDED: decided},
        committed={"inference": {CREATED: inference}, "review": {CREATED: created, DECIDED: review}},
    )


def test_the_slowest_group_counts():
    assert _sample(10, 6, inference=4, review=5).outstanding() == 6


def test_room_counts_what_was_sent_since_the_sample():
    flow = Flow(limit=10)
    flow.sampled(_sample(8, 0, inference=0, review=0))
    assert flow.room()
    flow.sent(2)
    assert not flow.room()
    flow.sampled(_sample(10, 0, inference=9, review=0))
    assert flow.room()


def test_a_broker_that_forgets_nothing_always_has_room():
    flow = Flow(limit=None)
    flow.sent(1_000_000)
    assert flow.room()


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1))
def test_reached_means_nothing_before_the_ends_is_unread(pairs):
    partitions = [TopicPartition("t", number) for number in range(len(pairs))]
    ends = {partition: end for partition, (end, _) in zip(partitions, pairs, strict=True)}
    read = {partition: offset for partition, (_, offset) in zip(partitions, pairs, strict=True)}
    assert Sample(ends, {"g": read}).reached(ends) == (Sample(ends, {"g": read}).outstanding() == 0)


class _Samples:
    """Gives prepared samples, one after the other, and then waits for ever."""

    def __init__(self, *samples):
        self._samples = list(samples)
        self.exhausted = asyncio.Event()

    async def sample(self):
        if not self._samples:
            self.exhausted.set()
            await asyncio.Event().wait()
        sample = self._samples.pop(0)
        if isinstance(sample, Exception):
            raise sample
        return sample


class _Ledger:
    def __init__(self):
        self.finished = []

    async def finish(self, cases):
        self.finished.append(list(cases))


async def _finished_by(*samples):
    ledger, source = _Ledger(), _Samples(*samples)
    finisher = Finisher(ledger, Flow(limit=None))
    finisher.decided(("default", "loan-1"))
    task = asyncio.create_task(finisher.run(source))
    await asyncio.wait_for(source.exhausted.wait(), 10)
    task.cancel()
    return ledger.finished


async def test_a_case_is_finished_when_every_group_has_passed_its_decision():
    behind = _sample(1, 1, inference=1, review=0)
    assert await _finished_by(behind, _sample(1, 1, inference=1, review=1)) == [[("default", "loan-1")]]


async def test_a_broker_that_has_no_coordinator_for_a_moment_is_asked_again():
    passed = _sample(1, 1, inference=1, review=1)
    assert await _finished_by(passed, GroupCoordinatorNotAvailableError(), passed) == [[("default", "loan-1")]]


async def test_a_case_is_not_finished_while_one_group_is_behind():
    behind = _sample(1, 1, inference=1, review=0)
    assert await _finished_by(behind, behind, behind) == []


async def test_little_is_asked_while_nothing_is_on_its_way_and_the_next_case_is_noticed(monkeypatch):
    monkeypatch.setattr("countersign_local.demo.finishing.REST_SECONDS", 3_600.0)
    passed = _sample(1, 1, inference=1, review=1)
    flow, source = Flow(limit=10), _Samples(*[passed] * 6)
    task = asyncio.create_task(Finisher(_Ledger(), flow).run(source))
    await asyncio.sleep(0.2)
    assert len(source._samples) == 5, "the first one, and none since"
    flow.sent(1)
    async with asyncio.timeout(10):
        while len(source._samples) == 5:
            await asyncio.sleep(0.01)
        await flow.wait_until_drained()
    task.cancel()


async def _deliver(*batches):
    """What the embedded broker's consumer makes of these offsets of one partition: the failure, or None."""
    failures, handled = [], []

    async def handler(records):
        handled.extend(record.offset for record in records)
        return ()

    async def publish(messages):
        assert not messages

    delivery = Delivery(handler, publish, prefix="", health=Health(), fail=failures.append, forgetful=True)
    for batch in batches:
        raw = [
            SimpleNamespace(topic="t", partition=0, offset=n, timestamp=0, key=b"", value=b"", headers=())
            for n in batch
        ]
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(delivery(raw), 0.05)
    return failures[0] if failures else None


async def test_records_that_the_embedded_broker_dropped_are_a_loud_failure():
    assert await _deliver([0, 1], [2, 3], [4]) is None
    assert await _deliver([0, 1], [0, 1, 2]) is None
    assert "lost 1 records before 3" in str(await _deliver([0, 1], [3]))
    assert "lost 2 records before 4" in str(await _deliver([0, 1, 4]))
