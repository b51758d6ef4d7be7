"""`control.changed`: the whole present state of one control per record."""

from typing import Annotated, Literal

from pydantic import Field

from countersign_shared.contracts.events.fields import (
    Code,
    EventId,
    JsonObject,
    Moment,
    Part,
    Probability,
    Sha256,
    ShortLine,
    Text,
    Tier,
)

ANY = "*"
Scope = Annotated[str, Field(pattern=r"^(\*|[A-Za-z0-9._-]{1,64})$", description="A name, or `*` for all.")]
TierScope = Literal["*", "negligible", "low", "medium", "high", "critical"]


def control_key(kind: str, tenant: str = ANY, decision_type: str = ANY, tier: str = ANY) -> bytes:
    """The record key of a control: `kind|tenant|decision_type|tier`, with `*` for all."""
    return f"{kind}|{tenant}|{decision_type}|{tier}".encode()


class Signature(Part):
    """One person's approval of a change that loosens something."""

    pseudonym: ShortLine
    role: Code
    signed_at: Moment


class SwitchState(Part):
    """State of `stop` and `peak`."""

    active: bool
    reason: Text
    expires_at: Moment | None = Field(default=None, description="When it ends by itself; null = it does not.")


class TierTerms(Part):
    """What a policy asks of the automatic decisions of one tier."""

    alpha: Probability = Field(description="The largest share of wrong decisions that may be promised.")
    audit_probability: Probability = Field(description="The least chance with which any of them is drawn for audit.")


class AutomationTerms(Part):
    """What a policy asks to be promised before a machine decides. `delta` is shared among the tiers listed."""

    certificate: Literal["required", "not_required"]
    delta: Probability
    tiers: dict[Tier, TierTerms] = Field(description="Tiers that may be automated and name an alpha.")


class Bands(Part):
    """Where a policy cuts confidence: above `high` is high, from `medium` up to it medium, below is low."""

    high: Probability
    medium: Probability


class PolicyState(Part):
    """State of `policy`: the version in force."""

    id: Code
    version: Annotated[int, Field(ge=0)]
    sha256: Sha256
    automation_sha256: Sha256
    published_at: Moment
    automation: AutomationTerms | None = Field(default=None, description="Null in records of earlier releases.")
    bands: Bands | None = Field(default=None, description="Before any adjustment. Null in records of earlier releases.")


class CertificateState(Part):
    """State of `certificate.proposed` and `certificate.active`: with confidence 1 - delta at most alpha are wrong."""

    certificate_id: EventId
    active: bool = True
    threshold: Probability
    alpha: Probability
    delta: Probability
    errors: Annotated[int, Field(ge=0, description="k, wrong ones among the labelled.")]
    labels: Annotated[int, Field(ge=0, description="n, labelled cases at or above the threshold.")]
    upper_bound: Probability | None = None
    grid_sha256: Sha256 | None = None
    model: JsonObject
    calibrator_version: ShortLine | None = None
    automation_sha256: Sha256
    renews: EventId | None = None
    expires_at: Moment | None = Field(default=None, description="From then on it covers nothing; null = no end.")
    evidence: JsonObject | None = None


class CalibratorState(Part):
    """State of `calibrator.proposed` and `calibrator.active`."""

    model_name: Code
    model_version: Code
    calibrator_version: ShortLine
    method: Literal["platt", "beta", "isotonic", "identity"]
    parameters: JsonObject
    artifact_sha256: Sha256
    evidence: JsonObject | None = None


class TripState(Part):
    """State of `trip`: evidence says the promise of a tier no longer holds."""

    trip_id: EventId
    errors: Annotated[int, Field(ge=0)]
    labels: Annotated[int, Field(ge=0)]
    alpha: Probability
    delta: Probability
    log_e_value: float = Field(description="Natural logarithm of the alarm e-value.")
    reason: Text
    model: JsonObject | None = None
    certificate_id: EventId | None = Field(default=None, description="The certificate whose promise is broken.")
    look_back_from: Moment | None = Field(
        default=None, description="When the promise last looked kept; later automatic decisions are to be looked at."
    )


class TripClearedState(Part):
    """State of `trip.cleared`: people lifted a trip."""

    trip_id: EventId
    reason: Text
    evidence: JsonObject | None = None


