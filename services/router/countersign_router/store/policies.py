"""Published policy versions, which never change."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from countersign_router.store.statements import Reads, Writes


@dataclass(frozen=True, slots=True)
class StoredPolicy:
    """A published policy version."""

    sha256: str
    tenant: str
    decision_type: str
    version: int
    automation_sha256: str
    published_at: datetime
    published_by: str | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class PublishedText:
    """The text of a published version, when it was published, and what certificates were bound to then."""

    data: bytes
    published_at: datetime
    automation_sha256: str


class PolicyReads(Reads):
    """What was published."""

    async def policies(self) -> list[StoredPolicy]:
        """Return every published version, newest first per decision type."""
        return [StoredPolicy(**dict(row)) for row in await self._pool.fetch(self._sql.policies.list_policies)]

    async def policy_document(self, sha256: str) -> PublishedText | None:
        """Return the document of a published policy."""
        row = await self._pool.fetchrow(self._sql.queries.find_policy, sha256)
        return None if row is None else published_text(row)

    async def published(self, sha256: str) -> StoredPolicy | None:
        """Return a published version by its hash."""
        row = await self._pool.fetchrow(self._sql.policies.find_published, sha256)
        return None if row is None else StoredPolicy(**dict(row))


class PolicyWrites(Writes):
    """Publishing."""

    async def add_policy(self, policy: StoredPolicy, document: bytes) -> None:
        """Keep a published policy version."""
        await self._connection.execute(
            self._sql.policies.insert_policy, policy.sha256, policy.tenant, policy.decision_type, policy.version,
            policy.automation_sha256, document, policy.published_at,
            policy.published_by, policy.reason,
        )  # fmt: skip

    async def policy_version(self, tenant: str, decision_type: str, version: int) -> str | None:
        """Return the SHA-256 of a published version."""
        found: str | None = await self._connection.fetchval(
            self._sql.policies.find_policy_version, tenant, decision_type, version
        )
        return found

    async def newest_version(self, tenant: str, decision_type: str) -> int | None:
        """Return the highest version that was ever published."""
        found: int | None = await self._connection.fetchval(self._sql.policies.newest_version, tenant, decision_type)
        return found

    async def policy_published_at(self, sha256: str) -> datetime:
        """Return when a version was published first; it must have been."""
        moment: datetime = (await self._connection.fetchrow(self._sql.queries.find_policy, sha256))["published_at"]
        return moment


def published_text(row: Any) -> PublishedText:
    """Read a row of ``find_policy``."""
    return PublishedText(row["document"], row["published_at"], row["automation_sha256"])
