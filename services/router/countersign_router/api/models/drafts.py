"""Drafts of policies, the steps taken with them, and what is wrong with a text."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, Field

from countersign_router.api.models.fields import Reason, Request

MAX_YAML = 1_000_000
Yaml = Annotated[str, Field(min_length=1, max_length=MAX_YAML, description="The text of a policy file.")]


class PolicyText(Request):
    """A text to look at."""

    yaml: Yaml


class DraftRequest(Request):
    """A new version, and why it is proposed."""

    yaml: Yaml
    reason: Reason


class DraftEdit(Request):
    """Another text for a draft."""

    yaml: Yaml
    reason: Reason | None = Field(default=None, description="Unset: the reason stays.")


class RollBackRequest(Request):
    """Why to go back to a version."""

    reason: Reason


class ApprovalRequest(Request):
    """What the approver says, if anything."""

    comment: Reason | None = None


class PublishRequest(Request):
    """Why this version comes into force."""

    reason: Reason


class DiagnosticView(BaseModel, from_attributes=True):
    """One thing that is wrong, and where; line and column count from 1, 0 means that the place is not known."""

    path: str
    message: str
    line: int
    column: int
    length: int
    hint: str | None
    severity: Literal["error", "warning"]


class ExampleView(BaseModel):
    """How one of a policy's own examples came out."""

    name: str
    level: int
    passed: bool
    differences: list[str]


class Validation(BaseModel):
    """What is wrong with a text. `usable`: it can be saved as a draft; without an error it can be published too."""

    usable: bool
    diagnostics: list[DiagnosticView]
    id: str | None
    version: int | None
    sha256: str | None
    automation_sha256: str | None
    examples: list[ExampleView]


class StepView(BaseModel):
    """What somebody found out about a draft as it is now."""

    passed: bool
    by: str
    role: str
    at: datetime
    result: dict[str, Any]


class ApprovalView(BaseModel):
    """A signature on a draft as it is now."""

    by: str
    role: str
    signed_at: datetime
    expires_at: datetime
    comment: str | None
    counts: bool
    void: str | None = Field(description="Why it does not count.")


class DraftEntry(BaseModel):
    """A policy on its way to being published."""

    draft_id: UUID
    id: str
    tenant: str
    decision_type: str
    version: int
    sha256: str = Field(description="Of the text. Every step names it in If-Match; another text has another one.")
    automation_sha256: str
    authors: list[str] = Field(description="Everybody who wrote any of it; none of them approves it.")
    returns: bool = Field(description="Whether it was published before, and publishing it again rolls back.")
    reason: str
    state: Literal["open", "published"]
    created_at: datetime
    changed_at: datetime
    tested: StepView | None
    replayed: StepView | None
    approvals: list[ApprovalView]
    approvals_needed: int
    needs: list[Literal["test", "replay", "approval", "publish"]] = Field(description="What is left to do, in order.")


class DraftView(DraftEntry):
    """A draft with its text."""

    document: dict[str, Any] = Field(description="As read, with every default filled in.")
    yaml: str


class DraftList(BaseModel):
    """Drafts, the newest first."""

    items: list[DraftEntry]
    next_cursor: UUID | None


class VersionInForce(BaseModel):
    """The version that routes now."""

    version: int
    sha256: str
    automation_sha256: str


class CertificateView(BaseModel):
    """A certificate that covers something now and would cover nothing afterwards."""

    tenant: str
    tier: str
    certificate_id: str
    threshold: float
    model_version: str
    expires_at: datetime | None


class PublishPreview(BaseModel):
    """What publishing a draft would do."""

    draft: DraftEntry
    in_force: VersionInForce | None
    automation_changes: bool = Field(description="Whether anything changes that decides about automation.")
    certificates_voided: list[CertificateView] = Field(
        description="Until new ones are signed, what they let the machine decide goes to people."
    )
    diagnostics: list[DiagnosticView] = Field(
        description="What deserves a second look in its text; of an older version also what a new one could not say."
    )
