"""What leads see to, over HTTP: reviews that are blocked, wait for upstream, are kept, or that nobody may take."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query

from countersign_review.api.access import LEAD, AtDesk
from countersign_review.api.actions import Once
from countersign_review.api.models.actions import AsideReview, AsideReviews, MaybeJustification
from countersign_review.api.models.desk import CodedText
from countersign_review.api.models.text import PathPart
from countersign_review.api.parts import Using

router = APIRouter(tags=["reviews"])
Which = Literal["unassignable", "blocked", "asked", "assigned"]


@router.get("/reviews", dependencies=[LEAD])
async def list_reviews(
    which: Which, caller: AtDesk, parts: Using, limit: Annotated[int, Query(ge=1, le=200)] = 50
) -> AsideReviews:
    """Return reviews outside the queues.

    Those that nobody may take (with what everybody lacks), blocked ones, those that wait for upstream, or those that
    are kept for one person.
    """
    if which == "unassignable":
        found = await parts.aside.unassignable(caller, limit=limit)
        return AsideReviews(items=[
            _shown(row, missing=[CodedText(code=lack.code, text=lack.needs) for lack in lacks]) for row, lacks in found
        ])  # fmt: skip
    rows = await parts.aside.listed(caller, which, limit=limit)
    return AsideReviews(items=[_shown(row, kept_for=row["kept_for"], question=row["question"]) for row in rows])


@router.post("/reviews/{review_id}/unblock", dependencies=[LEAD], status_code=204)
async def unblock(
    review_id: PathPart, caller: AtDesk, parts: Using, once: Once, body: MaybeJustification | None = None
) -> None:
    """Let a blocked case go: it waits again."""
    await parts.aside.unblock(caller, review_id, once, reason=body.reason if body else None)


@router.post("/reviews/{review_id}/recall", dependencies=[LEAD], status_code=204)
async def recall(
    review_id: PathPart, caller: AtDesk, parts: Using, once: Once, body: MaybeJustification | None = None
) -> None:
    """Take a review from whoever holds it or whom it is kept for, or stop waiting for upstream: it waits again."""
    await parts.aside.recall(caller, review_id, once, reason=body.reason if body else None)


def _shown(row: Any, **more: Any) -> AsideReview:
    names = (
        "review_id", "case_id", "tenant", "decision_type", "queue", "title", "state", "due_at", "at_risk_at",
    )  # fmt: skip
    return AsideReview(**{name: row[name] for name in names}, **more)
