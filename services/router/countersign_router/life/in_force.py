"""Putting a version into force: the one write that switches every router, whoever asks for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from countersign_router.controls.events import Actor, control_event
from countersign_router.domain.controls import Certificate
from countersign_router.domain.policy import TIERS
from countersign_router.language.document import PolicyDocument
from countersign_router.store import ControlChange, ControlKey, StoredPolicy
from countersign_shared.clock import rfc3339


@dataclass(frozen=True, slots=True)
class InForce:
    """The version that routes now; ``terms`` as in ``automation_terms``, None where an earlier release wrote none."""

    version: int
    sha256: str
    automation_sha256: str
    terms: Mapping[str, Any] | None = None


def policy_key(tenant: str, decision_type: str) -> ControlKey:
    """Return the control that says which version is in force."""
    return ControlKey("policy", tenant, decision_type)


async def in_force(change: ControlChange, tenant: str, decision_type: str) -> InForce | None:
    """Return the version that routes a tenant's cases now; None when the tenant has no policy of its own."""
    control = await change.find(policy_key(tenant, decision_type))
    return None if control is None else read_in_force(control.body)


def read_in_force(body: bytes) -> InForce:
    """Read the event of a policy control."""
    state = orjson.loads(body)["state"]
    return InForce(state["version"], state["sha256"], state["automation_sha256"], state.get("automation"))


def automation_terms(document: PolicyDocument) -> dict[str, Any]:
    """Return what the policy asks to be promised, for who computes certificates: by tier alpha and least audit rate."""
    automation, audit = document.automation, document.sampling.audit
    rates = {1: audit.level1, 2: audit.level2}
    matrix = document.matrix.model_dump()
    alphas = automation.alpha.model_dump(exclude_none=True)
    tiers = {}
    for tier in TIERS if automation.tiers is None else automation.tiers:
        levels = set(matrix[tier].values()) & rates.keys()
        if tier in alphas and levels:
            least = min(max(rates[level], audit.floor) for level in levels)
            tiers[tier] = {"alpha": alphas[tier], "audit_probability": least}
    return {"certificate": automation.certificate, "delta": automation.delta, "tiers": tiers}


def keeps(terms: Mapping[str, Any] | None, tier: str, certificate: Certificate) -> bool:
    """Tell whether a certificate promises what such terms ask of its tier, as the router asks it of every case."""
    asked = None if terms is None else terms["tiers"].get(tier)
    if terms is None or asked is None or certificate.alpha is None or certificate.delta is None:
        return True
    return bool(certificate.alpha <= asked["alpha"] and certificate.delta <= terms["delta"])


async def put_in_force(
    change: ControlChange, version: StoredPolicy, document: PolicyDocument, *,
    actor: Actor, signatures: Sequence[Mapping[str, Any]], moment: datetime,
) -> None:  # fmt: skip
    """Let a stored version route from the next batch on; every replica reads this row in each batch's transaction."""
    key = policy_key(version.tenant, version.decision_type)
    before = await change.find(key)
    state = {
        "id": f"{version.tenant}/{version.decision_type}", "version": version.version, "sha256": version.sha256,
        "automation_sha256": version.automation_sha256, "published_at": rfc3339(version.published_at),
        "automation": automation_terms(document), "bands": document.bands.model_dump(),
    }  # fmt: skip
    revision = 1 if before is None else before.revision + 1
    event_id, message = control_event(
        key, state, revision=revision, changed_by=actor, signatures=signatures, moment=moment
    )
    activities = 0 if before is None else before.activities
    await change.put(
        key, revision=revision, activities=activities, changed_at=moment, event_id=event_id, message=message
    )
