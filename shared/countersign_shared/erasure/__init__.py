"""Erasing a case from a service: asked for on `activity.recorded`, done in the service's own tables, confirmed there.

What is left is a tombstone: tenant, case id, the erasure's id, when, how many rows. No digest of the erased body is
kept, because whoever can guess it could recognise it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from countersign_shared.background import beside
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.errors import FatalError, TransientError
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.cloudevents import Unreadable, read_event, write_event
from countersign_shared.messaging.consumer import TRANSIENT, Handler
from countersign_shared.messaging.records import Message, Record
from countersign_shared.observability.faults import named
from countersign_shared.postgres.queries import Queries

log = logging.getLogger(__name__)

TOPIC = "activity.recorded"
REQUESTED = "erasure.requested"
COMPLETED = "erasure.completed"
AUDIT = "/countersign/audit"
"""Only audit asks for erasures: it knows which cases a person is in, and destroys the keys once all have confirmed."""
MARK = REQUESTED.encode()
AGAIN_AFTER = timedelta(seconds=60)
"""Longer than any batch of another replica may take that had looked for tombstones just before this one was written."""
LOOK_SECONDS = 10.0
"""How often it is looked whether it is time to erase again: nothing else may happen for days."""
RECENT = timedelta(days=1)
"""How far back a start looks: what a dead process left to do."""
FROM_OUTSIDE = frozenset({"case.created", "case.updated"})

Erase = Callable[[Any, str, str], Awaitable[int]]
"""(connection in a transaction, tenant, case id) -> rows erased. Called again, it erases what is new of the case."""


@dataclass(frozen=True, slots=True)
class Request:
    """A case that is to be erased; what confirms it goes to the case's partition."""

    erasure_id: str
    tenant: str
    case_id: str
    decision_type: str | None
    partition: int


def eraser(path: Path) -> Erase:
    """Return what runs every statement of a service's ``erasure.sql`` in order, with tenant and case id as $1 and $2.

    Those that only lock rows erase none. What somebody wrote of the case between two statements is a
    ``TransientError``.
    """
    queries = Queries.load(path)
    statements = [getattr(queries, name) for name in queries.names()]

    async def erase(connection: Any, tenant: str, case_id: str) -> int:
        try:
            answers = [await connection.execute(statement, tenant, case_id) for statement in statements]
        except asyncpg.ForeignKeyViolationError as error:
            why = f"case {tenant}/{case_id} was written to while it was erased: {named(error)}"
            raise TransientError(why) from error
        return sum(int(answer.rsplit(" ", 1)[1]) for answer in answers if not answer.startswith("SELECT"))

    return erase


