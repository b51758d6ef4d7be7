"""Queues, claims, the context package."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, Field

from countersign_review.api.models.disputes import Dispute, GivenAnswer, TermShown
from countersign_review.api.models.text import Line, Model, Sha256


class Queue(BaseModel):
    """One queue as this reviewer sees it: only what they could claim is counted."""

    queue: str
    label: str
    depth: int = Field(description="Reviews waiting that you may take; skipped ones and those beyond you are left out.")
    more: bool = Field(
        description="Only the most urgent 500 of the queue were looked at; `depth` is then the least there is for you."
    )
    oldest_age_seconds: float | None = Field(description="How long the oldest of them has waited; null when empty.")
    due_within_hour: int


class Queues(BaseModel):
    """Every queue with work this reviewer could take."""

    items: list[Queue]


class QueueItem(BaseModel):
    """One waiting review: what it is, why a person is asked, by when. Never the proposal."""

    review_id: str
    case_id: str
    tenant: str
    decision_type: str
    title: str
    reason: str = Field(description="Why a person is asked, in plain words.")
    due_at: datetime
    at_risk_at: datetime
    claimed_by_me: bool
    kept_for_me: bool = Field(
        default=False, description="Handed over to you, or back with the answer to what you asked: nobody else gets it."
    )
    escalated: bool = Field(default=False, description="A colleague passed it on to the leads.")


class QueueItems(BaseModel):
    """A page of waiting reviews, most urgent first."""

    items: list[QueueItem]
    next_cursor: str | None


class ClaimRequest(Model):
    """Which review to take; without one the best eligible review is given."""

    review_id: Line | None = None


class DecisionRequired(BaseModel):
    """The question, put neutrally."""

    headline: str
    decision_type: str
    decision_type_label: str
    tenant: str
    case_id: str
    kind: Literal["decision"] = Field(description="What is asked for: an outcome.")


class SecondChoice(BaseModel):
    """The outcome ranked second."""

    outcome: str
    label: str
    confidence: float
    why_lower: str | None


class ShownFactor(BaseModel):
    """One fact's part in the proposal."""

    field: str
    label: str
    formatted: str
    effect: float = Field(description="Contribution to the log-odds of the proposed outcome.")
    direction: Literal["for", "against"]
    text: str | None


class ThresholdsShown(BaseModel):
    """The limits between the confidence bands that were in force for this case."""

    high: float
    medium: float
    adjustments: list[str] = Field(description="Names of the policy's adjustments that moved a limit.")


class Recommendation(BaseModel):
    """What the AI proposes and how sure it is."""

    outcome: str
    label: str
    outcome_params: dict[str, Any]
    terms: list[TermShown]
    confidence: float
    band: Literal["high", "medium", "low"] | None
    plain_words: str
    second_choice: SecondChoice | None
    factors: list[ShownFactor]
    summary: str
    thresholds: ThresholdsShown | None
    model: str | None = Field(description="Name and version of the model that spoke.")


class Matrix(BaseModel):
    """Consequence tier by confidence band, with this case's cell."""

    tiers: list[str]
    bands: list[str]
    levels: list[list[int]] | None = Field(description="Level per tier (row) and band (column); null where not told.")
    tier: str
    band: str
    level: int
    level_name: str


class Span(BaseModel):
    """A part of a text that names something. `start` and `end` count code points, the end excluded."""

    type: str
    start: int
    end: int


class KeyFact(BaseModel):
    """One fact of the case, ready to be shown."""

    field: str
    label: str
    value: Any
    formatted: str
    format: str
    unit: str | None
    flag: str | None = Field(description="Why this fact deserves attention.")
    spans: list[Span] = Field(default_factory=list, description="What the text names: addresses, sums, names.")


class Flag(BaseModel):
    """One reason why a person is asked, in plain words."""

    code: str
    text: str
    rule_id: str | None


class EarlierCase(BaseModel):
    """An earlier case of the same subject."""

    tenant: str
    case_id: str
    decision_type: str
    title: str
    routed_at: datetime
    state: str
    outcome: str | None
    outcome_label: str | None


class SimilarCase(EarlierCase):
    """A case of another subject that is like this one and was decided by a person."""

    decided_at: datetime
    likeness: float = Field(description="About which share of their facts the two have in common, 0 to 1.")
    alike_in: list[str] = Field(description="Labels of facts that are the same or near.")
    differs_in: list[str]


class History(BaseModel):
    """Precedents: the subject's own earlier cases, and similar decided ones."""

    subject: list[EarlierCase]
    similar: list[SimilarCase]
    note: str = Field(description="What these lists hold.")


class RuleShown(BaseModel):
    """A rule of the policy that took effect, in its own words."""

    rule_id: str
    text: str


class PolicyShown(BaseModel):
    """The section that applies, as the organisation words it, and the rules that took effect."""

    title: str
    text: str
    policy: str | None
    version: int | None
    rules: list[RuleShown]


