"""What waits for signatures, signing and refusing it, and peaks."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from countersign_router.api.models.controls import Control, StopScope
from countersign_router.api.models.drafts import CertificateView
from countersign_router.api.models.fields import Reason, Request
from countersign_shared.http.moments import Moment

ScopeName = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9._-]{1,64})$", description="A name, or `*` for all.")]
TierName = Literal["*", "negligible", "low", "medium", "high", "critical"]


class Said(BaseModel):
    """What one person said to a change."""

    pseudonym: str
    role: str
    signed: bool = Field(description="False: refused. A refusal voids the signatures before it.")
    reason: str
    signed_at: datetime


class Proposal(BaseModel):
    """A change that lets the machine decide more, and waits for two people. They sign `sha256`."""

    becomes: str = Field(description="The kind of control it becomes once signed.")
    tenant: str
    decision_type: str
    tier: str
    revision: int = Field(description="Of the evidence it rests on.")
    sha256: str = Field(description="Hash of exactly this change; whoever signs names it.")
    why: str = Field(description="Why it needs signatures.")
    state: dict[str, Any] = Field(description="What comes into force.")
    doubts: list[str] = Field(
        description="Why it would cover nothing now, should not be believed, or what was not looked at."
    )
    certificates_voided: list[CertificateView] = Field(
        description="Live certificates that speak for this model under another calibrator."
    )
    signatures_needed: int
    said: list[Said]


class ProposalList(BaseModel):
    """Everything that waits for signatures."""

    items: list[Proposal]


class ProposalAnswer(Request):
    """Sign or refuse a change: which one, by its hash, and why."""

    becomes: Literal["certificate.active", "calibrator.active", "trip.cleared", "bands.relaxed", "bands.lowered"]
    tenant: ScopeName
    decision_type: ScopeName
    tier: TierName
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$", description="As listed: the hash of what you have read.")]
    reason: Reason


class SignedView(BaseModel):
    """Your signature is kept; `control` is there once enough people have signed and the change is in force."""

    signatures: int
    signatures_needed: int
    control: Control | None


class PeakRequest(StopScope):
    """Declare a busy period: until when, and why."""

    reason: Reason
    until: Moment = Field(description="It ends by itself then; at most 14 days ahead.")


class PeakEnd(StopScope):
    """End a busy period early."""

    reason: Reason


class BandsRequest(StopScope):
    """Raise the limits of the bands: whose, by how much, and why."""

    tier: TierName = Field(default="*", description="Only cases of this consequence.")
    high: Annotated[float, Field(ge=0, le=1, description="Added to the limit above which confidence is high.")]
    medium: Annotated[
        float, Field(ge=0, le=1, description="Added to the limit from which confidence is medium; up to high at most.")
    ] = 0.0
    reason: Reason


class ControlHistory(BaseModel):
    """A control as it is, and what it was before, newest first."""

    control: Control
    earlier: list[Control]
    next_cursor: int | None = Field(description="Give it as `before` for the page after; null at the end.")
