"""The controls in force: what people and evidence have switched, as one frozen value per batch."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import product
from types import MappingProxyType
from typing import Any

ANY = "*"
DEFAULT_TENANT = "default"
Scope = tuple[str, str]
"""(tenant, decision type), each a name or ``*``."""
TierScope = tuple[str, str, str]
"""(tenant, decision type, tier)."""
LOWERS = {"bands.tightened": "bands.relaxed", "bands.raised": "bands.lowered"}
"""What raises the limits of the bands, and the kind with which people let the policy's own hold again."""
RAISES = {lowered: raised for raised, lowered in LOWERS.items()}


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch that is on, why, and when it ends by itself (None: it does not)."""

    reason: str
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Certificate:
    """A signed certificate: above ``threshold``, under exactly this model, calibrator and policy, the promise holds.

    The model's name and artifact bind too where the certificate names them; ``expires_at`` None: it does not expire.
    ``alpha`` and ``delta`` are what it promises; a policy may ask for less error than that.
    """

    id: str
    threshold: float
    model_version: str
    calibrator_version: str | None
    automation_sha256: str
    model_name: str | None = None
    artifact_sha256: str | None = None
    expires_at: datetime | None = None
    alpha: float | None = None
    delta: float | None = None

    def binds(self, model: Mapping[str, Any], automation_sha256: str, now: datetime) -> bool:
        """Tell whether the certificate speaks for what this model says under this policy, now."""
        if self.expires_at is not None and now >= self.expires_at:
            return False
        exactly = (self.model_version, self.calibrator_version, self.automation_sha256)
        if exactly != (model.get("version"), model.get("calibrator_version"), automation_sha256):
            return False
        named = ((self.model_name, model.get("name")), (self.artifact_sha256, model.get("artifact_sha256")))
        return all(ours is None or ours == theirs for ours, theirs in named)


@dataclass(frozen=True, slots=True)
class RaisedBands:
    """The limits of the bands lie this much higher: for one model under one calibrator, or for whatever speaks.

    ``by`` is the control's kind: what evidence tightened, or what a person raised.
    """

    by: str
    high: float
    medium: float
    reason: str
    model_version: str | None = None
    model_name: str | None = None
    calibrator_version: str | None = None

    def holds(self, model: Mapping[str, Any] | None) -> bool:
        """Tell whether it is about what this model says; a calibrator that was switched since has other confidences."""
        if self.model_version is None:
            return True
        if model is None or self.model_name not in {None, model.get("name")}:
            return False
        exactly = (self.model_version, self.calibrator_version)
        return exactly == (model.get("version"), model.get("calibrator_version"))


@dataclass(frozen=True, slots=True)
class Controls:
    """Everything that is switched on, read once per batch."""

    policies: Mapping[Scope, str] = field(default_factory=lambda: MappingProxyType({}))
    """SHA-256 of the policy in force, by (tenant, decision type)."""
    stops: Mapping[Scope, Switch] = field(default_factory=lambda: MappingProxyType({}))
    peaks: Mapping[Scope, Switch] = field(default_factory=lambda: MappingProxyType({}))
    trips: frozenset[TierScope] = frozenset()
    certificates: Mapping[TierScope, Certificate] = field(default_factory=lambda: MappingProxyType({}))
    raised_bands: Mapping[TierScope, tuple[RaisedBands, ...]] = field(default_factory=lambda: MappingProxyType({}))

    def policy(self, tenant: str, decision_type: str) -> str | None:
        """Return the policy that speaks for a case: its tenant's own, else the default tenant's."""
        own = self.policies.get((tenant, decision_type))
        return own if own is not None else self.policies.get((DEFAULT_TENANT, decision_type))

    def stop(self, tenant: str, decision_type: str, now: datetime) -> Switch | None:
        """Return the stop switch that holds a case, the widest first."""
        return _in_force(self.stops, tenant, decision_type, now)

    def peak(self, tenant: str, decision_type: str, now: datetime) -> bool:
        """Tell whether a lead has declared a busy period."""
        return _in_force(self.peaks, tenant, decision_type, now) is not None

    def tripped(self, tenant: str, decision_type: str, tier: str) -> bool:
        """Tell whether evidence holds this tier back."""
        return bool(self.trips) and any(scope in self.trips for scope in _around(tenant, decision_type, tier))

    def raises(self, tenant: str, decision_type: str, tier: str, model: Mapping[str, Any] | None) -> list[RaisedBands]:
        """Return everything that asks for more confidence in what this model says of a tier, the widest scope last."""
        return [
            one for scope in _around(tenant, decision_type, tier) for one in self.raised_bands.get(scope, ())
            if one.holds(model)
        ]  # fmt: skip


def _around(tenant: str, decision_type: str, tier: str) -> Iterator[TierScope]:
    """Give every scope that a tier lies in."""
    return product((tenant, ANY), (decision_type, ANY), (tier, ANY))


def _in_force(switches: Mapping[Scope, Switch], tenant: str, decision_type: str, now: datetime) -> Switch | None:
    if not switches:
        return None
    for scope in ((ANY, ANY), (tenant, ANY), (ANY, decision_type), (tenant, decision_type)):
        switch = switches.get(scope)
        if switch is not None and (switch.expires_at is None or now < switch.expires_at):
            return switch
    return None


def read_controls(bodies: Iterable[Mapping[str, Any]]) -> Controls:
    """Make one value of the newest control.changed body of every key; kinds that do not concern routing are skipped."""
    policies: dict[Scope, str] = {}
    stops: dict[Scope, Switch] = {}
    peaks: dict[Scope, Switch] = {}
    trips: dict[TierScope, Mapping[str, Any]] = {}
    cleared: dict[TierScope, Mapping[str, Any]] = {}
    certificates: dict[TierScope, Certificate] = {}
    raised: dict[tuple[str, TierScope], Mapping[str, Any]] = {}
    lowered: dict[tuple[str, TierScope], Mapping[str, Any]] = {}
    for body in bodies:
        kind, state = body["kind"], body["state"]
        scope = (body["tenant"], body["decision_type"])
        if kind == "policy":
            policies[scope] = state["sha256"]
        elif kind == "stop" and state["active"]:
            stops[scope] = _switch(state)
        elif kind == "peak" and state["active"]:
            peaks[scope] = _switch(state)
        elif kind == "trip":
            trips[*scope, body["tier"]] = body
        elif kind == "trip.cleared":
            cleared[*scope, body["tier"]] = state
        elif kind == "certificate.active" and state.get("active", True):
            certificates[*scope, body["tier"]] = _certificate(state)
        elif kind in LOWERS:
            raised[kind, (*scope, body["tier"])] = body
        elif kind in RAISES:
            lowered[RAISES[kind], (*scope, body["tier"])] = state
    held = frozenset(scope for scope, trip in trips.items() if not lifts(cleared.get(scope), trip))
    return Controls(policies, stops, peaks, held, certificates, _raised(raised, lowered))


def lifts(cleared: Mapping[str, Any] | None, trip: Mapping[str, Any]) -> bool:
    """Tell whether people lifted this trip (a ``trip`` body) with that state of ``trip.cleared``.

    They lifted what they read: a trip that says anything new afterwards holds again.
    """
    return _lifts(cleared, trip, "trip_id", "trip_revision")


def lowers(lowered: Mapping[str, Any] | None, raised: Mapping[str, Any]) -> bool:
    """Tell whether people let the policy's own bands hold again with that state, after these were raised (a body)."""
    return _lifts(lowered, raised, "tightening_id", "revision")


