"""What the router's HTTP API takes and gives."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, model_validator

from countersign_router.domain.controls import ANY
from countersign_shared.contracts.events.fields import NO_CONTROL_CHARACTERS, Probability

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
Reason = Annotated[str, Field(min_length=3, max_length=500, pattern=NO_CONTROL_CHARACTERS)]


class Request(BaseModel):
    """What every request body has in common: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid")


class StopScope(Request):
    """What a stop switch holds: everything, a tenant, a decision type, or a decision type of one tenant."""

    scope: Literal["all", "tenant", "decision_type"] = "all"
    tenant: Name | None = None
    decision_type: Name | None = None

    @model_validator(mode="after")
    def _names_its_scope(self) -> Self:
        if self.scope == "all" and (self.tenant or self.decision_type):
            raise ValueError("scope `all` takes neither tenant nor decision_type")
        if self.scope == "tenant" and (self.tenant is None or self.decision_type is not None):
            raise ValueError("scope `tenant` takes a tenant and no decision_type")
        if self.scope == "decision_type" and self.decision_type is None:
            raise ValueError("scope `decision_type` takes a decision_type, and a tenant to stop only that tenant's")
        return self

    @property
    def key(self) -> tuple[str, str]:
        """The scope as (tenant, decision type), ``*`` for all."""
        return self.tenant or ANY, self.decision_type or ANY


class StopRequest(StopScope):
    """Halt automation, or ask for it to go on, and why."""

    reason: Reason


class AutomaticCase(BaseModel):
    """A decision the machine made."""

    tenant: str
    case_id: str
    decision_type: str
    outcome: str | None
    decided_at: datetime


class Control(BaseModel):
    """The newest state of one control; `*` stands for all."""

    kind: str
    tenant: str
    decision_type: str
    tier: str
    revision: int
    changed_at: datetime
    changed_by: str
    signatures: list[dict[str, Any]]
    state: dict[str, Any]


class StopAnswer(BaseModel):
    """The switch holds. What the machine had decided in the last minute is listed for a second look."""

    control: Control
    recent_seconds: int
    recent_total: int = Field(description="Automatic decisions of the scope in that time; the list is cut at 1,000.")
    recent: list[AutomaticCase]


class StopPreview(BaseModel):
    """What a stop would send to people, going by the last hour."""

    tenant: str
    decision_type: str
    automatic_last_hour: int
    automatic_last_minute: int


class ReleaseView(BaseModel):
    """A wish to turn automation back on. Another person confirms it."""

    request_id: UUID
    tenant: str
    decision_type: str
    revision: int = Field(description="Of the switch; when it changes meanwhile, the request is void.")
    requested_by: str
    reason: str
    requested_at: datetime
    expires_at: datetime


class ControlList(BaseModel):
    """Every control, and the requests that wait for a second person."""

    items: list[Control]
    release_requests: list[ReleaseView]


class PolicyEntry(BaseModel):
    """One published version of a policy."""

    id: str
    tenant: str
    decision_type: str
    version: int
    sha256: str
    automation_sha256: str
    published_at: datetime
    in_force: bool


class PolicyList(BaseModel):
    """Published versions, the newest of each decision type first."""

    items: list[PolicyEntry]
    next_cursor: str | None


class PolicyView(PolicyEntry):
    """A published version with its document."""

    document: dict[str, Any] = Field(description="As read, with every default filled in.")
    yaml: str = Field(description="As written.")


class Signals(Request):
    """Signals of a dry run; null means that it could not be had."""

    probability: Probability | None = None
    similarity: Probability | None = 1.0
    consensus: Probability | None = None
    rule_clarity: Probability | None = None
    completeness: Probability | None = Field(default=None, description="Unset: from the payload.")


class DryProposal(Request):
    """The proposal of a dry run."""

    outcome: Annotated[str, Field(min_length=1, max_length=100)]
    confidence: Probability
    factors: list[dict[str, Any]] = Field(default_factory=list, max_length=50)


class DryRun(Request):
    """A case to explain. Nothing is stored and nothing is published."""

    tenant: Name = "default"
    case_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9._:-]{1,128}$")] = "dry-run"
    decision_type: Name
    payload: dict[str, Any]
    proposal: DryProposal | None = None
    signals: Signals = Signals()
    policy_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="A published version to try; unset: the one in force."
    )


class DryRouting(BaseModel):
    """What the router would make of the case now, and every reason for it."""

    level: int
    level_name: str
    would_automate: bool
    consequence: dict[str, Any] | None
    band: str | None
    thresholds: dict[str, Any] | None
    certificate: str | None
    reasons: list[dict[str, Any]]
    sampling: dict[str, Any]
    queue: str | None
    withhold: str
    reviewers_required: int
    due_at: datetime | None
    policy: dict[str, Any] | None


class MatrixCell(BaseModel):
    """One cell: the level the policy gives it, and what came of it."""

    tier: str
    band: str
    level: int
    cases: int
    automatic: int


class LevelCount(BaseModel):
    """Cases of one level, whatever cell they came from."""

    level: int
    level_name: str
    cases: int


class MatrixView(BaseModel):
    """The matrix in force with counts per cell, ready to be drawn."""

    decision_type: str
    tenant: str | None
    since: datetime
    policy: PolicyEntry | None
    tiers: list[str]
    bands: list[str]
    cells: list[MatrixCell]
    outside: int = Field(description="Cases that reached no cell: abstentions, missing inputs, errors, no policy.")
    by_level: list[LevelCount]


class DecisionTypeEntry(BaseModel):
    """A decision type: what its cases hold and what may come out."""

    decision_type: str
    label: str
    owner: str
    payload_schema: dict[str, Any]
    outcomes: list[dict[str, Any]]
    policy_in_force: str | None


class DecisionTypeList(BaseModel):
    """Every decision type, by name."""

    items: list[DecisionTypeEntry]
