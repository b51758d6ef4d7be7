"""Approving a draft, and publishing what another person approved."""

import asyncio
from dataclasses import replace
from uuid import UUID

import orjson

from countersign_router.controls.events import Fact
from countersign_router.domain.doubts import VoidedCertificate
from countersign_router.domain.signatures import UNKNOWN, Signature, require_signed, sign
from countersign_router.language.loading import read_document
from countersign_router.life.drafting import Types, compiled
from countersign_router.life.facts import policy_fact, tell
from countersign_router.life.in_force import in_force, put_in_force
from countersign_router.life.progress import certificates_voided
from countersign_router.life.refusals import AlreadyInForce, DraftUnknown, VersionTaken
from countersign_router.life.steps import APPROVAL, WORKERS, Asked, Caller, Held, carry_out, signatures
from countersign_router.repeats import Once
from countersign_router.store import Change, ControlChange, Store, StoredDraft, StoredPolicy, StoredStep
from countersign_shared.clock import rfc3339


async def approve(
    store: Store, *, draft_id: UUID, named: str, comment: str | None, caller: Caller, once: Once | None = None
) -> None:
    """Sign the hash of a draft that has been tested and replayed; signing again renews the signature."""

    async def work(held: Held[Change]) -> None:
        draft, moment = held.draft, held.moment
        known = await held.change.hold_standings({caller.pseudonym})
        signature = sign(
            APPROVAL, sha256=draft.sha256, named=named, signer=caller.signer, authors=draft.authors, now=moment,
            standing=known.get(caller.pseudonym, UNKNOWN), tenant=draft.tenant,
        )  # fmt: skip
        held.require_examined()
        until = rfc3339(moment + APPROVAL.lasts)
        step = StoredStep(
            draft.id, draft.sha256, "approved", True, signature.pseudonym, signature.role, moment,
            orjson.dumps({"expires_at": until, "comment": comment}),
        )  # fmt: skip
        await held.change.add_step(step)
        voided = certificates_voided(await held.change.present_controls(), draft, moment)
        fact = policy_fact(
            "policy.approved", draft, comment=comment, expires_at=until, certificates_voided=_ids(voided)
        )
        await tell(held.change, draft.tenant, draft.decision_type, fact, actor=held.actor, moment=moment)

    await carry_out(store.change(), draft_id, Asked("approve", caller, APPROVAL.roles, named, once), work)


async def publish(
    store: Store, types: Types, *, draft_id: UUID, named: str, reason: str, caller: Caller, once: Once | None = None
) -> None:
    """Put an approved draft into force for every router, as a version that never changes.

    Waits for the batches in flight (``BatchInFlightError``), which end under the version that they began with.
    """
    seen = await store.draft(draft_id)
    if seen is None or not caller.sees(seen.tenant):
        raise DraftUnknown(f"there is no draft {draft_id}")
    if seen.state == "open":
        # What cannot be used any more, because its decision type has changed, must not come into force.
        await asyncio.to_thread(compiled, seen.document, types, published=seen.returns)

    async def work(held: Held[ControlChange]) -> None:
        held.require_examined()
        signed = await _signed(held)
        voided = certificates_voided(await held.change.present_controls(), held.draft, held.moment)
        await _put(held, signed, reason, _ids(voided))

    await carry_out(store.control_change(), draft_id, Asked("publish", caller, WORKERS, named, once), work)


async def _signed(held: Held[ControlChange]) -> tuple[Signature, ...]:
    """Return the signatures that count now; who lost the role since signing does not."""
    given = signatures(held.draft, held.steps)
    known = await held.change.hold_standings({one.pseudonym for one in given})
    return require_signed(
        APPROVAL, sha256=held.draft.sha256, authors=held.draft.authors, signatures=given, now=held.moment,
        standings=known, tenant=held.draft.tenant,
    )  # fmt: skip


def _ids(voided: list[VoidedCertificate]) -> list[str]:
    return [one.certificate.id for one in voided]


async def _put(held: Held[ControlChange], signed: tuple[Signature, ...], reason: str, voided: list[str]) -> None:
    change, draft, moment = held.change, held.draft, held.moment
    before = await in_force(change, draft.tenant, draft.decision_type)
    if before is not None and before.sha256 == draft.sha256:
        raise AlreadyInForce(f"version {draft.version} routes already")
    version = await _version(held, reason)
    await put_in_force(
        change, version, read_document(draft.document, name=draft.decision_type), actor=held.actor, moment=moment,
        signatures=[{"pseudonym": one.pseudonym, "role": one.role, "signed_at": rfc3339(one.signed_at)}
                    for one in signed],
    )  # fmt: skip
    await change.end_draft(draft.id, moment)
    fact = _published(draft, reason, None if before is None else before.version, signed, voided)
    await tell(change, draft.tenant, draft.decision_type, fact, actor=held.actor, moment=moment)


async def _version(held: Held[ControlChange], reason: str) -> StoredPolicy:
    """Return the version to put into force, stored now when it is new."""
    draft = held.draft
    version = StoredPolicy(
        draft.sha256, draft.tenant, draft.decision_type, draft.version, draft.automation_sha256, held.moment,
        held.actor.pseudonym, reason,
    )  # fmt: skip
    if draft.returns:
        found = await held.change.policy_published_at(draft.sha256)
        return replace(version, published_at=found)
    newest = await held.change.newest_version(draft.tenant, draft.decision_type)
    if newest is not None and draft.version <= newest:
        raise VersionTaken(f"version {newest} was published meanwhile; raise `version` to {newest + 1} or higher")
    await held.change.add_policy(version, draft.document)
    return version


def _published(
    draft: StoredDraft, reason: str, previous: int | None, signed: tuple[Signature, ...], voided: list[str]
) -> Fact:
    kind = "policy.rolled_back" if draft.returns else "policy.published"
    return policy_fact(
        kind, draft, comment=reason, previous_version=previous, authors=list(draft.authors),
        approved_by=[one.pseudonym for one in signed], certificates_voided=voided,
    )  # fmt: skip
