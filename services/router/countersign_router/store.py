"""The only file that sees a database connection."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg

from countersign_shared.errors import TransientError
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.messaging.records import Message
from countersign_shared.postgres import Queries
from countersign_shared.postgres.bodies import Bodies

SQL = Path(__file__).parent / "sql"
SCHEMA = "router"
CaseKey = tuple[str, str]
"""(tenant, case id)."""


class BatchInFlightError(TransientError):
    """A control could not change because a batch did not end in time."""

    code = "batch_in_flight"


class NewRouting(NamedTuple):
    """A case that was routed just now, ready to be kept."""

    key: CaseKey
    partition: int
    level: int
    decision_type: str
    tier: str | None
    band: str | None
    outcome: str | None
    routed_headers: bytes
    routed_body: bytes
    decision_headers: bytes | None
    decision_body: bytes | None


@dataclass(frozen=True, slots=True)
class StoredRouting:
    """What was published for a case when it came first."""

    partition: int
    level: int
    routed_headers: bytes
    routed_body: bytes
    decision_headers: bytes | None
    decision_body: bytes | None


@dataclass(frozen=True, slots=True)
class HeldControls:
    """The bodies of all controls, held until the batch commits, and the database's time once they were."""

    bodies: tuple[bytes, ...]
    moment: datetime


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A published policy version."""

    sha256: str
    tenant: str
    decision_type: str
    version: int
    automation_sha256: str
    published_at: datetime


@dataclass(frozen=True, slots=True)
class StoredControl:
    """The newest state of a control, as published."""

    revision: int
    activities: int
    headers: bytes
    body: bytes


@dataclass(frozen=True, slots=True)
class ControlKey:
    """Which control: kind and scope, ``*`` for all."""

    kind: str
    tenant: str
    decision_type: str
    tier: str = "*"

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """The columns of the key."""
        return self.kind, self.tenant, self.decision_type, self.tier


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """One person's wish to turn automation back on, waiting for another's confirmation."""

    id: UUID
    tenant: str
    decision_type: str
    revision: int
    requested_by: str
    role: str
    reason: str
    requested_at: datetime
    expires_at: datetime
    confirmed_by: str | None = None
    confirmed_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AutomaticDecision:
    """A decision the machine made."""

    tenant: str
    case_id: str
    decision_type: str
    outcome: str | None
    decided_at: datetime


@dataclass(frozen=True, slots=True)
class CellCount:
    """How many cases reached one cell of the matrix at one level; no band means that none was reached."""

    tier: str | None
    band: str | None
    level: int
    cases: int
    automatic: int


class Batch:
    """One transaction of the Kafka side: controls held, cases kept."""

    def __init__(self, connection: Any, queries: Queries, bodies: Bodies) -> None:
        self._connection = connection
        self._queries = queries
        self._bodies = bodies

    async def hold_controls(self) -> HeldControls:
        """Read every control and keep it from changing until this transaction ends."""
        rows = await self._connection.fetch(self._queries.lock_controls)
        bodies = tuple(row["body"] for row in rows if row["body"] is not None)
        return HeldControls(bodies, rows[0]["moment"])

    async def policy(self, sha256: str) -> tuple[bytes, datetime] | None:
        """Return the document of a published policy and when it was published."""
        row = await self._connection.fetchrow(self._queries.find_policy, sha256)
        return None if row is None else (row["document"], row["published_at"])

    async def keep(self, rows: Sequence[NewRouting], moment: datetime) -> dict[CaseKey, StoredRouting]:
        """Keep the cases that are new; return what was stored before of the others, by key."""
        if not rows:
            return {}
        inserted = await self._connection.fetch(
            self._queries.insert_routings,
            [row.key[0] for row in rows],
            [row.key[1] for row in rows],
            [row.partition for row in rows],
            [row.level for row in rows],
            [row.decision_type for row in rows],
            [row.tier for row in rows],
            [row.band for row in rows],
            [row.outcome for row in rows],
            moment,
            [row.routed_headers for row in rows],
            [self._bodies.pack(row.routed_body) for row in rows],
            [row.decision_headers for row in rows],
            [None if row.decision_body is None else self._bodies.pack(row.decision_body) for row in rows],
        )
        if len(inserted) == len(rows):
            return {}
        new = {(row[0], row[1]) for row in inserted}
        known = [row.key for row in rows if row.key not in new]
        found = await self._connection.fetch(
            self._queries.find_routings, [key[0] for key in known], [key[1] for key in known]
        )
        return {(row["tenant"], row["case_id"]): self._stored(row) for row in found}

    def _stored(self, row: Any) -> StoredRouting:
        decision = row["decision_body"]
        return StoredRouting(
            partition=row["partition"], level=row["level"], routed_headers=row["routed_headers"],
            routed_body=self._bodies.unpack(row["routed_body"]), decision_headers=row["decision_headers"],
            decision_body=None if decision is None else self._bodies.unpack(decision),
        )  # fmt: skip


class ControlChange:
    """One transaction of the HTTP side, alone with the controls: no batch is in flight while it runs."""

    def __init__(self, connection: Any, queries: Queries, outbox: Outbox) -> None:
        self._connection = connection
        self._queries = queries
        self._outbox = outbox

    async def moment(self) -> datetime:
        """Return the database's time."""
        moment: datetime = await self._connection.fetchval(self._queries.database_time)
        return moment

    async def find(self, key: ControlKey) -> StoredControl | None:
        """Return the newest state of a control."""
        row = await self._connection.fetchrow(self._queries.find_control, *key.parts)
        return None if row is None else StoredControl(row[0], row[1], row[2], row[3])

    async def put(
        self, key: ControlKey, *, revision: int, activities: int, changed_at: datetime, event_id: str, message: Message
    ) -> None:
        """Store a control's new state and put its event into the outbox."""
        await self._connection.execute(
            self._queries.put_control, *key.parts, revision, activities, changed_at, event_id,
            message.stored_headers(), message.value,
        )  # fmt: skip
        await self.announce(message, event_id, changed_at)

    async def announce(self, message: Message, event_id: str, moment: datetime) -> None:
        """Put an event into the outbox, to leave at once."""
        await self._outbox.add(self._connection, message, event_id=event_id, not_before=moment)

    async def count_activity(self, key: ControlKey) -> int:
        """Return the number of the next activity about a control."""
        number: int = await self._connection.fetchval(self._queries.count_activity, *key.parts)
        return number

    async def add_policy(self, policy: StoredPolicy, document: bytes) -> None:
        """Keep a published policy version."""
        await self._connection.execute(
            self._queries.insert_policy, policy.sha256, policy.tenant, policy.decision_type, policy.version,
            policy.automation_sha256, document, policy.published_at,
        )  # fmt: skip

    async def policy_version(self, tenant: str, decision_type: str, version: int) -> str | None:
        """Return the SHA-256 of a published version."""
        found: str | None = await self._connection.fetchval(
            self._queries.find_policy_version, tenant, decision_type, version
        )
        return found

    async def find_request(self, request_id: UUID) -> ReleaseRequest | None:
        """Return a request to turn automation back on."""
        row = await self._connection.fetchrow(self._queries.find_release_request, request_id)
        return None if row is None else ReleaseRequest(**dict(row))

    async def add_request(self, request: ReleaseRequest) -> None:
        """Keep a request to turn automation back on."""
        await self._connection.execute(
            self._queries.insert_release_request, request.id, request.tenant, request.decision_type, request.revision,
            request.requested_by, request.role, request.reason, request.requested_at, request.expires_at,
        )  # fmt: skip

    async def confirm_request(self, request_id: UUID, confirmed_by: str, confirmed_at: datetime) -> None:
        """Note who confirmed a request."""
        await self._connection.execute(self._queries.confirm_release_request, request_id, confirmed_by, confirmed_at)


