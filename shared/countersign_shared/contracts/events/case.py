"""`case.created` and `case.updated`: what comes in from outside."""

from typing import Annotated, Literal

from pydantic import Field

from countersign_shared.contracts.events.fields import (
    CaseId,
    CaseReference,
    Code,
    Day,
    EventId,
    JsonObject,
    Line,
    Moment,
    Money,
    Part,
    Probability,
    Sequence,
    Sha256,
    ShortLine,
    TenantId,
    Text,
    Url,
)


class Attachment(Part):
    """Evidence kept elsewhere: where it is and the digest it must have when fetched."""

    name: ShortLine
    media_type: Annotated[str, Field(max_length=200, pattern=r"^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$")]
    sha256: Sha256
    url: Url


class CaseLink(Part):
    """Another case this one belongs to, for example the withdrawn case that this one corrects."""

    relation: Code = Field(description="For example `corrects`, `duplicate_of`, `related_to`.")
    case_id: CaseId
    tenant: TenantId | None = Field(default=None, description="The other case's tenant; absent = the same.")


class UpstreamAlternative(Part):
    """An outcome that upstream's own model ranked lower."""

    outcome: Code
    confidence: Probability


class UpstreamProposal(Part):
    """Bring your own model: the outcome that upstream's model proposes."""

    outcome: Code
    outcome_params: JsonObject | None = None
    confidence: Probability
    alternatives: list[UpstreamAlternative] | None = Field(default=None, max_length=50)
    explanation: Text | None = None
    model: JsonObject | None = Field(default=None, description="Name and version of the model, as upstream calls it.")


class Callback(Part):
    """Where upstream wants the decision sent besides the topic."""

    url: Url
    secret_ref: ShortLine | None = Field(
        default=None, description="Name of the signing secret; never the secret itself."
    )


class CaseCreated(CaseReference):
    """A decision is needed.

    The one event that strangers write, so the one whose envelope is checked on arrival. The payload is checked against
    its decision type's schema later, by inference; a payload that fails there goes to a person and is not refused.
    """

    tenant: TenantId = "default"
    sequence: Sequence | None = Field(default=None, description="Upstream's own count of what it said about the case.")
    payload: JsonObject = Field(description="The facts of the case, as its decision type's schema has them.")
    submitted_by: ShortLine = Field(description="System or person that asks; never offered the case for review.")
    occurred_at: Moment = Field(description="When the need arose. Not compared when a case is repeated.")
    title: Line | None = Field(default=None, description="One line for the queue; made from the payload when absent.")
    amount: Money | None = None
    attachments: list[Attachment] | None = Field(default=None, max_length=100)
    links: list[CaseLink] | None = Field(default=None, max_length=100)
    deadline_at: Moment | None = Field(default=None, description="Upstream needs the decision by then.")
    proposal: UpstreamProposal | None = None
    callback: Callback | None = None
    language: Annotated[str, Field(max_length=35, pattern=r"^[A-Za-z0-9-]+$")] | None = Field(
        default=None, description="BCP 47 tag of the language the case is written in."
    )
    test: bool = Field(default=False, description="True: never executed, counted, certified or notified.")


class InformationProvided(Part):
    """The answer to a question that a reviewer asked. Adds an evidence revision; open claims become stale."""

    question_id: EventId
    data: JsonObject


class Withdrawn(Part):
    """Upstream needs no decision any more."""

    reason: Text


class DeadlineChanged(Part):
    """Upstream needs the decision by another time."""

    deadline_at: Moment


class Contested(Part):
    """The affected person objects to a decision. Opens a new review by somebody else, with their statement."""

    decision_id: EventId
    grounds: Text


class OutcomeReported(Part):
    """What became of a decision in the world, for example a default or a chargeback."""

    kind: Code = Field(description="What happened, in upstream's words.")
    severity: Annotated[int, Field(ge=0, le=4, description="0 harmless ... 4 critical.")]
    date: Day
    source: ShortLine = Field(description="Who reports it.")


class CaseUpdate(CaseReference):
    """What every `case.updated` carries besides its `kind` and that kind's `body`."""

    tenant: TenantId = "default"
    sequence: Sequence | None = Field(default=None, description="Upstream's own count of what it said about the case.")
    occurred_at: Moment
    submitted_by: ShortLine | None = None


class CaseInformationProvided(CaseUpdate):
    """`information_provided`: a question was answered."""

    kind: Literal["information_provided"]
    body: InformationProvided


class CaseWithdrawn(CaseUpdate):
    """`withdrawn`: no decision is needed any more."""

    kind: Literal["withdrawn"]
    body: Withdrawn


class CaseDeadlineChanged(CaseUpdate):
    """`deadline_changed`: the decision is needed by another time."""

    kind: Literal["deadline_changed"]
    body: DeadlineChanged


class CaseContested(CaseUpdate):
    """`contested`: the affected person objects."""

    kind: Literal["contested"]
    body: Contested


class CaseOutcomeReported(CaseUpdate):
    """`outcome_reported`: what became of the decision."""

    kind: Literal["outcome_reported"]
    body: OutcomeReported


CaseUpdated = Annotated[
    CaseInformationProvided | CaseWithdrawn | CaseDeadlineChanged | CaseContested | CaseOutcomeReported,
    Field(discriminator="kind"),
]
