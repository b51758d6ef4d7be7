"""The only file that sees a database connection."""

from collections.abc import Collection
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import asyncpg
import orjson

from countersign_feedback.domain.facts import UNKNOWN, WEIGHT_SCALE, CaseFacts, Cell
from countersign_feedback.domain.figures import NAMES, Counts
from countersign_feedback.domain.judged import JudgedCase, Population
from countersign_feedback.domain.summary import Row, Scope
from countersign_shared.postgres import Queries

SQL = Path(__file__).parent / "sql"
SCHEMA = "feedback"
MAX_KNOWN_CELLS = 20_000
"""Cells kept in memory, about 500 bytes each; past it the memory starts empty again."""

MAX_LABELS = 200_000
"""Labels read for one population, a few hundred bytes each while they are read; far beyond what any alpha needs."""
TRAFFIC_SAMPLE = 20_000
"""Confidences that tell where labels will lie: a sample, because every case of a large table would take seconds."""


class Store:
    """Adds facts to the counts, and reads the counts."""

    def __init__(self, pool: asyncpg.Pool) -> None:
        self._pool = pool
        self._queries = Queries.load(SQL / "queries.sql")
        self._cells: dict[Cell, int] = {}

    async def add(self, facts: Collection[CaseFacts]) -> None:
        """Add a batch's facts in one transaction; what is known already changes nothing."""
        cells = {case.cell for case in facts if case.cell is not None}
        async with self._pool.acquire() as connection, connection.transaction():
            known = await self._numbers(connection, cells)
            await connection.execute(
                self._queries.add_facts,
                [case.tenant for case in facts],
                [case.case_id for case in facts],
                _column([None if case.cell is None else known[case.cell] for case in facts]),
                _column([case.day for case in facts]),
                [case.seen for case in facts],
                _column([case.conclusion for case in facts]),
                _column([case.audit_error for case in facts]),
                _column([case.control_error for case in facts]),
                _column([case.confidence for case in facts]),
                _column([case.audit_weight for case in facts]),
            )
        # Only now: a number from a transaction that rolled back would point at nothing.
        self._cells = known if len(known) <= MAX_KNOWN_CELLS else {}

    async def _numbers(self, connection: "asyncpg.pool.PoolConnectionProxy", cells: set[Cell]) -> dict[Cell, int]:
        missing = sorted(cell for cell in cells if cell not in self._cells)
        if not missing:
            return self._cells
        columns = [list(column) for column in zip(*missing, strict=True)]
        columns[Cell._fields.index("reasons")] = [orjson.dumps(cell.reasons).decode() for cell in missing]
        await connection.execute(self._queries.add_cells, *columns)
        types = sorted({(cell.tenant, cell.decision_type) for cell in missing})
        found = await connection.fetch(self._queries.find_cells, *(list(column) for column in zip(*types, strict=True)))
        return self._cells | {_cell(row): row["cell_id"] for row in found}

    async def rows(self, scope: Scope) -> list[Row]:
        """Return the counts per group of cases. Test cases are never among them."""
        found = await self._pool.fetch(self._queries.sums, scope.tenants, scope.decision_type, scope.since, scope.until)
        return [_row(row) for row in found]

    async def unplaced(self, scope: Scope) -> int:
        """Return how many cases of the scope's tenants are known only by a decision or judgement so far."""
        return int(await self._pool.fetchval(self._queries.unplaced, scope.tenants))

    async def populations(self, scope: Scope, tier: str | None, limit: int) -> list[tuple[Population, list[int]]]:
        """Return what a certificate could be about, the newest first, each with the numbers of its cells."""
        found = await self._pool.fetch(self._queries.populations, scope.tenants, scope.decision_type, tier, limit)
        return [(Population(**{name: row[name] for name in Population.__slots__}), row["cell_ids"]) for row in found]

    async def labels(self, population: Population, cells: list[int]) -> list[JudgedCase]:
        """Return the audits of a population's cases, each with the probability it had been drawn with."""
        found = await self._pool.fetch(self._queries.judged, cells, MAX_LABELS)
        return [_judged(population, row) for row in found]

    async def traffic(self, cells: list[int]) -> list[float]:
        """Return the confidences of about 20,000 cases, or of all where there are fewer."""
        everything = await self._pool.fetchval(self._queries.all_cases)
        percent = min(100.0, 100.0 * TRAFFIC_SAMPLE / everything) if everything else 100.0
        found = await self._pool.fetch(self._queries.traffic, cells, percent, TRAFFIC_SAMPLE)
        return [row["confidence"] for row in found]

    async def daily_overrides(self, scope: Scope) -> list[tuple[int, int]]:
        """Return overrides and assisted reviews of each day, oldest first."""
        found = await self._pool.fetch(self._queries.daily_overrides, scope.tenants, scope.decision_type)
        return [(int(row["k"]), int(row["n"])) for row in found]


def _judged(population: Population, row: asyncpg.Record) -> JudgedCase:
    return JudgedCase(
        population=population, case_id=row["case_id"], confidence=row["confidence"], error=row["audit_error"],
        probability=WEIGHT_SCALE / row["audit_weight"], routed_at=_midnight(row["day"]),
    )  # fmt: skip


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


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
