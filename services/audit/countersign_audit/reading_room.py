"""The reading room: whoever looks at the record is on the record before they see it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson

from countersign_audit.store import CheckpointRow, Store
from countersign_audit.timeline import Timeline, TimelineReader
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.http import Principal
from countersign_shared.ids import DEFAULT_TENANT
from countersign_shared.messaging import write_event
from countersign_shared.messaging.outbox import Outbox

TOPIC = "activity.recorded"
SOURCE = "/countersign/audit"
READERS = ("auditor", "admin", "lead")
"""Who may read the record, in the order in which a reader's role is named."""
WHOLE_LOG = "log"
TIMELINE_FIELDS = ("occurred_at", "kind", "words", "actor")
ENTRY_FIELDS = ("leaf", "leaf_hash")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry as it lies in the log: its place, its exact text and its hash."""

    index: int
    leaf: str
    leaf_hash: str


@dataclass(frozen=True, slots=True)
class Read:
    """What somebody is about to see."""

    scope: bytes
    tenant: str
    what: str
    fields: tuple[str, ...]
    indices: tuple[int, ...]
    purpose: str | None
    timeline: Timeline | None = None


class ReadingRoom:
    """Shows the record to people.

    Each read is announced as `audit.read` on activity.recorded through the outbox and so becomes an entry itself;
    the announcement is durable before the answer leaves.
    """

    def __init__(
        self, pool: Any, timelines: TimelineReader, outbox: Outbox, *, clock: Clock, new_id: Callable[[], str]
    ) -> None:
        self._pool = pool
        self._timelines = timelines
        self._outbox = outbox
        self._clock = clock
        self._new_id = new_id
        self._store = Store()

    async def timeline(self, principal: Principal, tenant: str, case_id: str, purpose: str | None) -> Timeline | None:
        """Return a case's timeline, or None for a case that is not in the log."""
        async with self._pool.acquire() as connection:
            timeline = await self._timelines.read(connection, tenant, case_id)
            if not timeline.entries:
                return None
            indices = tuple(entry.index for entry in timeline.entries)
            scope = self._timelines.case_ref(tenant, case_id)
            read = Read(scope, tenant, "timeline", TIMELINE_FIELDS, indices, purpose, timeline)
            await self._record(connection, principal, read)
            return timeline

    async def entries(
        self, principal: Principal, first: int, tenants: frozenset[str] | None, limit: int, purpose: str | None
    ) -> list[LogEntry]:
        """Return entries from an index on, of these tenants only; None means the whole log."""
        async with self._pool.acquire() as connection:
            rows = await self._store.entries_page(connection, first, tenants, limit)
            if rows:
                tenant = min(tenants) if tenants else DEFAULT_TENANT
                indices = tuple(row["index"] for row in rows)
                scope = self._timelines.case_ref(tenant, "")
                await self._record(
                    connection, principal, Read(scope, tenant, "entries", ENTRY_FIELDS, indices, purpose)
                )
            return [LogEntry(row["index"], row["leaf"].decode(), row["leaf_hash"].hex()) for row in rows]

    async def checkpoint(self) -> CheckpointRow | None:
        """Return the newest signed checkpoint; it holds no case, so nobody's looking is noted."""
        async with self._pool.acquire() as connection:
            return await self._store.latest_checkpoint(connection)

    async def _record(self, connection: Any, principal: Principal, read: Read) -> None:
        now = self._clock()
        async with connection.transaction():
            sequence = await self._store.add_read(connection, read.scope, now)
            event_id = self._new_id()
            case_id = read.timeline.case_id if read.timeline is not None else WHOLE_LOG
            message = write_event(
                TOPIC, event_id=event_id, source=SOURCE, case_id=case_id, time=rfc3339(now),
                body=orjson.dumps(_activity(principal, read, sequence, rfc3339(now))),
                partition=read.timeline.partition if read.timeline is not None else None,
            )  # fmt: skip
            await self._outbox.add(connection, message, event_id=event_id, not_before=now)
        self._outbox.hurry()


def _activity(principal: Principal, read: Read, sequence: int, now: str) -> dict[str, Any]:
    timeline = read.timeline
    return {
        "tenant": read.tenant,
        "case_id": timeline.case_id if timeline is not None else None,
        "decision_type": timeline.decision_type if timeline is not None else None,
        "subject_ref": timeline.subject_ref if timeline is not None else None,
        "entity_id": None if timeline is not None else WHOLE_LOG,
        "sequence": sequence,
        "occurred_at": now,
        "kind": "audit.read",
        "actor": {
            "kind": "person",
            "pseudonym": principal.subject,
            "role": next((role for role in READERS if role in principal.roles), None),
        },
        "body": {
            "what": read.what,
            "fields": list(read.fields),
            "purpose": read.purpose,
            "entries": len(read.indices),
            "first_index": min(read.indices),
            "last_index": max(read.indices),
        },
    }
