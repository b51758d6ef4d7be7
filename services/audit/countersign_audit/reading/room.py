"""The reading room: whoever looks at the record is on the record before they see it."""

import base64
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import orjson

from countersign_audit.reading.timeline import MAX_ENTRIES, Timeline, TimelineReader
from countersign_audit.store import CheckpointRow, Search, Store
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.http import Principal
from countersign_shared.ids import DEFAULT_TENANT
from countersign_shared.messaging import write_event
from countersign_shared.messaging.outbox import Outbox

TOPIC = "activity.recorded"
SOURCE = "/countersign/audit"
READERS = ("auditor", "admin", "lead")
"""Who may read the record, in the order in which a reader's role is named."""
NAMED = (*READERS, "reviewer", "operator", "analyst")
"""Whose reading is on the record: others are shown one case by review, which lends them its own leave to read."""
READ = "audit.read"
EXPORTED = "audit.exported"
WHOLE_LOG = "log"
TIMELINE_FIELDS = ("occurred_at", "kind", "words", "actor")
ENTRY_FIELDS = ("leaf", "leaf_hash")

Extent = tuple[int, int, int]
"""How many entries, the index of the first and that of the last."""


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One entry as it lies in the log: its place, its exact text and its hash."""

    index: int
    leaf: str
    leaf_hash: str


@dataclass(frozen=True, slots=True)
class Access:
    """Somebody looked, or took a copy; ``case`` is the log's name for the case, null when it was the log itself."""

    index: int
    occurred_at: str | None
    kind: str
    reader: str | None
    role: str | None
    tenant: str | None
    case: str | None
    what: str | None
    fields: list[str]
    entries: int | None


@dataclass(frozen=True, slots=True)
class CaseEntries:
    """A case's signed entries as a stranger gets them: the checkpoint's note, and leaves with their way to its root."""

    note: bytes
    entries: list[tuple[int, bytes, list[str]]]
    complete: bool


