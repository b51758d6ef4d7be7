"""Answers: what they say, what they are bound to, where they are."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from countersign_review.api.models.text import Code, Model, Sha256, Terms, Text
from countersign_review.domain.binding import MOST_VIEWS

MOST_SECONDS = 7 * 86_400.0
"""No claim is held for longer than a week."""


class PreviewRequest(Model):
    """An outcome with terms, before it is decided."""

    outcome: Code
    outcome_params: Terms = Field(default_factory=dict)


class Preview(BaseModel):
    """Exactly what would be carried out; quote the digest in the decision."""

    execute: dict[str, Any] | None
    execute_sha256: Sha256


class Reason(Model):
    """Why, in codes and words."""

    codes: list[Code] = Field(default_factory=list, max_length=20)
    other_text: Text | None = None
    note: Text | None = None
    category: Literal["ai_error", "edge_case", "policy_change", "human_error", "none"] = "none"


class Binding(Model):
    """What the decision is about, to the byte."""

    payload_sha256: Sha256
    shown_sha256: list[Sha256] = Field(min_length=1, max_length=MOST_VIEWS)
    execute_sha256: Sha256


class Attended(Model):
    """How long the case was attended to before the answer, for what is said of the whole desk; no decision rests on it.

    Send nothing rather than a guess: a case whose time is unknown counts as neither fast nor slow.
    """

    active_seconds: float = Field(ge=0, le=MOST_SECONDS, description="Visible and in focus, without the idle gaps.")
    first_action_seconds: float | None = Field(
        default=None, ge=0, le=MOST_SECONDS, description="From its showing to the first key or press."
    )


class DecisionRequest(Model):
    """One outcome, its terms and its reasons, bound to what was shown."""

    outcome: Code
    outcome_params: Terms = Field(default_factory=dict)
    reason: Reason = Field(default_factory=Reason)
    tags: list[Code] = Field(default_factory=list, max_length=50)
    principal_reasons: list[Code] = Field(default_factory=list, max_length=20)
    binding: Binding
    attention: Attended | None = None


class DecisionRecorded(BaseModel):
    """The answer is durable; it leaves at `leaves_at` unless undone before."""

    decision_id: str
    state: Literal["recorded", "revealed"] = Field(
        description="`revealed`: the unseen answer is kept and cannot be undone. Read the claim again: it shows the "
        "proposal now and waits for your last word, sent to the same address under a new key."
    )
    leaves_at: datetime


class DecisionStatus(BaseModel):
    """Where a decision is: recorded here, sent to the topic, or undone."""

    decision_id: str
    state: Literal["recorded", "sent", "undone"]
    leaves_at: datetime
    sent_at: datetime | None
