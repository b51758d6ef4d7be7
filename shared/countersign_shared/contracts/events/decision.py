"""`decision.made`: the decisions to act on."""

from typing import Annotated, Literal

from pydantic import Field

from countersign_shared.contracts.events.fields import (
    Band,
    CaseEvent,
    Code,
    EventId,
    JsonObject,
    Level,
    Moment,
    Part,
    Probability,
    Sha256,
    ShortLine,
    Text,
    Tier,
    Url,
)
from countersign_shared.contracts.events.routed import CodedReason, PolicyReference, Sampling
from countersign_shared.contracts.events.scored import Model

Mode = Literal["automatic", "human", "human_with_ai"]
Relation = Literal["agreed", "modified", "overrode", "no_proposal"]
ClosedAs = Literal["decided", "withdrawn", "expired", "duplicate"]
Category = Literal["ai_error", "edge_case", "policy_change", "human_error", "none"]


class RoutingSummary(Part):
    """What the router had said, so that a reader of the decision need not join topics."""

    event_id: EventId
    tier: Tier | None
    band: Band | None
    level: Level
    would_automate: bool
    sampling: Sampling
    policy: PolicyReference | None
    model: Model | None
    confidence: Probability | None
    proposed: Code | None = Field(
        default=None,
        description="The outcome that was proposed: among more than two, those that differ from it are not alike.",
    )


class Decider(Part):
    """One person's part in a decision. No name and no timing: those never leave review."""

    pseudonym: ShortLine
    role: Code
    authority: JsonObject | None = Field(default=None, description="The authority they held at that time.")
    decided_at: Moment
    outcome: Code
    blind: bool = Field(description="True when they answered before seeing the proposal.")


class DecisionReason(Part):
    """Why the people decided as they did."""

    codes: list[Code] = Field(default_factory=list, max_length=20)
    other_text: Text | None = None
    note: Text | None = None
    category: Category = "none"


class Binding(Part):
    """What the decision is about, to the byte: what came in, what was shown, what will be carried out."""

    payload_sha256: Sha256
    shown_sha256: list[Sha256] = Field(description="One per view that was served; empty when nobody looked.")
    execute_sha256: Sha256 | None = Field(description="Over the exact execute bytes; null when nothing is carried out.")


class Execute(Part):
    """The request that carries the decision out."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    url: Url
    body: JsonObject | None = None
    idempotency_key: EventId


class DecisionMade(CaseEvent):
    """The decision on a case: one per case, and later ones that name in `supersedes` the decision they replace."""

    decision_id: EventId
    outcome: Code | None = Field(description="One of the decision type's outcomes; null unless closed as `decided`.")
    outcome_params: JsonObject = Field(default_factory=dict)
    closed_as: ClosedAs
    mode: Mode
    relation: Relation = Field(description="To the stored proposal, whether or not the person saw it.")
    supersedes: EventId | None = None
    deciders: list[Decider] = Field(max_length=10, description="Empty when automatic.")
    reason: DecisionReason
    tags: Annotated[list[Code], Field(max_length=50)] = Field(default_factory=list)
    principal_reasons: list[CodedReason] = Field(default_factory=list, max_length=4)
    disclosure: Text | None = Field(description="What actually happened, in plain words, for the affected person.")
    routing: RoutingSummary
    opened_at: Moment | None = Field(default=None, description="When the deciding person first saw the case.")
    decided_at: Moment
    sla_met: bool | None = Field(default=None, description="Null when no deadline applied.")
    binding: Binding
    execute: Execute | None
    test: bool = Field(default=False, description="True: a rehearsal; never carry it out.")


class JudgementAnswer(Part):
    """One person's answer in a judgement. Never a decision."""

    pseudonym: ShortLine
    role: Code
    outcome: Code
    outcome_params: JsonObject = Field(default_factory=dict)
    decided_at: Moment
    blind: bool
    reason: DecisionReason | None = None


class Judgement(Part):
    """What people, asked afterwards and blind, would have decided. Exactly one per audit, after adjudication."""

    judged_decision_id: EventId
    answers: list[JudgementAnswer] = Field(min_length=1, max_length=10)
    final_outcome: Code
    error: bool = Field(description="The outcome differs; `modified` counts only where the policy says so.")
    routing: RoutingSummary
    note: Text | None = None
