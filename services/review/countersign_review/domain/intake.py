"""From a routed case to what this service keeps of it: one row, and work for people where people are needed."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from countersign_review.domain.blind import is_withheld, row_reason
from countersign_review.domain.eligibility import tier_rank
from countersign_review.domain.review import Kind

FIRST_HUMAN_LEVEL = 3
STANDARD_SLA = timedelta(hours=24)
"""The class `standard`, for a case that no policy gave a deadline."""
AT_RISK_SHARE = 0.75
EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
"""Deadlines beyond mean "long ago" and "never": the ends of the calendar are what other systems write for no date at
all. The database takes them for infinities, and there would be no room to let time stand still."""


class NewReview(NamedTuple):
    """One piece of work for people, as it is put into its queue; named as the columns of table ``reviews``."""

    review_id: str
    tenant: str
    case_id: str
    kind: Kind
    queue: str
    decision_type: str
    subject_ref: str | None
    title: str
    reason: str
    withheld: bool
    level: int
    tier_rank: int
    priority: int
    amount: Decimal | None
    currency: str | None
    skills: Sequence[str]
    roles: Sequence[str]
    language: str | None
    submitted_by: str
    reviewers_required: int
    due_at: datetime
    at_risk_at: datetime
    payload_sha256: str
    test: bool


def review_kind(level: int, *, audit: bool) -> Kind | None:
    """Tell what people have to do with a routed case: decide it, judge it afterwards, or nothing."""
    if level >= FIRST_HUMAN_LEVEL:
        return Kind.DECISION
    return Kind.AUDIT if audit else None


def new_review(
    routed: Mapping[str, Any], kind: Kind, *, review_id: str, title: str, fallback_queue: str, routed_at: datetime
) -> NewReview:
    """Describe the work; a missing queue, deadline or authority falls back to what is careful."""
    handling, case = routed["handling"], routed["case"]
    authority = handling.get("authority") or {}
    amount = authority.get("amount") or case.get("amount")
    consequence = routed.get("consequence")
    tier = tier_rank(consequence["tier"] if consequence else None)
    wanted = authority.get("tier")
    due_at, at_risk_at = _deadline(handling.get("sla"), case.get("deadline_at"), routed_at)
    return NewReview(
        review_id=review_id,
        tenant=routed["tenant"],
        case_id=routed["case_id"],
        kind=kind,
        queue=routed.get("queue") or fallback_queue,
        decision_type=routed["decision_type"],
        subject_ref=routed.get("subject_ref"),
        title=title,
        reason=row_reason(routed, withheld=is_withheld(kind, handling)),
        withheld=is_withheld(kind, handling),
        level=routed["level"],
        tier_rank=max(tier, tier_rank(wanted)) if wanted else tier,
        priority=routed["priority"],
        amount=Decimal(amount["value"]) if amount else None,
        currency=amount["currency"] if amount else None,
        skills=handling.get("skills") or (),
        roles=authority.get("roles") or (),
        language=case.get("language"),
        submitted_by=case["submitted_by"],
        reviewers_required=handling.get("reviewers_required", 1),
        due_at=due_at,
        at_risk_at=at_risk_at,
        payload_sha256=routed["payload_sha256"],
        test=bool(case.get("test", False)),
    )


def deadline(text: str) -> datetime:
    """Read a deadline that upstream gave, held within years that can be counted with."""
    return min(max(datetime.fromisoformat(text), EARLIEST), LATEST)


def _deadline(sla: Mapping[str, Any] | None, wanted_by: str | None, routed_at: datetime) -> tuple[datetime, datetime]:
    if sla:
        due_at, at_risk_at = datetime.fromisoformat(sla["due_at"]), datetime.fromisoformat(sla["at_risk_at"])
    else:
        due_at, at_risk_at = routed_at + STANDARD_SLA, routed_at + STANDARD_SLA * AT_RISK_SHARE
    if wanted_by and (wanted := deadline(wanted_by)) < due_at:
        return wanted, min(at_risk_at, wanted)
    return due_at, at_risk_at
