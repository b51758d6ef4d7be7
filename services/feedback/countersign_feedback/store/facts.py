"""Facts of cases added to the counts, and the counts read."""

from collections.abc import Collection
from typing import Any

import asyncpg
import orjson

from countersign_feedback.domain.facts import UNKNOWN, CaseFacts, Cell
from countersign_feedback.domain.figures import NAMES, Counts
from countersign_feedback.domain.summary import Row, Scope
from countersign_feedback.store.statements import Reads, Statements

MAX_KNOWN_CELLS = 20_000
"""Cells kept in memory, about 500 bytes each; past it the memory starts empty again."""


class CaseWrites:
    """Adds facts within the transaction of a batch."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql
        self._cells: dict[Cell, int] = {}

    async def number(self, connection: Any, cells: set[Cell]) -> dict[Cell, int]:
        """Return the numbers of all known cells, these among them."""
        missing = sorted(cell for cell in cells if cell not in self._cells)
        if not missing:
            return self._cells
        queries = self._sql.queries
        given = [list(column) for column in zip(*missing, strict=True)]
        given[Cell._fields.index("reasons")] = [orjson.dumps(cell.reasons).decode() for cell in missing]
        await connection.execute(queries.add_cells, *given)
        types = sorted({(cell.tenant, cell.decision_type) for cell in missing})
        found = await connection.fetch(queries.find_cells, *(list(column) for column in zip(*types, strict=True)))
        return self._cells | {_cell(row): row["cell_id"] for row in found}

    def remember(self, known: dict[Cell, int]) -> None:
        """Keep the numbers, after the commit: those of a transaction that rolled back would point at nothing."""
        self._cells = known if len(known) <= MAX_KNOWN_CELLS else {}

    async def add(self, connection: Any, facts: Collection[CaseFacts], known: dict[Cell, int]) -> None:
        """Add a batch's facts; what is known already changes nothing."""
        await connection.execute(
            self._sql.queries.add_facts,
            [case.tenant for case in facts],
            [case.case_id for case in facts],
            _column([None if case.cell is None else known[case.cell] for case in facts]),
            _column([case.routed_at for case in facts]),
            [case.seen for case in facts],
            _column([case.conclusion for case in facts]),
            _column([case.audit_error for case in facts]),
            _column([case.control_error for case in facts]),
            _column([case.confidence for case in facts]),
            _column([case.audit_weight for case in facts]),
        )


class CaseReads(Reads):
    """Reads the counts."""

    async def rows(self, scope: Scope) -> list[Row]:
        """Return the counts per group of cases. Test cases are never among them."""
        found = await self._connection.fetch(
            self._sql.queries.sums, scope.tenants, scope.decision_type, scope.since, scope.until
        )
        return [_row(row) for row in found]

    async def unplaced(self, scope: Scope) -> int:
        """Return how many cases of the scope's tenants are known only by a decision or judgement so far."""
        return int(await self._connection.fetchval(self._sql.queries.unplaced, scope.tenants))

    async def daily_overrides(self, scope: Scope) -> list[tuple[int, int]]:
        """Return overrides and assisted reviews of each day, oldest first."""
        found = await self._connection.fetch(self._sql.queries.daily_overrides, scope.tenants, scope.decision_type)
        return [(int(row["k"]), int(row["n"])) for row in found]


def _column(values: list[Any]) -> list[Any] | None:
    """Return a column of nulls as one null, which ``unnest`` fills up: most batches bring one kind of fact."""
    return None if values.count(None) == len(values) else values


def _cell(row: asyncpg.Record) -> Cell:
    return Cell(**{name: row[name] for name in Cell._fields} | {"reasons": tuple(row["reasons"])})


def _row(row: asyncpg.Record) -> Row:
    return Row(
        decision_type=row["decision_type"],
        tier=row["tier"],
        band=row["band"],
        level=row["level"],
        reasons=tuple(row["reasons"]),
        model="none" if row["model_name"] == UNKNOWN else f"{row['model_name']} {row['model_version']}",
        counts=Counts(**{name: int(row[name]) for name in NAMES}),
    )