class Erasing:
    """Stands before a service's handler: erases what is asked for, and keeps erased cases away from the handler.

    What another replica was about to write is erased by ``in_time``, which every service holds open while it reads.
    ``sequence`` numbers the confirmation among this service's events of the case. Without ``guards`` the service itself
    knows its erased cases; with ``activities`` its handler wants the other records of `activity.recorded` too.
    """

    def __init__(
        self, handler: Handler, pool: Any, erase: Erase, *, service: str, clock: Clock, guards: bool,
        activities: bool = False,
    ) -> None:  # fmt: skip
        self._handler = handler
        self._pool = pool
        self._erase = erase
        self._service = service
        self._clock = clock
        self._guards = guards
        self._activities = activities
        self._queries = Queries.load(Path(__file__).with_name("erasure.sql"))
        self._recheck_at: datetime | None = clock()
        self._since = clock() - RECENT
        self._newest: datetime | None = None
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def in_time(self, *, fail: Callable[[BaseException], None]) -> AsyncIterator[None]:
        """Erase again when it is time though no record comes, while the context is open; a fault ends the service."""
        # Beside the records, which need not wait for it: after a day with many erasures it takes minutes.
        async with beside(self._look(), fail=fail):
            yield

    async def _look(self) -> None:
        while True:
            try:
                await self.erase_again()
            except (*TRANSIENT, OSError) as error:
                log.warning("what was erased is looked at again later: %r", error)
            await asyncio.sleep(LOOK_SECONDS)

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Erase first, so that nothing of the case in this batch is kept; then let the handler have the rest."""
        # Nearly always there is none: its own topic tells, before anything is called for every record.
        activities = [record for record in records if record.topic == TOPIC]
        confirmed = [
            await self._erased(request) for record in activities if (request := read_request(record)) is not None
        ]
        if activities and not self._activities:
            records = [record for record in records if record.topic != TOPIC]
        if self._guards and records:
            records = await self._without_erased(records)
        return [*(await self._handler(records) if records else ()), *confirmed]

    async def _erased(self, request: Request) -> Message:
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await self._erase(connection, request.tenant, request.case_id)
            named = (request.tenant, request.case_id, request.erasure_id)
            await connection.execute(self._queries.add, *named, self._clock(), rows)
            # Asked for again, it is confirmed in the same words.
            row = await connection.fetchrow(self._queries.find, *named)
        self._newest = self._clock()
        # The first one sets the time, and not each one anew: they may go on coming.
        self._recheck_at = self._recheck_at or self._newest + AGAIN_AFTER
        return self._confirmation(request, row["erased_at"], row["rows_erased"], row["number"])

    async def erase_again(self) -> None:
        """Erase what another replica may have written just after a tombstone, or a dead process left to do.

        Once it is time, which is a minute after an erasure.
        """
        async with self._one_at_a_time:
            began = self._clock()
            # Longer than it ever takes: the clock has been put back, and that is no reason to wait.
            if self._recheck_at is None or timedelta() < self._recheck_at - began <= AGAIN_AFTER:
                return
            since = min(self._since, began - 2 * AGAIN_AFTER)
            async with self._pool.acquire() as connection:
                recent = await connection.fetch(self._queries.recent, since)
                for row in recent:
                    async with connection.transaction():
                        await self._erase(connection, row["tenant"], row["case_id"])
                if recent:
                    await self._sample_anew(connection)
            # Only now: what fails on its way here is tried again. What is younger than a minute comes by once more, and
            # what is a little older, too: replicas' clocks may differ.
            self._since = began - 2 * AGAIN_AFTER
            self._recheck_at = None
            if self._newest is not None and self._newest > began - AGAIN_AFTER:
                self._newest = min(self._newest, began)
                self._recheck_at = self._newest + AGAIN_AFTER

    async def _sample_anew(self, connection: Any) -> None:
        """Have the planner forget erased rows: its statistics hold values as they were, bodies and names included.

        PostgreSQL itself looks again only when a tenth of a table has changed.
        """
        tables = await connection.fetchval(self._queries.sampled)
        if tables is not None:
            await connection.execute(f"ANALYZE {tables}")

    async def _without_erased(self, records: Sequence[Record]) -> Sequence[Record]:
        # No case has a name with NUL, and PostgreSQL refuses to look for one: the handler says what is wrong with it.
        keys = list({name for record in records if (name := _case_id(record)) is not None and "\0" not in name})
        async with self._pool.acquire() as connection:
            rows = await connection.fetch(self._queries.erased, keys)
        if not rows:
            return records
        gone = {(row["tenant"], row["case_id"]) for row in rows}
        ids = {case_id for _, case_id in gone}
        return [record for record in records if _case_id(record) not in ids or case_of(record) not in gone]

    def _confirmation(self, request: Request, at: datetime, rows: int, number: int) -> Message:
        time = rfc3339(at)
        body = orjson.dumps({
            "tenant": request.tenant, "case_id": request.case_id, "decision_type": request.decision_type,
            "subject_ref": None, "entity_id": None, "sequence": number, "occurred_at": time,
            "actor": {"kind": "service", "pseudonym": self._service, "role": None}, "kind": COMPLETED,
            "body": {
                "erasure_id": request.erasure_id, "cases": [request.case_id], "service": self._service,
                "rows_blanked": rows,
            },
        })  # fmt: skip
        event_id = derived_event_id(request.tenant, request.case_id, f"{self._service}.erased.{request.erasure_id}")
        return write_event(
            TOPIC, event_id=event_id, source=f"/countersign/{self._service}/erasures", case_id=request.case_id,
            time=time, body=body, partition=request.partition,
        )  # fmt: skip


def read_request(record: Record) -> Request | None:
    """Read a request of audit's for an erasure; None for every other record.

    One of audit's that cannot be read is a ``FatalError``: personal data would stay that was to go. What says in no
    readable way that it is audit's is somebody else's, and must not stop anything.
    """
    if record.topic != TOPIC or record.value is None or MARK not in record.value:
        return None
    try:
        event = read_event(record)
        if event.source != AUDIT or event.body.get("kind") != REQUESTED:
            return None
        body = event.body
        return Request(
            str(body["body"]["erasure_id"]), str(body["tenant"]), str(body["case_id"]), body.get("decision_type"),
            record.partition,
        )  # fmt: skip
    except (Unreadable, KeyError, TypeError, AttributeError) as error:
        if record.header("ce_source") != AUDIT.encode():
            return None
        place = f"{record.topic}[{record.partition}]@{record.offset}"
        raise FatalError(f"{place} asks for an erasure and cannot be read: {named(error)}") from error


def _case_id(record: Record) -> str | None:
    """Return the id of the case that a record is about: its key where one of our services wrote it.

    Strangers may give their records other keys than the contract asks for, or none.
    """
    if record.topic in FROM_OUTSIDE:
        case = case_of(record)
        return None if case is None else case[1]
    return None if record.key is None else record.key.decode(errors="replace")


def case_of(record: Record) -> tuple[str, str] | None:
    """Return whose case a record is about; None when it says nothing of the kind."""
    try:
        body = read_event(record).body
    except Unreadable:
        return None
    tenant, case_id = body.get("tenant", "default"), body.get("case_id")
    return (tenant, case_id) if isinstance(tenant, str) and isinstance(case_id, str) else None
