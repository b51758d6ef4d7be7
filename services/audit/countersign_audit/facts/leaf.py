"""The leaf: every field an entry can have, in the order in which it is written."""

from msgspec import Struct
from msgspec.json import Encoder

from countersign_audit.domain.profile import LEAF_SCHEMA
from countersign_audit.facts.parts import Certificate, DeadLetter, Decider, Fact, Model, Part, Policy


class Actor(Part):
    """Who or what acted; people and upstream systems under a pseudonym."""

    id: str | None = None
    kind: str = ""
    role: str | None = None


class Commitments(Part):
    """HMAC-SHA-256 over data that the leaf must not show, one per label, in hexadecimal."""

    evidence: str | None = None
    execute: str | None = None
    explanation: str | None = None
    input: str | None = None
    output: str | None = None
    record: str | None = None
    rejected: str | None = None
    shown: list[str] | None = None
    state: str | None = None


class Control(Part):
    """Which control changed, and how often it has."""

    decision_type: str | None = None
    kind: str | None = None
    revision: int | None = None
    tier: str | None = None


class Place(Part):
    """Where the record lay when it was read; it identifies nothing later."""

    offset: int = -1
    partition: int = -1
    timestamp_ms: int | None = None


class Routing(Part):
    """What the router had said, as a later event repeats it."""

    band: str | None = None
    confidence_ppm: int | None = None
    event_id: str | None = None
    level: int | None = None
    model: Model | None = None
    policy: Policy | None = None
    tier: str | None = None
    would_automate: bool | None = None


class Sampling(Part):
    """Each sample's probability in millionths, whether this case was drawn, and which key drew."""

    audit: bool | None = None
    audit_ppm: int | None = None
    blind: bool | None = None
    blind_ppm: int | None = None
    human_only: bool | None = None
    human_only_ppm: int | None = None
    key_id: str | None = None
    seed: bool | None = None
    seed_ppm: int | None = None
    thin: bool | None = None
    thin_ppm: int | None = None


class Signals(Part):
    """The five signals of confidence in millionths; an absent one is unknown."""

    completeness_ppm: int | None = None
    consensus_ppm: int | None = None
    probability_ppm: int | None = None
    rule_clarity_ppm: int | None = None
    similarity_ppm: int | None = None


class Thresholds(Part):
    """The limits in force in millionths, and the names of the adjustments that moved them."""

    adjustments: list[str] | None = None
    certified_ppm: int | None = None
    high_ppm: int | None = None
    medium_ppm: int | None = None


class Leaf(Struct, omit_defaults=True, kw_only=True, gc=False):
    """One entry. Optional fields are absent, never null; all names are sorted, because that is the profile."""

    abstained: str | None = None
    active: bool | None = None
    actor: Actor | None = None
    band: str | None = None
    case: str | None = None
    category: str | None = None
    certificate: Certificate | None = None
    changed_at: str | None = None
    closed_as: str | None = None
    commitments: Commitments | None = None
    confidence_ppm: int | None = None
    conflict_with: int | None = None
    control: Control | None = None
    cut: bool | None = None
    dead_letter: DeadLetter | None = None
    deadline_at: str | None = None
    decided_at: str | None = None
    deciders: list[Decider] | None = None
    decision_id: str | None = None
    decision_type: str | None = None
    entity_id: str | None = None
    error: bool | None = None
    event_id: str | None = None
    expires_at: str | None = None
    fact: Fact | None = None
    judged_decision_id: str | None = None
    kind: str = ""
    level: int | None = None
    malformed: bool | None = None
    missing_fields: list[str] | None = None
    mode: str | None = None
    model: Model | None = None
    occurred_at: str | None = None
    opened_at: str | None = None
    pointer: str | None = None
    policy: Policy | None = None
    previous: int | None = None
    principal_reasons: list[str] | None = None
    priority: int | None = None
    question_id: str | None = None
    queue: str | None = None
    raw_score_ppm: int | None = None
    reason: str | None = None
    reason_codes: list[str] | None = None
    reasons: list[str] | None = None
    record: Place | None = None
    relation: str | None = None
    retention: str | None = None
    routing: Routing | None = None
    sampling: Sampling | None = None
    schema: str = ""
    sequence: int | None = None
    severity: int | None = None
    signals: Signals | None = None
    signatures: list[str] | None = None
    sla_met: bool | None = None
    source: str | None = None
    subject_key: str | None = None
    supersedes: str | None = None
    tags: list[str] | None = None
    tenant: str | None = None
    test: bool | None = None
    thresholds: Thresholds | None = None
    tier: str | None = None
    topic: str | None = None
    trace_id: str | None = None
    type: str | None = None
    update: str | None = None
    withhold: str | None = None
    would_automate: bool | None = None


def empty_leaf(kind: str, topic: str) -> Leaf:
    """Return a leaf of that kind with nothing said yet."""
    return Leaf(kind=kind, schema=LEAF_SCHEMA, topic=topic)


encode_leaf = Encoder().encode
"""Write a leaf; the same bytes for the same leaf."""
