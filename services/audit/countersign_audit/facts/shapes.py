"""Which fields of each event are read. Unknown fields, and all that no leaf shows, are skipped while parsing."""

from typing import Any

from msgspec import Raw, Struct

from countersign_audit.facts.parts import Certificate, Decider, Model, Policy, Whole

NO_PARAMS = Raw(b"{}")
NULL = Raw(b"null")


class Shape(Struct, gc=False):
    """What all shapes have in common."""


class About(Shape):
    """Which case an event is about. Of any type: a case that does not name itself properly is no case."""

    tenant: Any = None
    case_id: Any = None
    subject_ref: Any = None
    decision_type: Any = None
    sequence: Any = None
    kind: Any = None
    submitted_by: Any = None


class Created(About):
    """`case.created`; the payload is never looked at."""

    test: bool | None = None
    deadline_at: str | None = None


class UpdateBody(Shape):
    """The body of any `case.updated`."""

    question_id: str | None = None
    decision_id: str | None = None
    deadline_at: str | None = None
    severity: Whole | None = None


class Updated(About):
    """`case.updated`."""

    body: UpdateBody | None = None


class Signal(Shape):
    """One signal of confidence."""

    value: float | None = None


class SignalsSaid(Shape):
    """The five signals."""

    probability: Signal | None = None
    similarity: Signal | None = None
    consensus: Signal | None = None
    rule_clarity: Signal | None = None
    completeness: Signal | None = None


class Proposal(Shape):
    """A proposal; terms and explanation stay the bytes they are."""

    outcome: str | None = None
    outcome_params: Raw = NO_PARAMS
    confidence: float | None = None
    raw_score: float | None = None
    explanation: Raw = NULL


class Abstained(Shape):
    """Why there is no proposal."""

    reason: str | None = None


class Scored(About):
    """`case.scored`."""

    payload_sha256: str | None = None
    proposal: Proposal | None = None
    abstained: Abstained | None = None
    signals: SignalsSaid | None = None
    missing_fields: list[str] | None = None
    model: Model | None = None


class Confidence(Shape):
    """A proposal of which only the confidence matters."""

    confidence: float | None = None


class Coded(Shape):
    """Anything with a code."""

    code: str = ""


class Named(Shape):
    """Anything with an id."""

    id: str = ""


class Signed(Shape):
    """A signature."""

    pseudonym: str = ""


class Tiered(Shape):
    """A consequence."""

    tier: str | None = None


class Bands(Shape):
    """The limits between bands."""

    high: float | None = None
    medium: float | None = None


class ThresholdsSaid(Shape):
    """The limits in force."""

    bands: Bands | None = None
    adjustments: list[Named] | None = None
    certified: float | None = None


class Draw(Shape):
    """One draw."""

    probability: float | None = None
    selected: bool | None = None


class SamplingSaid(Shape):
    """The draws made for a case."""

    key_id: str | None = None
    audit: Draw | None = None
    blind: Draw | None = None
    human_only: Draw | None = None
    thin: Draw | None = None
    seed: Draw | None = None


class HandlingSaid(Shape):
    """Of the handling only whether the proposal is shown."""

    withhold: str | None = None


class Routed(About):
    """`case.routed`."""

    payload_sha256: str | None = None
    proposal: Confidence | None = None
    model: Model | None = None
    level: Whole | None = None
    priority: Whole | None = None
    band: str | None = None
    queue: str | None = None
    would_automate: bool | None = None
    reasons: list[Coded] | None = None
    policy: Policy | None = None
    certificate: Certificate | None = None
    consequence: Tiered | None = None
    thresholds: ThresholdsSaid | None = None
    sampling: SamplingSaid | None = None
    handling: HandlingSaid | None = None


class RoutingSaid(Shape):
    """What a decision repeats of its routing."""

    event_id: str | None = None
    tier: str | None = None
    band: str | None = None
    level: Whole | None = None
    would_automate: bool | None = None
    confidence: float | None = None
    policy: Policy | None = None
    model: Model | None = None


class ReasonSaid(Shape):
    """A decision's reason without its texts."""

    codes: list[str] | None = None
    category: str | None = None


class Binding(Shape):
    """The three digests a decision is bound to."""

    payload_sha256: str | None = None
    shown_sha256: list[str] | None = None
    execute_sha256: str | None = None


class Decided(About):
    """`decision.made`."""

    decision_id: str | None = None
    outcome: str | None = None
    outcome_params: Raw = NO_PARAMS
    closed_as: str | None = None
    mode: str | None = None
    relation: str | None = None
    supersedes: str | None = None
    deciders: list[Decider] | None = None
    reason: ReasonSaid | None = None
    tags: list[str] | None = None
    principal_reasons: list[Coded] | None = None
    routing: RoutingSaid | None = None
    opened_at: str | None = None
    decided_at: str | None = None
    sla_met: bool | None = None
    binding: Binding | None = None
    test: bool | None = None


class ActorSaid(Shape):
    """Who or what recorded an activity."""

    kind: str = "unknown"
    pseudonym: str | None = None
    role: str | None = None


class Recorded(About):
    """`activity.recorded`; its body is parsed by kind."""

    entity_id: str | None = None
    actor: ActorSaid | None = None
    body: Raw = Raw(b"{}")


class Hidden(Shape):
    """What an activity's body holds that a leaf may only commit to."""

    shown_sha256: str | None = None
    evidence_sha256: str | None = None
    record_sha256: str | None = None
    outcome: str | None = None
    outcome_params: Raw = NO_PARAMS


class Judged(Shape):
    """The body of a judgement."""

    judged_decision_id: str | None = None
    answers: list[Decider] | None = None
    final_outcome: str | None = None
    error: bool | None = None
    routing: RoutingSaid | None = None


class StateSaid(Shape):
    """Of a control's state only whether it holds, and until when."""

    active: bool | None = None
    expires_at: str | None = None


class Changed(About):
    """`control.changed`."""

    tier: str | None = None
    revision: Whole | None = None
    changed_at: str | None = None
    changed_by: str | None = None
    signatures: list[Signed] | None = None
    state: Raw = NULL
