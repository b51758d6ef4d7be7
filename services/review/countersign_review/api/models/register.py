"""What the register's API says."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

CaseState = Literal["draft", "ai_processing", "human_review", "decided", "archived", "withdrawn"]


class CaseRow(BaseModel):
    """One case in a list."""

    tenant: str
    case_id: str
    decision_type: str
    subject_ref: str | None
    title: str
    routed_at: datetime
    state: CaseState
    state_label: str
    outcome: str | None = Field(description="Null while undecided, and while an answer must still be given unseen.")
    outcome_label: str | None
    decided_at: datetime | None
    decided_by: Literal["automation", "person"] | None


class CaseRows(BaseModel):
    """A page of cases, newest first."""

    items: list[CaseRow]
    next_cursor: str | None


class HistoryEntry(BaseModel):
    """One thing that happened to a case, as this service knows it."""

    at: datetime
    kind: str
    text: str
    by: str | None = Field(description="Display name of the person, where a person did it.")


class CaseFact(BaseModel):
    """One fact of the case."""

    field: str
    label: str
    value: Any
    formatted: str
    unit: str | None


class DecisionOnCase(BaseModel):
    """One decision on the case; a later one supersedes an earlier one."""

    decision_id: str
    outcome: str | None
    outcome_label: str | None
    outcome_params: dict[str, Any]
    closed_as: str
    mode: str
    relation: str
    decided_at: datetime
    supersedes: str | None


class CasePage(CaseRow):
    """A case with its facts and its history."""

    facts: list[CaseFact]
    decisions: list[DecisionOnCase]
    history: list[HistoryEntry]
    withheld: bool = Field(description="True while a blind answer is outstanding: outcome and proposal are left out.")
