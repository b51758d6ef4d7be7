"""Kinds of field that several events share, each with its limits. Units and meanings live here once."""

from datetime import MAXYEAR, MINYEAR, UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

# Control characters break terminals, logs and CSV files, and PostgreSQL text refuses NUL.
NO_CONTROL_CHARACTERS = r"^[^\u0000-\u001f\u007f-\u009f]*$"
RFC3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})$"

CASE_ID_PATTERN = r"^[A-Za-z0-9._:-]{1,128}$"
TENANT_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
DECISION_TYPE_PATTERN = r"^[A-Za-z0-9._-]{1,64}$"
DECIMAL_PATTERN = r"^-?(0|[1-9][0-9]{0,14})(\.[0-9]{1,4})?$"
CURRENCY_PATTERN = r"^[A-Z]{3}$"
SHA256_PATTERN = r"^[0-9a-f]{64}$"


def _real_moment(text: str) -> str:
    # The pattern leaves the 30th of February through, and midnight of year 1 in a zone where UTC has no such year yet.
    moment = datetime.fromisoformat(text)
    if moment.year in {MINYEAR, MAXYEAR} and moment.tzinfo is not None:
        try:
            moment.astimezone(UTC)
        except OverflowError as error:
            raise ValueError("its zone takes it out of the calendar") from error
    return text


CaseId = Annotated[
    str, Field(pattern=CASE_ID_PATTERN, description="Unique within the tenant.", examples=["loan-000042"])
]
TenantId = Annotated[str, Field(pattern=TENANT_PATTERN, description="Whose case it is.", examples=["default"])]
DecisionTypeName = Annotated[
    str, Field(pattern=DECISION_TYPE_PATTERN, description="Name of a decision type.", examples=["loan_application"])
]
Line = Annotated[str, Field(max_length=500, pattern=NO_CONTROL_CHARACTERS)]
ShortLine = Annotated[str, Field(max_length=200, pattern=NO_CONTROL_CHARACTERS)]
Code = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_CONTROL_CHARACTERS)]
Text = Annotated[str, Field(max_length=20_000)]
Moment = Annotated[
    str,
    Field(
        pattern=RFC3339,
        description="RFC 3339 with a zone; Countersign writes UTC with `Z`.",
        examples=["2026-01-02T03:04:05.123456Z"],
        json_schema_extra={"format": "date-time"},
    ),
    AfterValidator(_real_moment),
]
Day = Annotated[
    str,
    Field(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$", json_schema_extra={"format": "date"}),
    AfterValidator(_real_moment),
]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Sequence = Annotated[int, Field(ge=1, description="1, 2, 3... per source and case; a hole means a lost event.")]
Sha256 = Annotated[str, Field(pattern=SHA256_PATTERN, description="SHA-256, lower-case hexadecimal.")]
EventId = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_CONTROL_CHARACTERS)]
DecimalText = Annotated[
    str,
    Field(
        pattern=DECIMAL_PATTERN,
        description="A decimal number as text.",
        examples=["125000.00"],
    ),
]
Currency = Annotated[str, Field(pattern=CURRENCY_PATTERN, description="ISO 4217 code.", examples=["USD"])]
Url = Annotated[str, Field(min_length=1, max_length=2_000, pattern=NO_CONTROL_CHARACTERS)]
JsonObject = dict[str, Any]

Tier = Literal["negligible", "low", "medium", "high", "critical"]
Band = Literal["high", "medium", "low"]
Level = Annotated[int, Field(ge=1, le=5, description="1 full automation ... 5 full human control.")]
LevelName = Literal[
    "full_automation", "automation_with_audit", "automation_with_review", "human_with_ai_assist", "full_human_control"
]


class Part(BaseModel):
    """What every event and every part of one has in common: fields nobody knows yet are kept, types are not guessed."""

    model_config = ConfigDict(extra="allow", strict=True, frozen=True, defer_build=True)


class Money(Part):
    """An amount of money: a decimal number as text, so that no binary fraction touches it, and its currency."""

    value: DecimalText
    currency: Currency


class CaseReference(Part):
    """Which case an event is about."""

    tenant: TenantId
    case_id: CaseId
    decision_type: DecisionTypeName
    subject_ref: ShortLine | None = Field(
        default=None, description="Upstream's reference to the person or thing decided about; a pseudonym, not a name."
    )


class CaseEvent(CaseReference):
    """What every event that Countersign writes about a case carries."""

    sequence: Sequence
