"""A case to explain, and its explanation."""

import json
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, Field, TypeAdapter, ValidationError, model_validator

from countersign_router.api.models.drafts import MAX_YAML
from countersign_router.api.models.fields import Name, Request
from countersign_shared.contracts.events.fields import Moment, Probability
from countersign_shared.contracts.intake import MAX_NESTING, is_too_deep

_MOMENT: TypeAdapter[str | None] = TypeAdapter(Moment | None)


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
    case: dict[str, Any] = Field(
        default_factory=dict, max_length=20, description="Other fields of the case.created, such as `amount`."
    )
    model: dict[str, Any] | None = Field(
        default=None,
        max_length=10,
        description="`name`, `version`, `artifact_sha256`, `calibrator_version`; unset: no certificate covers it.",
    )
    policy_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = Field(
        default=None, description="A published version or a draft to try; unset: the one in force."
    )
    yaml: Annotated[str, Field(min_length=1, max_length=MAX_YAML)] | None = Field(
        default=None, description="The text of a policy to try instead of a stored one."
    )

    @model_validator(mode="after")
    def _could_be_a_case(self) -> Self:
        # What would be refused at the door is no case to explain: half characters, and objects without an end.
        factors = self.proposal.factors if self.proposal else []
        said = {"payload": self.payload, "case": self.case, "model": self.model, "factors": factors}
        if is_too_deep(said):
            raise ValueError(f"its lists and objects lie deeper in each other than {MAX_NESTING} levels")
        try:
            json.dumps(said, ensure_ascii=False).encode()
        except UnicodeEncodeError:
            raise ValueError("it holds text that is no Unicode: half of a character") from None
        try:
            _MOMENT.validate_python(self.case.get("deadline_at"))
        except ValidationError:
            raise ValueError("`deadline_at` must be a time with its zone, such as 2026-01-31T12:00:00Z") from None
        return self

    @model_validator(mode="after")
    def _names_one_policy(self) -> Self:
        if self.yaml is not None and self.policy_sha256 is not None:
            raise ValueError("give `yaml` or `policy_sha256`, not both")
        return self


class TraceEntry(BaseModel):
    """One expression of the policy: what it gave for this case, or why it gave nothing."""

    path: str
    expression: str
    value: bool | int | float | None
    error: str | None
    values_read: dict[str, Any]


class DryRouting(BaseModel):
    """What the router would make of the case now, and every reason for it."""

    level: int
    level_name: str
    would_automate: bool
    consequence: dict[str, Any] | None
    band: str | None
    thresholds: dict[str, Any] | None
    certificate: str | None
    certificate_id: str | None
    reasons: list[dict[str, Any]]
    sampling: dict[str, Any]
    queue: str | None
    withhold: str
    reviewers_required: int
    due_at: datetime | None
    policy: dict[str, Any] | None
    trace: list[TraceEntry] = Field(description="Every expression of the policy, in its order.")
