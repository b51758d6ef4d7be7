"""Dead letters for an operator: what lies there, sent back once its cause is mended, or put aside for good.

The topic only grows, so that the audit log holds the whole story: handling a letter adds a record with the letter's
own headers, an empty body and `x-handled`.
"""

import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiokafka.errors import KafkaError

from countersign_local.errors import NOT_RIGHT, UNAVAILABLE, CommandError
from countersign_local.moments import when
from countersign_shared.contracts.topics import load_topics
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging.away import unreachable
from countersign_shared.messaging.bus import Bus, open_bus
from countersign_shared.messaging.dead_letters import TOPIC, original
from countersign_shared.messaging.records import Message, Record
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings

_HANDLED = "x-handled"
_ID_LENGTH = 12
_MOST_DIGITS = 19
"""Of an offset: it has eight bytes."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One dead letter; a redelivery of the same record is the same letter."""

    id: str
    record: Record
    handled: str | None

    def header(self, name: str) -> str:
        """Return a header as text."""
        return (self.record.header(name) or b"").decode(errors="replace")

    def _number(self, name: str) -> int | None:
        """Return a header as a number; None where whoever wrote there was not one of our services."""
        text = self.header(name)
        return int(text) if text.isascii() and text.isdecimal() and len(text) <= _MOST_DIGITS else None

    @property
    def partition(self) -> int | None:
        """Where the original record lay on its topic; None where the letter does not say."""
        return self._number("x-partition")

    def summary(self) -> dict[str, Any]:
        """Return what a list shows."""
        return {
            "id": self.id,
            "key": (self.record.key or b"").decode(errors="backslashreplace"),
            "service": self.header("x-service"),
            "reason": self.header("x-reason"),
            "pointer": self.header("x-pointer"),
            "detail": self.header("x-detail"),
            "topic": self.header("x-topic"),
            "partition": self.partition,
            "offset": self._number("x-offset"),
            "at": when(self.record.timestamp_ms),
            "bytes": len(self.record.value or b""),
            "handled": self.handled,
        }


def letters_of(records: list[Record]) -> list[Letter]:
    """Return the letters among the topic's records, oldest first, each once, with what became of it."""
    first: dict[str, Record] = {}
    handled: dict[str, str] = {}
    for record in records:
        letter_id = _identity(record)
        mark = record.header(_HANDLED)
        if mark is None:
            first.setdefault(letter_id, record)
        else:
            handled[letter_id] = mark.decode(errors="replace")
    return [Letter(letter_id, record, handled.get(letter_id)) for letter_id, record in first.items()]


def find(letters: list[Letter], letter_id: str) -> Letter:
    """Return the letter whose id begins so; a CommandError when there is none or more than one."""
    found = [letter for letter in letters if letter_id and letter.id.startswith(letter_id)]
    if len(found) == 1:
        return found[0]
    problem = "More than one dead letter begins with" if found else "There is no dead letter"
    raise CommandError(f"{problem} {letter_id!r}: see `countersign dead-letters list --all`.", NOT_RIGHT)


def mark(letter: Letter, handled: str) -> Message:
    """Return the record that says what became of a letter."""
    return Message(
        TOPIC,
        letter.record.partition,
        letter.record.key or b"",
        b"",
        (*letter.record.headers, (_HANDLED, handled.encode())),
    )


async def replay(bus: Bus, letter: Letter) -> None:
    """Publish the original record again where it came from, then note that.

    A CommandError when it is not all there, or came from no topic of ours. The key chooses the partition of a topic
    that has fewer than it had.
    """
    if whole := letter.header("x-cut-from"):
        raise CommandError(
            f"{letter.id} holds only the beginning of a record of {whole} bytes: have its sender send it again.",
            NOT_RIGHT,
        )
    message = original(letter.record)
    if message.topic not in load_topics():
        raise CommandError(
            f"{letter.id} came from {message.topic!r}, which is no topic of Countersign's: whoever put it there knows.",
            NOT_RIGHT,
        )
    # What its sender says of the case elsewhere, and what follows from it, lies on the same partition.
    if (came_from := letter.partition) is not None and came_from < await bus.partitions(message.topic):
        message = message._replace(partition=came_from)
    await bus.publish([message])
    await bus.publish([mark(letter, "replayed")])


async def discard(bus: Bus, letter: Letter) -> None:
    """Note that the letter needs no further attention."""
    await bus.publish([mark(letter, "discarded")])


async def read_letters(bus: Bus) -> list[Letter]:
    """Read the whole topic."""
    return letters_of(await bus.read_all(TOPIC))


@asynccontextmanager
async def operators_bus(bootstrap: str, prefix: str) -> AsyncIterator[Bus]:
    """Connect an operator's command to the topics."""
    settings = ServiceSettings(
        database_url="", kafka_bootstrap_servers=bootstrap, http_port=0, topic_prefix=prefix, broker="kafka"
    )
    try:
        async with open_bus(settings, service="operator", health=Health(), metrics=Metrics("operator")) as bus:
            yield bus
    except ConfigurationError as error:
        raise CommandError(str(error), UNAVAILABLE) from error
    except (KafkaError, TimeoutError) as error:
        raise CommandError(str(unreachable(bootstrap, error)), UNAVAILABLE) from error


def _identity(record: Record) -> str:
    """Where and when the original record lay; a broker's offsets begin anew with a topic, its time does not."""
    parts = [record.header(f"x-{name}") or b"" for name in ("topic", "partition", "offset", "timestamp")]
    return hashlib.sha256(b"\0".join([*parts, record.key or b""])).hexdigest()[:_ID_LENGTH]
