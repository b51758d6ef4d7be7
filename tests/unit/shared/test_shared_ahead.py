"""Reading ahead: nothing is handled or committed that is delivered again elsewhere; integration has the broker."""

import asyncio
from types import SimpleNamespace

from aiokafka import TopicPartition

from countersign_shared.messaging.ahead import BATCHES_AHEAD, RECORDS_AHEAD, ReadingAhead

A, B = TopicPartition("case.created", 0), TopicPartition("case.created", 1)


class Consumer:
    """The client as far as reading ahead goes: what it owns, where it stands, what comes in, what it commits."""

    def __init__(self, *batches):
        self.batches = list(batches)
        self.committed = []
        self.own({})

    def own(self, positions):
        offsets = {part: SimpleNamespace(offset=offset) for part, offset in positions.items()}
        assignment = SimpleNamespace(all_consumed_offsets=lambda: dict(offsets))
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))

    async def poll(self):
        if not self.batches:
            await asyncio.Event().wait()
        part, offsets, stands = self.batches.pop(0)
        if stands is not None:
            self._subscription.subscription.assignment.all_consumed_offsets = lambda: {
                one: SimpleNamespace(offset=offset) for one, offset in stands.items()
            }
        found = offsets if part is None else {part: offsets}
        return {one: [SimpleNamespace(offset=offset) for offset in brought] for one, brought in found.items()}

    async def commit(self, positions):
        self.committed.append({part: at.offset for part, at in positions.items()})


async def read(consumer, ahead):
    """Read until nothing more comes or there is no room."""
    reading = asyncio.create_task(ahead.read(consumer, consumer.poll))
    for _ in range(20):
        await asyncio.sleep(0)
    reading.cancel()
    (ended,) = await asyncio.gather(reading, return_exceptions=True)
    assert isinstance(ended, asyncio.CancelledError)


def ahead_of():
    begun = []
    return ReadingAhead(lambda records: begun.append(records) or len(begun), lambda raw: raw.offset), begun


async def test_no_more_is_read_than_there_is_room_for():
    consumer = Consumer(*((A, [number], {A: number + 1}) for number in range(BATCHES_AHEAD + 1)))
    ahead, begun = ahead_of()
    await read(consumer, ahead)
    assert (begun, len(consumer.batches)) == ([[0], [1]], 1)
    taken = await ahead.take(consumer)
    assert [(one.records, one.begun, one.positions[A].offset) for one in taken] == [([0], 1, 1), ([1], 2, 2)]
    await read(consumer, ahead)
    assert begun[2:] == [[2]]
    large = Consumer((A, range(RECORDS_AHEAD), {A: RECORDS_AHEAD}), (A, [RECORDS_AHEAD], {A: RECORDS_AHEAD + 1}))
    ahead, begun = ahead_of()
    await read(large, ahead)
    assert [len(one) for one in begun] == [RECORDS_AHEAD]


async def test_who_waits_gets_what_comes_in():
    consumer = Consumer(*((A, [number], {A: number + 1}) for number in range(BATCHES_AHEAD + 1)))
    ahead, _ = ahead_of()
    assert await ahead.take(consumer) == []
    reading = asyncio.create_task(ahead.read(consumer, consumer.poll))
    # At once what there is, and then the room is used for the next.
    for wanted in ([0, 1], [2]):
        taken = await asyncio.wait_for(ahead.take(consumer, 300.0), 20.0)
        assert [one.records for one in taken] == [[number] for number in wanted]
    assert await ahead.take(consumer, 0.01) == []
    reading.cancel()
    await asyncio.gather(reading, return_exceptions=True)


async def test_what_was_read_when_partitions_moved_is_not_begun():
    """Its partition is somebody else's, or stands again where this batch begins."""
    for stands in ({B: 9}, {A: 5}, {A: 7}):
        consumer = Consumer((A, [5, 6, 7], stands))
        ahead, begun = ahead_of()
        await read(consumer, ahead)
        assert begun == []
        assert await ahead.take(consumer) == []
    # One of two is enough.
    consumer = Consumer((None, {A: [5], B: [8]}, {A: 6}))
    ahead, begun = ahead_of()
    await read(consumer, ahead)
    assert begun == []
    consumer = Consumer((A, [5], None))
    consumer._subscription.subscription = None
    await read(consumer, ahead)
    assert begun == []
    consumer = Consumer((A, [5, 6, 7], {A: 8}))
    await read(consumer, ahead)
    assert begun == [[5, 6, 7]]


async def test_what_waited_when_partitions_moved_is_neither_handled_nor_committed():
    consumer = Consumer((A, [0], {A: 1, B: 4}), (A, [1], {A: 2, B: 4}))
    ahead, _ = ahead_of()
    await read(consumer, ahead)
    first, second = await ahead.take(consumer)
    await ahead.commit(consumer, first)
    assert consumer.committed == [{A: 1, B: 4}]
    await ahead.commit(consumer, first)
    await ahead.commit(consumer, second)
    # Only what has moved.
    assert consumer.committed == [{A: 1, B: 4}, {A: 2}]
    consumer.own({A: 0})
    await ahead.commit(consumer, first)
    assert len(consumer.committed) == 2
    consumer.batches = [(A, [2], {A: 3})]
    await read(consumer, ahead)
    consumer.own({A: 0})
    assert await ahead.take(consumer) == []
