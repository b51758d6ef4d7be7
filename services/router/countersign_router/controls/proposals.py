"""Two people sign what would let the machine decide more: a certificate, a calibrator, what is held back or raised.

ProposalRefusal
├── NothingWaits    there is nothing to sign there
├── SamePerson      whoever signed already is not the second person
└── NotSignable     the signature cannot be given (the refusal of ``signatures`` says why)
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import orjson

from countersign_router.controls.events import Actor, Fact, change_control, control_fact, record
from countersign_router.domain.proposals import COMES_FROM, Waiting, waiting, waits
from countersign_router.domain.signatures import (
    UNKNOWN,
    Rule,
    Signature,
    SignatureRefusal,
    Signer,
    Standing,
    require_signed,
    sign,
)
from countersign_router.domain.signatures import SignaturesMissing as Missing
from countersign_router.repeats import Once, earlier, remember
from countersign_router.store import ControlChange, ControlKey, Said, Store
from countersign_shared.clock import rfc3339
from countersign_shared.errors import CountersignError

RULE = Rule(roles=frozenset({"lead", "policy_approver"}), count=2, lasts=timedelta(hours=24))
"""A signature that nobody joins within a day belongs to another situation."""


class ProposalRefusal(CountersignError):  # noqa: N818 - a refusal, not a fault
    """What was asked of a proposal cannot be done."""

    code = "proposal_refused"


class NothingWaits(ProposalRefusal):
    """There is nothing to sign there."""

    code = "nothing_waits"


class SamePerson(ProposalRefusal):
    """Whoever signed already is not the second person."""

    code = "same_person"


class NotSignable(ProposalRefusal):
    """The signature cannot be given; ``code`` is that of the refusal."""

    def __init__(self, refusal: SignatureRefusal) -> None:
        super().__init__(str(refusal))
        self.code = refusal.code


@dataclass(frozen=True, slots=True)
class Open:
    """A change that waits, and what people have said to it."""

    waiting: Waiting
    said: Sequence[Said]


@dataclass(frozen=True, slots=True)
class Signed:
    """A change that was signed: how many signatures count, and the control's event body once they are enough."""

    signatures: int
    control: Mapping[str, Any] | None


async def open_proposals(store: Store, now: datetime) -> list[Open]:
    """Return everything that waits for signatures."""
    found = waiting([orjson.loads(body) for _, _, body in await store.controls()], now)
    said = await store.control_signatures([one.sha256 for one in found])
    return [Open(one, [each for each in said if each.sha256 == one.sha256]) for one in found]


async def sign_proposal(
    store: Store, key: ControlKey, *, sha256: str, reason: str, actor: Actor, roles: frozenset[str],
    once: Once | None = None,
) -> Signed:  # fmt: skip
    """Sign the change that would make ``key``; the second signature brings it into force.

    A ``ProposalRefusal`` says why not; it is on the record unless there was nothing to sign.
    """
    refusal: ProposalRefusal | None = None
    counted, control = 0, None
    async with store.control_change() as change:
        before = await earlier(change, actor.pseudonym, once)
        if before is not None:
            return Signed(before["signatures"], before["control"])
        moment = await change.moment()
        found = await _find(change, key, moment)
        said = [one for one in await change.said(found.sha256) if one.signed]
        standings = await change.hold_standings({actor.pseudonym, *(one.pseudonym for one in said)})
        given = _given(found, sha256, said, Signer(actor.pseudonym, roles), standings, moment)
        if isinstance(given, ProposalRefusal):
            refusal = given
            await _record(change, found, "control.refused", str(refusal), actor, moment)
        else:
            await change.say(Said(found.sha256, True, given.pseudonym, given.role, reason, moment))
            await _record(change, found, "control.approved", reason, actor, moment)
            counted, control = await _act(change, found, [*_signatures(said), given], standings, reason, actor, moment)
            await remember(change, actor.pseudonym, once, {"signatures": counted, "control": control}, moment)
    if refusal is not None:
        raise refusal
    return Signed(counted, control)


