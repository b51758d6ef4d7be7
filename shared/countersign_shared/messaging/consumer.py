"""Consuming in batches: nothing is acknowledged before the handler's events are confirmed."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from functools import partial
from itertools import chain
from typing import Any

import asyncpg
from aiokafka import ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaAckableMessage
from faststream.message import AckStatus

from countersign_shared.background import cancelled
from countersign_shared.errors import FatalError, TransientError
from countersign_shared.messaging.ahead import Begin, ReadingAhead, Waiting
from countersign_shared.messaging.away import unreachable
from countersign_shared.messaging.commits import Commits
from countersign_shared.messaging.pace import GATHER_MS, Doze, Pace
from countersign_shared.messaging.records import Message, Record, whole_headers
from countersign_shared.messaging.stopping import STOP_SECONDS, stopped
from countersign_shared.observability.faults import named
from countersign_shared.observability.health import Health
from countersign_shared.postgres.away import LOST

log = logging.getLogger(__name__)

Handler = Callable[[Sequence[Any]], Awaitable[Sequence[Message]]]
"""Decode records, run one database transaction, return what to publish. Given are records; or, where work begins
ahead, what was begun for each batch that is due.

Called again with the same records after any crash, rebalance or transient fault, so it must absorb repeats.
It never raises for a bad record; ``TransientError`` and lost database connections are tried again with
back-off, anything else ends the process.
"""

MAX_RECORDS = 500
METADATA_MS = 10_000
"""A topic that was deleted and made anew is read within so long; by default it would lie unread for five minutes. So
often a broker is asked, too, and noticed when it is silent."""
POLL_MS = 200
"""How long one poll waits for records; it answers at once when there are some."""
FETCH_BYTES = 1_048_576
"""Most bytes of one answer of the broker, a quarter of it from one partition: what was fetched and not yet handled
stays in memory, and a reader of every topic has some eighty partitions. Compressed, it still holds several batches; a
record that is larger comes all the same."""
RETRIES = 6
FIRST_BACKOFF_SECONDS = 0.1
TRANSIENT = (TransientError, *LOST, ConnectionError,
             asyncpg.DeadlockDetectedError, asyncpg.SerializationError, asyncpg.LockNotAvailableError,
             asyncpg.CannotConnectNowError, asyncpg.TooManyConnectionsError,
             # A migration has changed a table since: the driver has forgotten its plans when it says so.
             asyncpg.InvalidCachedStatementError)  # fmt: skip


class Delivery(ConsumerRebalanceListener):  # type: ignore[misc]
    """Carries batches from the subscriber to the handler and watches over what it sees."""

    def __init__(
        self, handler: Handler, publish: Callable[[Sequence[Message]], Awaitable[None]], *,
        prefix: str, health: Health, fail: Callable[[BaseException], None], forgetful: bool, begin: Begin | None = None,
    ) -> None:  # fmt: skip
        self._handler = handler
        self.ahead = None if begin is None else ReadingAhead(begin, self._record)
        self._publish = publish
        self._prefix_length = len(prefix)
        self._health = health
        self.fail = fail
        self.forgetful = forgetful
        self._leaving = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._next: dict[tuple[str, int], int] = {}
        self.consumer: Any = None
        self.commits: Commits | None = None

    async def __call__(self, batch: Sequence[ConsumerRecord]) -> None:
        """Handle one batch to its end; on a fatal fault say so and hold still, so that nothing is committed."""
        records = [self._record(raw) for raw in batch]
        await self._carry(records, records if self.ahead is None else [self.ahead.begin(records)])

    async def due(self, batches: Sequence[Waiting]) -> None:
        """Handle batches that were read ahead, all at once, in the same way."""
        await self._carry([one for batch in batches for one in batch.records], [batch.begun for batch in batches])

    async def _carry(self, records: list[Record], work: Sequence[Any]) -> None:
        self._idle.clear()
        try:
            if self.forgetful:
                self._refuse_gaps(records)
            await self._publish(await self._handled(work, len(records)))
            for record in records:
                self._next[record.topic, record.partition] = record.offset + 1
            if self.commits is not None:
                self.commits.handled()
        except Exception as error:  # whatever it is, acknowledging would lose the batch
            log.critical("cannot go on: %s", error, exc_info=not isinstance(error, FatalError))
            self.fail(error)
            # Returning would acknowledge and raising at once would retry without end: hold still until we are stopped.
            await self._leaving.wait()
            raise
        finally:
            self._idle.set()

    async def _handled(self, work: Sequence[Any], size: int) -> Sequence[Message]:
        backoff = FIRST_BACKOFF_SECONDS
        for attempt in range(RETRIES):
            try:
                return await self._handler(work)
            except TRANSIENT as error:
                log.warning("batch of %d failed (attempt %d): %r", size, attempt + 1, error)
                last = error
            await asyncio.sleep(backoff)
            backoff *= 2
        raise FatalError(f"a batch of {size} records failed {RETRIES} times, last with {named(last)}") from last

    def _record(self, raw: Any) -> Record:
        topic = raw.topic[self._prefix_length :]
        return Record(topic, raw.partition, raw.offset, raw.timestamp, raw.key, raw.value, whole_headers(raw.headers))

    def _refuse_gaps(self, records: list[Record]) -> None:
        """Kafka leaves gaps when it compacts; the in-memory broker only when it has thrown records away."""
        expected = dict(self._next)
        for record in records:
            where = record.topic, record.partition
            lost = record.offset - expected.get(where, record.offset)
            if lost > 0:
                raise FatalError(f"{record.topic}[{record.partition}] lost {lost} records before {record.offset}")
            expected[where] = record.offset + 1

    async def on_partitions_revoked(self, revoked: Sequence[TopicPartition]) -> None:
        """Let the batch in flight finish, so that its new owner has less to repeat."""
        del revoked
        await self._idle.wait()
        if self.commits is not None:
            await self.commits.settle()
        self._next.clear()

    async def on_partitions_assigned(self, assigned: Sequence[TopicPartition]) -> None:
        """Note what this replica now owns."""
        self._health.assigned(len(assigned))

    def leave(self) -> None:
        """Let go of a batch that is held back after a fatal fault: the consumer is about to stop."""
        self._leaving.set()

    def lag(self) -> dict[str, int]:
        """Return, per logical topic, how many records lie between the last handled one and the end."""
        totals: dict[str, int] = {}
        if self.consumer is None:
            return totals
        for partition in self.consumer.assignment():
            topic = partition.topic[self._prefix_length :]
            end = self.consumer.highwater(partition)
            done = self._next.get((topic, partition.partition))
            behind = max(end - done, 0) if end is not None and done is not None else 0
            totals[topic] = totals.get(topic, 0) + behind
        return totals


class _Batch(KafkaAckableMessage):
    ahead: ReadingAhead | None = None
    waited: Sequence[Waiting] = ()
    beside: bool = False
    """What was handled is committed already, or soon (``Commits``)."""

    async def ack(self) -> None:
        """Commit what this batch has brought us to; what was read since is not handled yet."""
        if not self.committed:
            if self.ahead is not None and self.waited:
                await self.ahead.commit(self.consumer, self.waited[-1])
            if self.beside or self.waited:
                self.committed = AckStatus.ACKED
        await super().ack()

    async def nack(self) -> None:
        """Rewind each partition we still own: one that was revoked must not keep the others from it."""
        earliest: dict[TopicPartition, int] = {}
        later = await self.ahead.take(self.consumer) if self.ahead is not None else []
        for record in (*self.raw_message, *(one for batch in later for one in batch.raw)):
            where = TopicPartition(record.topic, record.partition)
            earliest[where] = min(record.offset, earliest.get(where, record.offset))
        for where, offset in earliest.items():
            try:
                self.consumer.seek(partition=where, offset=offset)
            except IllegalStateError:
                log.info("%s was revoked; its new owner reads it from the committed offset", where)
        self.committed = True  # type: ignore[assignment]


@asynccontextmanager
async def consuming(
    bootstrap: str, topics: Sequence[str], delivery: Delivery, *, group: str, prefix: str,
    client_id: str, instance_id: str | None, health: Health, max_records: int, gather_ms: int = GATHER_MS,
    drain_seconds: float = 10.0,
) -> AsyncIterator[None]:  # fmt: skip
    """Consume while the context is open; leaving it lets the batch in flight finish and commit."""
    broker = KafkaBroker(
        bootstrap.split(","), client_id=client_id, apply_types=False, graceful_timeout=drain_seconds, logger=None,
        allow_auto_create_topics=False,
        # What is published goes out over a producer of our own.
        consumer_only=True,
        # The in-memory broker's topics are never made anew.
        metadata_max_age_ms=300_000 if delivery.forgetful else METADATA_MS,
    )  # fmt: skip
    subscriber = broker.subscriber(
        *(prefix + topic for topic in topics), group_id=prefix + group, batch=True, max_records=max_records,
        batch_timeout_ms=POLL_MS, auto_offset_reset="earliest", ack_policy=AckPolicy.NACK_ON_ERROR,
        listener=delivery, group_instance_id=instance_id, fetch_max_wait_ms=gather_ms,
        session_timeout_ms=10_000, heartbeat_interval_ms=1_000, max_poll_interval_ms=120_000,
        fetch_max_bytes=FETCH_BYTES, max_partition_fetch_bytes=FETCH_BYTES // 4,
        # What upstream took back never happened.
        isolation_level="read_committed",
    )  # fmt: skip

    async def parse(batch: tuple[Any, ...]) -> _Batch:
        # FastStream's own parser decodes every header as UTF-8: one hostile header would fail the batch.
        waited = [one for one in batch if isinstance(one, Waiting)]
        raw = tuple(chain.from_iterable(one.raw for one in waited)) or batch
        message = _Batch(
            body=b"", headers={}, batch_headers=[], reply_to="", raw_message=raw,
            message_id=f"{raw[0].offset}-{raw[-1].offset}", consumer=subscriber.consumer,
        )  # fmt: skip
        message.ahead, message.waited, message.beside = delivery.ahead, waited, delivery.commits is not None
        return message

    async def decode(message: _Batch) -> Sequence[Any]:
        return message.waited or message.raw_message

    async def handle(batch: Sequence[Any]) -> None:
        # Reading ahead begins with the second poll: the first one may be under way before anybody can step in.
        await (delivery.due(batch) if isinstance(batch[0], Waiting) else delivery(batch))

    subscriber(handle, parser=parse, decoder=decode)
    reading: set[asyncio.Task[None]] = set()
    try:
        try:
            await broker.start()
        except KafkaError as error:
            raise unreachable(bootstrap, error) from error
        delivery.consumer = subscriber.consumer
        if not delivery.forgetful:
            _watch_brokers(subscriber.consumer, health)
        if delivery.ahead is None:
            delivery.commits = _commit_beside(subscriber.consumer)
        pace = (Doze if delivery.forgetful else Pace)(subscriber.consumer, gather_ms)
        _watch_polls(subscriber.consumer, health if delivery.ahead is None else None, delivery.fail, pace)
        if delivery.ahead is not None:
            _read_ahead(subscriber.consumer, delivery.ahead, health, reading)
        yield
    finally:
        delivery.leave()
        await cancelled(*reading)
        await stopped(broker.stop(), "the consumer", of=subscriber.consumer, seconds=drain_seconds + STOP_SECONDS)
        health.consumer_stopped()


def _commit_beside(consumer: Any) -> Commits:
    commits, stop = Commits(consumer), consumer.stop

    async def settled() -> None:
        await commits.settle()
        await stop()

    consumer.stop = settled
    return commits


def _watch_brokers(consumer: Any, health: Health) -> None:
    """Record when a broker last answered: every ``METADATA_MS`` one is asked, whatever the topics hold."""
    health.answered(time.monotonic())
    consumer._client.cluster.add_listener(  # noqa: SLF001 - the one place that hears of every answer
        lambda _: health.answered(time.monotonic())
    )


def _watch_polls(
    consumer: Any, health: Health | None, fail: Callable[[BaseException], None], pace: Pace | Doze
) -> None:
    """Record the time of each poll, for a ping would be green with a dead consume loop; a poll that fails is fatal.

    An empty answer is not handed on: FastStream would sleep before it asked again, as long as the poll had waited. What
    one poll had taken from other partitions before it failed is gone for us and passed for the consumer: the next
    commit would cover it. FastStream would go on polling.
    """
    poll = consumer.getmany

    async def watched(*args: Any, **kwargs: Any) -> Any:
        try:
            while True:
                if health is not None:
                    health.polled(time.monotonic())
                pace.handled()
                records = await poll(*args, **kwargs)
                pace.answered(sum(map(len, records.values())), most=kwargs["max_records"])
                if records:
                    return records
        except ConsumerStoppedError:
            raise
        except Exception as error:
            log.critical("reading failed", exc_info=error)
            fail(FatalError(f"reading from Kafka failed: {error!r}"))
            # Returning or raising would lead to the next poll; the supervisor ends us here.
            return await asyncio.Event().wait()

    if health is not None:
        health.polled(time.monotonic())
    consumer.getmany = watched


def _read_ahead(consumer: Any, ahead: ReadingAhead, health: Health, reading: set[asyncio.Task[None]]) -> None:
    """Let polls take what a task of its own has read, and note each: the task could outlive the loop that handles."""
    poll = consumer.getmany
    health.polled(time.monotonic())

    async def take(*, timeout_ms: int, max_records: int) -> Any:
        if not reading:
            reading.add(
                asyncio.create_task(ahead.read(consumer, partial(poll, timeout_ms=timeout_ms, max_records=max_records)))
            )
        while True:
            health.polled(time.monotonic())
            if batches := await ahead.take(consumer, timeout_ms / 1000):
                return {"ahead": batches}

    consumer.getmany = take
