"""Everything the record holds about one person: every event of every case of theirs, as it was."""

from dataclasses import dataclass, field
from typing import Any

import orjson

from countersign_audit.erasing.store import ErasureStore
from countersign_audit.reading.room import EXPORTED, ReadingRoom
from countersign_audit.reading.timeline import MAX_ENTRIES, TimelineReader
from countersign_audit.store import Store
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.http import Principal


@dataclass(frozen=True, slots=True)
class SubjectEntry:
    """One event about the person; ``event`` is its body as it was, null when nobody can open it any more."""

    index: int
    occurred_at: str | None
    topic: str | None
    kind: str
    event: dict[str, Any] | None


@dataclass(frozen=True, slots=True)
class SubjectCase:
    """A case that is about the person; ``complete`` is false for one with more entries than are given."""

    case_id: str | None
    complete: bool
    entries: list[SubjectEntry]


@dataclass(frozen=True, slots=True)
class SubjectRecord:
    """Everything about one person; ``complete`` is false when there are more cases than are given."""

    tenant: str
    subject_ref: str
    made_at: str
    complete: bool
    cases: list[SubjectCase] = field(default_factory=list)


class SubjectDesk:
    """Finds what is held about a person."""

    def __init__(self, pool: Any, timelines: TimelineReader, room: ReadingRoom, clock: Clock) -> None:
        self._pool = pool
        self._timelines = timelines
        self._room = room
        self._clock = clock
        self._store = Store()
        self._rows = ErasureStore()

    async def record(
        self, principal: Principal, tenant: str, subject_ref: str, purpose: str | None
    ) -> SubjectRecord | None:
        """Return everything about a subject, None when there is nothing; who asked is on the record of each case."""
        async with self._pool.acquire() as connection:
            subject = self._timelines.subject_ref(tenant, subject_ref)
            scopes, complete = await self._rows.cases_of_subject(connection, subject)
            found = SubjectRecord(tenant, subject_ref, rfc3339(self._clock()), complete)
            for scope in scopes:
                found.cases.append(await self._case(connection, scope))
        for case in found.cases:
            if case.case_id is not None:
                await self._room.note(principal, tenant, case.case_id, "subject", purpose, kind=EXPORTED)
        return found if found.cases else None

    async def _case(self, connection: Any, scope: bytes) -> SubjectCase:
        rows = await self._store.case_entries(connection, scope, MAX_ENTRIES + 1)
        entries, case_id = [], None
        for row in rows[:MAX_ENTRIES]:
            leaf = orjson.loads(row["leaf"])
            body = self._timelines.body(row, leaf)
            if body is not None and isinstance(body.get("case_id"), str):
                case_id = case_id or body["case_id"]
            entries.append(SubjectEntry(row["index"], leaf.get("occurred_at"), leaf.get("topic"), row["kind"], body))
        return SubjectCase(case_id, len(rows) <= MAX_ENTRIES, entries)
