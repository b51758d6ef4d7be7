"""What a stored review or claim says, and whether somebody may still act on it."""

from datetime import datetime
from decimal import Decimal
from typing import Any

from countersign_review.domain.eligibility import Amount, Demand
from countersign_review.domain.events import CaseRef
from countersign_review.domain.refusals import LeaseEnded, NotFound, StaleVersion
from countersign_review.domain.review import Action, ClaimState, ReviewState, Stage, advance
from countersign_review.store.caller import Caller


def ref_of(review: Any) -> CaseRef:
    """Return the case a stored review is about."""
    return CaseRef(review["tenant"], review["case_id"], review["decision_type"], review["subject_ref"])


def demand_of(review: Any) -> Demand:
    """Return what a stored review asks of whoever takes it."""
    amount = review["amount"]
    return Demand(
        tenant=review["tenant"], decision_type=review["decision_type"], tier_rank=review["tier_rank"],
        amount=Amount(Decimal(amount), review["currency"]) if amount is not None else None,
        skills=review["skills"], roles=review["roles"], language=review["language"],
        submitted_by=review["submitted_by"], excluded=review["excluded"], assigned_to=review["assigned_to"],
        lead_only=review["escalated"] or review["stage"] == Stage.ADJUDICATION,
    )  # fmt: skip


def own(caller: Caller, claim: Any) -> Any:
    """Return a claim of the caller's: not one of a tenant that they, or the key they came with, do not act for.

    Raises: NotFound.
    """
    if claim is None or not caller.acts_for(claim["tenant"]):
        raise NotFound("You hold no such claim.")
    return claim


def check_held(claim: Any, action: Action, now: datetime) -> None:
    """Refuse to act on a hold that is over, or on a review that has moved on."""
    if claim["claim_state"] != ClaimState.HELD:
        # A review that was decided or withdrawn says so itself; one that waits again ended this hold.
        state = ReviewState(claim["state"])
        if state in {ReviewState.DECIDED, ReviewState.WITHDRAWN}:
            advance(state, action)
        raise LeaseEnded(f"This claim was {claim['claim_state']}; claim the case again if it still waits.")
    if claim["lease_expires_at"] <= now:
        raise LeaseEnded("The lease ran out; claim the case again if it still waits.")
    advance(ReviewState(claim["state"]), action)


def check_version(claim: Any, version: int) -> None:
    """Refuse a write that rests on an older reading of the claim."""
    if claim["version"] != version:
        raise StaleVersion(
            f"The claim is at version {claim['version']}, not {version}: read it again, something has changed.",
            version=claim["version"],
        )
