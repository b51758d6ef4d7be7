"""Writing events: a number within the case, the stored bytes, and the outbox row, in the caller's transaction."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from countersign_review.domain.events import CaseRef, activity
from countersign_review.domain.refusals import NotFound
from countersign_shared.clock import rfc3339
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging import Message
from countersign_shared.messaging.cloudevents import stored_headers
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.postgres import Queries

Connection = Any
"""A connection of the pool, inside the caller's transaction; asyncpg's two kinds share no type."""

SOURCE = "/countersign/review"
SQL = Path(__file__).parent.parent / "sql"
DECISIONS = "decision.made"
ACTIVITIES = "activity.recorded"


@dataclass(frozen=True, slots=True)
class Numbered:
    """Numbers taken for a case: ``first`` and those after it; ``partition`` is where its events go."""

    first: int
    partition: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One event about to be written; ``actor`` is the pseudonym of the person behind it, if any.

    It leaves no earlier than ``not_before`` (default: when it is written).
    """

    topic: str
    kind: str
    event_id: str
    sequence: int
    body: Mapping[str, Any]
    actor: str | None = None
    not_before: datetime | None = None


def open_outbox() -> Outbox:
    """Return the outbox of this service, in which every case has an order of its own."""
    return Outbox(due=Queries.load(SQL / "outbox.sql").due)


class Journal:
    """Numbers, stores and queues what this service says about cases."""

    def __init__(self, outbox: Outbox, hint: Callable[[], None] = lambda: None) -> None:
        self._outbox = outbox
        self._hint = hint
        self._queries = Queries.load(SQL / "queries.sql")

    async def numbers(self, connection: Connection, case: CaseRef, count: int) -> Numbered:
        """Lock the case's row and take ``count`` numbers; reviews are locked before, never after.

        Raises: NotFound, for a case that was erased in this moment.
        """
        row = await connection.fetchrow(self._queries.take_numbers, case.tenant, case.case_id, count)
        if row is None:
            raise NotFound("There is no such case.")
        return Numbered(row["first"], row["partition"])

    async def partition(self, connection: Connection, case: CaseRef) -> int:
        """Lock the case's row without taking a number."""
        partition: int = await connection.fetchval(self._queries.lock_counter, case.tenant, case.case_id)
        return partition

    async def write(
        self, connection: Connection, case: CaseRef, events: Sequence[Outgoing], *, partition: int,
        at: datetime,
    ) -> None:  # fmt: skip
        """Store events and put them into the outbox, in this order."""
        await connection.execute(
            self._queries.insert_events, *event_columns(case, events, at=at), case.tenant,
            case.case_id, at, partition, case.case_id.encode(),
        )  # fmt: skip

    async def take_back(self, connection: Connection, event_id: str) -> bool:
        """Remove an event from the outbox; False when it has already left."""
        return await self._outbox.remove(connection, event_id)

    async def add(self, connection: Connection, message: Message, *, event_id: str, at: datetime) -> None:
        """Queue an event that is about no case."""
        await self._outbox.add(connection, message, event_id=event_id, not_before=at)

    def hurry(self) -> None:
        """Wake the relay, and those who look at the desk, after a commit."""
        self._outbox.hurry()
        self._hint()


def activity_event(
    case: CaseRef, kind: str, body: Mapping[str, Any], *, sequence: int, at: datetime, actor: Mapping[str, Any]
) -> Outgoing:
    """Return an activity; its id follows from the case, the kind and its number."""
    return Outgoing(
        topic=ACTIVITIES, kind=kind, event_id=derived_event_id(case.tenant, case.case_id, kind, sequence),
        sequence=sequence,
        body=activity(case, kind, body, sequence=sequence, occurred_at=rfc3339(at), actor=actor),
        actor=actor["pseudonym"] if actor["kind"] == "person" else None,
    )  # fmt: skip


def event_columns(case: CaseRef, events: Sequence[Outgoing], *, at: datetime) -> tuple[list[Any], ...]:
    """Return events about to be written as the first columns of ``insert_events``."""
    return tuple(list(column) for column in zip(*event_rows(case, events, at=at), strict=True))


def event_rows(case: CaseRef, events: Sequence[Outgoing], *, at: datetime) -> list[tuple[Any, ...]]:
    """Return events as they are stored: id, number, topic, kind, who, body, headers, and when they leave."""
    time = rfc3339(at)
    return [
        (
            event.event_id, event.sequence, event.topic, event.kind, event.actor, orjson.dumps(event.body),
            stored_headers(event.topic, event_id=event.event_id, source=SOURCE, case_id=case.case_id, time=time),
            event.not_before or at,
        )
        for event in events
    ]  # fmt: skip
