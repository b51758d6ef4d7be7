"""Automatic decisions that people judged afterwards, and what that says of each cell of the matrix."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from countersign_router.store.statements import Reads


@dataclass(frozen=True, slots=True)
class NewJudgement:
    """One judged decision: whether it was wrong, the chance it was drawn with, and its draw for thinning."""

    tenant: str
    case_id: str
    decision_type: str
    error: bool
    chance: float
    thin: float
    at: datetime


@dataclass(frozen=True, slots=True)
class CellChance:
    """The least chance of an audit that a policy gives in a cell of the matrix."""

    tier: str
    band: str
    chance: float


@dataclass(frozen=True, slots=True)
class CellErrors:
    """Judged decisions of one cell: counted, weighted by 1 / chance, and thinned to one chance for all."""

    tier: str
    band: str
    judged: int
    errors: int
    weight: float
    wrong: float
    kept: int
    kept_errors: int


class JudgementReads(Reads):
    """What people judged, and taking more of it in."""

    async def note_judgements(self, found: Sequence[NewJudgement]) -> None:
        """Take judgements in; a case that was judged before stays as it was."""
        rows = sorted(found, key=lambda one: (one.tenant, one.case_id))
        columns = ("tenant", "case_id", "decision_type", "error", "chance", "thin", "at")
        await self._pool.execute(
            self._sql.judgements.note_judgements, *([getattr(one, name) for one in rows] for name in columns)
        )

    async def cell_errors(
        self, since: datetime, decision_type: str, tenant: str | None, chances: Collection[CellChance]
    ) -> list[CellErrors]:
        """Count the judged decisions of each cell among the cases routed since a moment."""
        rows = await self._pool.fetch(
            self._sql.judgements.cell_errors, since, decision_type, tenant, [one.tier for one in chances],
            [one.band for one in chances], [one.chance for one in chances],
        )  # fmt: skip
        return [CellErrors(*row) for row in rows]
