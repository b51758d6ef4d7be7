"""What the parts of a policy file have in common: names, texts, expressions, and strictness."""

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from countersign_shared.contracts.events.fields import NO_CONTROL_CHARACTERS

Name = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_.-]{0,99}$")]
Line = Annotated[str, Field(min_length=1, max_length=500, pattern=NO_CONTROL_CHARACTERS)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Tier = Literal["negligible", "low", "medium", "high", "critical"]
Band = Literal["high", "medium", "low"]
Level = Annotated[int, Field(ge=1, le=5)]
AutomaticLevel = Annotated[int, Field(ge=1, le=2)]
Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Duration = Annotated[str, Field(pattern=r"^[1-9]\d{0,4}(s|m|h|d|w)$", description="For example 30m, 24h, 3d, 1w.")]
IdentifierName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]


def _as_text(value: object) -> object:
    # `customer: 2` and `never_automate: false` are natural to write and mean the expression of that text.
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


Expression = Annotated[
    str,
    BeforeValidator(_as_text),
    Field(min_length=1, description="A CEL expression.", json_schema_extra={"type": ["string", "integer", "boolean"]}),
]
RuleText = Annotated[Line | None, Field(description="What a reviewer reads when the rule applies.")]
ByLevel = Annotated[dict[Level, Name], Field(max_length=5)]


class Section(BaseModel):
    """What every part of the document has in common."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)
