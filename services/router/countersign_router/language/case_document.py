"""The shape of a policy's examples, in the policy itself and in files of their own."""

from typing import Any, Literal

from pydantic import Field, TypeAdapter, ValidationError, field_validator

from countersign_router.language.fields import Band, Duration, Level, Line, Name, Probability, Section, Tier
from countersign_shared.clock import parse_rfc3339
from countersign_shared.contracts.events.fields import Moment

FIRST_YEAR, LAST_YEAR = 1_920, 8_000
"""From a moment of these years no policy's age and no deadline, each of 1,917 years at most, leaves the calendar."""
_MOMENT: TypeAdapter[str | None] = TypeAdapter(Moment | None)


class ExampleProposal(Section):
    """The proposal of an example."""

    outcome: Name
    confidence: Probability


class ExpectSection(Section):
    """What an example must give; unset parts are not looked at."""

    level: Level
    tier: Tier | None = None
    band: Band | None = None
    queue: Name | None = None
    would_automate: bool | None = None
    reason: Name | None = Field(default=None, description="A code that must be among the reasons.")


class ExampleSection(Section):
    """A case and what the policy must make of it. `case` is the payload; unset signals are perfect.

    `like` names an earlier example whose payload this one starts from.
    """

    name: Line | None = None
    like: Line | None = None
    case: dict[str, Any] = Field(default_factory=dict)
    body: dict[str, Any] = Field(default_factory=dict, description="Further fields of case.created, for `$.` paths.")
    proposal: ExampleProposal | None = None
    signals: dict[str, Probability | None] = Field(default_factory=dict)
    controls: dict[Literal["peak", "certified"], bool] = Field(
        default_factory=dict, description="`certified`: a live certificate covers every tier."
    )
    policy_age: Duration = "52w"
    now: str = "2026-01-15T12:00:00Z"
    expect: ExpectSection

    @field_validator("now")
    @classmethod
    def _is_a_moment(cls, now: str) -> str:
        try:
            year = parse_rfc3339(now).year
        except (ValueError, OverflowError):
            year = 0
        if not FIRST_YEAR <= year <= LAST_YEAR:
            raise ValueError(f"must be a time with its zone, such as 2026-01-15T12:00:00Z, of {FIRST_YEAR} or later")
        return now

    @field_validator("body")
    @classmethod
    def _could_be_a_case(cls, body: dict[str, Any]) -> dict[str, Any]:
        try:
            _MOMENT.validate_python(body.get("deadline_at"))
        except ValidationError:
            raise ValueError("`deadline_at` must be a time with its zone, such as 2026-01-31T12:00:00Z") from None
        return body


class CaseFile(Section):
    """Examples in a file of their own."""

    examples: list[ExampleSection] = Field(max_length=10_000)
