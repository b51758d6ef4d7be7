"""Following the topics without a consumer group: looking changes nothing for anybody."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import orjson
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from countersign_local.demo.flow import partitions_of
from countersign_local.errors import UNAVAILABLE, USAGE, CommandError
from countersign_local.moments import when
from countersign_shared.contracts.topics import load_topics
from countersign_shared.messaging.header_names import take_any_header_name
from countersign_shared.messaging.stopping import opened

ANSWER_SECONDS = 15.0
"""How long brokers may take to say anything: another one may have to take over a partition."""
_QUIET_MS = 1_000
_TELLING = ("decision_type", "kind", "level_name", "outcome", "mode", "relation", "queue")


@dataclass(frozen=True, slots=True)
class Watched:
    """One record as an onlooker sees it."""

    topic: str
    partition: int
    offset: int
    at: str
    headers: dict[str, str]
    body: Any

    @property
    def case_id(self) -> str | None:
        """The case it is about, None when it is about none or cannot be read."""
        found = self.body.get("case_id") if isinstance(self.body, dict) else None
        return found if isinstance(found, str) else None

    def as_json(self) -> dict[str, Any]:
        """Return everything about the record."""
        return {
            "topic": self.topic, "partition": self.partition, "offset": self.offset, "at": self.at,
            "headers": self.headers, "body": self.body,
        }  # fmt: skip

    def line(self) -> str:
        """Return the record in one line for people."""
        body = self.body if isinstance(self.body, dict) else {}
        telling = [f"{name}={body[name]}" for name in _TELLING if body.get(name) is not None]
        return f"{self.at[11:23]}  {self.topic:<22} {self.case_id or '-':<20} {' '.join(telling)}"


async def watched(
    bootstrap: str, *, topics: Sequence[str] | None, prefix: str, from_beginning: bool
) -> AsyncGenerator[Watched, None]:
    """Yield records of these logical topics (all when None) as they arrive, for as long as the brokers answer."""
    take_any_header_name()
    known = load_topics()
    chosen = list(topics or known)
    if unknown := sorted(set(chosen) - set(known)):
        raise CommandError(f"There is no topic {unknown[0]}: choose from {', '.join(known)}.", USAGE)
    partitions = await _partitions(bootstrap, [prefix + topic for topic in chosen])
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, auto_offset_reset="latest")
    try:
        async with opened(consumer, "the onlooker"):
            consumer.assign(partitions)
            await (consumer.seek_to_beginning if from_beginning else consumer.seek_to_end)(*partitions)
            while True:
                arrived = await consumer.getmany(timeout_ms=_QUIET_MS)
                for raw in sorted(chain(*arrived.values()), key=lambda record: record.timestamp):
                    yield _watched(raw, len(prefix))
                if not arrived:
                    await asyncio.wait_for(consumer.end_offsets(partitions[:1]), ANSWER_SECONDS)
    except (KafkaError, TimeoutError) as error:
        raise CommandError(f"Kafka does not answer at {bootstrap} any more: is it running?", UNAVAILABLE) from error


async def _partitions(bootstrap: str, topics: Sequence[str]) -> list[TopicPartition]:
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        async with opened(admin, "the administrator"):
            present = await partitions_of(admin, topics)
    except KafkaError as error:
        raise CommandError(f"Kafka does not answer at {bootstrap}: is it running?", UNAVAILABLE) from error
    if missing := sorted(set(topics) - set(present)):
        raise CommandError(f"Topic {missing[0]} is missing: run `countersign topics ensure`.", UNAVAILABLE)
    return [partition for topic in topics for partition in present[topic]]


def _watched(raw: Any, prefix_length: int) -> Watched:
    value: bytes = raw.value or b""
    try:
        body = orjson.loads(value)
    except orjson.JSONDecodeError:
        body = value.decode(errors="backslashreplace")
    return Watched(
        topic=raw.topic[prefix_length:],
        partition=raw.partition,
        offset=raw.offset,
        at=when(raw.timestamp),
        headers={name: (header or b"").decode(errors="backslashreplace") for name, header in raw.headers},
        body=body,
    )
