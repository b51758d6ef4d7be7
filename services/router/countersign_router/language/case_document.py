"""The shape of a policy's examples, in the policy itself and in files of their own."""

from typing import Any, Literal

from pydantic import Field

from countersign_router.language.fields import Band, Duration, Level, Line, Name, Probability, Section, Tier


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


class CaseFile(Section):
    """Examples in a file of their own."""

    examples: list[ExampleSection] = Field(max_length=10_000)
