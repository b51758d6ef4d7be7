"""What persons did, under pseudonyms, and what became of decisions in the world."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Any

from countersign_feedback.domain.facts import Answer, Outcome, Truth
from countersign_feedback.domain.rubber_stamps import Reviews
from countersign_feedback.domain.summary import Scope
from countersign_feedback.store.statements import Reads, Statements, columns


@dataclass(frozen=True, slots=True)
class ReportedOutcome:
    """How often upstream reported something (``kind``), and of how many cases the machine had decided."""

    decision_type: str
    kind: str
    reported: int
    automatic: int
    worst: int | None


class ReviewerWrites:
    """Adds what persons did within the transaction of a batch."""

    def __init__(self, sql: Statements) -> None:
        self._sql = sql

    async def add(
        self, connection: Any, answers: Collection[Answer], outcomes: Collection[Outcome], truths: Collection[Truth]
    ) -> None:
        """Add answers, outcomes and what was found of proposals; what is known already changes nothing."""
        queries = self._sql.reviewers
        if answers:
            await connection.execute(queries.add_answers, *columns(answers, len(Answer._fields)))
        if outcomes:
            await connection.execute(queries.add_outcomes, *columns(outcomes, len(Outcome._fields)))
        if truths:
            await connection.execute(queries.add_truths, *columns(truths, len(Truth._fields)))


class ReviewerReads(Reads):
    """Reads the sums."""

    async def reviews(self, tenant: str, decision_type: str | None, since: date | None) -> list[Reviews]:
        """Return what is counted of each reviewer, by pseudonym."""
        found = await self._connection.fetch(self._sql.reviewers.reviewers, tenant, decision_type, since)
        return [Reviews(**dict(row)) for row in found]

    async def outcomes(self, scope: Scope) -> list[ReportedOutcome]:
        """Return what upstream reported, the most frequent first."""
        found = await self._connection.fetch(self._sql.reviewers.outcomes, scope.tenants, scope.decision_type)
        return [ReportedOutcome(**dict(row)) for row in found]
