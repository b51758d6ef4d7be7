"""The events that follow from a changed control: its whole new state, and the fact that somebody changed it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson

from countersign_router.domain.controls import ANY, DEFAULT_TENANT
from countersign_router.store import ControlChange, ControlKey
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.control import control_key
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Message

SOURCE = "/countersign/router"


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did something: a person by pseudonym and role, or a service."""

    pseudonym: str
    role: str | None = None

    def wire(self) -> dict[str, Any]:
        """Return the actor as it stands in activities."""
        kind = "service" if self.role is None else "person"
        return {"kind": kind, "pseudonym": self.pseudonym, "role": self.role}


ROUTER = Actor("router")
FEEDBACK = Actor("feedback")


@dataclass(frozen=True, slots=True)
class Fact:
    """What an activity says: its kind and that kind's body."""

    kind: str
    body: Mapping[str, Any]


async def change_control(
    change: ControlChange, key: ControlKey, state: Mapping[str, Any], *,
    actor: Actor, signatures: Sequence[Mapping[str, Any]], fact: Fact, moment: datetime, above: int = 0,
) -> dict[str, Any]:  # fmt: skip
    """Store a control's new state with its next revision, and announce it and the fact; returns the event's body.

    The revision is higher than ``above`` too, where others have seen that one.
    """
    before = await change.find(key)
    revision = max(0 if before is None else before.revision, above) + 1
    event_id, message = control_event(
        key, state, revision=revision, changed_by=actor, signatures=signatures, moment=moment
    )
    activities = 0 if before is None else before.activities
    await change.put(
        key, revision=revision, activities=activities, changed_at=moment, event_id=event_id, message=message
    )
    await record(change, key, Fact(fact.kind, {**fact.body, **_revision(fact, revision)}), actor=actor, moment=moment)
    body: dict[str, Any] = orjson.loads(message.value)
    return body


def control_event(
    key: ControlKey, state: Mapping[str, Any], *, revision: int, changed_by: Actor,
    signatures: Sequence[Mapping[str, Any]], moment: datetime,
) -> tuple[str, Message]:  # fmt: skip
    """Write the event of a control's state; returns its id and the message."""
    body = {
        "kind": key.kind, "tenant": key.tenant, "decision_type": key.decision_type, "tier": key.tier,
        "revision": revision, "changed_at": rfc3339(moment), "changed_by": changed_by.pseudonym,
        "signatures": list(signatures), "state": dict(state),
    }  # fmt: skip
    name = control_key(*key.parts)
    event_id = derived_event_id(key.tenant, name.decode(), "control.changed", revision)
    message = write_event(
        "control.changed", event_id=event_id, source=SOURCE, case_id=name.decode(), time=rfc3339(moment),
        body=orjson.dumps(body), partition=None, key=name,
    )  # fmt: skip
    return event_id, message


def control_fact(kind: str, key: ControlKey, reason: str, state: Mapping[str, Any] | None = None) -> Fact:
    """Return the fact that something happened to a control."""
    return Fact(kind, {
        "control": key.kind, "decision_type": key.decision_type, "tier": key.tier, "reason": reason, "state": state,
    })  # fmt: skip


def _revision(fact: Fact, revision: int) -> dict[str, int]:
    return {"revision": revision} if fact.kind.startswith("control.") else {}


async def record(change: ControlChange, key: ControlKey, fact: Fact, *, actor: Actor, moment: datetime) -> None:
    """Announce a fact about a control, numbered per control so that a hole shows."""
    number = await change.count_activity(key)
    name = control_key(*key.parts).decode()
    event_id = derived_event_id(key.tenant, name, "activity", number)
    body = {
        # An activity belongs to one tenant; what concerns all of them is kept with the default one.
        "tenant": DEFAULT_TENANT if key.tenant == ANY else key.tenant,
        "case_id": None, "decision_type": None if key.decision_type == ANY else key.decision_type,
        "entity_id": name, "sequence": number, "occurred_at": rfc3339(moment), "actor": actor.wire(),
        "kind": fact.kind, "body": fact.body,
    }  # fmt: skip
    message = write_event(
        "activity.recorded", event_id=event_id, source=SOURCE, case_id=name, time=rfc3339(moment),
        body=orjson.dumps(body), partition=None,
    )  # fmt: skip
    await change.announce(message, event_id, moment)


def republished(key: ControlKey, headers: tuple[tuple[str, bytes], ...], body: bytes) -> Message:
    """Return a stored control's event exactly as it was published."""
    return Message("control.changed", None, control_key(*key.parts), body, headers)