class Store:
    """The router's schema."""

    def __init__(self, pool: asyncpg.Pool, outbox: Outbox) -> None:
        self._pool = pool
        self._outbox = outbox
        self._queries = Queries.load(SQL / "queries.sql")
        self._bodies = Bodies()

    @asynccontextmanager
    async def batch(self) -> AsyncIterator[Batch]:
        """Open the transaction of one batch."""
        async with self._pool.acquire() as connection, connection.transaction():
            yield Batch(connection, self._queries, self._bodies)

    @asynccontextmanager
    async def control_change(self) -> AsyncIterator[ControlChange]:
        """Open a transaction that waits for batches in flight and holds later ones back until it has committed."""
        async with self._pool.acquire() as connection, connection.transaction():
            try:
                await connection.execute(self._queries.lock_controls_table)
            except asyncpg.LockNotAvailableError as error:
                raise BatchInFlightError("a batch in flight did not end in time") from error
            yield ControlChange(connection, self._queries, self._outbox)
        self._outbox.hurry()

    async def sampling_key(self, key_id: str, fresh: bytes, created_at: datetime) -> tuple[str, bytes]:
        """Return the key in use; the fresh one becomes it when there is none yet. Replicas agree on one."""
        async with self.control_change() as change:
            connection = change._connection  # noqa: SLF001 - the same file
            row = await connection.fetchrow(self._queries.newest_sampling_key)
            if row is None:
                await connection.execute(self._queries.insert_sampling_key, key_id, fresh, created_at)
                return key_id, fresh
        return row["key_id"], row["key"]

    async def controls(self) -> list[tuple[ControlKey, bytes, bytes]]:
        """Return every control with headers and body as published."""
        rows = await self._pool.fetch(self._queries.list_controls)
        return [(ControlKey(row[0], row[1], row[2], row[3]), row[4], row[5]) for row in rows]

    async def policies(self) -> list[StoredPolicy]:
        """Return every published version, newest first per decision type."""
        return [StoredPolicy(**dict(row)) for row in await self._pool.fetch(self._queries.list_policies)]

    async def policy_document(self, sha256: str) -> tuple[bytes, datetime] | None:
        """Return the document of a published policy and when it was published."""
        row = await self._pool.fetchrow(self._queries.find_policy, sha256)
        return None if row is None else (row["document"], row["published_at"])

    async def release_request(self, request_id: UUID) -> ReleaseRequest | None:
        """Return a request to turn automation back on."""
        row = await self._pool.fetchrow(self._queries.find_release_request, request_id)
        return None if row is None else ReleaseRequest(**dict(row))

    async def release_requests(self, moment: datetime) -> list[ReleaseRequest]:
        """Return the requests that wait for a second person."""
        rows = await self._pool.fetch(self._queries.list_release_requests, moment)
        return [ReleaseRequest(**dict(row)) for row in rows]

    async def cells(self, since: datetime, decision_type: str, tenant: str | None) -> list[CellCount]:
        """Count the cases of each cell of the matrix since a moment."""
        rows = await self._pool.fetch(self._queries.count_cells, since, decision_type, tenant)
        return [CellCount(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    async def recent_automatic(
        self, since: datetime, tenant: str, decision_type: str, limit: int
    ) -> tuple[int, list[AutomaticDecision]]:
        """Return how many automatic decisions a scope had since a moment, and the newest of them."""
        total: int = await self._pool.fetchval(self._queries.count_recent_automatic, since, tenant, decision_type)
        rows = await self._pool.fetch(self._queries.recent_automatic, since, tenant, decision_type, limit)
        return total, [AutomaticDecision(row[0], row[1], row[2], row[3], row[4]) for row in rows]
