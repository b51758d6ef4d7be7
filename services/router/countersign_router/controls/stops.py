"""The stop switch: one person halts automation, two people turn it back on.

A stop waits for the batches in flight and holds every later one back until it has committed, so no automatic decision
bears a time after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any
from uuid import UUID

import orjson

from countersign_router.controls.events import Actor, change_control, control_fact, record
from countersign_router.domain.controls import ANY, Controls
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
from countersign_router.repeats import Once, earlier, remember
from countersign_router.store import AutomaticDecision, ControlChange, ControlKey, ReleaseRequest, Store
from countersign_shared.clock import rfc3339
from countersign_shared.errors import CountersignError
from countersign_shared.observability import Metrics

RECENT_SECONDS = 60
PREVIEW_SECONDS = 3600
MAX_LISTED = 1_000
RULE = Rule(roles=frozenset({"operator", "admin", "lead"}), count=2, lasts=timedelta(hours=24))
"""Who must agree that automation goes on; a request nobody confirms within a day belongs to another situation."""


class StopRefusal(CountersignError):  # noqa: N818 - a refusal, not a fault
    """What was asked of the stop switch cannot be done."""

    code = "stop_refused"


class NotStopped(StopRefusal):
    """Nothing is stopped for this scope."""

    code = "not_stopped"


class RequestUnknown(StopRefusal):
    """There is no such request."""

    code = "request_unknown"


class RequestStale(StopRefusal):
    """The request has expired, was confirmed already, or the switch has changed since."""

    code = "request_stale"


class SamePerson(StopRefusal):
    """Whoever asked cannot be the one who confirms."""

    code = "same_person"


class NotSigned(StopRefusal):
    """A signature does not count; ``code`` is that of the refusal."""

    def __init__(self, refusal: SignatureRefusal) -> None:
        super().__init__(str(refusal))
        self.code = refusal.code


@dataclass(frozen=True, slots=True)
class Stopped:
    """A stop in force: its event's body, and what the machine had decided shortly before."""

    control: dict[str, Any]
    recent_total: int
    recent: list[AutomaticDecision]


async def stop(
    store: Store, *, tenant: str, decision_type: str, reason: str, actor: Actor, once: Once | None = None
) -> Stopped:
    """Halt automation of a scope (``*`` for all) now; stopping what is stopped changes nothing."""
    key = ControlKey("stop", tenant, decision_type)
    async with store.control_change() as change:
        given = await earlier(change, actor.pseudonym, once)
        if given is None:
            moment = await change.moment()
            given = {"control": await _stop(change, key, reason, actor, moment), "at": rfc3339(moment)}
            await remember(change, actor.pseudonym, once, given, moment)
    until = datetime.fromisoformat(given["at"])
    since = until - timedelta(seconds=RECENT_SECONDS)
    total, recent = await store.recent_automatic(since, until, tenant, decision_type, MAX_LISTED)
    return Stopped(given["control"], total, recent)


async def _stop(change: ControlChange, key: ControlKey, reason: str, actor: Actor, moment: datetime) -> dict[str, Any]:
    before = await change.find(key)
    control: dict[str, Any] = {} if before is None else orjson.loads(before.body)
    if control and control["state"]["active"]:
        return control
    state = {"active": True, "reason": reason, "expires_at": None}
    return await change_control(
        change, key, state, actor=actor, signatures=[_signature(actor, moment)],
        fact=control_fact("control.changed", key, reason, state), moment=moment,
    )  # fmt: skip


async def request_release(
    store: Store, *, request_id: UUID, tenant: str, decision_type: str, reason: str, actor: Actor,
    once: Once | None = None,
) -> ReleaseRequest:  # fmt: skip
    """Ask for automation to go on; somebody else must confirm. ``NotStopped`` when there is nothing to release."""
    key = ControlKey("stop", tenant, decision_type)
    async with store.control_change() as change:
        given = await earlier(change, actor.pseudonym, once)
        known = None if given is None else await change.find_request(UUID(given["request_id"]))
        if known is not None:
            return known
        moment = await change.moment()
        before = await change.find(key)
        if before is None or not orjson.loads(before.body)["state"]["active"]:
            raise NotStopped(f"automation is not stopped for {scope_name(tenant, decision_type)}")
        request = ReleaseRequest(
            id=request_id, tenant=tenant, decision_type=decision_type, revision=before.revision,
            requested_by=actor.pseudonym, role=actor.role or "", reason=reason, requested_at=moment,
            expires_at=moment + RULE.lasts,
        )  # fmt: skip
        await change.add_request(request)
        await record(change, key, control_fact("control.requested", key, reason, None), actor=actor, moment=moment)
        await remember(change, actor.pseudonym, once, {"request_id": str(request_id)}, moment)
    return request


