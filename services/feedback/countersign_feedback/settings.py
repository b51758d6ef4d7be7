"""What feedback reads from the environment."""

from pydantic import Field

from countersign_feedback.domain.reviewer_privacy import ReviewerSignals
from countersign_shared.settings import ServiceSettings


class Settings(ServiceSettings):
    """Settings of the feedback service; names in the environment are these in capitals."""

    http_port: int = Field(default=8104, ge=0, le=65535, description="port of the HTTP server; 0 takes a free one")
    niceness: int = Field(default=8, ge=0, le=19, description="stands back for the record and for people")
    gauge_seconds: float = Field(
        default=15.0,
        ge=1.0,
        le=3600.0,
        description="how often the error and override gauges are computed anew, in seconds",
    )
    reviewer_signals: ReviewerSignals = Field(
        default=ReviewerSignals.TEAM,
        description="what is shown of how reviewers decide: off, team, pseudonymous or named",
    )
    reviewer_signals_by_tenant: dict[str, ReviewerSignals] = Field(
        default={}, description='the same for single tenants, as JSON: {"acme": "pseudonymous"}'
    )
    certificate_days: float = Field(
        default=90.0, gt=0.0, le=3650.0, description="how long a certificate lives unless it is renewed, in days"
    )
    renewal_days: float = Field(
        default=30.0, ge=0.0, le=3650.0, description="after how many days fresh labels may renew a certificate"
    )
