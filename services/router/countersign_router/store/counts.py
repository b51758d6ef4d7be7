"""What the matrix and the stop switch count among the routed cases."""

from dataclasses import dataclass
from datetime import datetime

from countersign_router.store.statements import Reads


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


@dataclass(frozen=True, slots=True)
class HourCount:
    """Cases of one hour: those the machine decided, and those that went to people."""

    tenant: str
    decision_type: str
    hours_ago: int
    automatic: int
    people: int


class CountReads(Reads):
    """Counts over the routed cases."""

    async def cells(self, since: datetime, decision_type: str, tenant: str | None) -> list[CellCount]:
        """Count the cases of each cell of the matrix since a moment."""
        rows = await self._pool.fetch(self._sql.queries.count_cells, since, decision_type, tenant)
        return [CellCount(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    async def recent_automatic(
        self, since: datetime, until: datetime | None, tenant: str, decision_type: str, limit: int
    ) -> tuple[int, list[AutomaticDecision]]:
        """Return how many automatic decisions a scope had since a moment and up to another, and the newest."""
        scope = (since, until, tenant, decision_type)
        total: int = await self._pool.fetchval(self._sql.queries.count_recent_automatic, *scope)
        rows = await self._pool.fetch(self._sql.queries.recent_automatic, *scope, limit)
        return total, [AutomaticDecision(row[0], row[1], row[2], row[3], row[4]) for row in rows]

    async def load(self, since: datetime, until: datetime, tenant: str, decision_type: str) -> list[HourCount]:
        """Count a scope's cases hour by hour before ``until``; hours without any are not listed."""
        rows = await self._pool.fetch(self._sql.controls.count_load, since, until, tenant, decision_type)
        return [HourCount(row[0], row[1], row[2], row[3], row[4]) for row in rows]
