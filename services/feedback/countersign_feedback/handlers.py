"""Kafka in: what the events say is added to the counts, and nothing goes out."""

import logging
from collections.abc import Callable, Sequence
from datetime import datetime

from countersign_feedback.domain.facts import Gathered
from countersign_feedback.store import Store
from countersign_feedback.wire import OUTCOMES, gather, report
from countersign_shared.errors import FatalError
from countersign_shared.messaging.cloudevents import Unreadable, read_event
from countersign_shared.messaging.records import Message, Record
from countersign_shared.observability.faults import told

log = logging.getLogger(__name__)

TOPICS = ("case.routed", "decision.made", "activity.recorded", OUTCOMES)
Judged = Callable[[set[tuple[str, str]]], None]
"""Told the (tenant, decision type) pairs that a batch brought answers for, after its commit."""


class Handler:
    """Reads batches of routings, decisions, activities and reported outcomes into the store."""

    def __init__(self, store: Store, judged: Judged | None = None) -> None:
        self._store = store
        self._judged = judged

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Add a batch's facts; there is nothing to publish.

        All topics but one are written by our own services. A record there that cannot be read means that one of them is
        broken or that a stranger writes to its topic: a ``FatalError`` stops this service before it counts nonsense.
        """
        gathered = Gathered()
        for record in records:
            try:
                if record.topic == OUTCOMES:
                    report(gathered, read_event(record))
                else:
                    gather(gathered, record.topic, *_read(record))
            except (Unreadable, ValueError) as error:
                where = f"{record.topic}[{record.partition}] at offset {record.offset}"
                if record.topic == OUTCOMES:
                    # Upstream writes here; review reads the same record and says on the dead letters what is wrong.
                    log.warning("passed over %s: %s", where, error)
                    continue
                why = f"cannot read {where}: {told(error)}; see docs/runbooks/unreadable-event.md"
                raise FatalError(why) from error
        await self._store.add(gathered)
        answered = {(one.tenant, one.decision_type) for one in gathered.labels.values() if one.error is not None}
        if answered and self._judged is not None:
            self._judged(answered)
        return ()


def _read(record: Record) -> tuple[bytes, datetime, str]:
    """Return body, time and id of an event as our services write it; any other form is read the long way."""
    moment, event_id, plain = None, b"", False
    for name, value in record.headers:
        if name == "ce_time":
            moment = value
        elif name == "ce_id":
            event_id = value
        elif name == "content-type":
            plain = value == b"application/json"
    if moment is None or not event_id or not plain or record.value is None:
        event = read_event(record)
        return event.data, datetime.fromisoformat(event.time), event.id
    return record.value, datetime.fromisoformat(moment.decode()), event_id.decode()
