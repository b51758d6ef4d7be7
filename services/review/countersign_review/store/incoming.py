"""Updates that come by HTTP: applied here at once, and published on `case.updated` for everybody else."""

from collections.abc import Mapping
from typing import Any

import asyncpg
import orjson
from pydantic import TypeAdapter, ValidationError

from countersign_review.domain.answer import Fault
from countersign_review.domain.events import CaseRef
from countersign_review.domain.refusals import InvalidAnswer, NotForYou, NotFound
from countersign_review.store.caller import Caller
from countersign_review.store.events import SOURCE, SQL, Connection, Journal, Outgoing
from countersign_review.store.requests import Identified, Requests
from countersign_review.store.routed import routed_of
from countersign_review.store.updates import Updates
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.contracts.events import CaseUpdated
from countersign_shared.contracts.wording import in_words
from countersign_shared.ids import derived_event_id
from countersign_shared.postgres import Queries

TOPIC = "case.updated"
ANSWERS = "information_provided"
_UPDATE: TypeAdapter[Any] = TypeAdapter(CaseUpdated)


class Incoming:
    """Takes updates from those without a Kafka client. The event comes back from the topic and is known by then."""

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, requests: Requests, updates: Updates, *, clock: Clock
    ) -> None:
        self._pool = pool
        self._journal = journal
        self._requests = requests
        self._updates = updates
        self._clock = clock
        self._queries = Queries.load(SQL / "queries.sql")
        self._actions = Queries.load(SQL / "actions.sql")

    async def accept(
        self, caller: Caller, tenant: str, case_id: str, request: Identified, *, kind: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        """Store, apply and queue an update; a body that the topic would not take is refused by field."""
        if kind != ANSWERS and not caller.profile.roles & {"lead", "operator", "submitter"}:
            raise NotForYou("A reviewer can pass on answers; anything else takes a lead, an operator or a submitter.")
        now = self._clock()

        async def work() -> dict[str, Any]:
            case = None
            if caller.acts_for(tenant):
                case = await connection.fetchrow(self._actions.case_at_hand, tenant, case_id)
            if case is None:
                raise NotFound("There is no such case.")
            ref = CaseRef.of(routed_of(case["body"]))
            return await self._take(connection, caller, ref, case["partition"], kind, body)

        async with self._pool.acquire() as connection, connection.transaction():
            # Updates are locked before reviews, and those before counters, everywhere; the update takes a number first.
            await connection.fetch(self._queries.pending_updates_of, [tenant], [case_id])
            await connection.fetch(self._queries.lock_reviews_of, tenant, case_id)
            accepted = await self._requests.once(connection, caller.profile.pseudonym, request, now, work)
        self._journal.hurry()
        return accepted

    async def _take(
        self, connection: Connection, caller: Caller, ref: CaseRef, partition: int, kind: str, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        now = self._clock()
        await connection.execute(self._queries.insert_counters, [ref.tenant], [ref.case_id], [partition])
        numbers = await self._journal.numbers(connection, ref, 1)
        event_id = derived_event_id(ref.tenant, ref.case_id, "updated", numbers.first)
        content = {
            **ref.fields(numbers.first), "kind": kind, "body": dict(body), "occurred_at": rfc3339(now),
            "submitted_by": caller.profile.pseudonym,
        }  # fmt: skip
        _check(content)
        event = Outgoing(
            topic=TOPIC, kind=f"updated.{kind}", event_id=event_id, sequence=numbers.first, body=content,
            actor=caller.profile.pseudonym,
        )  # fmt: skip
        await self._journal.write(connection, ref, [event], partition=numbers.partition, at=now)
        await connection.execute(
            self._queries.insert_updates, [ref.tenant], [ref.case_id], [SOURCE], [event_id], [kind],
            [orjson.dumps(content)], now,
        )  # fmt: skip
        rows = await connection.fetch(self._queries.pending_updates_of, [ref.tenant], [ref.case_id])
        await self._updates.apply(connection, rows)
        return {"event_id": event_id}


def _check(content: Mapping[str, Any]) -> None:
    try:
        _UPDATE.validate_python(content)
    except ValidationError as error:
        raise InvalidAnswer([
            Fault("".join(f"/{step}" for step in item["loc"][1:]), in_words(item))
            for item in error.errors(include_url=False)
        ]) from error  # fmt: skip
