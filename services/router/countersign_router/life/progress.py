"""How far drafts are, and what publishing one would do. Nothing here changes anything."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import orjson

from countersign_router.domain.controls import ANY, DEFAULT_TENANT, Controls, read_controls
from countersign_router.domain.doubts import VoidedCertificate
from countersign_router.domain.signatures import Signature, SignatureRefusal, require_signed
from countersign_router.language.loading import read_document
from countersign_router.life.in_force import InForce, automation_terms, keeps, policy_key, read_in_force
from countersign_router.life.steps import APPROVAL, current, replayed, signatures, tested
from countersign_router.store import ControlKey, Store, StoredDraft, StoredStep

ALONE = replace(APPROVAL, count=1)
"""The rule for one signature by itself."""


@dataclass(frozen=True, slots=True)
class Approval:
    """A signature on a draft as it is now, until when it counts, and why it does not (None: it does)."""

    signature: Signature
    expires_at: datetime
    comment: str | None
    void: SignatureRefusal | None


@dataclass(frozen=True, slots=True)
class Progress:
    """A draft, the newest steps that count for it as it is now, and what is still missing."""

    draft: StoredDraft
    tested: StoredStep | None
    replayed: StoredStep | None
    approvals: tuple[Approval, ...]
    needs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Effect:
    """What publishing a draft would do."""

    progress: Progress
    in_force: InForce | None
    automation_changes: bool
    certificates_voided: tuple[VoidedCertificate, ...]


async def progress(store: Store, drafts: Sequence[StoredDraft], now: datetime) -> list[Progress]:
    """Look how far drafts are."""
    taken = await store.steps([one.id for one in drafts])
    signers = {one.pseudonym for one in taken if one.step == "approved"}
    standings = await store.standings(signers)

    def void(draft: StoredDraft, signature: Signature) -> SignatureRefusal | None:
        if draft.state != "open":
            return None  # It has been used; what becomes of the signer later does not matter.
        try:
            require_signed(
                ALONE, sha256=draft.sha256, authors=draft.authors, signatures=[signature], now=now,
                standings=standings, tenant=draft.tenant,
            )  # fmt: skip
        except SignatureRefusal as refusal:
            return refusal
        return None

    found = []
    for draft in drafts:
        steps = [one for one in taken if one.draft_id == draft.id]
        comments = {one.done_at: orjson.loads(one.result).get("comment") for one in current(draft, steps, "approved")}
        approvals = tuple(
            Approval(one, one.signed_at + APPROVAL.lasts, comments.get(one.signed_at), void(draft, one))
            for one in signatures(draft, steps)
        )
        needs = tuple(_needs(draft, steps, approvals))
        newest = _newest(draft, steps, "tested"), _newest(draft, steps, "replayed")
        found.append(Progress(draft, *newest, approvals, needs))
    return found


async def effect(store: Store, draft: StoredDraft, controls: Controls, now: datetime) -> Effect:
    """Say what publishing a draft would do: whether automation changes, and which certificates it would void."""
    control = await store.control(policy_key(draft.tenant, draft.decision_type))
    before = None if control is None else read_in_force(control)
    (one,) = await progress(store, [draft], now)
    changes = before is None or before.automation_sha256 != draft.automation_sha256
    return Effect(one, before, changes, tuple(_voided(draft, before, controls, now)))


def certificates_voided(
    present: Iterable[tuple[ControlKey, bytes]], draft: StoredDraft, now: datetime
) -> list[VoidedCertificate]:
    """Return the live certificates that publishing a draft would void, of the controls with their bodies."""
    bodies = dict(present)
    control = bodies.get(policy_key(draft.tenant, draft.decision_type))
    before = None if control is None else read_in_force(control)
    return _voided(draft, before, read_controls([orjson.loads(body) for body in bodies.values()]), now)


def _voided(draft: StoredDraft, before: InForce | None, controls: Controls, now: datetime) -> list[VoidedCertificate]:
    """Return the certificates that hold now and would be bound to another policy, or promise less than is asked for."""
    if before is None:
        return []
    terms = automation_terms(read_document(draft.document, name=draft.decision_type))
    same = before.automation_sha256 == draft.automation_sha256
    return [
        VoidedCertificate(tenant, tier, one)
        for (tenant, decision_type, tier), one in sorted(controls.certificates.items())
        if decision_type == draft.decision_type
        and _speaks_for(draft, tenant, controls)
        and one.automation_sha256 == before.automation_sha256
        and (one.expires_at is None or now < one.expires_at)
        and keeps(before.terms, tier, one) and not (same and keeps(terms, tier, one))
    ]  # fmt: skip


def _speaks_for(draft: StoredDraft, tenant: str, controls: Controls) -> bool:
    """Tell whether a draft's policy is the one of a tenant: its own, or the default tenant's where it has none."""
    if tenant in {draft.tenant, ANY}:
        return True
    return draft.tenant == DEFAULT_TENANT and (tenant, draft.decision_type) not in controls.policies


def _newest(draft: StoredDraft, steps: Sequence[StoredStep], step: str) -> StoredStep | None:
    return next(reversed(current(draft, list(steps), step)), None)


def _needs(draft: StoredDraft, steps: list[StoredStep], approvals: tuple[Approval, ...]) -> list[str]:
    if draft.state != "open":
        return []
    signed = {one.signature.pseudonym for one in approvals if one.void is None}
    missing = {
        "test": not tested(draft, steps),
        "replay": not replayed(draft, steps),
        "approval": len(signed) < APPROVAL.count,
    }
    return [*(step for step, wanted in missing.items() if wanted), "publish"]
