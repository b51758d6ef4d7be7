"""The gauges of automation: which tiers may automate, and which stop switches and trips hold."""

from datetime import datetime

from countersign_router.controls.stops import show_stops
from countersign_router.domain.automation import enabled_tiers
from countersign_router.domain.controls import ANY, Controls
from countersign_router.domain.policy import TIERS
from countersign_router.policy_shelf import PolicyShelf
from countersign_shared.observability import Metrics


def show_held(metrics: Metrics, controls: Controls) -> None:
    """Set the gauges of stops and trips; what was released or lifted disappears."""
    show_stops(metrics, controls)
    gauge = metrics.gauge("automation_tripped")
    gauge.clear()
    for _, decision_type, tier in controls.trips:
        gauge.labels(decision_type=_named(decision_type), tier=_named(tier)).set(1)


def _named(part: str) -> str:
    return "all" if part == ANY else part


def show_automation(metrics: Metrics, controls: Controls, shelf: PolicyShelf, now: datetime) -> None:
    """Set all of them; policies that cannot be used automate nothing."""
    show_held(metrics, controls)
    shelved = {scope: shelf.get(sha256) for scope, sha256 in controls.policies.items()}
    policies = {scope: one.loaded.policy for scope, one in shelved.items() if one is not None}
    enabled = enabled_tiers(controls, policies, now)
    gauge = metrics.gauge("automation_enabled")
    for tier in TIERS:
        gauge.labels(tier=tier).set(tier in enabled)
