"""The shape of a policy file, as people write it. Unknown keys are refused, types are not guessed."""

from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, ConfigDict, Field, model_validator

from countersign_router.language.case_document import ExampleSection
from countersign_router.language.fields import (
    ByLevel,
    Duration,
    Expression,
    IdentifierName,
    Level,
    Line,
    Name,
    Probability,
    RuleText,
    Section,
    Text,
    Tier,
)
from countersign_shared.contracts.events.fields import NO_CONTROL_CHARACTERS


class InputSection(Section):
    """One input: `path` leads into the payload, or with `$.` in front into the whole case.created.

    `amount` is the case's own amount where the payload has no field of that name.
    """

    type: Literal["money", "integer", "number", "boolean", "string", "strings", "timestamp", "date"]
    path: Annotated[str, Field(pattern=r"^(\$\.)?[^.$]{1,200}(\.[^.]{1,200}){0,8}$")] | None = None
    required: bool = True
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] | None = None
    enum: Annotated[list[Line], Field(min_length=1, max_length=500)] | None = None
    max_length: (
        Annotated[int, Field(ge=1, le=10_000, description="Characters of a text; longer is unusable.")] | None
    ) = None
    max_items: Annotated[int, Field(ge=1, le=1_000, description="Texts in a list; more are unusable.")] | None = None

    @model_validator(mode="after")
    def _fits_its_type(self) -> Self:
        if (self.type == "money") != (self.currency is not None):
            raise ValueError("`currency` belongs to money, and money needs one")
        if self.enum is not None and self.type not in {"string", "strings"}:
            raise ValueError("`enum` belongs to texts")
        if self.max_length is not None and self.type not in {"string", "strings"}:
            raise ValueError("`max_length` belongs to texts")
        if self.max_items is not None and self.type != "strings":
            raise ValueError("`max_items` belongs to `strings`")
        return self


class OutcomeSection(Section):
    """An outcome of the decision type; unset values come from there, and an adverse outcome is never automatic."""

    adverse: bool | None = None
    automatic: bool | None = Field(default=None, description="Adverse outcomes need an explicit true to be automated.")


class FactorsSection(Section):
    """Five expressions, each giving 0 (none) to 4 (critical)."""

    financial: Expression
    customer: Expression
    compliance: Expression
    reputation: Expression
    reversibility: Expression


class ConsequenceSection(Section):
    """How bad a wrong decision would be."""

    factors: FactorsSection
    combine: Literal["max"] = "max"
    by_outcome: bool = False


class BandsSection(Section):
    """Confidence above `high` is high, from `medium` up to it medium, below low."""

    high: Probability = 0.90
    medium: Probability = 0.70

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.medium >= self.high:
            raise ValueError("`medium` must be below `high`")
        return self


class RowSection(Section):
    """The levels of one tier."""

    high: Level
    medium: Level
    low: Level


class MatrixSection(Section):
    """Tier by band gives the level."""

    negligible: RowSection
    low: RowSection
    medium: RowSection
    high: RowSection
    critical: RowSection


class BandShiftSection(Section):
    """What an adjustment adds to each limit."""

    high: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0
    medium: Annotated[float, Field(ge=-0.5, le=0.5)] = 0.0


class AdjustSection(Section):
    """A dynamic adjustment: moved limits, a least level, or both."""

    id: Name
    when: Expression
    text: RuleText = None
    bands: BandShiftSection | None = None
    level_at_least: Level | None = None
    only_tiers: Annotated[list[Tier], Field(min_length=1)] | None = None

    @model_validator(mode="after")
    def _does_something(self) -> Self:
        if self.bands is None and self.level_at_least is None:
            raise ValueError("changes nothing: give `bands` or `level_at_least`")
        return self


class ExceptionSection(Section):
    """One exception; they are tried in order and the first that matches counts."""

    id: Name
    when: Expression
    text: RuleText = None
    level: Level
    queue: Name | None = None
    reason: Name | None = None


class FloorSection(Section):
    """What is never automated; the expression alone will do."""

    when: Expression
    text: RuleText = None


def _as_floor(value: object) -> object:
    return {"when": value} if isinstance(value, str | int) else value


Floor = Annotated[FloorSection, BeforeValidator(_as_floor, json_schema_input_type=Expression | FloorSection)]


class CapSection(Section):
    """Below `below` the band is at most `band`; `unknown: cap` treats a missing signal the same."""

    below: Probability
    band: Literal["medium", "low"]
    unknown: Literal["cap", "ignore"] = "cap"


class SignalCapsSection(Section):
    """How far each signal may pull the band down. What a missing signal means is said per signal.

    Unset signals have these defaults; methods that a decision type may not have at all are ignored when missing.
    """

    similarity: CapSection | None = CapSection(below=0.05, band="medium", unknown="cap")
    completeness: CapSection | None = CapSection(below=1.0, band="low", unknown="cap")
    consensus: CapSection | None = CapSection(below=0.67, band="medium", unknown="ignore")
    rule_clarity: CapSection | None = CapSection(below=0.5, band="medium", unknown="ignore")
    probability: CapSection | None = None


class AlphaSection(Section):
    """Per tier, the largest share of wrong automated decisions that a certificate may allow."""

    negligible: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    low: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    medium: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    high: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None
    critical: Annotated[float, Field(gt=0.0, lt=1.0)] | None = None


