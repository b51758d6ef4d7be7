"""What the HTTP API asks of the router: explanations, counts, policies. Nothing here changes anything."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from countersign_router.api.explaining import dry_scored, explained
from countersign_router.api.models.cases import DryRouting, DryRun
from countersign_router.api.models.drafts import DiagnosticView
from countersign_router.api.models.matrix import AuditedError, LevelCount, MatrixCell, MatrixView
from countersign_router.api.models.policies import DecisionTypeEntry, PolicyEntry, PolicyView
from countersign_router.domain.controls import DEFAULT_TENANT, Controls, read_controls
from countersign_router.domain.draws import Draws
from countersign_router.domain.policy import BANDS, LEVEL_NAMES, TIERS, Policy
from countersign_router.domain.sampling import audit_probability
from countersign_router.language.loading import PolicyRefused, load_policy
from countersign_router.policy_shelf import PolicyShelf, Shelved
from countersign_router.replaying.estimates import MINIMUM, interval
from countersign_router.store import CellChance, CellErrors, Store, StoredPolicy
from countersign_shared.clock import Clock
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.observability import Metrics


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
        doubts = () if shelved is None else shelved.loaded.doubts
        return PolicyView(
            **entry.model_dump(), document=document, yaml=found.data.decode(errors="replace"),
            diagnostics=[DiagnosticView.model_validate(replace(one, severity="warning")) for one in doubts],
        )  # fmt: skip

    async def in_force(self, tenant: str, decision_type: str) -> Shelved | None:
        """Return the policy that speaks for a tenant's cases of a decision type."""
        sha256 = (await self.controls()).policy(tenant, decision_type)
        return None if sha256 is None else self.shelf.get(sha256)

    async def dry_run(self, asked: DryRun, tenants: frozenset[str]) -> DryRouting | None:
        """Explain a case under the policy named, published or a draft of these tenants; None when there is none.

        ``PolicyRefused``: the text that came along cannot be used.
        """
        controls = await self.controls()
        if asked.yaml is not None:
            tried = await asyncio.to_thread(
                load_policy, asked.yaml.encode(), name="the policy", decision_types=self.decision_types,
                published_at=self.clock(),
            )  # fmt: skip
            return self._explained(asked, tried.policy, controls)
        sha256 = asked.policy_sha256 or controls.policy(asked.tenant, asked.decision_type)
        policy = None if sha256 is None else await self._policy(sha256, tenants, own=asked.policy_sha256 is None)
        return None if policy is None else self._explained(asked, policy, controls)

    def _explained(self, asked: DryRun, policy: Policy, controls: Controls) -> DryRouting | None:
        if policy.decision_type != asked.decision_type:
            return None
        scored = dry_scored(asked, self.decision_types[asked.decision_type])
        return explained(scored, policy, controls, self.clock(), self.draws)

    async def _policy(self, sha256: str, tenants: frozenset[str], *, own: bool) -> Policy | None:
        """Return a policy by its hash: the one that speaks for the case, or one of these tenants."""
        await self.shelf.fetch({sha256}, self.store.policy_document)
        shelved = self.shelf.get(sha256)
        if shelved is not None:
            policy = shelved.loaded.policy
            return policy if own or tenants & {"*", policy.tenant} else None
        text = await self.store.draft_document(sha256, None if "*" in tenants else sorted(tenants))
        if text is None:
            return None
        try:
            # Not shelved: what is on the shelf was published, and has its date.
            return load_policy(
                text, name="the draft", decision_types=self.decision_types, published_at=self.clock(), published=True
            ).policy
        except PolicyRefused:
            return None

    async def matrix(self, decision_type: str, tenant: str | None, hours: int) -> MatrixView:
        """Return the matrix in force with the counts of the last hours."""
        since = self.clock() - timedelta(hours=hours)
        shelved = await self.in_force(tenant or DEFAULT_TENANT, decision_type)
        counts = await self.store.cells(since, decision_type, tenant)
        cells = []
        if shelved is not None:
            policy = shelved.loaded.policy
            judged = await self.store.cell_errors(since, decision_type, tenant, _audit_chances(policy))
            errors = {(one.tier, one.band): one for one in judged}
            cells = [_cell(policy, tier, band, counts, errors.get((tier, band))) for tier in TIERS for band in BANDS]
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
                policy_in_force=controls.policy(DEFAULT_TENANT, name), default_queue=one.default_queue,
                queues=None if one.queues is None else sorted(one.queues),
                skills=None if one.skills is None else sorted(one.skills),
            )
            for name, one in sorted(self.decision_types.items())
        ]  # fmt: skip

    async def automatic_since(self, tenant: str, decision_type: str, moment: datetime) -> int:
        """Count a scope's automatic decisions since a moment."""
        total, _ = await self.store.recent_automatic(moment, None, tenant, decision_type, 0)
        return total


def _audit_chances(policy: Policy) -> list[CellChance]:
    """The least chance of an audit in each automatic cell: `by` can only raise it."""
    return [
        CellChance(tier, band, chance)
        for tier in TIERS
        for band in BANDS
        if (chance := audit_probability(policy, policy.matrix[tier][band], 0.0)) > 0.0
    ]


def _audited(found: CellErrors | None) -> AuditedError:
    if found is None:
        return AuditedError(judged=0, errors=0, rate=None, lower=0.0, upper=1.0, kept=0, kept_errors=0)
    lower, upper = interval(found.kept_errors, found.kept)
    return AuditedError(
        judged=found.judged, errors=found.errors, kept=found.kept, kept_errors=found.kept_errors, lower=lower,
        upper=upper, rate=found.wrong / found.weight if found.judged >= MINIMUM else None,
    )  # fmt: skip


def _cell(policy: Policy, tier: str, band: str, counts: list[Any], errors: CellErrors | None) -> MatrixCell:
    found = [one for one in counts if (one.tier, one.band) == (tier, band)]
    return MatrixCell(
        tier=tier, band=band, level=policy.matrix[tier][band], cases=sum(one.cases for one in found),
        automatic=sum(one.automatic for one in found), audited=_audited(errors),
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
