"""Requests to turn automation back on, which wait for a second person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from countersign_router.store.statements import Reads, Writes


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
class Said:
    """What one person said to a change: signed, or refused."""

    sha256: str
    signed: bool
    pseudonym: str
    role: str
    reason: str
    signed_at: datetime


class ReleaseReads(Reads):
    """What was asked for."""

    async def release_request(self, request_id: UUID) -> ReleaseRequest | None:
        """Return a request to turn automation back on."""
        row = await self._pool.fetchrow(self._sql.releases.find_release_request, request_id)
        return None if row is None else ReleaseRequest(**dict(row))

    async def release_requests(self, moment: datetime) -> list[ReleaseRequest]:
        """Return the requests that wait for a second person."""
        rows = await self._pool.fetch(self._sql.releases.list_release_requests, moment)
        return [ReleaseRequest(**dict(row)) for row in rows]

    async def control_signatures(self, hashes: Sequence[str]) -> list[Said]:
        """Return what people said to these changes, oldest first; signatures before a refusal are void and left out."""
        rows = await self._pool.fetch(self._sql.releases.list_control_signatures, hashes)
        return [Said(**dict(row)) for row in rows]


class ReleaseWrites(Writes):
    """Asking and confirming."""

    async def find_request(self, request_id: UUID) -> ReleaseRequest | None:
        """Return a request to turn automation back on."""
        row = await self._connection.fetchrow(self._sql.releases.find_release_request, request_id)
        return None if row is None else ReleaseRequest(**dict(row))

    async def add_request(self, request: ReleaseRequest) -> None:
        """Keep a request to turn automation back on."""
        await self._connection.execute(
            self._sql.releases.insert_release_request, request.id, request.tenant, request.decision_type,
            request.revision, request.requested_by, request.role, request.reason, request.requested_at,
            request.expires_at,
        )  # fmt: skip

    async def said(self, sha256: str) -> list[Said]:
        """Return what people said to a change since it was last refused, oldest first."""
        rows = await self._connection.fetch(self._sql.releases.list_control_signatures, [sha256])
        return [Said(**dict(row)) for row in rows]

    async def say(self, said: Said) -> None:
        """Keep what somebody says to a change."""
        await self._connection.execute(
            self._sql.releases.add_control_signature, said.sha256, said.signed, said.pseudonym, said.role, said.reason,
            said.signed_at,
        )  # fmt: skip

    async def confirm_request(self, request_id: UUID, confirmed_by: str, confirmed_at: datetime) -> None:
        """Note who confirmed a request."""
        await self._connection.execute(
            self._sql.releases.confirm_release_request, request_id, confirmed_by, confirmed_at
        )
