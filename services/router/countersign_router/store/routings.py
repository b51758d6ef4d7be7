"""The hot path: one transaction a batch, in which the controls are held and the cases kept."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

import asyncpg

from countersign_router.store.policies import PublishedText, published_text
from countersign_shared.errors import TransientError
from countersign_shared.postgres import Queries
from countersign_shared.postgres.bodies import Bodies

COLUMNS = ("tenant", "case_id", "partition", "level", "decision_type", "tier", "band", "outcome", "routed_at",
           "routed_headers", "routed_body", "decision_headers", "decision_body")  # fmt: skip
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


class KnownCasesError(Exception):
    """Some cases of a batch are known already; nothing of its transaction stands."""


class CasesGoneError(TransientError):
    """Cases that were known went while their batch was kept: tried again, it is without them.

    Their routing of just now is in no table, and may differ from the one that was published.
    """

    code = "cases_gone"


class Repeats:
    """Whether the next batch may hold cases that are known: repeats come in runs, and a start may be amid one."""

    __slots__ = ("expected",)

    def __init__(self) -> None:
        self.expected = True


class Batch:
    """One transaction of the Kafka side: controls held, cases kept."""

    def __init__(self, connection: Any, queries: Queries, bodies: Bodies, repeats: Repeats) -> None:
        self._connection = connection
        self._queries = queries
        self._bodies = bodies
        self._repeats = repeats

    async def hold_controls(self) -> HeldControls:
        """Read every control and keep it from changing until this transaction ends."""
        rows = await self._connection.fetch(self._queries.lock_controls)
        bodies = tuple(row["body"] for row in rows if row["body"] is not None)
        return HeldControls(bodies, rows[0]["moment"])

    async def policy(self, sha256: str) -> PublishedText | None:
        """Return the document of a published policy."""
        row = await self._connection.fetchrow(self._queries.find_policy, sha256)
        return None if row is None else published_text(row)

    async def keep(self, rows: Sequence[NewRouting], moment: datetime) -> dict[CaseKey, StoredRouting]:
        """Keep the cases that are new; return what was stored before of the others, by key.

        Nearly always all are new, and then one COPY keeps them (docs/adr/0006-copy-first.md); when it does not,
        ``KnownCasesError``: the transaction is lost, and the next one may be asked the same.
        """
        if not rows:
            return {}
        # Sorted, so that two batches with the same cases wait in order.
        columns = sorted(map(partial(self._columns, moment), rows))
        if not self._repeats.expected:
            await self._copied(columns)
            return {}
        inserted = await self._connection.fetch(
            self._queries.insert_routings, *[list(column) for column in zip(*columns, strict=True)]
        )
        self._repeats.expected = len(inserted) < len(rows)
        if not self._repeats.expected:
            return {}
        new = {(row[0], row[1]) for row in inserted}
        known = [row.key for row in rows if row.key not in new]
        found = await self._connection.fetch(
            self._queries.find_routings, [key[0] for key in known], [key[1] for key in known]
        )
        if len(found) < len(known):
            raise CasesGoneError(f"{len(known) - len(found)} known cases are there no more: they were erased meanwhile")
        return {(row["tenant"], row["case_id"]): self._stored(row) for row in found}

    async def mark_tests(self, keys: Sequence[CaseKey]) -> None:
        """Note that these cases, which this batch keeps, are rehearsals: nothing counts them."""
        await self._connection.execute(self._queries.mark_tests, [key[0] for key in keys], [key[1] for key in keys])

    def _columns(self, moment: datetime, row: NewRouting) -> tuple[Any, ...]:
        pack = self._bodies.pack
        return (
            *row.key, row.partition, row.level, row.decision_type, row.tier, row.band, row.outcome, moment,
            row.routed_headers, pack(row.routed_body), row.decision_headers,
            None if row.decision_body is None else pack(row.decision_body),
        )  # fmt: skip

    async def _copied(self, rows: list[tuple[Any, ...]]) -> None:
        # Without a savepoint, which would cost every batch two round trips: the few that hold repeats are routed again.
        try:
            await self._connection.copy_records_to_table("routings", records=rows, columns=COLUMNS)
        except asyncpg.UniqueViolationError as error:
            self._repeats.expected = True
            raise KnownCasesError(str(error)) from error

    def _stored(self, row: Any) -> StoredRouting:
        decision = row["decision_body"]
        return StoredRouting(
            partition=row["partition"], level=row["level"], routed_headers=row["routed_headers"],
            routed_body=self._bodies.unpack(row["routed_body"]), decision_headers=row["decision_headers"],
            decision_body=None if decision is None else self._bodies.unpack(decision),
        )  # fmt: skip
