"""The gauges of automation: which tiers may automate, and which stop switches hold."""

from datetime import datetime

from countersign_router.controls.stops import show_stops
from countersign_router.domain.automation import enabled_tiers
from countersign_router.domain.controls import Controls
from countersign_router.domain.policy import TIERS
from countersign_router.policy_shelf import PolicyShelf
from countersign_shared.observability import Metrics


def show_automation(metrics: Metrics, controls: Controls, shelf: PolicyShelf, now: datetime) -> None:
    """Set both gauges; policies that cannot be used automate nothing."""
    show_stops(metrics, controls)
    shelved = {scope: shelf.get(sha256) for scope, sha256 in controls.policies.items()}
    policies = {scope: one.loaded.policy for scope, one in shelved.items() if one is not None}
    enabled = enabled_tiers(controls, policies, now)
    gauge = metrics.gauge("automation_enabled")
    for tier in TIERS:
        gauge.labels(tier=tier).set(tier in enabled)
