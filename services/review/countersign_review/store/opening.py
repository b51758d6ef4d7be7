"""Putting a case before people once more, under a review of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from countersign_review.domain.binding import chain
from countersign_review.domain.blind import OWN_JUDGEMENT, row_reason
from countersign_review.domain.intake import AT_RISK_SHARE, STANDARD_SLA, new_review
from countersign_review.domain.review import Kind
from countersign_review.domain.seeds import as_for_people
from countersign_review.domain.titles import case_title
from countersign_review.store.events import SQL, Connection
from countersign_review.store.routed import routed_of
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.postgres import Queries

FALLBACK_QUEUE = "unrouted"


@dataclass(frozen=True, slots=True)
class Purpose:
    """Why a case is put before people again.

    ``excluded`` may not take it; ``evidence`` is what came in because of which it is; ``queue`` overrides the case's.
    """

    kind: Kind
    withheld: bool
    excluded: Sequence[str] = ()
    opened_for: str | None = None
    supersedes: str | None = None
    evidence: bytes | None = None
    queue: str | None = None
    for_leads: bool = False


class Opening:
    """Writes reviews of known cases, in the caller's transaction. They are due in a day, like any standard case."""

    def __init__(self, types: Mapping[str, DecisionType]) -> None:
        self._types = types
        self._queries = Queries.load(SQL / "actions.sql")

    async def open(self, connection: Connection, case: Any, purpose: Purpose, *, review_id: str, now: datetime) -> Any:
        """Put a case into its queue; returns the review."""
        routed: Mapping[str, Any] = routed_of(case["body"])
        if purpose.kind is Kind.SEED:
            routed = as_for_people(routed)
        known = self._types.get(routed["decision_type"])
        review = new_review(
            routed, purpose.kind, review_id=review_id, title=case_title(self._types, routed),
            fallback_queue=known.default_queue if known else FALLBACK_QUEUE, routed_at=now,
        )  # fmt: skip
        latest = await connection.fetchrow(self._queries.latest_evidence, review.tenant, review.case_id)
        digest = latest["payload_sha256"] if latest else review.payload_sha256
        reason = OWN_JUDGEMENT if purpose.withheld else row_reason(routed, withheld=False)
        # A seed is one person's: it asks whether they look, not what is right.
        required = 1 if purpose.kind is Kind.SEED else review.reviewers_required
        return await connection.fetchrow(
            self._queries.insert_reopened, review.review_id, review.tenant, review.case_id,
            purpose.queue or review.queue, review.decision_type, review.subject_ref, review.title, reason,
            purpose.withheld, review.level, review.tier_rank, review.priority, review.amount, review.currency,
            list(review.skills), list(review.roles), review.language, review.submitted_by, required, now,
            now + STANDARD_SLA, now + STANDARD_SLA * AT_RISK_SHARE,
            chain(digest, purpose.evidence) if purpose.evidence else digest, review.test, list(purpose.excluded),
            purpose.opened_for, purpose.supersedes, latest["revision"] if latest else 0, purpose.kind,
            purpose.for_leads,
        )  # fmt: skip
