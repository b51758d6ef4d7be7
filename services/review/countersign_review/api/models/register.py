"""What the register's API says."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from countersign_review.api.models.disputes import TermShown
from countersign_review.api.models.text import NO_CONTROL_CHARACTERS, Code
from countersign_shared.http.moments import Moment

CaseState = Literal["draft", "ai_processing", "human_review", "decided", "archived", "withdrawn"]
Tier = Literal["negligible", "low", "medium", "high", "critical"]
_Line = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_CONTROL_CHARACTERS)]


class CaseFilters(BaseModel):
    """What to look for; what is left out is not asked for."""

    model_config = ConfigDict(extra="forbid")

    q: _Line | None = Field(
        default=None, description="Words of the title, the case id or the subject; each may be cut short at its end."
    )
    case_id: _Line | None = Field(default=None, description="Exact.")
    subject: _Line | None = Field(default=None, description="Exact `subject_ref`.")
    tenant: _Line | None = None
    decision_type: Code | None = None
    state: CaseState | None = None
    level: list[Annotated[int, Field(ge=1, le=5)]] = Field(
        default_factory=list, max_length=5, description="One of these levels of involvement."
    )
    tier: list[Tier] = Field(default_factory=list, max_length=5, description="One of these consequences.")
    outcome: Code | None = None
    decided_by: Literal["automation", "person"] | None = None
    since: Moment | None = Field(default=None, description="Routed at this time or later.")
    until: Moment | None = Field(default=None, description="Routed before this time.")


class CaseQuery(CaseFilters):
    """A search, and which page of it."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(pattern=r"^\d{1,18}$", description="From `next_cursor`.")] | None = None


class CaseRow(BaseModel):
    """One case in a list."""

    tenant: str
    case_id: str
    decision_type: str
    subject_ref: str | None
    title: str
    level: int | None = Field(description="1 to 5; null while an answer must still be given unseen.")
    tier: Tier | None = Field(
        description="Null while an answer must still be given unseen, and in lists until indexed."
    )
    routed_at: datetime
    state: CaseState
    state_label: str
    outcome: str | None = Field(description="Null while undecided, and while an answer must still be given unseen.")
    outcome_label: str | None
    decided_at: datetime | None
    decided_by: Literal["automation", "person"] | None


class Tenants(BaseModel):
    """The tenants whose cases you see, by name; those without a case are left out."""

    items: list[str]


class CaseRows(BaseModel):
    """A page of cases, newest first."""

    items: list[CaseRow]
    next_cursor: str | None = Field(description="Look further with this; a page may be short or empty before the end.")
    searched_to: datetime | None = Field(
        description="Set when time was over before the page was full: cases routed before this were not looked at yet."
    )
    not_indexed: int = Field(
        description="Newest cases, at most 10,000 counted, that `q` and `tier` cannot find yet; minutes at most."
    )


class SavedViewRequest(BaseModel):
    """A search to keep."""

    model_config = ConfigDict(extra="forbid")

    filters: CaseFilters


class SavedView(BaseModel):
    """A search kept under a name, by and for one person."""

    name: str
    filters: CaseFilters
    updated_at: datetime


class SavedViews(BaseModel):
    """Everything the caller keeps, by name."""

    items: list[SavedView]


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
    terms: list[TermShown]
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
    level_name: str | None
    withheld: bool = Field(description="True while somebody has still to answer: level and outcome are left out.")
