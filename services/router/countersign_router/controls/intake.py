"""Kafka in, beside the cases: evidence about automation becomes part of the controls table, which is the truth.

Every replica follows the topic and does the same; the table's lock and the revisions make it happen once.
"""

import logging
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import orjson

from countersign_router.controls.events import (
    FEEDBACK,
    ROUTER,
    Fact,
    change_control,
    control_event,
    control_fact,
    record,
)
from countersign_router.controls.records import HELD, Claim, Refused, read_control, unread_state
from countersign_router.domain.control_rules import OWN_KINDS, Arrival, arrival, gives_way, is_loosened, withdraws
from countersign_router.domain.controls import ANY, lowers
from countersign_router.store import ControlChange, ControlKey, Store
from countersign_shared.messaging.dead_letters import dead_letter
from countersign_shared.messaging.records import Record
from countersign_shared.observability import Metrics

log = logging.getLogger(__name__)

SERVICE = "router"
TOPIC = "control.changed"


class ControlIntake:
    """Takes records of ``control.changed`` in: believes, ignores or refuses each."""

    def __init__(self, store: Store, metrics: Metrics) -> None:
        self._store = store
        self._metrics = metrics

    async def __call__(self, records: Sequence[Record]) -> None:
        """Take records in, in their order; what changes anything waits for the batches in flight, the rest does not."""
        news = await self._news([read_control(one) for one in records])
        if not news:
            return
        refused: list[Refused] = []
        async with self._store.control_change() as change:
            moment = await change.moment()
            for one in news:
                found = one if isinstance(one, Refused) else await _take(change, one, moment)
                if found is not None and await _refuse(change, found, moment):
                    refused.append(found)
        for one in refused:
            log.critical("a control is not believed: %s at %s: %s", one.reason, one.pointer or "/", one.detail)
            self._metrics.counter("dead_letters_total").labels(service=SERVICE, reason=one.reason).inc()

    async def _news(self, read: Sequence[Claim | Refused]) -> list[Claim | Refused]:
        """Leave out what is known: the topic comes whole at every start, and that must not hold up a batch."""
        hashes = [one.sha256 for one in read if isinstance(one, Refused)]
        before = await self._store.refused_controls(hashes) if hashes else set()
        news: list[Claim | Refused] = []
        for one in read:
            if isinstance(one, Refused):
                known = one.sha256 in before
            else:
                past = await self._store.past_control(one.key, one.revision)
                known = past is not None and orjson.loads(past) == one.body
            if not known:
                news.append(one)
        return news


async def _take(change: ControlChange, claim: Claim, moment: datetime) -> Refused | None:
    """Take one claim in, alone with the controls; return why it is not believed."""
    before = await change.find(claim.key)
    known = None if before is None else orjson.loads(before.body)
    past = await change.past(claim.key, claim.revision)
    if past is not None and orjson.loads(past) == claim.body:
        return None
    if claim.key.kind in OWN_KINDS:
        return await _own(change, claim, known, moment)
    if arrival(known, claim.body) is not Arrival.NEWS:
        detail = f"revision {claim.revision} was something else: its writer has lost its memory, or has a twin"
        held = claim.key if claim.key.kind in HELD else None
        return Refused(claim.record, "control_conflict", "/revision", detail, held)
    if claim.key.kind == "bands.tightened" and (why := await _gives_way(change, claim, known)) is not None:
        return Refused(claim.record, "loosened_control", "/state/limits", f"{why}; people sign that")
    await change.accept(
        claim.key, revision=claim.revision, activities=0 if before is None else before.activities, changed_at=moment,
        event_id=claim.event_id, message=claim.message(),
    )  # fmt: skip
    await _act(change, claim, moment)
    return None


async def _act(change: ControlChange, claim: Claim, moment: datetime) -> None:
    """Do what follows from accepted evidence: it tightens at once, and loosens only by people's signatures."""
    key, state = claim.key, claim.body["state"]
    kind, reason = "control.requested", "It acts once people have signed it."
    if key.kind in HELD:
        kind, reason = "control.changed", state["reason"]
        log.warning("%s: %s", claim.record.key, reason)
    elif key.kind == "certificate.proposed":
        active = ControlKey("certificate.active", key.tenant, key.decision_type, key.tier)
        stored = await change.find(active)
        live = None if stored is None else orjson.loads(stored.body)["state"]
        why = is_loosened(state, live, moment)
        if live is not None and withdraws(state, live):
            kind, reason = "control.changed", f"Evidence takes back {state['certificate_id']}."
            await _follow_evidence(change, active, {**live, "active": False}, reason, moment)
        elif not state.get("active", True) or state == live:
            kind, reason = "control.changed", "Nothing is proposed any more."
        elif why is None:
            kind, reason = "control.changed", f"It renews {state['renews']} and loosens nothing."
            await _follow_evidence(change, active, state, reason, moment)
        else:
            reason = f"It acts once people have signed it: {why}."
    await record(change, key, _numbered(claim, kind, reason), actor=FEEDBACK, moment=moment)
    if key.kind == "trip":
        await _void(change, key, state["trip_id"], moment)


