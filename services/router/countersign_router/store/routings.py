"""The hot path: one transaction a batch, in which the controls are held and the cases kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from countersign_shared.postgres import Queries
from countersign_shared.postgres.bodies import Bodies

CaseKey = tuple[str, str]
"""(tenant, case id)."""


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
