"""What a case's state is called outside, derived from what this service knows of it."""

from dataclasses import dataclass
from enum import StrEnum


class CaseState(StrEnum):
    """The states of a case."""

    DRAFT = "draft"
    AI_PROCESSING = "ai_processing"
    HUMAN_REVIEW = "human_review"
    DECIDED = "decided"
    ARCHIVED = "archived"
    WITHDRAWN = "withdrawn"


LABELS = {
    CaseState.DRAFT: "Draft",
    CaseState.AI_PROCESSING: "AI processing",
    CaseState.HUMAN_REVIEW: "Human review",
    CaseState.DECIDED: "Decided",
    CaseState.ARCHIVED: "Archived",
    CaseState.WITHDRAWN: "Withdrawn",
}


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of a case: was it routed, is a review open, how was it closed last."""

    routed: bool
    review_open: bool = False
    answer_outstanding: bool = False
    closed_as: str | None = None
    archived: bool = False


def case_state(known: Known, *, masked: bool) -> CaseState:
    """Return the state of a case.

    ``masked`` holds for whoever might still have to answer unseen: an automatic decision under audit then looks like
    any other case that people are looking at.
    """
    if masked and known.answer_outstanding:
        return CaseState.HUMAN_REVIEW
    if known.archived:
        return CaseState.ARCHIVED
    if known.closed_as in {"withdrawn", "duplicate", "expired"}:
        return CaseState.WITHDRAWN
    if known.closed_as == "decided":
        return CaseState.DECIDED
    if known.review_open:
        return CaseState.HUMAN_REVIEW
    # Routed without a person and not yet decided: the router's decision is on its way.
    return CaseState.AI_PROCESSING if known.routed else CaseState.DRAFT


def label(state: CaseState, outcome_label: str | None) -> str:
    """Write a state for people: ``Decided (Approved)``."""
    if state is CaseState.DECIDED and outcome_label:
        return f"{LABELS[state]} ({outcome_label})"
    return LABELS[state]