async def _void(change: ControlChange, trip: ControlKey, trip_id: str, moment: datetime) -> None:
    """Take back every live certificate of a trip's scope: lifting the trip must not bring a refuted promise back."""
    for key, stored in await change.of_kind("certificate.active"):
        live = orjson.loads(stored.body)["state"]
        within = all(theirs in {ANY, ours} for theirs, ours in zip(trip.parts[1:], key.parts[1:], strict=True))
        if within and live.get("active", True):
            reason = f"The trip {trip_id} voids {live['certificate_id']}."
            await _follow_evidence(change, key, {**live, "active": False}, reason, moment)


async def _gives_way(change: ControlChange, claim: Claim, known: Mapping[str, Any] | None) -> str | None:
    """Say how raised bands would be lowered by newer evidence, if they still hold."""
    if known is None:
        return None
    stored = await change.find(ControlKey("bands.relaxed", *claim.key.parts[1:]))
    if stored is not None and lowers(orjson.loads(stored.body)["state"], known):
        return None
    return gives_way(claim.body["state"]["limits"], known["state"]["limits"])


def _numbered(claim: Claim, kind: str, reason: str) -> Fact:
    fact = control_fact(kind, claim.key, reason, claim.body["state"])
    return Fact(kind, {**fact.body, "revision": claim.revision})


async def _follow_evidence(
    change: ControlChange, key: ControlKey, state: Mapping[str, Any], reason: str, moment: datetime
) -> None:
    """Change what acts without signatures, because it only tightens."""
    await change_control(
        change, key, state, actor=ROUTER, signatures=(), fact=control_fact("control.changed", key, reason, state),
        moment=moment,
    )  # fmt: skip


async def _own(
    change: ControlChange, claim: Claim, known: Mapping[str, Any] | None, moment: datetime
) -> Refused | None:
    """Compare one of our own controls with the table, which is the truth: the topic may only be behind it.

    A topic that is ahead outlived its table (a backup was restored), or somebody else writes in our name. The table's
    state is published anew above that revision. Only a stop switch that is on is believed: that errs on the safe side.
    """
    if known is not None and claim.revision < known["revision"]:
        return None
    detail = f"the table has revision {0 if known is None else known['revision']} of {claim.key.kind}"
    if known is not None and claim.revision == known["revision"]:
        return Refused(claim.record, "control_conflict", "/revision", f"{detail} with another content")
    stop = claim.key.kind == "stop" and claim.body["state"]["active"]
    state = claim.body["state"] if stop else None if known is None else known["state"]
    if state is not None:
        reason = "The topic held a later state than the table."
        signatures = [] if stop or known is None else known["signatures"]
        await change_control(
            change, claim.key, state, actor=ROUTER, signatures=signatures, moment=moment, above=claim.revision,
            fact=control_fact("control.changed", claim.key, reason, state),
        )  # fmt: skip
    return Refused(claim.record, "ahead_of_table", "/revision", f"{detail}, the topic has {claim.revision}")


async def _refuse(change: ControlChange, refused: Refused, moment: datetime) -> bool:
    """Report a record that is not believed, once among all replicas and starts; False when it was reported before."""
    sha256 = refused.sha256
    if not await change.refuse(sha256, refused.reason, moment):
        return False
    letter = dead_letter(
        refused.record, service=SERVICE, reason=refused.reason, pointer=refused.pointer, detail=refused.detail
    )
    await change.announce(letter, f"refused-{sha256}", moment)
    if refused.held is not None:
        await _hold(change, refused.held, sha256, moment)
    return True


async def _hold(change: ControlChange, key: ControlKey, sha256: str, moment: datetime) -> None:
    """Hold a scope on the strength of a control that cannot be read or ordered: if in doubt, people decide."""
    before = await change.find(key)
    revision = 1 if before is None else before.revision + 1
    reason = f"A {HELD[key.kind]} arrived that cannot be read or put in order; the dead letters hold it."
    state = unread_state(key.kind, f"unread-{sha256[:16]}", reason)
    event_id, message = control_event(key, state, revision=revision, changed_by=ROUTER, signatures=(), moment=moment)
    await change.accept(
        key, revision=revision, activities=0 if before is None else before.activities, changed_at=moment,
        event_id=event_id, message=message,
    )  # fmt: skip
    fact = control_fact("control.changed", key, reason, state)
    await record(change, key, Fact(fact.kind, {**fact.body, "revision": revision}), actor=ROUTER, moment=moment)
    if key.kind == "trip":
        await _void(change, key, state["trip_id"], moment)
