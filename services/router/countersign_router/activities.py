"""Kafka in, beside the cases: what review says on activity.recorded of people and of judged decisions."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, TypeVar

from countersign_router.domain.draws import Draws
from countersign_router.life.late_losses import note_people
from countersign_router.life.people_facts import KINDS, person_change
from countersign_router.store import NewJudgement, Store
from countersign_shared.errors import FatalError
from countersign_shared.messaging.cloudevents import Unreadable, read_event
from countersign_shared.messaging.consumer import Handler
from countersign_shared.messaging.records import Message, Record
from countersign_shared.observability.faults import named

TOPIC = "activity.recorded"
REVIEW = "/countersign/review"
"""Only review speaks for people and for what they judged."""
ABOUT_PEOPLE = b'"user.'
"""In every activity about a user; most activities are not, and need not be read."""
ABOUT_JUDGEMENTS = b'"audit.judged"'
JUDGED = frozenset({"audit.judged"})
Said = TypeVar("Said")


class ActivityIntake:
    """Takes what is said of people and of judged decisions into the store, and hands everything else on."""

    def __init__(self, store: Store, draws: Draws, others: Handler) -> None:
        self._store = store
        self._draws = draws
        self._others = others

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Note activities first, then handle the other records; returns what those come to.

        An activity of review's of these kinds that cannot be read is one of our own gone wrong: ``FatalError``, for the
        next signature or figure might rest on it. What is not even an event of review's is somebody else's.
        """
        rest = [record for record in records if record.topic != TOPIC]
        if len(rest) < len(records):
            await self._note([record for record in records if record.topic == TOPIC])
        return await self._others(rest) if rest else ()

    async def _note(self, records: Sequence[Record]) -> None:
        if people := _read(records, ABOUT_PEOPLE, KINDS, person_change):
            await note_people(self._store, people)
        judged = _read(records, ABOUT_JUDGEMENTS, JUDGED, self._judgement)
        if drawn := [one for one in judged if one is not None]:
            await self._store.note_judgements(drawn)

    def _judgement(self, body: dict[str, Any]) -> NewJudgement | None:
        """Read a judged decision; None for one that chance did not ask for: only random ones estimate anything."""
        fact, tenant, case_id = body["body"], body["tenant"], body["case_id"]
        audit = fact["routing"]["sampling"]["audit"]
        if not audit["selected"]:
            return None
        return NewJudgement(
            tenant, case_id, str(body["decision_type"]), bool(fact["error"]), float(audit["probability"]),
            self._draws("thin", tenant, case_id), datetime.fromisoformat(body["occurred_at"]),
        )  # fmt: skip


def _read(
    records: Sequence[Record], mark: bytes, kinds: frozenset[str], reader: Callable[[dict[str, Any]], Said]
) -> list[Said]:
    return [found for record in records for found in _said(record, mark, kinds, reader)]


def _said(
    record: Record, mark: bytes, kinds: frozenset[str], reader: Callable[[dict[str, Any]], Said]
) -> Sequence[Said]:
    if record.value is None or mark not in record.value:
        return ()
    try:
        event = read_event(record)
        if event.source != REVIEW or event.body["kind"] not in kinds:
            return ()
        return (reader(event.body),)
    except (Unreadable, KeyError, TypeError, ValueError) as error:
        if record.header("ce_source") != REVIEW.encode():
            return ()
        place = f"{record.topic}[{record.partition}]@{record.offset}"
        raise FatalError(f"{place} is an activity of ours and cannot be read: {named(error)}") from error