async def refuse_proposal(
    store: Store, key: ControlKey, *, sha256: str, reason: str, actor: Actor, once: Once | None = None
) -> None:
    """Refuse the change that would make ``key``: the signatures it has are void, and new ones may be given."""
    async with store.control_change() as change:
        if await earlier(change, actor.pseudonym, once) is not None:
            return
        moment = await change.moment()
        found = await _find(change, key, moment)
        if sha256 != found.sha256:
            raise NothingWaits(f"what waits there has the hash {found.sha256}: read it again")
        await change.say(Said(found.sha256, False, actor.pseudonym, actor.role or "", reason, moment))
        await _record(change, found, "control.refused", reason, actor, moment)
        await remember(change, actor.pseudonym, once, {"refused": sha256}, moment)


async def _find(change: ControlChange, key: ControlKey, moment: datetime) -> Waiting:
    source = COMES_FROM.get(key.kind)
    if source is None:
        raise NothingWaits(f"{key.kind} is no change that people sign here")
    comes_from = ControlKey(source, key.tenant, key.decision_type, key.tier)
    evidence, active = await change.find(comes_from), await change.find(key)
    found = None
    if evidence is not None:
        present = None if active is None else orjson.loads(active.body)
        calibrator = ControlKey("calibrator.active", key.tenant, key.decision_type)
        switched = await change.find(calibrator)
        known = {calibrator.parts: None if switched is None else orjson.loads(switched.body), key.parts: present}
        found = waits(known.get, orjson.loads(evidence.body), moment)
    if found is None:
        raise NothingWaits(f"nothing waits for signatures to become {'|'.join(key.parts)}")
    return found


def _given(
    found: Waiting,
    named: str,
    said: Sequence[Said],
    signer: Signer,
    standings: Mapping[str, Standing],
    moment: datetime,
) -> Signature | ProposalRefusal:
    if any(one.pseudonym == signer.pseudonym and moment < one.signed_at + RULE.lasts for one in said):
        return SamePerson(f"{signer.pseudonym} has signed already: another person must be the second")
    try:
        return sign(
            RULE, sha256=found.sha256, named=named, signer=signer, authors=(), now=moment,
            standing=standings.get(signer.pseudonym, UNKNOWN), tenant=found.becomes[1],
        )  # fmt: skip
    except SignatureRefusal as refused:
        return NotSignable(refused)


def _signatures(said: Sequence[Said]) -> list[Signature]:
    return [Signature(one.pseudonym, one.role, one.sha256, one.signed_at) for one in said if one.signed]


async def _act(
    change: ControlChange, found: Waiting, given: Sequence[Signature], standings: Mapping[str, Standing], reason: str,
    actor: Actor, moment: datetime,
) -> tuple[int, Mapping[str, Any] | None]:  # fmt: skip
    """Bring the change into force once enough people have signed it; returns how many count, and the control."""
    try:
        counted = _counted(RULE, found, given, standings, moment)
    except SignatureRefusal as refused:
        if not isinstance(refused, Missing):
            await _record(change, found, "control.refused", str(refused), actor, moment)
        return len(_counted(replace(RULE, count=1), found, given, standings, moment)), None
    key = ControlKey(*found.becomes)
    state = found.state if "reason" not in found.state else {**found.state, "reason": reason}
    wire = [{"pseudonym": one.pseudonym, "role": one.role, "signed_at": rfc3339(one.signed_at)} for one in counted]
    control = await change_control(
        change, key, state, actor=actor, signatures=wire, moment=moment,
        fact=control_fact("control.changed", key, reason, state),
    )  # fmt: skip
    return len(counted), control


def _counted(
    rule: Rule, found: Waiting, given: Sequence[Signature], standings: Mapping[str, Standing], moment: datetime
) -> tuple[Signature, ...]:
    return require_signed(
        rule, sha256=found.sha256, authors=(), signatures=given, now=moment, standings=standings,
        tenant=found.becomes[1],
    )  # fmt: skip


async def _record(
    change: ControlChange, found: Waiting, kind: str, reason: str, actor: Actor, moment: datetime
) -> None:
    key = ControlKey(*found.comes_from)
    fact = control_fact(kind, key, reason)
    body = {**fact.body, "revision": found.revision, "sha256": found.sha256}
    await record(change, key, Fact(kind, body), actor=actor, moment=moment)
