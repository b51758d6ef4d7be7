"""What review says of people on activity.recorded: who was given which roles, whose account was disabled.

A signature rests on a role, and the token that proved the role is five minutes old at most when it is given. From then
on these facts decide whether it still counts (docs/adr/0024-a-signature-counts-while-the-role-is-held.md).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from countersign_router.store import PersonChange, Store
from countersign_shared.errors import FatalError
from countersign_shared.messaging.cloudevents import Unreadable, read_event
from countersign_shared.messaging.consumer import Handler
from countersign_shared.messaging.records import Message, Record

TOPIC = "activity.recorded"
REVIEW = "/countersign/review"
"""Only review speaks for people."""
ABOUT_PEOPLE = b'"user.'
"""In every activity about a user; most activities are not, and need not be read."""
DISABLED = {"user.added": False, "user.enabled": False, "user.disabled": True}
KINDS = frozenset({*DISABLED, "user.changed"})


class PeopleIntake:
    """Takes what is said of people into the store, and hands everything else on."""

    def __init__(self, store: Store, others: Handler) -> None:
        self._store = store
        self._others = others

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Note people first, then handle the other records; returns what those come to.

        An activity about a user that cannot be read is one of our own gone wrong: ``FatalError``, for the next
        signature might rest on it.
        """
        rest = [record for record in records if record.topic != TOPIC]
        if len(rest) < len(records):
            changes = [one for record in records if record.topic == TOPIC and (one := _change(record)) is not None]
            if changes:
                await self._store.note_people(changes)
        return await self._others(rest) if rest else ()


def _change(record: Record) -> PersonChange | None:
    if record.value is None or ABOUT_PEOPLE not in record.value:
        return None
    try:
        event = read_event(record)
        if event.source != REVIEW or event.body["kind"] not in KINDS:
            return None
        return person_change(event.body)
    except (Unreadable, KeyError, TypeError, ValueError) as error:
        place = f"{record.topic}[{record.partition}]@{record.offset}"
        raise FatalError(f"{place} says something of a person and cannot be read: {error!r}") from error


def person_change(body: dict[str, Any]) -> PersonChange:
    """Read the body of a user activity."""
    fact = body["body"]
    return PersonChange(
        pseudonym=fact["user"], sequence=int(body["sequence"]), at=datetime.fromisoformat(body["occurred_at"]),
        roles=_names(fact.get("roles")), tenants=_names(fact.get("tenants")), disabled=DISABLED.get(body["kind"]),
    )  # fmt: skip


def _names(value: Any) -> tuple[str, ...] | None:
    return None if value is None else tuple(str(one) for one in value)
