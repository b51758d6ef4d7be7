"""What people have said of a case before, for those who must know it."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field


class TermShown(BaseModel):
    """One term of a decision (a parameter of its outcome) as people read it."""

    name: str
    label: str
    formatted: str


class GivenReason(BaseModel):
    """Why somebody answered as they did."""

    codes: list[str]
    other_text: str | None
    note: str | None
    category: str


class GivenAnswer(BaseModel):
    """An answer that was given earlier."""

    outcome: str
    label: str
    outcome_params: dict[str, Any]
    terms: list[TermShown]
    reason: GivenReason
    principal_reasons: list[str]


class Objection(BaseModel):
    """What the affected person says against a decision."""

    grounds: str
    received_at: datetime


class StandingDecision(BaseModel):
    """The decision that is looked at again."""

    decision_id: str
    outcome: str | None
    label: str | None
    outcome_params: dict[str, Any]
    terms: list[TermShown]
    automatic: bool
    decided_at: datetime


class Dispute(BaseModel):
    """What people have said of the case before; names are in none of it."""

    opinions: list[GivenAnswer] = Field(description="Answers that differ and that you are asked to settle.")
    objections: list[Objection]
    standing: StandingDecision | None = Field(description="Null where you are to answer without knowing it.")