@dataclass(frozen=True, slots=True)
class Read:
    """What somebody is about to see: so many entries, from the first to the last."""

    scope: bytes
    tenant: str
    what: str
    fields: tuple[str, ...]
    entries: int
    first_index: int
    last_index: int
    purpose: str | None
    timeline: Timeline | None = None
    kind: str = READ


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
            await self._record(connection, principal, self._of_case(timeline, "timeline", TIMELINE_FIELDS, purpose))
            return timeline

    async def case_proof(
        self, principal: Principal, tenant: str, case_id: str, purpose: str | None
    ) -> CaseEntries | None:
        """Return what proves a case's history to a stranger, or None for a case that is not in the log."""
        async with self._pool.acquire() as connection:
            timeline = await self._timelines.read(connection, tenant, case_id)
            proofs = {entry.index: entry.proof for entry in timeline.entries if entry.proof is not None}
            if timeline.checkpoint is None or not proofs:
                return None
            if (note := await self._store.note(connection, timeline.checkpoint.size)) is None:
                return None
            rows = await self._store.case_entries(connection, self._timelines.case_ref(tenant, case_id), MAX_ENTRIES)
            await self._record(connection, principal, self._of_case(timeline, "proof", ENTRY_FIELDS, purpose))
            entries = [
                (row["index"], row["leaf"], [_base64(node) for node in proofs[row["index"]]])
                for row in rows
                if row["index"] in proofs
            ]
            return CaseEntries(note, entries, timeline.complete)

    async def entries(
        self, principal: Principal, search: Search, purpose: str | None, *, what: str = "entries"
    ) -> list[LogEntry]:
        """Return the entries that are looked for."""
        rows = await self._found(principal, search, purpose, what)
        return [LogEntry(row["index"], row["leaf"].decode(), row["leaf_hash"].hex()) for row in rows]

    async def accesses(self, principal: Principal, search: Search, purpose: str | None) -> list[Access]:
        """Return who looked, and at what, newest first."""
        return [_access(row) for row in await self._found(principal, search, purpose, "access_log")]

    async def checkpoint(self) -> CheckpointRow | None:
        """Return the newest signed checkpoint; it holds no case, so nobody's looking is noted."""
        async with self._pool.acquire() as connection:
            return await self._store.latest_checkpoint(connection)

    async def leave_with(
        self, principal: Principal, what: str, first: int, end: int, purpose: str | None, *, kind: str = READ
    ) -> None:
        """Note that somebody gets the entries from ``first`` on, up to and without ``end``."""
        async with self._pool.acquire() as connection:
            counted = [
                (row["tenant"], (row["entries"], row["first_index"], row["last_index"]))
                async for row in self._store.tenants_between(connection, first, end)
            ]
            await self._record_each(connection, principal, what, counted, purpose, kind)

    async def note(
        self, principal: Principal, tenant: str, case_id: str, what: str, purpose: str | None, *, kind: str = READ
    ) -> None:
        """Note that somebody is shown something made of a case's entries."""
        async with self._pool.acquire() as connection:
            await self.note_within(connection, principal, tenant, case_id, what, purpose, kind=kind)

    async def note_within(
        self, connection: Any, principal: Principal, tenant: str, case_id: str, what: str, purpose: str | None, *,
        kind: str = READ,
    ) -> None:  # fmt: skip
        """Do the same in a transaction of the caller's, if there is one."""
        timeline = await self._timelines.read(connection, tenant, case_id)
        if timeline.entries:
            await self._record(connection, principal, self._of_case(timeline, what, (what,), purpose, kind))

    def name_of_case(self, tenant: str, case_id: str) -> bytes:
        """Return the name under which the log knows a case."""
        return self._timelines.case_ref(tenant, case_id)

    def name_of_subject(self, tenant: str, subject_ref: str) -> bytes:
        """Return the name under which the log knows whom a case is about."""
        return self._timelines.subject_ref(tenant, subject_ref)

    async def _found(self, principal: Principal, search: Search, purpose: str | None, what: str) -> list[Any]:
        async with self._pool.acquire() as connection:
            rows = await self._store.search(connection, search)
            seen = [(row["tenant"], (1, row["index"], row["index"])) for row in rows]
            await self._record_each(connection, principal, what, seen, purpose, READ)
            return rows

    async def _record_each(
        self, connection: Any, principal: Principal, what: str, seen: Iterable[tuple[str | None, Extent]],
        purpose: str | None, kind: str,
    ) -> None:  # fmt: skip
        """Note a look at entries for each tenant they are of.

        Whoever looks after a tenant is to see who looked at its entries, however many others came along.
        """
        async with connection.transaction():
            # One order of tenants for everybody: each takes its numbers under a lock of its own.
            for tenant, extent in sorted(_by_tenant(seen, _home(principal)).items()):
                await self._record(connection, principal, self._of_log(tenant, what, extent, purpose, kind))

    def _of_case(
        self, timeline: Timeline, what: str, fields: tuple[str, ...], purpose: str | None, kind: str = READ
    ) -> Read:
        entries = timeline.entries
        return Read(
            self._timelines.case_ref(timeline.tenant, timeline.case_id), timeline.tenant, what, fields, len(entries),
            entries[0].index, entries[-1].index, purpose, timeline, kind,
        )  # fmt: skip

    def _of_log(self, tenant: str, what: str, extent: Extent, purpose: str | None, kind: str) -> Read:
        scope = self._timelines.case_ref(tenant, "")
        return Read(scope, tenant, what, ENTRY_FIELDS, *extent, purpose, kind=kind)

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


def _home(principal: Principal) -> str:
    """Return under which tenant a look at entries of no tenant is recorded."""
    return DEFAULT_TENANT if "*" in principal.tenants else min(principal.tenants, default=DEFAULT_TENANT)


def _by_tenant(seen: Iterable[tuple[str | None, Extent]], home: str) -> dict[str, Extent]:
    found: dict[str, Extent] = {}
    for tenant, (entries, first, last) in seen:
        of = found.get(tenant or home, (0, first, last))
        found[tenant or home] = (of[0] + entries, min(of[1], first), max(of[2], last))
    return found


def _base64(node: str) -> str:
    return base64.b64encode(bytes.fromhex(node)).decode()


def _access(row: Any) -> Access:
    leaf = orjson.loads(row["leaf"])
    actor, fact = leaf.get("actor") or {}, leaf.get("fact") or {}
    return Access(
        index=row["index"], occurred_at=leaf.get("occurred_at"), kind=row["kind"], reader=actor.get("id"),
        role=actor.get("role"), tenant=row["tenant"], case=leaf.get("case"), what=fact.get("what"),
        fields=fact.get("fields") or [], entries=fact.get("entries"),
    )  # fmt: skip


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
        "kind": read.kind,
        "actor": {
            "kind": "person",
            "pseudonym": principal.subject,
            "role": next((role for role in NAMED if role in (principal.own_roles or principal.roles)), None),
        },
        "body": {
            "what": read.what,
            "fields": list(read.fields),
            "purpose": read.purpose,
            "entries": read.entries,
            "first_index": read.first_index,
            "last_index": read.last_index,
        },
    }