async def confirm_release(store: Store, *, request_id: UUID, actor: Actor, once: Once | None = None) -> dict[str, Any]:
    """Turn automation back on as the second person; returns the control's event body.

    ``RequestUnknown``, ``RequestStale`` or ``SamePerson`` say why not; a refused second signature is on the record.
    """
    refusal: StopRefusal | None = None
    control: dict[str, Any] = {}
    async with store.control_change() as change:
        given = await earlier(change, actor.pseudonym, once)
        if given is not None:
            return given
        moment = await change.moment()
        request = await change.find_request(request_id)
        if request is None:
            raise RequestUnknown(f"there is no request {request_id}")
        key = ControlKey("stop", request.tenant, request.decision_type)
        before = await change.find(key)
        people = await change.hold_standings({request.requested_by, actor.pseudonym})
        counted = _counted(request, b"" if before is None else before.body, actor, people, moment)
        if isinstance(counted, StopRefusal):
            refusal = counted
            await record(change, key, control_fact("control.refused", key, str(refusal)), actor=actor, moment=moment)
        else:
            await change.confirm_request(request.id, actor.pseudonym, moment)
            state = {"active": False, "reason": request.reason, "expires_at": None}
            control = await change_control(
                change, key, state, actor=actor, signatures=[_wire(one) for one in counted],
                fact=control_fact("control.changed", key, request.reason, state), moment=moment,
            )  # fmt: skip
            await remember(change, actor.pseudonym, once, control, moment)
    if refusal is not None:
        raise refusal
    return control


def _counted(
    request: ReleaseRequest, control: bytes, actor: Actor, people: Mapping[str, Standing], moment: datetime
) -> tuple[Signature, ...] | StopRefusal:
    """Return the two signatures on the switch as it is (its event's bytes), or why they do not turn it off."""
    if request.confirmed_at is not None:
        return RequestStale(f"request {request.id} was confirmed by {request.confirmed_by} already")
    if moment >= request.expires_at:
        return RequestStale(f"request {request.id} expired at {rfc3339(request.expires_at)}")
    if not control or orjson.loads(control)["revision"] != request.revision:
        return RequestStale(f"the switch has changed since request {request.id} was made")
    if actor.pseudonym == request.requested_by:
        return SamePerson("turning automation back on needs two different people")
    digest = sha256(control).hexdigest()
    first = Signature(request.requested_by, request.role, digest, request.requested_at)
    try:
        second = sign(
            RULE, sha256=digest, named=digest, signer=Signer(actor.pseudonym, frozenset({actor.role or ""})),
            authors=(), now=moment, standing=people.get(actor.pseudonym, UNKNOWN), tenant=request.tenant,
        )  # fmt: skip
        return require_signed(
            RULE, sha256=digest, authors=(), signatures=(first, second), now=moment, standings=people,
            tenant=request.tenant,
        )  # fmt: skip
    except SignatureRefusal as refused:
        return NotSigned(refused)


def _wire(signature: Signature) -> dict[str, Any]:
    return _signature(Actor(signature.pseudonym, signature.role), signature.signed_at)


def _signature(actor: Actor, moment: datetime) -> dict[str, Any]:
    return {"pseudonym": actor.pseudonym, "role": actor.role, "signed_at": rfc3339(moment)}


def scope_name(tenant: str, decision_type: str) -> str:
    """Name a scope for people and for the metric's label."""
    parts = [f"{word} {name}" for word, name in (("tenant", tenant), ("decision type", decision_type)) if name != ANY]
    return ", ".join(parts) or "all"


def show_stops(metrics: Metrics, controls: Controls) -> None:
    """Set the gauge of stop switches: 1 for each that holds; one that was released disappears."""
    gauge = metrics.gauge("automation_stopped")
    gauge.clear()
    gauge.labels(scope="all").set(0)
    for tenant, decision_type in controls.stops:
        gauge.labels(scope=scope_name(tenant, decision_type)).set(1)
