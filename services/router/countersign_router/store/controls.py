"""Controls: the newest state of each, and the transaction that changes one."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from countersign_router.store.statements import Reads, Writes
from countersign_shared.errors import TransientError
from countersign_shared.messaging.records import Message


class BatchInFlightError(TransientError):
    """A control could not change because a batch did not end in time."""

    code = "batch_in_flight"


class BatchEndedError(TransientError):
    """The database ended a batch's transaction; nothing of it was kept, and it can be tried again."""

    code = "batch_ended"


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


class ControlReads(Reads):
    """The controls as they are now."""

    async def controls(self) -> list[tuple[ControlKey, bytes, bytes]]:
        """Return every control with headers and body as published."""
        rows = await self._pool.fetch(self._sql.controls.list_controls)
        return [(ControlKey(row[0], row[1], row[2], row[3]), row[4], row[5]) for row in rows]

    async def control(self, key: ControlKey) -> bytes | None:
        """Return the newest state of one control, as published."""
        row = await self._pool.fetchrow(self._sql.controls.find_control, *key.parts)
        return None if row is None else row["body"]

    async def control_history(self, key: ControlKey, *, before: int, limit: int) -> list[bytes]:
        """Return earlier states of a control, as published, newest first; only revisions below ``before``."""
        rows = await self._pool.fetch(self._sql.controls.list_history, *key.parts, before, limit)
        return [row["body"] for row in rows]

    async def past_control(self, key: ControlKey, revision: int) -> bytes | None:
        """Return what a control was at a revision, as published."""
        body: bytes | None = await self._pool.fetchval(self._sql.controls.find_history, *key.parts, revision)
        return body

    async def refused_controls(self, hashes: Sequence[str]) -> set[str]:
        """Return which of these records were refused before, by their hash."""
        rows = await self._pool.fetch(self._sql.controls.known_refused, hashes)
        return {row["sha256"] for row in rows}


class ControlSight(Writes):
    """The controls as a change sees them: on its own connection, for it may have got the last one."""

    async def present_controls(self) -> list[tuple[ControlKey, bytes]]:
        """Return every control with its body as published."""
        rows = await self._connection.fetch(self._sql.controls.list_controls)
        return [(ControlKey(*row[:4]), row["body"]) for row in rows]


class ControlWrites(Writes):
    """Changes of controls."""

    async def find(self, key: ControlKey) -> StoredControl | None:
        """Return the newest state of a control."""
        row = await self._connection.fetchrow(self._sql.controls.find_control, *key.parts)
        return None if row is None else StoredControl(row[0], row[1], row[2], row[3])

    async def of_kind(self, kind: str) -> list[tuple[ControlKey, StoredControl]]:
        """Return the newest state of every control of a kind."""
        rows = await self._connection.fetch(self._sql.controls.list_kind, kind)
        return [(ControlKey(*row[:4]), StoredControl(row[4], row[5], row[6], row[7])) for row in rows]

    async def put(
        self, key: ControlKey, *, revision: int, activities: int, changed_at: datetime, event_id: str, message: Message
    ) -> None:
        """Store a control's new state and put its event into the outbox."""
        await self.accept(
            key, revision=revision, activities=activities, changed_at=changed_at, event_id=event_id, message=message
        )
        await self.announce(message, event_id, changed_at)

    async def accept(
        self, key: ControlKey, *, revision: int, activities: int, changed_at: datetime, event_id: str, message: Message
    ) -> None:
        """Store a control's new state that another service has published."""
        await self._connection.execute(
            self._sql.controls.put_control, *key.parts, revision, activities, changed_at, event_id,
            message.stored_headers(), message.value,
        )  # fmt: skip
        await self._connection.execute(self._sql.controls.add_history, *key.parts, revision, changed_at, message.value)

    async def past(self, key: ControlKey, revision: int) -> bytes | None:
        """Return what a control was at a revision, as published."""
        body: bytes | None = await self._connection.fetchval(self._sql.controls.find_history, *key.parts, revision)
        return body

    async def refuse(self, sha256: str, reason: str, moment: datetime) -> bool:
        """Note that a record is not believed; False when that is known already."""
        return await self._connection.fetchval(self._sql.controls.add_refused, sha256, reason, moment) is not None

    async def count_activity(self, key: ControlKey) -> int:
        """Return the number of the next activity about a control."""
        number: int = await self._connection.fetchval(self._sql.controls.count_activity, *key.parts)
        return number
