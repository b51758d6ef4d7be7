"""What a policy is once it has been read, checked and compiled: frozen values and one function."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

from countersign_router.domain.controls import Certificate
from countersign_router.domain.wording import Wording

InputType = Literal["money", "integer", "number", "boolean", "string", "strings", "timestamp", "date"]
ResultType = Literal["integer", "boolean", "number"]
Withhold = Literal["never", "blind", "always"]
WithholdRule = Literal["never", "blind_sample", "always"]

TIERS = ("negligible", "low", "medium", "high", "critical")
BANDS = ("high", "medium", "low")
FACTORS = ("financial", "customer", "compliance", "reputation", "reversibility")
SIGNALS = ("probability", "similarity", "consensus", "rule_clarity", "completeness")
LEVEL_NAMES = {
    1: "full_automation",
    2: "automation_with_audit",
    3: "automation_with_review",
    4: "human_with_ai_assist",
    5: "full_human_control",
}
HIGHEST_AUTOMATIC_LEVEL = 2
REVIEW_LEVEL = 3
FAILURE_LEVEL = 4
"""Where everything goes that could not be judged: a person decides, with whatever the AI said."""
HUMAN_ONLY_LEVEL = 5


@dataclass(frozen=True, slots=True)
class ExpressionFailure:
    """What an expression gives when it could not be evaluated; never mistaken for a value."""

    message: str

    def __str__(self) -> str:
        return self.message


class Results(NamedTuple):
    """What every expression of a policy gave, by slot; ``failed`` lists the slots of those that gave a failure."""

    values: Sequence[object]
    failed: Sequence[int] = ()


Evaluate = Callable[[Mapping[str, object]], Results]
"""Evaluates every expression of a policy over one set of variables.

Each value has its expression's declared type or is an ``ExpressionFailure``. Never raises.
"""

Reevaluate = Callable[[Mapping[str, object], Sequence[int]], Sequence[object]]
"""Evaluates the expressions of some slots anew, over other variables; what it gives is as in ``Evaluate``."""


@dataclass(frozen=True, slots=True)
class Expression:
    """One compiled expression: where its result stands (``slot``) and which variables it reads."""

    slot: int
    path: str
    text: str
    result: ResultType
    reads: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Input:
    """One declared input: where it is in the case and what it must be.

    ``path`` leads into the payload, or into the whole body of case.created when ``from_body``. Money comes out as
    integer minor units of ``currency``. ``variable`` and ``present`` are its names in expressions, formed once;
    ``label`` is what people call it.
    """

    name: str
    type: InputType
    path: tuple[str, ...]
    required: bool
    from_body: bool = False
    currency: str | None = None
    enum: frozenset[str] | None = None
    max_length: int = 10_000
    max_items: int = 1_000
    label: str = ""
    variable: str = field(init=False)
    present: str = field(init=False)
    key: str | None = field(init=False)
    """The field of the payload, where the path is no longer than that, as almost always."""

    def __post_init__(self) -> None:
        own = len(self.path) == 1 and not self.from_body
        object.__setattr__(self, "key", self.path[0] if own else None)
        object.__setattr__(self, "variable", f"case.{self.name}")
        object.__setattr__(self, "present", f"has.case.{self.name}")
        object.__setattr__(self, "label", self.label or self.name.replace("_", " "))


@dataclass(frozen=True, slots=True)
class OutcomeRule:
    """What a policy says about one outcome, and what people call it.

    An adverse one is automatic only where the policy says so.
    """

    adverse: bool
    automatic: bool
    label: str


@dataclass(frozen=True, slots=True)
class SignalCap:
    """Below ``below`` (and, with ``cap_unknown``, when there is no value) the band is at most ``band``."""

    signal: str
    variable: str
    below: float
    band: str
    cap_unknown: bool
    rule_id: str


@dataclass(frozen=True, slots=True)
class Adjustment:
    """A dynamic change that names itself in the event: thresholds moved, or a least level.

    ``named`` is what the event says of it beside the limits.
    """

    id: str
    when: Expression
    wording: Wording
    high: float
    medium: float
    level_at_least: int | None
    only_tiers: frozenset[str] | None
    named: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ExceptionRule:
    """One ordered exception; the first that matches raises the level and may name a queue and a reason."""

    id: str
    when: Expression
    wording: Wording
    level: int
    queue: str | None
    reason: str | None


@dataclass(frozen=True, slots=True)
class Floor:
    """What is never decided without a person."""

    when: Expression
    wording: Wording


@dataclass(frozen=True, slots=True)
class Automation:
    """Which tiers may be automated at all, and what a certificate must promise, if one is asked for.

    ``alpha`` is by tier the largest share of wrong decisions that a certificate may allow, ``delta`` the largest chance
    that it errs; a tier without an alpha leaves both to whoever signs.
    """

    certificate_required: bool
    tiers: frozenset[str]
    alpha: Mapping[str, float] = field(default_factory=dict)
    delta: float = 1.0

    def promised(self, tier: str, certificate: Certificate) -> bool:
        """Tell whether a certificate promises at least what the policy asks for this tier."""
        alpha = self.alpha.get(tier)
        if alpha is None or certificate.alpha is None or certificate.delta is None:
            return True
        return certificate.alpha <= alpha and certificate.delta <= self.delta


@dataclass(frozen=True, slots=True)
class Sampling:
    """Rates of the random samples, each in [0, 1]; ``by`` raises the audit rate in proportion."""

    audit_by_level: Mapping[int, float]
    audit_floor: float
    audit_by: Expression | None
    blind: float
    human_only: float
    seed: float = 0.0


@dataclass(frozen=True, slots=True)
class Queues:
    """Where people find a case: by level where the policy says so, audit samples in a queue of their own."""

    default: str
    by_level: Mapping[int, str]
    audit: str

    def of(self, level: int) -> str:
        """Return the queue of cases at a level."""
        return self.by_level.get(level, self.default)


@dataclass(frozen=True, slots=True)
class Sla:
    """How soon a person must have decided, in wall-clock time."""

    due: timedelta
    at_risk: float


@dataclass(frozen=True, slots=True)
class PrincipalReason:
    """A reason an affected person is given, and the model inputs that it stands for."""

    code: str
    text: str
    fields: frozenset[str]


@dataclass(frozen=True, slots=True)
class Policy:
    """Everything ``route`` needs to know about one published version."""

    tenant: str
    decision_type: str
    version: int
    sha256: str
    automation_sha256: str
    published_at: datetime
    inputs: tuple[Input, ...]
    outcomes: Mapping[str, OutcomeRule]
    evaluate: Evaluate
    reevaluate: Reevaluate
    outcome_slots: tuple[int, ...]
    """Slots of the expressions that read the proposed outcome."""
    factors: tuple[Expression, ...]
    factors_read: tuple[str, ...]
    high: float
    medium: float
    matrix: Mapping[str, Mapping[str, int]]
    signal_caps: tuple[SignalCap, ...]
    adjustments: tuple[Adjustment, ...]
    exceptions: tuple[ExceptionRule, ...]
    never_automate: Floor | None
    automation: Automation
    sampling: Sampling
    queues: Queues
    reviewers_required: int
    four_eyes_when: Expression | None
    sla: Sla
    withhold: Mapping[int, WithholdRule]
    principal_reasons: tuple[PrincipalReason, ...]
    expressions: tuple[Expression, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    """What people call the payload's fields, by name, as the decision type says."""

    @property
    def id(self) -> str:
        """Name of the policy without its version."""
        return f"{self.tenant}/{self.decision_type}"
