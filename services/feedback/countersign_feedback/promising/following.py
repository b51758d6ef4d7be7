"""Kafka in, beside the cases: what the router has in force, and what feedback itself said before it lost its memory."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from countersign_feedback.domain.promises import State, certified
from countersign_feedback.promising.writing import OWN_KINDS, SOURCE
from countersign_feedback.store import Store
from countersign_feedback.store.controls import ControlChange, ControlKey, KnownControl
from countersign_shared.messaging.cloudevents import Event, Unreadable, read_event
from countersign_shared.messaging.records import Message, Record

log = logging.getLogger(__name__)

ROUTER = "/countersign/router"
FOLLOWED = frozenset({"policy", "certificate.active", "calibrator.active", "trip.cleared", "bands.relaxed"})
DEFAULT_TENANT = "default"
Known = Mapping[ControlKey, KnownControl]
"""The router's controls as they are followed."""


def policy_of(known: Known, tenant: str, decision_type: str) -> KnownControl | None:
    """Return the policy that routes a tenant's cases: its own, else the default tenant's."""
    own = known.get(ControlKey("policy", tenant, decision_type, "*"))
    return own or known.get(ControlKey("policy", DEFAULT_TENANT, decision_type, "*"))


class ControlIntake:
    """Takes records of ``control.changed`` in; every replica does the same, and revisions make it happen once."""

    def __init__(self, store: Store, changed: Callable[[], None]) -> None:
        self._store = store
        self._changed = changed

    async def __call__(self, records: Sequence[Record]) -> None:
        """Keep what is newer than what is known."""
        news = False
        async with self._store.control_change() as change:
            for record in records:
                news |= await _take(change, record)
        if news:
            self._changed()


async def _take(change: ControlChange, record: Record) -> bool:
    """Take one record in; what cannot be read is passed over here, because the router reports it for all."""
    try:
        event = read_event(record)
        body = event.body
        key = ControlKey(body["kind"], body["tenant"], body["decision_type"], body["tier"])
        if key.kind in FOLLOWED and event.source == ROUTER:
            return await _know(change, key, event)
        if key.kind in OWN_KINDS and event.source == SOURCE:
            message = Message(record.topic, None, record.key or b"", event.data, record.headers)
            # A topic that is ahead of the table outlived it: a backup was restored, or the tables were lost.
            moment = datetime.fromisoformat(body["changed_at"])
            news = await change.put(key, revision=body["revision"], moment=moment, message=message)
            if news and key.kind == "certificate.proposed":
                await _remember(change, key, body["state"], moment)
            return news
    except (Unreadable, KeyError, TypeError, ValueError) as error:
        log.warning("passed over %s at offset %d: %r", record.topic, record.offset, error)
    return False


async def _know(change: ControlChange, key: ControlKey, event: Event) -> bool:
    body, state = event.body, event.body["state"]
    moment = datetime.fromisoformat(body["changed_at"])
    if not await change.know(KnownControl(key, body["revision"], moment, state)):
        return False
    if key.kind == "certificate.active":
        await _remember(change, key, state, moment)
        await change.in_force(key, state["certificate_id"], moment, active=state.get("active", True))
    return True


async def _remember(change: ControlChange, key: ControlKey, state: State, moment: datetime) -> None:
    """Keep a certificate that the tables have lost: what it rests on is used up, and a trip's list begins with it."""
    await change.add_certificate(certified(state, key.tenant, key.decision_type, key.tier), state, moment)
