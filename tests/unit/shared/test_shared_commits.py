"""What is committed is what was handled, soon and not after every batch; the broker's side is shown in integration."""

import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CommitFailedError

from countersign_shared.messaging import commits as module
from countersign_shared.messaging.commits import Commits

A, B = TopicPartition("case.created", 0), TopicPartition("case.created", 1)


class Consumer:
    """The client as far as commits go: where it stands, and what it is asked to commit."""

    def __init__(self):
        self.positions = {}
        self.committed = []
        self.refuses = 0
        self.answers = asyncio.Event()
        self.answers.set()
        self._subscription = SimpleNamespace(
            subscription=SimpleNamespace(assignment=SimpleNamespace(all_consumed_offsets=lambda: dict(self.positions)))
        )

    async def commit(self, positions):
        await self.answers.wait()
        if self.refuses:
            self.refuses -= 1
            raise CommitFailedError
        self.committed.append(positions)


@pytest.fixture
def consumer():
    return Consumer()


async def test_batches_that_are_handled_meanwhile_are_committed_together(consumer):
    commits = Commits(consumer)
    for offset in range(1, 50):
        consumer.positions = {A: offset, B: 7}
        commits.handled()
        await asyncio.sleep(0)
    await commits.settle()
    assert consumer.committed == [{A: 1, B: 7}, {A: 49}]


async def test_what_was_read_and_not_handled_is_not_committed(consumer):
    commits = Commits(consumer)
    consumer.answers.clear()
    consumer.positions = {A: 3}
    commits.handled()
    consumer.positions = {A: 9}
    settled = asyncio.create_task(commits.settle())
    await asyncio.sleep(0)
    consumer.answers.set()
    await settled
    assert consumer.committed == [{A: 3}]


async def test_a_refused_commit_is_made_good_by_the_next(consumer, monkeypatch):
    monkeypatch.setattr(module, "EVERY_SECONDS", 0.01)
    commits = Commits(consumer)
    consumer.refuses, consumer.positions = 1, {A: 3, B: 2}
    commits.handled()
    await asyncio.sleep(0.05)
    assert consumer.committed == []
    consumer.positions = {A: 4, B: 2}
    commits.handled()
    await commits.settle()
    assert consumer.committed == [{A: 4, B: 2}]


async def test_a_broker_that_does_not_answer_holds_nobody_for_ever(consumer, monkeypatch, caplog):
    monkeypatch.setattr(module, "SETTLE_SECONDS", 0.05)
    commits = Commits(consumer)
    consumer.answers.clear()
    consumer.positions = {A: 3}
    commits.handled()
    async with asyncio.timeout(10):
        await commits.settle()
    assert "delivered again" in caplog.text


async def test_after_partitions_moved_every_position_is_committed_anew(consumer):
    commits = Commits(consumer)
    consumer.positions = {A: 3}
    for _ in range(2):
        commits.handled()
        await commits.settle()
    assert consumer.committed == [{A: 3}, {A: 3}]


async def test_who_owns_nothing_commits_nothing(consumer):
    commits = Commits(consumer)
    consumer._subscription.subscription = None
    commits.handled()
    await commits.settle()
    assert consumer.committed == []
