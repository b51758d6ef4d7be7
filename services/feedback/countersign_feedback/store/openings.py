"""Opening a person's page: an activity on the record, like every other look at it."""

from dataclasses import dataclass
from datetime import datetime

import orjson

from countersign_shared.clock import rfc3339
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Message

SOURCE = "/countersign/feedback"


@dataclass(frozen=True, slots=True)
class Opening:
    """That somebody opens a person's page: whose, who, in which role, what for, and under which request key."""

    tenant: str
    reviewer: str
    asker: str
    role: str
    purpose: str
    request_key: str | None


def opened_event(opening: Opening, number: int, moment: datetime) -> tuple[str, Message]:
    """Return the activity ``audit.read`` of an opening, numbered per person so that a hole shows."""
    entity = f"reviewer|{opening.reviewer}"
    event_id = derived_event_id(opening.tenant, entity, "opened", number)
    body = {
        "tenant": opening.tenant, "case_id": None, "decision_type": None, "entity_id": entity, "sequence": number,
        "occurred_at": rfc3339(moment),
        "actor": {"kind": "person", "pseudonym": opening.asker, "role": opening.role}, "kind": "audit.read",
        "body": {"what": "reviewer_signals", "fields": [], "purpose": opening.purpose, "entries": 1},
    }  # fmt: skip
    return event_id, write_event(
        "activity.recorded", event_id=event_id, source=SOURCE, case_id=entity, time=rfc3339(moment),
        body=orjson.dumps(body), partition=None,
    )  # fmt: skip
