"""The controls in force: what people and evidence have switched, as one frozen value per batch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

ANY = "*"
Scope = tuple[str, str]
"""(tenant, decision type), each a name or ``*``."""
TierScope = tuple[str, str, str]
"""(tenant, decision type, tier)."""


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch that is on, why, and when it ends by itself (None: it does not)."""

    reason: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A live certificate: above ``threshold``, under exactly this model, calibrator and policy, the promise holds."""

    id: str
    threshold: float
    model_version: str
    calibrator_version: str | None
    automation_sha256: str


@dataclass(frozen=True, slots=True)
class Controls:
    """Everything that is switched on, read once per batch."""

    stops: Mapping[Scope, Switch] = field(default_factory=lambda: MappingProxyType({}))
    peaks: Mapping[Scope, Switch] = field(default_factory=lambda: MappingProxyType({}))
    trips: frozenset[TierScope] = frozenset()
    certificates: Mapping[TierScope, Certificate] = field(default_factory=lambda: MappingProxyType({}))

    def stop(self, tenant: str, decision_type: str, now: datetime) -> Switch | None:
        """Return the stop switch that holds a case, the widest first."""
        return _in_force(self.stops, tenant, decision_type, now)

    def peak(self, tenant: str, decision_type: str, now: datetime) -> bool:
        """Tell whether a lead has declared a busy period."""
        return _in_force(self.peaks, tenant, decision_type, now) is not None

    def tripped(self, tenant: str, decision_type: str, tier: str) -> bool:
        """Tell whether evidence holds this tier back."""
        return bool(self.trips) and any(
            scope in self.trips
            for scope in ((tenant, decision_type, tier), (tenant, decision_type, ANY), (ANY, decision_type, tier))
        )


def _in_force(switches: Mapping[Scope, Switch], tenant: str, decision_type: str, now: datetime) -> Switch | None:
    if not switches:
        return None
    for scope in ((ANY, ANY), (tenant, ANY), (ANY, decision_type), (tenant, decision_type)):
        switch = switches.get(scope)
        if switch is not None and (switch.expires_at is None or now < switch.expires_at):
            return switch
    return None
