"""What the HTTP API asks of the router: explanations, counts, policies. Nothing here changes anything."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from countersign_router.api.models.cases import DryRouting, DryRun
from countersign_router.api.models.matrix import LevelCount, MatrixCell, MatrixView
from countersign_router.api.models.policies import DecisionTypeEntry, PolicyEntry, PolicyView
from countersign_router.domain.controls import DEFAULT_TENANT, Controls, read_controls
from countersign_router.domain.draws import Draws
from countersign_router.domain.policy import BANDS, FACTORS, LEVEL_NAMES, SIGNALS, TIERS, Policy
from countersign_router.domain.routing import Routing, route
from countersign_router.domain.sampling import wire as samples_wire
from countersign_router.policy_shelf import PolicyShelf, Shelved
from countersign_router.store import Store, StoredPolicy
from countersign_shared.clock import Clock
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.observability import Metrics

DRY_KEY = "dry-run"
"""A dry run names no key: it makes the draws the case would get, and they are nobody's record."""


@dataclass(frozen=True, slots=True)
class Desk:
    """The parts the API works with."""

    store: Store
    shelf: PolicyShelf
    decision_types: Mapping[str, DecisionType]
    draws: Draws
    metrics: Metrics
    clock: Clock

    async def controls(self) -> Controls:
        """Return the controls as they are now, their policies ready."""
        controls = read_controls([orjson.loads(body) for _, _, body in await self.store.controls()])
        await self.shelf.fetch(set(controls.policies.values()), self.store.policy_document)
        return controls

    async def policies(self) -> list[PolicyEntry]:
        """Return every published version."""
        in_force = set((await self.controls()).policies.values())
        return [policy_entry(stored, in_force) for stored in await self.store.policies()]

    async def policy(self, sha256: str) -> PolicyView | None:
        """Return one published version with its document."""
        entry = next((one for one in await self.policies() if one.sha256 == sha256), None)
        found = await self.store.policy_document(sha256)
        if entry is None or found is None:
            return None
        await self.shelf.fetch({sha256}, self.store.policy_document)
        shelved = self.shelf.get(sha256)
        document = {} if shelved is None else shelved.loaded.document.model_dump(mode="json", by_alias=True)
        return PolicyView(**entry.model_dump(), document=document, yaml=found[0].decode(errors="replace"))

    async def in_force(self, tenant: str, decision_type: str) -> Shelved | None:
        """Return the policy that speaks for a tenant's cases of a decision type."""
        sha256 = (await self.controls()).policy(tenant, decision_type)
        return None if sha256 is None else self.shelf.get(sha256)

    async def dry_run(self, asked: DryRun) -> DryRouting | None:
        """Explain a case; None when there is no such policy."""
        controls = await self.controls()
        sha256 = asked.policy_sha256 or controls.policy(asked.tenant, asked.decision_type)
        if sha256 is None:
            return None
        await self.shelf.fetch({sha256}, self.store.policy_document)
        shelved = self.shelf.get(sha256)
        if shelved is None or shelved.loaded.policy.decision_type != asked.decision_type:
            return None
        policy = shelved.loaded.policy
        scored = dry_scored(asked, self.decision_types[asked.decision_type])
        return dry_routing(route(scored, policy, controls, self.clock(), self.draws), policy)

    async def matrix(self, decision_type: str, tenant: str | None, hours: int) -> MatrixView:
        """Return the matrix in force with the counts of the last hours."""
        since = self.clock() - timedelta(hours=hours)
        shelved = await self.in_force(tenant or DEFAULT_TENANT, decision_type)
        counts = await self.store.cells(since, decision_type, tenant)
        cells = [] if shelved is None else [
            _cell(shelved.loaded.policy, tier, band, counts) for tier in TIERS for band in BANDS
        ]  # fmt: skip
        by_level = [
            LevelCount(level=level, level_name=name, cases=sum(one.cases for one in counts if one.level == level))
            for level, name in LEVEL_NAMES.items()
        ]
        return MatrixView(
            decision_type=decision_type, tenant=tenant, since=since, tiers=list(TIERS), bands=list(BANDS), cells=cells,
            policy=None if shelved is None else _entry(shelved.loaded.policy),
            outside=sum(one.cases for one in counts if one.band is None), by_level=by_level,
        )  # fmt: skip

    async def types(self) -> list[DecisionTypeEntry]:
        """Return every decision type."""
        controls = await self.controls()
        return [
            DecisionTypeEntry(
                decision_type=name, label=one.label, owner=one.owner, payload_schema=dict(one.payload_schema),
                outcomes=[outcome.as_dict() for outcome in one.outcomes.values()],
                policy_in_force=controls.policy(DEFAULT_TENANT, name),
            )
            for name, one in sorted(self.decision_types.items())
        ]  # fmt: skip

    async def automatic_since(self, tenant: str, decision_type: str, moment: datetime) -> int:
        """Count a scope's automatic decisions since a moment."""
        total, _ = await self.store.recent_automatic(moment, tenant, decision_type, 0)
        return total