class OutcomeChoice(BaseModel):
    """An outcome this reviewer may choose."""

    outcome: str
    label: str
    key: str | None
    colour: str | None
    adverse: bool = Field(description="To the affected person's disadvantage: 1-4 principal reasons are required.")
    rejects: bool
    params_schema: dict[str, Any] | None


class CodedText(BaseModel):
    """A code and its meaning."""

    code: str
    text: str


class OtherAction(BaseModel):
    """Something other than an outcome, and why it can or cannot be done now."""

    action: str
    available: bool
    why: str | None


class Actions(BaseModel):
    """What this reviewer may do now."""

    outcomes: list[OutcomeChoice]
    reason_codes: list[CodedText]
    principal_reason_codes: list[CodedText]
    must_document: list[str] = Field(description="Relations and outcomes that cannot be sent without reasons.")
    other: list[OtherAction]


class ContextPackage(BaseModel):
    """Everything needed to decide, on one screen, in seven parts."""

    decision_required: DecisionRequired
    recommendation: Recommendation | None = Field(description="Null when withheld, or when there is no proposal.")
    no_recommendation: str | None = Field(description="Why there is no proposal, when nothing is withheld.")
    withheld: bool
    matrix: Matrix | None = Field(description="Null when withheld or when no policy spoke.")
    key_facts: list[KeyFact]
    flags: list[Flag]
    history: History
    policy_reference: PolicyShown | None
    actions: Actions
    dispute: Dispute | None = Field(default=None, description="Null for an ordinary review.")
    salt: str | None = Field(
        default=None,
        description="Chance, so that `shown_sha256` tells nothing to who tries what may have been shown. Null once "
        "words of an erased case were taken out.",
    )


ClaimState = Literal[
    "held", "released", "skipped", "expired", "withdrawn", "decided", "recused", "escalated", "delegated", "recalled",
    "asked", "blocked", "returned",
]  # fmt: skip


class Claim(BaseModel):
    """A reviewer's time-limited hold on a review, with everything shown to them."""

    claim_id: str
    version: int = Field(description="To be sent back as If-Match with every write.")
    review_id: str
    queue: str
    state: ClaimState
    claimed_at: datetime
    opened_at: datetime | None = Field(description="Null until the client said that it shows the case.")
    lease_expires_at: datetime
    due_at: datetime
    at_risk_at: datetime
    asks: Literal["answer", "confirmation", "adjudication"] = Field(
        description="`confirmation`: you have answered unseen and see the proposal now; confirm or change your answer. "
        "`adjudication`: two answers differ and you settle it."
    )
    blind_answer: GivenAnswer | None = Field(description="What you answered before the proposal was shown.")
    context: ContextPackage
    shown_sha256: Sha256 = Field(description="Over the exact bytes of `context` as served.")
    redacted_at: datetime | None = Field(
        description="When words of another case that was erased were taken out of `context`, after it was served; null "
        "otherwise, and while the claim is held: then it is shown anew."
    )
    shown_sha256_all: list[Sha256] = Field(
        description="Of every view served under this claim, of more than 64 the newest, oldest first: what a decision "
        "quotes."
    )
    payload_sha256: Sha256
    execute_sha256_by_outcome: dict[str, Sha256] = Field(
        description="For each outcome without terms, the digest of what would be carried out."
    )
    grace_seconds: int = Field(description="How long a decision of yours can be undone.")


class ClaimSummary(BaseModel):
    """One of my claims, without its evidence."""

    claim_id: str
    version: int
    review_id: str
    queue: str
    state: ClaimState
    case_id: str
    tenant: str
    title: str
    opened_at: datetime | None
    lease_expires_at: datetime
    due_at: datetime


class Claims(BaseModel):
    """What I hold at the moment."""

    items: list[ClaimSummary]


class Lease(BaseModel):
    """How long a claim now holds."""

    version: int
    lease_expires_at: datetime


class Overtaking(BaseModel):
    """A waiting review that comes first by now."""

    review_id: str
    title: str
    due_at: datetime


class OpenedLease(Lease):
    """How long an opened claim holds, and whether the order still stands."""

    overtaken_by: Overtaking | None = Field(
        default=None, description="A review that has become more urgent since this one was fetched; null as a rule."
    )


class OutcomeType(BaseModel):
    """An outcome of a decision type."""

    outcome: str
    label: str
    key: str | None
    colour: str | None
    adverse: bool
    rejects: bool
    params_schema: dict[str, Any] | None


class FieldType(BaseModel):
    """How a payload field is labelled and written. Protected fields are not listed."""

    field: str
    label: str
    format: str
    unit: str | None


class DecisionTypeShown(BaseModel):
    """A decision type as the console needs it."""

    name: str
    label: str
    outcomes: list[OutcomeType]
    fields: list[FieldType]


class DecisionTypes(BaseModel):
    """Every decision type this installation knows."""

    items: list[DecisionTypeShown]
