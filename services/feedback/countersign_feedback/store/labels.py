"""Drawn cases with and without their answers, and the populations they belong to."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from countersign_feedback.domain.drawn import DrawnCase
from countersign_feedback.domain.facts import Cell, Drawn, Label, Purpose
from countersign_feedback.domain.judged import Population
from countersign_feedback.domain.labels import keyed_draw
from countersign_feedback.domain.refits import BaseLabel, Speaker, looked_at
from countersign_feedback.domain.summary import Scope
from countersign_feedback.store.statements import Reads, Statements, columns

MAX_LABELS = 200_000
"""Labels read for one population, a few hundred bytes each while they are read; far beyond what any alpha needs."""
MAX_CALIBRATION = 20_000
"""Labels that a calibrator is fitted to: more change the fit by less than its own error."""
TRAFFIC_SAMPLE = 20_000
"""Confidences that tell where labels will lie: a sample, because every case of a large table would take seconds."""
LEAST_SAMPLE = 1_000
"""As many of a population that is rare among all cases, so that its labels are compared with its traffic, too."""
MOST_READ = 1_000_000
"""Cases that are read for those at most: some tenths of a second."""
WIDTH = 15


class LabelWrites:
    """Adds labels within the transaction of a batch."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    async def add(self, connection: Any, labels: Collection[Label], known: Mapping[Cell, int]) -> None:
        """Merge what a batch says of drawn cases."""
        if labels:
            rows = [
                (*_whose(label), *_drawn(label, label.drawn, known), *_answer(label), *_base(label.drawn))
                for label in labels
            ]
            await connection.execute(self._sql.labels.add_labels, *columns(rows, WIDTH))


def _whose(label: Label) -> tuple[Any, ...]:
    return label.tenant, label.case_id, label.decision_type


def _drawn(label: Label, drawn: Drawn | None, known: Mapping[Cell, int]) -> tuple[Any, ...]:
    if drawn is None:
        return (None,) * 8
    # The policy's hash as salt: another policy draws anew, and nobody can choose a case id for the outcome.
    draw = keyed_draw("thin", drawn.cell.automation_sha256, label.tenant, label.case_id)
    return (
        drawn.purpose, known[drawn.cell], drawn.routed_at, drawn.confidence, drawn.probability, draw,
        drawn.certificate_id, drawn.policy_sha256,
    )  # fmt: skip


def _answer(label: Label) -> tuple[Any, ...]:
    return label.error, label.judged_at


def _base(drawn: Drawn | None) -> tuple[Any, ...]:
    return (None, None) if drawn is None else (drawn.base, drawn.artifact_sha256)


class LabelReads(Reads):
    """Reads labels and populations."""

    async def populations(self, scope: Scope, tier: str | None, limit: int) -> list[tuple[Population, list[int], int]]:
        """Return what a certificate could be about, the newest first, with the numbers of its cells and its cases."""
        found = await self._connection.fetch(
            self._sql.queries.populations, scope.tenants, scope.decision_type, tier, limit
        )
        return [(_population(row), row["cell_ids"], row["cases"]) for row in found]

    async def automated_populations(
        self, tenant: str, decision_type: str
    ) -> list[tuple[Population, list[int], datetime | None]]:
        """Return a decision type's populations that would be automated, the one drawn from last first, and when."""
        found = await self._connection.fetch(self._sql.controls.automated_populations, tenant, decision_type)
        return [(_population(row), row["cell_ids"], row["newest"]) for row in found]

    async def scopes(self) -> list[tuple[str, str]]:
        """Return the (tenant, decision type) pairs that cases which would be automated have come for."""
        found = await self._connection.fetch(self._sql.controls.scopes)
        return [(row["tenant"], row["decision_type"]) for row in found]

    async def drawn(self, cells: list[int], since: datetime | None = None) -> list[DrawnCase]:
        """Return the drawn cases of a population routed after ``since``, oldest first, judged or not."""
        found = await self._connection.fetch(self._sql.labels.drawn, cells, since, MAX_LABELS)
        return [_case(row) for row in found]

    async def certified(self, cells: list[int], certificate_id: str) -> list[DrawnCase]:
        """Return the judged audits of what was decided under a certificate, in the order of judgement."""
        found = await self._connection.fetch(self._sql.labels.certified, cells, certificate_id, MAX_LABELS)
        return [_case(row) for row in found]

    async def speaking(self, tenant: str, decision_type: str) -> Speaker | None:
        """Return which model and calibrator speak for a decision type now, as its newest drawn case says."""
        row = await self._connection.fetchrow(self._sql.labels.speaking, tenant, decision_type)
        return None if row is None else Speaker(**dict(row))

    async def spoke_lately(
        self, tenant: str, decision_type: str, model: tuple[str, str, str], within: timedelta
    ) -> bool:
        """Tell whether a model version under a calibrator has a case drawn within so long before the newest drawn."""
        found: bool = await self._connection.fetchval(
            self._sql.labels.spoke_lately, tenant, decision_type, *model, within
        )
        return found

    async def calibration_labels(
        self, tenant: str, decision_type: str, speaker: Speaker
    ) -> tuple[list[BaseLabel], int]:
        """Return the judged cases of a model version under one calibrator, all tiers together, the newest last.

        As many as are to be looked at (``looked_at``), the second value; of those the newest, where they are very many.
        """
        cells = await self._connection.fetch(
            self._sql.labels.cells_of, tenant, decision_type, speaker.model_name, speaker.model_version,
            speaker.calibrator_version,
        )  # fmt: skip
        numbers = [row["cell_id"] for row in cells]
        known = await self._connection.fetchval(self._sql.labels.calibration_count, numbers)
        wanted = looked_at(known)
        found = await self._connection.fetch(
            self._sql.labels.calibration_labels, numbers, min(wanted, MAX_CALIBRATION), known - wanted
        )
        return [BaseLabel(**dict(row)) for row in reversed(found)], wanted

    async def waiting(self, tenants: tuple[str, ...] | None) -> tuple[int, int]:
        """Return how many drawn cases nobody has judged, and how many judgements wait for their case."""
        (row,) = await self._connection.fetch(self._sql.labels.waiting, tenants)
        return row["unjudged"], row["unplaced"]

    async def traffic(self, cells: list[int]) -> list[float]:
        """Return the confidences of a population: of its part of 20,000 cases, and about 1,000 where that is less."""
        (counted,) = await self._connection.fetch(self._sql.queries.all_cases, cells)
        everything, mine = counted["everything"], counted["mine"]
        read = max(TRAFFIC_SAMPLE, min(MOST_READ, LEAST_SAMPLE * everything / mine) if mine else 0)
        percent = min(100.0, 100.0 * read / everything) if everything else 100.0
        found = await self._connection.fetch(self._sql.queries.traffic, cells, percent, TRAFFIC_SAMPLE)
        return [row["confidence"] for row in found]


def _population(row: Any) -> Population:
    return Population(**{name: row[name] for name in Population.__slots__})


def _case(row: Any) -> DrawnCase:
    return DrawnCase(
        case_id=row["case_id"], purpose=Purpose(row["purpose"]), routed_at=row["routed_at"],
        confidence=row["confidence"], probability=row["probability"], draw=row["draw"],
        certificate_id=row["certificate_id"], error=row["error"], judged_at=row["judged_at"],
    )  # fmt: skip
