"""What whoever signs should know: why a certificate would cover nothing, and which certificates a change voids."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from countersign_router.domain.control_rules import unsupported
from countersign_router.domain.controls import ANY, Certificate, Controls, ended
from countersign_router.domain.policy import HIGHEST_AUTOMATIC_LEVEL, Policy

CalibratorState = Mapping[str, Any]
Scope = tuple[str, str, str]
"""(tenant, decision type, tier)."""


@dataclass(frozen=True, slots=True)
class VoidedCertificate:
    """A certificate that covers something now and would cover nothing afterwards."""

    tenant: str
    tier: str
    certificate: Certificate


def certificate_doubts(
    state: Mapping[str, Any], scope: Scope, policy: Policy | None, controls: Controls, now: datetime
) -> Iterator[str]:
    """Say why a proposed certificate would cover nothing now, should not be believed, or what was not looked at.

    ``policy`` is the one that routes the cases of this scope.
    """
    tenant, decision_type, tier = scope
    if ended(state, now):
        yield f"it ended at {state['expires_at']}"
    if (why := unsupported(state)) is not None:
        yield why
    if (why := (state.get("evidence") or {}).get("not_compared")) is not None:
        yield f"its labels were not compared with traffic: {why}"
    if policy is None:
        yield f"no policy routes cases of {decision_type} of tenant {tenant}"
        return
    if state["automation_sha256"] != policy.automation_sha256:
        yield (
            f"it is about another policy: version {policy.version}, which is in force, decides about automation by "
            f"{policy.automation_sha256[:12]}, not {state['automation_sha256'][:12]}"
        )
    if tier not in policy.automation.tiers or min(policy.matrix[tier].values()) > HIGHEST_AUTOMATIC_LEVEL:
        yield f"the policy in force automates nothing of {tier} consequence"
    if not policy.automation.certificate_required:
        yield "the policy in force asks for no certificate, and automates without"
    alpha = policy.automation.alpha.get(tier)
    if alpha is not None and (state["alpha"] > alpha or state["delta"] > policy.automation.delta):
        yield (
            f"it promises less than the policy asks for: alpha {alpha:g} and delta {policy.automation.delta:g} at most"
        )
    if controls.tripped(tenant, decision_type, tier):
        yield f"evidence holds {tier} consequence back; it acts once that is lifted"


def voided_by_calibrator(
    state: CalibratorState, tenant: str, decision_type: str, controls: Controls, now: datetime
) -> list[VoidedCertificate]:
    """Return the live certificates that speak for the same model under another calibrator."""
    return [
        VoidedCertificate(named, tier, one)
        for (named, kind, tier), one in sorted(controls.certificates.items())
        if tenant in {named, ANY} and decision_type in {kind, ANY}
        and one.model_version == state["model_version"] and one.model_name in {None, state["model_name"]}
        and one.calibrator_version != state["calibrator_version"]
        and (one.expires_at is None or now < one.expires_at)
    ]  # fmt: skip
