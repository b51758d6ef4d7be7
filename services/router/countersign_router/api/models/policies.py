"""Policy versions and decision types."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, Field

from countersign_router.api.models.drafts import DiagnosticView


class PolicyEntry(BaseModel):
    """One published version of a policy."""

    id: str
    tenant: str
    decision_type: str
    version: int
    sha256: str
    automation_sha256: str
    published_at: datetime
    published_by: str | None = Field(default=None, description="Null where it was read from a file at start.")
    reason: str | None = None
    in_force: bool


class PolicyList(BaseModel):
    """Published versions, the newest of each decision type first."""

    items: list[PolicyEntry]
    next_cursor: str | None


class PolicyView(PolicyEntry):
    """A published version with its document."""

    document: dict[str, Any] = Field(description="As read, with every default filled in.")
    yaml: str = Field(description="As written.")
    diagnostics: list[DiagnosticView] = Field(
        description="What is doubtful about it: what a new version could not say, such as a queue that its "
        "decision type does not list, or that no certificate covers it as its decision type is by now."
    )


class DecisionTypeEntry(BaseModel):
    """A decision type: what its cases hold and what may come out."""

    decision_type: str
    label: str
    owner: str
    payload_schema: dict[str, Any]
    outcomes: list[dict[str, Any]]
    policy_in_force: str | None
    default_queue: str = Field(description="Where its cases go when no policy speaks for them.")
    queues: list[str] | None = Field(description="Those that a new policy may name; null: any.")
    skills: list[str] | None = Field(description="Those that a new policy may ask for; null: any.")


class DecisionTypeList(BaseModel):
    """Every decision type, by name."""

    items: list[DecisionTypeEntry]
