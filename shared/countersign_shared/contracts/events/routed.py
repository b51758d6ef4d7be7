"""`case.routed`: how far people are involved, why, and everything review needs to handle the case."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from countersign_shared.contracts.events.fields import (
    Band,
    Code,
    EventId,
    JsonObject,
    Level,
    LevelName,
    Line,
    Moment,
    Money,
    Part,
    Probability,
    Sha256,
    ShortLine,
    Text,
    Tier,
    Url,
)
from countersign_shared.contracts.events.scored import CaseScored

Weight = Annotated[int, Field(ge=0, le=4, description="0 none ... 4 critical.")]


class ConsequenceFactors(Part):
    """How bad a wrong decision would be, in five respects."""

    financial: Weight
    customer: Weight
    compliance: Weight
    reputation: Weight
    reversibility: Weight


class Consequence(Part):
    """How bad a wrong decision would be."""

    tier: Tier
    factors: ConsequenceFactors
    by_outcome: dict[str, Tier] | None = Field(default=None, description="The tier per outcome, where they differ.")


class BandLimits(Part):
    """Confidence above `high` is band high, from `medium` up to it is medium, below is low."""

    high: Probability
    medium: Probability


class Adjustment(Part):
    """One dynamic adjustment that was in force, by the name it has in the policy."""

    id: Code
    bands: dict[str, float] | None = Field(default=None, description="What it added to each limit.")
    level_at_least: Level | None = None


class Thresholds(Part):
    """The limits in force for this case, after every adjustment."""

    bands: BandLimits
    adjustments: list[Adjustment] = Field(default_factory=list)
    certified: Probability | None = Field(default=None, description="The certificate's threshold; null = uncertified.")


class Reason(Part):
    """One contribution to the level, in a code and in plain words."""

    code: Code
    text: Text
    level: Level | None = Field(
        default=None, description="The least level that this contribution asks for; absent where it only explains."
    )
    rule_id: Code | None = None
    values_read: JsonObject = Field(default_factory=dict, description="The inputs that the rule saw, by name.")


class PolicyReference(Part):
    """Exactly which policy spoke."""

    id: Code
    version: Annotated[int, Field(ge=0)]
    sha256: Sha256
    automation_sha256: Sha256 = Field(
        description="Over the parts that decide about automation; certificates bind to it."
    )


class Draw(Part):
    """One sample: the probability it was drawn with, and whether this case was drawn."""

    probability: Probability
    selected: bool


class Sampling(Part):
    """The samples this case was offered to, each with a draw of its own."""

    audit: Draw
    blind: Draw
    human_only: Draw
    thin: Draw | None = None
    seed: Draw | None = None
    key_id: ShortLine = Field(description="Which key the draws were made with.")


class Certificate(Part):
    """Whether this tier's automation is certified."""

    status: Literal["not_required", "live", "missing", "void"]
    id: EventId | None = None


class AllowedOutcome(Part):
    """An outcome a reviewer may choose."""

    outcome: Code
    label: ShortLine
    adverse: bool = Field(description="To the affected person's disadvantage: needs principal reasons.")
    rejects: bool = Field(description="Counts as a refusal of what was asked for.")
    key: Annotated[str, Field(pattern=r"^[a-z0-9]$")] | None = None
    colour: ShortLine | None = None
    params_schema: JsonObject | None = Field(default=None, description="JSON Schema of the outcome's terms.")


class CodedReason(Part):
    """A reason that can be chosen from a list."""

    code: Code
    text: Line


class AuthorityRequired(Part):
    """What a reviewer must be allowed to do before they may decide this case."""

    tier: Tier | None = None
    amount: Money | None = None
    roles: list[Code] = Field(default_factory=list)


class Sla(Part):
    """By when a person must have decided, and what happens otherwise."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    class_: Code = Field(alias="class", description="urgent, standard, complex, exception, or the policy's own.")
    due_at: Moment
    at_risk_at: Moment
    calendar: Code | None = Field(default=None, description="Whose business hours count; null = every hour counts.")
    on_at_risk: Code | None = None
    on_breach: Code | None = None
    pauses_while_asked: bool | None = Field(
        default=None, description="True: the time upstream takes to answer a question does not count."
    )


class PolicySection(Part):
    """The rule a reviewer must apply, as the organisation words it."""

    title: Line
    text: Text


class KeyFact(Part):
    """One field of the payload, ready to be shown. `value` is any JSON value."""

    field: Code
    label: ShortLine
    value: object = None
    formatted: Text
    format: Code
    unit: ShortLine | None = None
    flag: Text | None = Field(default=None, description="Why this fact deserves attention.")


class ExecuteTemplate(Part):
    """The request that carries a decision out, with `{case_id}`, `{outcome}` and the like still open."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    url: Url
    body: JsonObject | None = None


class Handling(Part):
    """Everything review needs from the policy, so that it never reads one."""

    allowed_outcomes: list[AllowedOutcome] = Field(max_length=50)
    reason_codes: list[CodedReason] = Field(max_length=200)
    principal_reason_codes: list[CodedReason] = Field(max_length=200)
    must_document: list[Code] = Field(description="Relations and outcomes that need a reason in words.")
    authority: AuthorityRequired | None = None
    skills: list[Code] = Field(default_factory=list)
    withhold: Literal["never", "blind", "always"] = Field(
        description="Whether the proposal is shown: at once, after the reviewer's own answer, or not at all."
    )
    reviewers_required: Annotated[int, Field(ge=1, le=3)] = 1
    sla: Sla | None = None
    policy_section: PolicySection | None = None
    key_facts: list[KeyFact] = Field(max_length=200)
    execute_template: ExecuteTemplate | None = None
    matrix: dict[Tier, dict[Band, Level]] | None = Field(
        default=None, description="The policy's whole table, level per tier and band, to show people where a case sits."
    )
    grace_seconds: Annotated[int, Field(ge=0, le=3_600)] = Field(description="How long a decision can be undone.")


class CaseRouted(CaseScored):
    """All of case.scored, and what the router made of it. What a policy would say is null where no policy spoke."""

    level: Level
    level_name: LevelName
    would_automate: bool = Field(description="What the matrix, floor and exceptions say, were a certificate live.")
    consequence: Consequence | None
    band: Band | None
    thresholds: Thresholds | None
    reasons: list[Reason] = Field(min_length=1)
    policy: PolicyReference | None
    certificate: Certificate | None = None
    sampling: Sampling
    priority: Annotated[int, Field(ge=0, le=1_000, description="Higher comes first among equal deadlines.")]
    queue: Code | None = Field(description="Where people find it; null when no person is involved.")
    disclosure: Text | None = Field(description="How to tell the affected person that a program took part.")
    handling: Handling