class RaisedLimits(Part):
    """By how much the limits of the bands lie higher for what one model says, or for what every model says."""

    model_name: Code | None = None
    model_version: Code | None = Field(default=None, description="Null: whatever model, under whatever calibrator.")
    calibrator_version: ShortLine | None = Field(
        default=None, description="Of this model version; null: it speaks without one. Another calibrator is not held."
    )
    high: Probability = Field(description="Added to the limit above which confidence is high.")
    medium: Probability = Field(description="Added to the limit from which confidence is medium.")


class RaisedBandsState(Part):
    """State of `bands.tightened` and `bands.raised`: more confidence is asked for than the policy asks."""

    tightening_id: EventId
    limits: Annotated[list[RaisedLimits], Field(min_length=1, max_length=100)]
    reason: Text
    evidence: JsonObject | None = None


class LoweredBandsState(Part):
    """State of `bands.relaxed` and `bands.lowered`: people signed that the policy's own limits hold again."""

    tightening_id: EventId
    reason: Text
    evidence: JsonObject | None = Field(default=None, description="`revision`: the newest state that they read.")


class ControlRecord(Part):
    """What every control carries. `revision` counts per key from 1; a lower one than already seen is old."""

    tenant: Scope
    decision_type: Scope
    tier: TierScope
    revision: Annotated[int, Field(ge=1)]
    changed_at: Moment
    changed_by: ShortLine = Field(description="Pseudonym of the person, or the service.")
    signatures: list[Signature] = Field(default_factory=list, max_length=10)


class StopChanged(ControlRecord):
    """`stop`: automation is halted, or goes on."""

    kind: Literal["stop"]
    state: SwitchState


class PeakChanged(ControlRecord):
    """`peak`: a lead declared a busy period, which expires."""

    kind: Literal["peak"]
    state: SwitchState


class PolicyChanged(ControlRecord):
    """`policy`: a policy version is in force."""

    kind: Literal["policy"]
    state: PolicyState


class CertificateProposed(ControlRecord):
    """`certificate.proposed`: feedback has the evidence; it acts only once signed."""

    kind: Literal["certificate.proposed"]
    state: CertificateState


class CertificateActive(ControlRecord):
    """`certificate.active`: a signed certificate is live, or no longer."""

    kind: Literal["certificate.active"]
    state: CertificateState


class CalibratorProposed(ControlRecord):
    """`calibrator.proposed`: feedback fitted a calibrator; it acts only once signed."""

    kind: Literal["calibrator.proposed"]
    state: CalibratorState


class CalibratorActive(ControlRecord):
    """`calibrator.active`: inference calibrates with this."""

    kind: Literal["calibrator.active"]
    state: CalibratorState


class Tripped(ControlRecord):
    """`trip`: the tier falls back to people at once."""

    kind: Literal["trip"]
    state: TripState


class TripCleared(ControlRecord):
    """`trip.cleared`: the tier may be automated again."""

    kind: Literal["trip.cleared"]
    state: TripClearedState


class BandsTightened(ControlRecord):
    """`bands.tightened`: evidence says that confidences are too high; acts at once."""

    kind: Literal["bands.tightened"]
    state: RaisedBandsState


class BandsRelaxed(ControlRecord):
    """`bands.relaxed`: people lifted what evidence had tightened."""

    kind: Literal["bands.relaxed"]
    state: LoweredBandsState


class BandsRaised(ControlRecord):
    """`bands.raised`: a person asks for more confidence than the policy does."""

    kind: Literal["bands.raised"]
    state: RaisedBandsState


class BandsLowered(ControlRecord):
    """`bands.lowered`: two people lifted what a person had raised."""

    kind: Literal["bands.lowered"]
    state: LoweredBandsState


ControlChanged = Annotated[
    StopChanged
    | PeakChanged
    | PolicyChanged
    | CertificateProposed
    | CertificateActive
    | CalibratorProposed
    | CalibratorActive
    | Tripped
    | TripCleared
    | BandsTightened
    | BandsRelaxed
    | BandsRaised
    | BandsLowered,
    Field(discriminator="kind"),
]
