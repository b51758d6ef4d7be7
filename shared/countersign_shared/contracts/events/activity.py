"""`activity.recorded`: every fact for the record that is not a decision."""

from typing import Annotated, Literal

from pydantic import Field

from countersign_shared.contracts.events.activity_bodies import (
    AccessFact,
    CaseFact,
    ControlFact,
    DeliveryFact,
    ErasureFact,
    KeyFactBody,
    PolicyFact,
    ReviewFact,
    UserFact,
)
from countersign_shared.contracts.events.decision import Judgement
from countersign_shared.contracts.events.fields import (
    CaseId,
    Code,
    DecisionTypeName,
    EventId,
    Moment,
    Part,
    Sequence,
    ShortLine,
    TenantId,
)


class Actor(Part):
    """Who or what did it."""

    kind: Literal["person", "service", "upstream"]
    pseudonym: ShortLine = Field(description="A person's pseudonym, or the name of the service or system.")
    role: Code | None = None


class Activity(Part):
    """What every activity carries besides its `kind` and that kind's `body`."""

    tenant: TenantId
    case_id: CaseId | None = Field(default=None, description="Null when the fact is about no case.")
    decision_type: DecisionTypeName | None = None
    subject_ref: ShortLine | None = None
    entity_id: EventId | None = Field(default=None, description="What it is about when it is about no case.")
    sequence: Sequence
    occurred_at: Moment
    actor: Actor


class JudgementRecorded(Activity):
    """People judged afterwards what they would have decided. These answers are never decisions."""

    kind: Literal["audit.judged", "control.judged", "seed.judged"]
    body: Judgement


class ReviewRecorded(Activity):
    """A step in the life of a review."""

    kind: Literal[
        "review.claimed",
        "review.opened",
        "review.released",
        "review.expired",
        "review.skipped",
        "review.timed",
        "review.answered_blind",
        "review.revealed",
        "review.escalated",
        "review.delegated",
        "review.recused",
        "review.information_requested",
        "review.information_provided",
        "review.sla_at_risk",
        "review.sla_breached",
        "review.undone",
        "review.answered",
        "review.blocked",
        "review.unblocked",
        "review.recalled",
        "review.returned",
        "review.upheld",
        "review.reopened",
        "review.deadline_changed",
        "review.commented",
        "review.tagged",
    ]
    body: ReviewFact


class CaseRecorded(Activity):
    """A case was refused at the door, or withdrawn."""

    kind: Literal["case.rejected", "case.withdrawn"]
    body: CaseFact


class PolicyRecorded(Activity):
    """A step in the life of a policy version."""

    kind: Literal[
        "policy.drafted",
        "policy.tested",
        "policy.replayed",
        "policy.approved",
        "policy.published",
        "policy.rolled_back",
    ]
    body: PolicyFact


class ControlRecorded(Activity):
    """A step in the life of a control."""

    kind: Literal["control.requested", "control.approved", "control.refused", "control.changed", "control.expired"]
    body: ControlFact


class DeliveryRecorded(Activity):
    """A decision was delivered to upstream, or could not be."""

    kind: Literal["delivery.succeeded", "delivery.failed"]
    body: DeliveryFact


class AccessRecorded(Activity):
    """Somebody read or exported the record."""

    kind: Literal["audit.read", "audit.exported"]
    body: AccessFact


class ErasureRecorded(Activity):
    """Personal data must go, or is gone."""

    kind: Literal["erasure.requested", "erasure.completed"]
    body: ErasureFact


class KeyRecorded(Activity):
    """A key was replaced by a new one."""

    kind: Literal["key.rotated"]
    body: KeyFactBody


class UserRecorded(Activity):
    """Something about a user, a session or an API key."""

    kind: Literal[
        "user.added",
        "user.changed",
        "user.disabled",
        "user.enabled",
        "user.signed_in",
        "user.sign_in_failed",
        "user.signed_out",
        "user.key_created",
        "user.key_revoked",
    ]
    body: UserFact


ActivityRecorded = Annotated[
    JudgementRecorded
    | ReviewRecorded
    | CaseRecorded
    | PolicyRecorded
    | ControlRecorded
    | DeliveryRecorded
    | AccessRecorded
    | ErasureRecorded
    | KeyRecorded
    | UserRecorded,
    Field(discriminator="kind"),
]
