"""Kafka in: every record of every topic becomes an entry, exactly once."""

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import NamedTuple

from countersign_audit.custody.anchors import TOPIC as CHECKPOINTS
from countersign_audit.writing.assembly import Begun
from countersign_audit.writing.intake import Intake
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock
from countersign_shared.contracts.topics import load_topics
from countersign_shared.messaging import Message, Record
from countersign_shared.observability import Metrics

log = logging.getLogger(__name__)


def topics() -> tuple[str, ...]:
    """Return every topic but the log's own checkpoints: an entry for each would be a reason to sign the next."""
    return tuple(name for name in load_topics() if name != CHECKPOINTS)


Follow = Callable[[Sequence[Record]], Awaitable[object]]
"""Looks at records as they come: what the broker removed before they were read, or which erasure they ask for."""


class Coming(NamedTuple):
    """A batch that is being made ready."""

    records: Sequence[Record]
    begun: Begun


class Handler:
    """Appends batches; nothing is published in return, the log is the result."""

    def __init__(
        self, writer: LogWriter, metrics: Metrics, clock: Clock, follow: Follow | None = None,
        asked_again: Follow | None = None,
    ) -> None:  # fmt: skip
        self._writer = writer
        self._follow = follow
        self._asked_again = asked_again
        self._intake = Intake(writer.names)
        self._clock = clock
        self._lag = metrics.gauge("audit_lag_seconds")
        self._conflicts = metrics.counter("audit_conflicts_total")

    def begin(self, records: Sequence[Record]) -> Coming:
        """Begin with a batch that was read and is not yet due."""
        return Coming(records, self._writer.begin(len(records), map(self._intake.draft, records)))

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Make a batch durable; called again with the same records it adds nothing."""
        return await self.finish([self.begin(records)])

    async def finish(self, batches: Sequence[Coming]) -> Sequence[Message]:
        """Make batches durable that were begun, in their order; called again with the same it adds nothing."""
        records = [record for batch in batches for record in batch.records]
        if self._follow is not None:
            await self._follow(records)
        appended = await self._writer.append([batch.begun for batch in batches])
        if self._asked_again is not None:
            await self._asked_again(records)
        newest = max(record.timestamp_ms for record in records)
        self._lag.set(max(self._clock().timestamp() - newest / 1000, 0.0))
        if appended.conflicts:
            self._conflicts.inc(appended.conflicts)
            log.error(
                "%d records repeat an id with other content; each is an entry with conflict_with", appended.conflicts
            )
        return ()
