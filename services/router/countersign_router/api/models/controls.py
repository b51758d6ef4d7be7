"""Controls, the stop switch, and asking for automation to go on."""

from datetime import datetime
from typing import Any, Literal, Self
from uuid import UUID

from pydantic import BaseModel, Field, model_validator

from countersign_router.api.models.fields import Name, Reason, Request
from countersign_router.domain.controls import ANY


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


class QueueLoad(BaseModel):
    """What one queue would get on top of what it gets."""

    queue: str
    cases: int = Field(description="Decided by the machine in those hours; people would have had them.")
    per_hour: float
    busiest_hour: int


class StopPreview(BaseModel):
    """What a stop would send to people, going by the last hours."""

    tenant: str
    decision_type: str
    automatic_last_hour: int
    automatic_last_minute: int
    hours: int = Field(description="How far back the figures below go; less than asked for where cases are younger.")
    automatic_per_hour: float
    people_per_hour: float = Field(description="What people get in this scope anyway.")
    queues: list[QueueLoad]


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
