"""The shape of a decision-type file, as people write it."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from countersign_shared.contracts.events.fields import NO_CONTROL_CHARACTERS
from countersign_shared.contracts.field_formats import Format

Label = Annotated[str, Field(min_length=1, max_length=200, pattern=NO_CONTROL_CHARACTERS)]
FieldName = Annotated[str, Field(min_length=1, max_length=100, pattern=NO_CONTROL_CHARACTERS)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]{0,63}$")]

CONSOLE_KEYS = frozenset("jkeixcsz")
"""Letters the console uses for its own actions (move, edit, ask, escalate, comment, skip, undo)."""


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class FieldDocument(_Document):
    """One payload field as people see it. `unit` is the currency of a plain money number, or follows a number."""

    name: FieldName
    label: Label
    format: Format
    unit: Label | None = None
    choices: dict[str, Label] = Field(default_factory=dict, description="Label per value; for the format `choice`.")

    @model_validator(mode="after")
    def _choices_belong_to_choice(self) -> Self:
        if (self.format == "choice") != bool(self.choices):
            raise ValueError("`choices` belong to the format `choice`, and only there")
        return self


class OutcomeDocument(_Document):
    """One outcome a case of this type can have."""

    label: Label
    colour: Annotated[str, Field(pattern=r"^[a-z]+$")] = Field(default="gray", description="Name of a console colour.")
    adverse: bool = Field(default=False, description="To the affected person's disadvantage: needs principal reasons.")
    rejects: bool = Field(default=False, description="Refuses what was asked for.")
    key: Annotated[str, Field(pattern=r"^[a-z]$")] | None = Field(default=None, description="Letter in the console.")
    params_schema: dict[str, Any] | None = Field(default=None, description="JSON Schema of the outcome's terms.")


class DecisionTypeDocument(_Document):
    """One decision type: what its cases hold, how they are shown, and what may come out."""

    decision_type: Name
    label: Label
    owner: Label = Field(description="The team that answers for this kind of decision.")
    title: Label = Field(
        description="One neutral line per case; `{field}` stands for the formatted value. A case that lacks one "
        "is called by its label and case id."
    )
    default_queue: Name = Field(default="unrouted", description="Where people find cases that no policy placed.")
    queues: list[Name] | None = Field(default=None, description="All queues that policies may name; unset: any.")
    skills: list[Name] | None = Field(default=None, description="All skills that policies may ask for; unset: any.")
    payload: dict[str, Any] = Field(description="JSON Schema 2020-12 of the payload, an object.")
    fields: list[FieldDocument] = Field(min_length=1, max_length=200, description="In the order they are shown.")
    protected: list[FieldName] = Field(
        default_factory=list, description="In no feature, prompt, context package, search or list."
    )
    sensitive: list[FieldName] = Field(
        default_factory=list, description="Shown to deciders only, and never to a model outside."
    )
    outcomes: dict[Name, OutcomeDocument] = Field(min_length=2, max_length=50)

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        properties = self.payload.get("properties")
        if self.payload.get("type") != "object" or not isinstance(properties, dict):
            raise ValueError("payload: must be a schema of `type: object` with `properties`")
        shown = [field.name for field in self.fields]
        for where, names in (("fields", shown), ("protected", self.protected), ("sensitive", self.sensitive)):
            unknown = [name for name in names if name not in properties]
            if unknown:
                raise ValueError(f"{where}: {unknown[0]!r} is no property of the payload")
            if len(set(names)) < len(names):
                raise ValueError(f"{where}: a name appears twice")
        exposed = sorted(set(shown) & set(self.protected))
        if exposed:
            raise ValueError(f"fields: {exposed[0]!r} is protected, so it cannot be shown")
        return self

    @model_validator(mode="after")
    def _keys_are_free(self) -> Self:
        keys = [outcome.key for outcome in self.outcomes.values() if outcome.key]
        if len(set(keys)) < len(keys):
            raise ValueError("outcomes: two outcomes have the same key")
        taken = sorted(CONSOLE_KEYS & set(keys))
        if taken:
            raise ValueError(f"outcomes: the key {taken[0]!r} belongs to the console")
        return self
