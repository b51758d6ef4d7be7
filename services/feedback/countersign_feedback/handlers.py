"""Kafka in: what the events say is added to the counts, and nothing goes out."""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache

from countersign_feedback.domain.facts import Gathered
from countersign_feedback.store import Store
from countersign_feedback.wire import gather
from countersign_shared.errors import FatalError
from countersign_shared.messaging.cloudevents import Unreadable, read_event
from countersign_shared.messaging.records import Message, Record

TOPICS = ("case.routed", "decision.made", "activity.recorded")


class Handler:
    """Reads batches of routings, decisions and activities into the store."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Add a batch's facts; there is nothing to publish.

        All three topics are written by our own services. A record there that cannot be read means that one of them is
        broken or that a stranger writes to its topic: a ``FatalError`` stops this service before it counts nonsense.
        """
        gathered = Gathered()
        for record in records:
            try:
                data, day = _read(record)
                gather(gathered, record.topic, data, day)
            except (Unreadable, ValueError) as error:
                where = f"{record.topic}[{record.partition}] at offset {record.offset}"
                raise FatalError(f"cannot read {where}: {error}; see docs/runbooks/unreadable-event.md") from error
        if gathered.cases:
            await self._store.add(gathered.cases.values())
        return ()


def _read(record: Record) -> tuple[bytes, date]:
    """Return the body and the UTC day of an event as our services write it; any other form is read the long way."""
    moment, plain = None, False
    for name, value in record.headers:
        if name == "ce_time":
            moment = value
        elif name == "content-type":
            plain = value == b"application/json"
    if moment is None or not plain or record.value is None:
        event = read_event(record)
        return event.data, _day(event.time[:10])
    return record.value, _day(moment[:10].decode())


@lru_cache(maxsize=64)
def _day(text: str) -> date:
    return date.fromisoformat(text)
