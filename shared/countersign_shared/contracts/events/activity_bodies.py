"""The bodies of activities: the facts themselves, by the noun they are about."""

from typing import Annotated, Literal

from pydantic import Field

from countersign_shared.contracts.events.fields import (
    CaseId,
    Code,
    EventId,
    JsonObject,
    Level,
    Moment,
    Part,
    Sha256,
    ShortLine,
    Text,
    Url,
)

Seconds = Annotated[float, Field(ge=0.0)]


class ReviewTimes(Part):
    """How long a person took, in seconds. For staffing and for the signs of rubber-stamping; never in a decision."""

    opened_at: Moment | None = None
    first_action_at: Moment | None = None
    decided_at: Moment | None = None
    active_seconds: Seconds | None = Field(default=None, description="Without the idle gaps.")
    idle_seconds: Seconds | None = None
    words_shown: Annotated[int, Field(ge=0)] | None = None


class ReviewFact(Part):
    """A step in the life of a review. Which optional fields are there follows from the kind."""

    review_id: EventId
    review_kind: Literal["decision", "audit", "control", "seed", "reversal"] | None = None
    queue: Code | None = None
    level: Level | None = None
    claim_id: EventId | None = None
    reviewer: ShortLine | None = Field(default=None, description="Pseudonym of the person holding or leaving the case.")
    to_reviewer: ShortLine | None = Field(default=None, description="Whom it was delegated or escalated to.")
    lease_expires_at: Moment | None = None
    shown_sha256: Sha256 | None = Field(default=None, description="Digest of the view that was served.")
    outcome: Code | None = Field(default=None, description="The blind answer, once given.")
    outcome_params: JsonObject | None = None
    decision_id: EventId | None = Field(default=None, description="The decision that was undone, or that was timed.")
    reason: Text | None = None
    note: Text | None = None
    question_id: EventId | None = None
    question: Text | None = None
    evidence_sha256: Sha256 | None = Field(
        default=None, description="Digest of the evidence revision that an answer made."
    )
    sla_class: Code | None = None
    due_at: Moment | None = None
    action: Code | None = Field(default=None, description="What was done about a deadline at risk or breached.")
    times: ReviewTimes | None = None
    tags: list[Code] | None = Field(default=None, max_length=50, description="All tags the case has now.")


class CaseFact(Part):
    """Why a case was refused at the door, or that it was withdrawn and what that ended."""

    reason: Text
    pointer: Annotated[str, Field(max_length=1_000)] | None = Field(
        default=None, description="JSON Pointer to the field that was refused."
    )
    record_sha256: Sha256 | None = Field(default=None, description="Digest of the refused record's bytes.")
    ended_review_id: EventId | None = None
    superseded_by: CaseId | None = None


class PolicyFact(Part):
    """A step in the life of a policy version."""

    policy_id: Code
    version: Annotated[int, Field(ge=0)]
    sha256: Sha256 | None = None
    automation_sha256: Sha256 | None = None
    previous_version: Annotated[int, Field(ge=0)] | None = None
    comment: Text | None = None
    result: JsonObject | None = Field(default=None, description="What the test or the replay found.")


class ControlFact(Part):
    """A step in the life of a control."""

    control: Code = Field(description="Its kind on control.changed, for example `stop`.")
    decision_type: Code
    tier: Code
    revision: Annotated[int, Field(ge=0)] | None = None
    reason: Text | None = None
    state: JsonObject | None = None


class DeliveryFact(Part):
    """One attempt to deliver a decision."""

    decision_id: EventId
    channel: Literal["webhook", "execute", "notification"]
    url: Url | None = None
    attempt: Annotated[int, Field(ge=1)]
    status: Annotated[int, Field(ge=100, le=599)] | None = Field(default=None, description="HTTP status, if one came.")
    detail: Text | None = None
    next_attempt_at: Moment | None = None


class AccessFact(Part):
    """Who read what of the record, and what for."""

    what: Code = Field(description="For example `timeline`, `entries`, `export`, `reviewer_signals`.")
    fields: list[Code] = Field(default_factory=list, max_length=200)
    purpose: Text | None = None
    entries: Annotated[int, Field(ge=0)] | None = Field(default=None, description="How many entries left.")
    first_index: Annotated[int, Field(ge=0)] | None = None
    last_index: Annotated[int, Field(ge=0)] | None = None


class ErasureFact(Part):
    """Which data must go, or is gone."""

    erasure_id: EventId
    cases: list[CaseId] = Field(default_factory=list, max_length=10_000)
    legal_basis: Text | None = None
    service: Code | None = Field(default=None, description="Who reports that its rows are blank.")
    rows_blanked: Annotated[int, Field(ge=0)] | None = None


class KeyFactBody(Part):
    """A key was replaced. Never a key itself."""

    purpose: Code = Field(description="For example `log_signing`, `payload_epoch`, `sampling`, `session_token`.")
    old_key_id: ShortLine | None = None
    new_key_id: ShortLine
    public_key: ShortLine | None = Field(default=None, description="Base64, for signing keys.")


class UserFact(Part):
    """Something about a user, a session or an API key. Pseudonyms only."""

    user: ShortLine = Field(description="Pseudonym of the user it is about.")
    roles: list[Code] | None = None
    tenants: list[Code] | None = None
    api_key_id: ShortLine | None = None
    reason: Text | None = None
