"""Parts that are read from events and written into leaves as they are; fields are sorted, as leaves have them."""

from typing import Annotated

from msgspec import Meta, Struct

from countersign_audit.domain.profile import MAX_INTEGER

Whole = Annotated[int, Meta(ge=-MAX_INTEGER, le=MAX_INTEGER)]
"""An integer that every reader of JSON holds exactly."""

Decimal = Annotated[str, Meta(pattern=r"^-?[0-9]{1,15}(\.[0-9]{1,4})?$")]
"""An amount of money as text."""


class Part(Struct, omit_defaults=True, gc=False):
    """What all parts have in common: what is not said is not written, and no part refers back to another."""


class Model(Part):
    """Exactly which model spoke."""

    artifact_sha256: str | None = None
    calibrator_version: str | None = None
    name: str | None = None
    prompt_sha256: str | None = None
    version: str | None = None


class Policy(Part):
    """Exactly which policy spoke."""

    automation_sha256: str | None = None
    id: str | None = None
    sha256: str | None = None
    version: Whole | None = None


class Certificate(Part):
    """Whether automation was certified."""

    id: str | None = None
    status: str | None = None


class Amount(Part):
    """A limit in money: a decimal number as text, and its currency."""

    currency: str | None = None
    value: Decimal | None = None


class Authority(Part):
    """By what right a person decided: up to which tier and amount, in what, and who lent it to them."""

    amount: Amount | None = None
    amount_limit: Amount | None = None
    decision_types: list[str] | None = None
    delegated_by: str | None = None
    max_tier: str | None = None
    skills: list[str] | None = None
    tier: str | None = None


class Decider(Part):
    """One person's part in a decision or judgement; what they chose is committed to, not shown."""

    authority: Authority | None = None
    blind: bool | None = None
    decided_at: str | None = None
    pseudonym: str | None = None
    role: str | None = None


class ReviewTimes(Part):
    """When a review began and ended."""

    decided_at: str | None = None
    first_action_at: str | None = None
    opened_at: str | None = None


class Fact(Part):
    """The words and numbers of an activity's body, whatever its kind; its free texts are not among them."""

    action: str | None = None
    api_key_id: str | None = None
    attempt: Whole | None = None
    automation_sha256: str | None = None
    channel: str | None = None
    claim_id: str | None = None
    control: str | None = None
    decision_id: str | None = None
    decision_type: str | None = None
    due_at: str | None = None
    ended_review_id: str | None = None
    entries: Whole | None = None
    erasure_id: str | None = None
    fields: list[str] | None = None
    first_index: Whole | None = None
    last_index: Whole | None = None
    lease_expires_at: str | None = None
    level: Whole | None = None
    new_key_id: str | None = None
    next_attempt_at: str | None = None
    old_key_id: str | None = None
    policy_id: str | None = None
    previous_version: Whole | None = None
    public_key: str | None = None
    question_id: str | None = None
    queue: str | None = None
    review_id: str | None = None
    review_kind: str | None = None
    reviewer: str | None = None
    revision: Whole | None = None
    roles: list[str] | None = None
    rows_blanked: Whole | None = None
    service: str | None = None
    sha256: str | None = None
    sla_class: str | None = None
    status: Whole | None = None
    superseded_by: str | None = None
    tier: str | None = None
    times: ReviewTimes | None = None
    to_reviewer: str | None = None
    user: str | None = None
    version: Whole | None = None
    what: str | None = None


class DeadLetter(Part):
    """Where a record had been that could not be read, and why it could not."""

    offset: str | None = None
    partition: str | None = None
    reason: str | None = None
    topic: str | None = None