class AutomationSection(Section):
    """Whether automation needs a certificate, with what promise, and in which tiers it is enabled (unset: all)."""

    certificate: Literal["required", "not_required"] = "required"
    alpha: AlphaSection = AlphaSection()
    delta: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.05
    tiers: list[Tier] | None = None


class AuditSection(Section):
    """Chance that an automated decision is judged again: rate x (1 + by), never below `floor`."""

    level1: Probability = 0.02
    level2: Probability = 0.10
    floor: Probability = 0.01
    by: Expression | None = None


class SamplingSection(Section):
    """Random samples, each with a draw of its own.

    `seed`: the share of the cases for people, where proposals are shown, that bring along another case whose proposal
    is known to be wrong. Its answer is never a decision.
    """

    audit: AuditSection = AuditSection()
    blind: Probability = 0.0
    human_only: Probability = 0.0
    seed: Probability = 0.0


class QueuesSection(Section):
    """Where people find the cases; `audit` is the queue of audit samples (unset: the default)."""

    default: Name
    by_level: ByLevel = Field(default_factory=dict)
    audit: Name | None = None


class MoneySection(Section):
    """An amount and its currency."""

    value: str
    currency: str


class AuthoritySection(Section):
    """What a reviewer must be allowed to do; unset, the case's own tier."""

    tier: Tier | None = None
    amount: MoneySection | None = None
    roles: list[Name] = Field(default_factory=list)


class ReviewersSection(Section):
    """How many people, and which."""

    required: Annotated[int, Field(ge=1, le=3)] = 1
    four_eyes_when: Expression | None = None
    skills: list[Name] = Field(default_factory=list)
    authority: AuthoritySection = AuthoritySection()


class SlaSection(Section):
    """How soon a person must have decided, and what happens otherwise. `due` unset: the class's own time.

    `pauses_while_asked`: the time upstream takes to answer a question does not count.
    """

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, validate_by_name=True, validate_by_alias=True)

    class_: Literal["urgent", "standard", "complex", "exception"] = Field(default="standard", alias="class")
    due: Duration | None = None
    calendar: Name | None = None
    at_risk: Annotated[float, Field(gt=0.0, lt=1.0)] = 0.75
    on_at_risk: Name | None = None
    on_breach: Name | None = None
    pauses_while_asked: bool = False


class CodeSection(Section):
    """A reason code with its words; `fields` are the model inputs that a principal reason stands for."""

    code: Name
    text: Line | None = None
    fields: list[Line] = Field(default_factory=list)


def _as_code(value: object) -> object:
    return {"code": value} if isinstance(value, str) else value


Code = Annotated[CodeSection, BeforeValidator(_as_code, json_schema_input_type=Name | CodeSection)]


class ReasonsSection(Section):
    """The codes a reviewer may choose from."""

    override: list[Code] = Field(default_factory=list, max_length=200)
    principal: list[Code] = Field(default_factory=list, max_length=200)


class WithholdSection(Section):
    """Per level, whether the proposal is held back. Level 5 never shows it."""

    level3: Literal["never", "blind_sample", "always"] = "never"
    level4: Literal["never", "blind_sample", "always"] = "never"
    level5: Literal["always"] = "always"


class PolicySectionSection(Section):
    """The organisation's own rule, as a reviewer reads it."""

    title: Line
    text: Text


class DisclosureSection(Section):
    """What the affected person is told: of an automatic decision, and of one where a program only proposed."""

    automatic: Text
    assisted: Text


class ExecuteSection(Section):
    """The request that carries a decision out; `{case_id}`, `{outcome}` and the like are filled in."""

    method: Literal["POST", "PUT", "PATCH", "DELETE"]
    url: Annotated[str, Field(min_length=1, max_length=2_000, pattern=NO_CONTROL_CHARACTERS)]
    body: dict[str, Any] | None = None


class PolicyDocument(Section):
    """A policy: how one decision type's cases are shared between the machine and people."""

    decision_type: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")]
    tenant: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] = "default"
    version: Annotated[int, Field(ge=1, le=2_147_483_647)]
    inputs: dict[IdentifierName, InputSection] = Field(default_factory=dict, max_length=200)
    owner: Line
    outcomes: dict[IdentifierName, OutcomeSection] = Field(min_length=1, max_length=50)
    consequence: ConsequenceSection
    bands: BandsSection = BandsSection()
    matrix: MatrixSection
    allow_non_monotone: Line | None = Field(default=None, description="Why a worse case may get a lower level.")
    signal_caps: SignalCapsSection = SignalCapsSection()
    adjust: list[AdjustSection] = Field(default_factory=list, max_length=100)
    exceptions: list[ExceptionSection] = Field(default_factory=list, max_length=500)
    never_automate: Floor | None = None
    automation: AutomationSection = AutomationSection()
    sampling: SamplingSection = SamplingSection()
    queues: QueuesSection
    reviewers: ReviewersSection = ReviewersSection()
    sla: SlaSection = SlaSection()
    must_document: list[Name] = Field(default_factory=list, max_length=60)
    reasons: ReasonsSection = ReasonsSection()
    withhold: WithholdSection = WithholdSection()
    policy_section: PolicySectionSection | None = None
    disclosure: DisclosureSection | Text | None = None
    execute: ExecuteSection | None = None
    grace_seconds: Annotated[int, Field(ge=0, le=3600)] = 5
    examples: list[ExampleSection] = Field(default_factory=list, max_length=1000)