def switched(limits: Sequence[Mapping[str, Any]], calibrator: Mapping[str, Any]) -> bool:
    """Tell whether limits were raised only for what a model said before this calibrator (a state) was switched on."""
    model = (calibrator["model_name"], calibrator["model_version"])
    return all(
        (one.get("model_name"), one.get("model_version")) == model
        and one.get("calibrator_version") != calibrator["calibrator_version"]
        for one in limits
    )


def _lifts(lifting: Mapping[str, Any] | None, held: Mapping[str, Any], name: str, counted: str) -> bool:
    if lifting is None or lifting[name] != held["state"][name]:
        return False
    seen = (lifting.get("evidence") or {}).get(counted)
    return seen is None or held["revision"] <= seen


def _raised(
    raised: Mapping[tuple[str, TierScope], Mapping[str, Any]],
    lowered: Mapping[tuple[str, TierScope], Mapping[str, Any]],
) -> Mapping[TierScope, tuple[RaisedBands, ...]]:
    found: dict[TierScope, tuple[RaisedBands, ...]] = {}
    for (kind, scope), body in raised.items():
        if not lowers(lowered.get((kind, scope)), body):
            state = body["state"]
            found[scope] = (*found.get(scope, ()), *(_limits(kind, state["reason"], one) for one in state["limits"]))
    return found


def _limits(kind: str, reason: str, one: Mapping[str, Any]) -> RaisedBands:
    return RaisedBands(
        by=kind, high=one["high"], medium=one["medium"], reason=reason, model_version=one.get("model_version"),
        model_name=one.get("model_name"), calibrator_version=one.get("calibrator_version"),
    )  # fmt: skip


def ended(state: Mapping[str, Any], now: datetime) -> bool:
    """Tell whether a control's state is past the moment at which it ends by itself, if it has one."""
    expires_at = state.get("expires_at")
    return expires_at is not None and now >= datetime.fromisoformat(expires_at)


def _switch(state: Mapping[str, Any]) -> Switch:
    expires_at = state.get("expires_at")
    return Switch(state["reason"], None if expires_at is None else datetime.fromisoformat(expires_at))


def _certificate(state: Mapping[str, Any]) -> Certificate:
    model, expires_at = state["model"], state.get("expires_at")
    return Certificate(
        id=state["certificate_id"], threshold=state["threshold"], model_version=model["version"],
        calibrator_version=state.get("calibrator_version"), automation_sha256=state["automation_sha256"],
        model_name=model.get("name"), artifact_sha256=model.get("artifact_sha256"),
        expires_at=None if expires_at is None else datetime.fromisoformat(expires_at), alpha=state.get("alpha"),
        delta=state.get("delta"),
    )  # fmt: skip
