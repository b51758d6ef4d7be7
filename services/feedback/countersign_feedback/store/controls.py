"""Controls: those of the router as they are followed, and those that feedback writes itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from countersign_feedback.domain.attempts import Attempt
from countersign_feedback.domain.judged import Population
from countersign_feedback.store.labels import LabelReads
from countersign_feedback.store.statements import Reads, Statements
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.messaging.records import Message, unpack_headers

MAX_CERTIFICATES = 200


@dataclass(frozen=True, slots=True, order=True)
class ControlKey:
    """What a control is about."""

    kind: str
    tenant: str
    decision_type: str
    tier: str

    @property
    def parts(self) -> tuple[str, str, str, str]:
        """The four parts, in the order of the record's key."""
        return self.kind, self.tenant, self.decision_type, self.tier


@dataclass(frozen=True, slots=True)
class KnownControl:
    """The newest state of a control that the router has announced."""

    key: ControlKey
    revision: int
    changed_at: datetime
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OwnControl:
    """The newest state of a control that feedback writes, with its event's message."""

    key: ControlKey
    revision: int
    changed_at: datetime
    state: Mapping[str, Any]
    message: Message


@dataclass(frozen=True, slots=True)
class StoredCertificate:
    """A certificate that was proposed, and what became of it."""

    certificate_id: str
    population: Population
    proposed_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None
    state: Mapping[str, Any]


class ControlReads(Reads):
    """Reads controls, attempts and certificates."""

    async def known_controls(self) -> list[KnownControl]:
        """Return the newest state of every control of the router."""
        found = await self._connection.fetch(self._sql.controls.known)
        return [
            KnownControl(_key(row), row["revision"], row["changed_at"], orjson.loads(row["state"])) for row in found
        ]

    async def own_controls(self) -> list[OwnControl]:
        """Return every control that feedback wrote, as it stands."""
        return [_own(_key(row), row) for row in await self._connection.fetch(self._sql.controls.all)]

    async def own_control(self, key: ControlKey) -> OwnControl | None:
        """Return one of them."""
        row = await self._connection.fetchrow(self._sql.controls.find, *key.parts)
        return None if row is None else _own(key, row)

    async def attempts(self, population: Population, since: datetime) -> list[Attempt]:
        """Return the attempts at a certificate from labels routed after ``since``, the first first."""
        found = await self._connection.fetch(self._sql.controls.attempts, *_parts(population), since)
        return [_attempt(row) for row in found]

    async def certificates(
        self,
        *,
        tenants: tuple[str, ...] | None = None,
        decision_type: str | None = None,
        tier: str | None = None,
        certificate_id: str | None = None,
    ) -> list[StoredCertificate]:
        """Return certificates that were proposed, the newest first."""
        found = await self._connection.fetch(
            self._sql.controls.certificates, tenants, decision_type, tier, certificate_id, MAX_CERTIFICATES
        )
        return [_certificate(row) for row in found]

    async def moment(self) -> datetime:
        """Return the database's time."""
        found: datetime = await self._connection.fetchval(self._sql.controls.database_time)
        return found

    async def decided_automatically(
        self, cells: list[int], since: datetime, until: datetime, after: str, limit: int
    ) -> list[Any]:
        """Return automatic decisions of a stretch of time, by case id, after a given one."""
        found: list[Any] = await self._connection.fetch(self._sql.controls.look_back, cells, since, until, after, limit)
        return found


class ControlChange(LabelReads, ControlReads):
    """A transaction in which controls are changed by nobody else, and what leaves with it."""

    def __init__(self, connection: Any, sql: Statements, outbox: Outbox) -> None:
        super().__init__(connection, sql)
        self._outbox = outbox

    async def know(self, control: KnownControl) -> bool:
        """Keep a control of the router; False when it was known, or older than what is."""
        fresh = await self._connection.fetchval(
            self._sql.controls.know, *control.key.parts, control.revision, control.changed_at,
            orjson.dumps(control.state).decode(),
        )  # fmt: skip
        return fresh is not None

    async def in_force(self, key: ControlKey, certificate_id: str, moment: datetime, *, active: bool) -> None:
        """Note when a certificate came into force, or ended; the one before it in its tier has ended then."""
        await self._connection.execute(self._sql.controls.certificate_in_force, certificate_id, active, moment)
        await self._connection.execute(self._sql.controls.end_others, *key.parts[1:], certificate_id, moment)

    async def put(self, key: ControlKey, *, revision: int, moment: datetime, message: Message) -> bool:
        """Keep a control's new state; False when that revision, or a later one, is there already."""
        stored = await self._connection.fetchval(
            self._sql.controls.put, *key.parts, revision, moment, message.stored_headers(), message.value
        )
        return stored is not None

    async def announce(self, message: Message, event_id: str, moment: datetime) -> None:
        """Put an event into the outbox, to leave at once."""
        await self._outbox.add(self._connection, message, event_id=event_id, not_before=moment)

    async def add_certificate(self, population: Population, state: Mapping[str, Any], moment: datetime) -> None:
        """Remember a certificate that is proposed."""
        await self._connection.execute(
            self._sql.controls.add_certificate, state["certificate_id"], *_parts(population), moment,
            orjson.dumps(state).decode(),
        )  # fmt: skip

    async def add_attempt(self, population: Population, since: datetime, attempt: Attempt, moment: datetime) -> None:
        """Remember an attempt that is opened."""
        await self._connection.execute(
            self._sql.controls.add_attempt, *_parts(population), since, attempt.number, attempt.size, attempt.floor,
            attempt.last[0], attempt.last[1], None if attempt.expected is None else list(attempt.expected), moment,
        )  # fmt: skip


def _parts(population: Population) -> tuple[str, ...]:
    return tuple(getattr(population, name) for name in Population.__slots__)


def _key(row: Any) -> ControlKey:
    return ControlKey(row["kind"], row["tenant"], row["decision_type"], row["tier"])


def _own(key: ControlKey, row: Any) -> OwnControl:
    name = "|".join(key.parts).encode()
    message = Message("control.changed", None, name, row["body"], unpack_headers(row["headers"]))
    return OwnControl(key, row["revision"], row["changed_at"], orjson.loads(row["body"])["state"], message)


def _attempt(row: Any) -> Attempt:
    expected = None if row["expected"] is None else tuple(row["expected"])
    return Attempt(row["number"], row["size"], row["floor"], (row["last_routed_at"], row["last_case_id"]), expected)


def _certificate(row: Any) -> StoredCertificate:
    return StoredCertificate(
        certificate_id=row["certificate_id"],
        population=Population(**{name: row[name] for name in Population.__slots__}),
        proposed_at=row["proposed_at"], activated_at=row["activated_at"], ended_at=row["ended_at"],
        state=orjson.loads(row["state"]),
    )  # fmt: skip
