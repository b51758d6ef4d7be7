"""How far the consumers are behind, read from the broker.

Two uses: the embedded broker drops what is unread too long, so the intake pauses before that; and a decided case is
finished once every consumer has passed the point where all topics ended after its decision.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from countersign_shared.messaging.stopping import opened

Ends = dict[TopicPartition, int]
SAMPLE_SECONDS = 0.25
"""From one sample to the next."""
REST_SECONDS = 2.0
"""The same while nothing is on its way."""


@dataclass(frozen=True, slots=True)
class Sample:
    """Where the topics ended, and where each group has committed, a moment later."""

    ends: Ends
    committed: Mapping[str, Ends]

    def outstanding(self) -> int:
        """Return the largest number of records of one topic that one group has not read."""
        behind: dict[tuple[str, str], int] = {}
        for group, offsets in self.committed.items():
            for partition, offset in offsets.items():
                where = group, partition.topic
                behind[where] = behind.get(where, 0) + max(self.ends[partition] - offset, 0)
        return max(behind.values(), default=0)

    def reached(self, ends: Ends) -> bool:
        """Tell whether every group has read up to these ends."""
        return all(
            offset >= ends[partition] for offsets in self.committed.values() for partition, offset in offsets.items()
        )


@dataclass(slots=True)
class Flow:
    """Counts what is on its way; `limit` None means a broker that forgets nothing."""

    limit: int | None
    outstanding: int = 0
    _sent: int = 0
    _waiting: int = 0
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def room(self) -> bool:
        """Tell whether one more case may be sent."""
        return self.limit is None or self.outstanding + self._sent < self.limit

    def sent(self, count: int) -> None:
        """Note cases sent since the last sample."""
        self._sent += count

    def wanted(self) -> bool:
        """Tell whether the next sample matters to anybody."""
        return bool(self.outstanding or self._sent or self._waiting)

    def sampled(self, sample: Sample) -> None:
        """Take over a new sample; what was sent before it is in it."""
        self.outstanding, self._sent = sample.outstanding(), 0
        self._moved.set()
        self._moved.clear()

    async def wait_for_room(self) -> None:
        """Wait until one more case may be sent."""
        while not self.room():
            await self._move()

    async def wait_until_drained(self) -> None:
        """Wait until every consumer has read everything, seen twice: a handler may publish after it has read."""
        quiet = 0
        while quiet < 2:  # noqa: PLR2004
            await self._move()
            quiet = quiet + 1 if self.outstanding == 0 else 0

    async def _move(self) -> None:
        self._waiting += 1
        try:
            await self._moved.wait()
        finally:
            self._waiting -= 1


class Sampler:
    """Asks the broker for samples."""

    def __init__(
        self, consumer: AIOKafkaConsumer, admin: AIOKafkaAdminClient, groups: Mapping[str, Sequence[TopicPartition]]
    ) -> None:
        self._consumer = consumer
        self._admin = admin
        self._groups = groups
        self._partitions = sorted({partition for partitions in groups.values() for partition in partitions})

    async def sample(self) -> Sample:
        """Take one sample: the ends first, so that a group that has reached them really has."""
        ends = await self._consumer.end_offsets(self._partitions)
        committed = {}
        for group, partitions in self._groups.items():
            found = await self._admin.list_consumer_group_offsets(group, partitions=list(partitions))
            # Nothing committed yet is told as -1.
            committed[group] = {partition: max(found[partition].offset, 0) for partition in partitions}
        return Sample(ends, committed)


async def partitions_of(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, list[TopicPartition]]:
    """Return the partitions of these topics; a topic that is missing is not in the answer."""
    return {
        found["topic"]: [TopicPartition(found["topic"], partition["partition"]) for partition in found["partitions"]]
        for found in await admin.describe_topics(list(topics))
        if found["error_code"] == 0
    }


@asynccontextmanager
async def open_sampler(bootstrap: str, prefix: str, groups: Mapping[str, Sequence[str]]) -> AsyncIterator[Sampler]:
    """Connect to the broker; `groups` maps each consumer group to the logical topics it reads."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    async with opened(consumer, "the sampler"), opened(admin, "the administrator"):
        present = await partitions_of(admin, sorted({prefix + topic for topics in groups.values() for topic in topics}))
        partitions = {
            prefix + group: [partition for topic in topics for partition in present[prefix + topic]]
            for group, topics in groups.items()
        }
        yield Sampler(consumer, admin, partitions)
