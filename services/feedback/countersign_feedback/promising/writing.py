"""Writing a control: its state in the table and its event in the outbox, in one transaction."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from countersign_feedback.store.controls import ControlChange, ControlKey, OwnControl
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.control import control_key
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.cloudevents import write_event

SOURCE = "/countersign/feedback"
WRITER = "feedback"
TOPIC = "control.changed"
OWN_KINDS = frozenset({"trip", "bands.tightened", "certificate.proposed", "calibrator.proposed"})
"""Kinds that feedback alone writes."""


def next_revision(before: OwnControl | None) -> int:
    """Return the number of a control's next state."""
    return 1 if before is None else before.revision + 1


def named(key: ControlKey, revision: int, what: str) -> str:
    """Return the id of what a control's revision says: the same again for whoever computes it again."""
    return derived_event_id(key.tenant, "|".join(key.parts), what, revision)


async def write(
    change: ControlChange, key: ControlKey, state: Mapping[str, Any], *, revision: int, moment: datetime
) -> None:
    """Store a control's next state and announce it."""
    name = control_key(*key.parts)
    body = {
        "kind": key.kind, "tenant": key.tenant, "decision_type": key.decision_type, "tier": key.tier,
        "revision": revision, "changed_at": rfc3339(moment), "changed_by": WRITER, "signatures": [],
        "state": dict(state),
    }  # fmt: skip
    event_id = named(key, revision, TOPIC)
    message = write_event(
        TOPIC, event_id=event_id, source=SOURCE, case_id=name.decode(), time=rfc3339(moment),
        body=orjson.dumps(body), partition=None, key=name,
    )  # fmt: skip
    if await change.put(key, revision=revision, moment=moment, message=message):
        await change.announce(message, event_id, moment)
