"""`case.scored`: the proposal and how sure it is."""

from typing import Annotated, Literal

from pydantic import Field

from countersign_shared.contracts.events.case import CaseCreated
from countersign_shared.contracts.events.fields import (
    CaseEvent,
    Code,
    JsonObject,
    Part,
    Probability,
    Sha256,
    ShortLine,
    Text,
)


class Alternative(Part):
    """An outcome the model ranked below its proposal."""

    outcome: Code
    confidence: Probability
    why_lower: Text | None = Field(default=None, description="In plain words, why it ranked lower.")


class Factor(Part):
    """One field's part in the proposal."""

    field: Code
    value: object = Field(default=None, description="The field's value as the model saw it; any JSON value.")
    effect: float = Field(description="Contribution to the log-odds of the proposed outcome.")
    direction: Literal["for", "against"] = Field(description="Whether the value speaks for or against the proposal.")
    text: Text | None = Field(default=None, description="The same in plain words.")


class Explanation(Part):
    """Why the model proposes what it proposes."""

    summary: Text
    factors: list[Factor] = Field(max_length=50)
    truncated: bool = Field(default=False, description="True when factors were cut so that the event fits.")


class Proposal(Part):
    """The AI's recommended outcome."""

    outcome: Code
    outcome_params: JsonObject = Field(description="Terms of the outcome; empty when it has none.")
    confidence: Probability = Field(description="Calibrated probability that the proposal is right.")
    raw_score: float = Field(description="The model's own score before calibration.")
    alternatives: list[Alternative] = Field(max_length=50)
    explanation: Explanation


class Abstained(Part):
    """Why there is no proposal. An error is an abstention, never a guess."""

    reason: Code = Field(description="For example `no_model`, `missing_input`, `model_error`, `timeout`, `by_policy`.")
    detail: Text | None = None


class Signal(Part):
    """One confidence signal in [0, 1], or null with the reason why it could not be had."""

    value: Probability | None
    detail: JsonObject | None = None
    reason: Text | None = Field(default=None, description="Why there is no value.")


class Signals(Part):
    """The five signals of how far the proposal can be trusted. A missing one counts as unknown, never as good."""

    probability: Signal = Field(description="Calibrated probability of the best outcome, with its margin.")
    similarity: Signal = Field(description="How like the training cases this case is.")
    consensus: Signal = Field(description="Share of independent methods that agree.")
    rule_clarity: Signal = Field(description="Whether one rule decides clearly, several conflict, or none applies.")
    completeness: Signal = Field(description="Share of the required inputs that are present and valid.")


class InvalidField(Part):
    """A payload field that its decision type's schema refuses."""

    pointer: Annotated[str, Field(max_length=1_000, description="JSON Pointer into the payload.")]
    detail: Text


class Entity(Part):
    """Something named in a text of the payload. `start` and `end` count characters, end excluded."""

    type: Code
    text: Text
    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=0)]
    confidence: Probability
    field: Code | None = Field(default=None, description="The payload field whose text it is in.")


class Model(Part):
    """Exactly which model spoke."""

    name: Code
    version: Code
    artifact_sha256: Sha256 | None = None
    calibrator_version: ShortLine | None = None
    prompt_sha256: Sha256 | None = None


class CaseScored(CaseEvent):
    """The AI's proposal for a case, or null with `abstained`."""

    case: CaseCreated = Field(description="The body of case.created, unchanged.")
    payload_sha256: Sha256 = Field(description="Over the bytes of the case.created body, computed once, carried on.")
    proposal: Proposal | None
    abstained: Abstained | None = Field(default=None, description="Present exactly when there is no proposal.")
    signals: Signals
    missing_fields: list[Code] = Field(description="Fields the decision type requires and the payload lacks.")
    invalid_fields: list[InvalidField]
    entities: list[Entity] = Field(default_factory=list)
    entities_truncated: bool = Field(default=False, description="True when entities were cut so that the event fits.")
    model: Model | None = Field(default=None, description="Null when no model was asked.")
    latency_ms: Annotated[float, Field(ge=0.0)] = Field(description="Time the model took, in milliseconds.")
