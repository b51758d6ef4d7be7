"""Which tiers a machine may decide in at all, for the board: what policies, trips, stops and certificates leave."""

from collections.abc import Mapping
from datetime import datetime

from countersign_router.domain.controls import Controls, Scope
from countersign_router.domain.policy import HIGHEST_AUTOMATIC_LEVEL, TIERS, Policy


def enabled_tiers(controls: Controls, policies: Mapping[Scope, Policy], now: datetime) -> frozenset[str]:
    """Return the tiers in which some case of some tenant could be decided without a person now.

    ``policies`` are those in force by (tenant, decision type). What only a case can tell (exceptions, the floor, its
    confidence, its model) is left out: a tier that is not in here automates nothing.
    """
    return frozenset(
        tier
        for (tenant, decision_type), policy in policies.items()
        for one in _speaks_for(controls, tenant, decision_type)
        if controls.stop(one, decision_type, now) is None
        for tier in TIERS
        if _may(controls, policy, one, tier, now)
    )


def _speaks_for(controls: Controls, tenant: str, decision_type: str) -> set[str]:
    """A policy's own tenant, and those whose certificates show that the policy decides for them too."""
    certified = {named for named, kind, _ in controls.certificates if kind == decision_type}
    own = controls.policies.get((tenant, decision_type))
    return {tenant} | {named for named in certified if controls.policy(named, decision_type) == own}


def _may(controls: Controls, policy: Policy, tenant: str, tier: str, now: datetime) -> bool:
    if tier not in policy.automation.tiers or min(policy.matrix[tier].values()) > HIGHEST_AUTOMATIC_LEVEL:
        return False
    if controls.tripped(tenant, policy.decision_type, tier):
        return False
    if not policy.automation.certificate_required:
        return True
    found = controls.certificates.get((tenant, policy.decision_type, tier))
    return (
        found is not None
        and found.automation_sha256 == policy.automation_sha256
        and (found.expires_at is None or now < found.expires_at)
        and policy.automation.promised(tier, found)
    )