def _cell(policy: Policy, tier: str, band: str, counts: list[Any]) -> MatrixCell:
    found = [one for one in counts if (one.tier, one.band) == (tier, band)]
    return MatrixCell(
        tier=tier, band=band, level=policy.matrix[tier][band], cases=sum(one.cases for one in found),
        automatic=sum(one.automatic for one in found),
    )  # fmt: skip


def policy_entry(stored: StoredPolicy, in_force: set[str]) -> PolicyEntry:
    """Return a published version as the API lists it."""
    return PolicyEntry(
        id=f"{stored.tenant}/{stored.decision_type}", tenant=stored.tenant, decision_type=stored.decision_type,
        version=stored.version, sha256=stored.sha256, automation_sha256=stored.automation_sha256,
        published_at=stored.published_at, published_by=stored.published_by, reason=stored.reason,
        in_force=stored.sha256 in in_force,
    )  # fmt: skip


def _entry(policy: Policy) -> PolicyEntry:
    return PolicyEntry(
        id=policy.id, tenant=policy.tenant, decision_type=policy.decision_type, version=policy.version,
        sha256=policy.sha256, automation_sha256=policy.automation_sha256, published_at=policy.published_at,
        in_force=True,
    )  # fmt: skip


def dry_scored(asked: DryRun, decision_type: DecisionType) -> dict[str, Any]:
    """Make the body of case.scored that a dry run stands for."""
    problems = decision_type.check_payload(asked.payload)
    missing = decision_type.missing_fields(asked.payload)
    absent = {f"/{name}" for name in missing}
    signals = asked.signals.model_dump()
    if signals["completeness"] is None:
        required = max(len(decision_type.required), 1)
        signals["completeness"] = 1.0 - len(missing) / required
    proposal = None
    if asked.proposal is not None:
        proposal = {
            "outcome": asked.proposal.outcome, "outcome_params": {}, "confidence": asked.proposal.confidence,
            "explanation": {"summary": "", "factors": [_factor(one) for one in asked.proposal.factors]},
        }  # fmt: skip
        if signals["probability"] is None:
            signals["probability"] = asked.proposal.confidence
    return {
        "tenant": asked.tenant, "case_id": asked.case_id, "decision_type": asked.decision_type,
        "case": {"payload": asked.payload}, "proposal": proposal,
        "abstained": None if proposal else {"reason": "no_proposal", "detail": "the dry run has no proposal"},
        "signals": {name: {"value": signals[name]} for name in SIGNALS}, "missing_fields": missing,
        "invalid_fields": [{"pointer": one.pointer, "detail": one.detail}
                           for one in problems if one.pointer not in absent],
        "model": None,
    }  # fmt: skip


def _factor(given: Mapping[str, Any]) -> dict[str, Any]:
    effect = given.get("effect")
    number = float(effect) if isinstance(effect, int | float) else 0.0
    direction = "for" if given.get("direction") == "for" else "against"
    return {"field": str(given.get("field", "")), "effect": number, "direction": direction}


def dry_routing(routing: Routing, policy: Policy) -> DryRouting:
    """Return a routing as the API explains it."""
    found, limits = routing.consequence, routing.thresholds
    return DryRouting(
        level=routing.level, level_name=LEVEL_NAMES[routing.level], would_automate=routing.would_automate,
        consequence=None if found is None else {
            "tier": found.tier, "factors": dict(zip(FACTORS, found.factors, strict=True)),
        },
        band=routing.band,
        thresholds=None if limits is None else {
            "bands": {"high": limits.high, "medium": limits.medium}, "adjustments": list(limits.adjustments),
        },
        certificate=routing.certificate, reasons=[dict(reason) for reason in routing.reasons],
        sampling=dict(samples_wire(routing.samples, DRY_KEY)), queue=routing.queue, withhold=routing.withhold,
        reviewers_required=routing.reviewers_required, due_at=routing.due_at,
        policy={"id": policy.id, "version": policy.version, "sha256": policy.sha256},
    )  # fmt: skip
