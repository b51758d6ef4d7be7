"""Comments and tags on cases, and drafts of what a reviewer has not sent yet."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from countersign_review.domain.answer import Fault
from countersign_review.domain.events import CaseRef
from countersign_review.domain.refusals import InvalidAnswer, NotFound
from countersign_review.store.caller import Caller
from countersign_review.store.claimed import own
from countersign_review.store.events import SQL, Connection, Journal, activity_event
from countersign_review.store.requests import Identified, Requests
from countersign_review.store.routed import routed_of
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.ids import derived_event_id
from countersign_shared.postgres import Queries

MOST_TAGS = 50
"""Tags of one case; as many as a decision may carry."""


class Remarks:
    """Keeps what people say about a case beside their answer. Comments and tags are on the record, drafts are not."""

    def __init__(self, pool: asyncpg.Pool, journal: Journal, requests: Requests, *, clock: Clock) -> None:
        self._pool = pool
        self._journal = journal
        self._requests = requests
        self._clock = clock
        self._queries = Queries.load(SQL / "actions.sql")
        self._intake = Queries.load(SQL / "queries.sql")
        self._desk = Queries.load(SQL / "desk.sql")

    async def comment(
        self, caller: Caller, tenant: str, case_id: str, request: Identified, *, text: str
    ) -> dict[str, Any]:
        """Add a comment to a case."""
        now = self._clock()

        async def work() -> dict[str, Any]:
            ref, number, partition = await self._numbered(connection, caller, tenant, case_id)
            comment_id = derived_event_id(tenant, case_id, "comment", number)
            await connection.execute(
                self._queries.insert_comment, comment_id, tenant, case_id, caller.profile.pseudonym, now, text
            )
            await self._say(connection, caller, ref, "review.commented", (number, partition), now, note=text)
            # Not the text: what is remembered of requests is kept by caller, where an erasure would not find it.
            return {"comment_id": comment_id, "commented_at": rfc3339(now)}

        async with self._pool.acquire() as connection, connection.transaction():
            made = await self._requests.once(connection, caller.profile.pseudonym, request, now, work)
        self._journal.hurry()
        return made

    async def comments(self, caller: Caller, tenant: str, case_id: str) -> list[Any]:
        """Return a case's comments, oldest first; while somebody must answer unseen, only the caller's own."""
        case = await self._case(self._pool, caller, tenant, case_id)
        only = caller.profile.pseudonym if case["veiled"] else None
        rows: list[Any] = await self._pool.fetch(self._queries.comments_of, tenant, case_id, only)
        return rows

    async def tag(
        self, caller: Caller, tenant: str, case_id: str, request: Identified, *, add: Sequence[str],
        remove: Sequence[str],
    ) -> dict[str, Any]:  # fmt: skip
        """Change a case's tags; returns all it has now, or the caller's own while somebody must answer unseen."""
        now, author = self._clock(), caller.profile.pseudonym

        async def work() -> dict[str, Any]:
            ref, number, partition = await self._numbered(connection, caller, tenant, case_id)
            await connection.execute(self._queries.untag, tenant, case_id, list(remove), only)
            await connection.execute(self._queries.tag, tenant, case_id, list(add), author, now)
            tags = [row["tag"] for row in await connection.fetch(self._queries.tags_of, tenant, case_id, None)]
            if len(tags) > MOST_TAGS:
                raise InvalidAnswer([Fault("/add", f"A case has at most {MOST_TAGS} tags.")])
            await self._say(connection, caller, ref, "review.tagged", (number, partition), now, tags=tags)
            # Tags are people's words: what is kept of the request would outlive an erasure of the case.
            return {}

        async with self._pool.acquire() as connection, connection.transaction():
            case = await self._case(connection, caller, tenant, case_id)
            only = author if case["veiled"] else None
            await self._requests.once(connection, author, request, now, work)
            rows = await connection.fetch(self._queries.tags_of, tenant, case_id, only)
        self._journal.hurry()
        return {"tags": [row["tag"] for row in rows]}

    async def tags(self, caller: Caller, tenant: str, case_id: str) -> list[str]:
        """Return a case's tags; while somebody must answer unseen, only the caller's own."""
        case = await self._case(self._pool, caller, tenant, case_id)
        only = caller.profile.pseudonym if case["veiled"] else None
        return [row["tag"] for row in await self._pool.fetch(self._queries.tags_of, tenant, case_id, only)]

    async def save_draft(self, caller: Caller, claim_id: str, draft: dict[str, Any]) -> datetime:
        """Keep what the holder of a claim has written so far; it is theirs alone, and gone once they have answered."""
        now = self._clock()
        claim = own(caller, await self._pool.fetchrow(self._desk.claim, claim_id, caller.profile.pseudonym))
        try:
            await self._pool.execute(
                self._queries.save_draft, caller.profile.pseudonym, claim["review_id"], now, orjson.dumps(draft)
            )
        except asyncpg.ForeignKeyViolationError as error:
            raise NotFound("The case was erased in this moment.") from error
        return now

    async def draft_of_claim(self, caller: Caller, claim_id: str) -> tuple[dict[str, Any], datetime | None]:
        """Return what the caller had written about the review of a claim; empty when nothing."""
        claim = own(caller, await self._pool.fetchrow(self._desk.claim, claim_id, caller.profile.pseudonym))
        row = await self._pool.fetchrow(self._queries.draft, caller.profile.pseudonym, claim["review_id"])
        return (orjson.loads(row["draft"]), row["saved_at"]) if row else ({}, None)

    async def forget(self) -> None:
        """Forget drafts of reviews that are over, and answers to requests that nobody repeats any more."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute(self._queries.forget_old_drafts)
            await self._requests.forget(connection, self._clock())

    async def _case(self, connection: Connection, caller: Caller, tenant: str, case_id: str) -> Any:
        case = None
        if caller.acts_for(tenant):
            case = await connection.fetchrow(self._queries.case_at_hand, tenant, case_id)
        if case is None:
            raise NotFound("There is no such case.")
        return case

    async def _numbered(
        self, connection: Connection, caller: Caller, tenant: str, case_id: str
    ) -> tuple[CaseRef, int, int]:
        case = await self._case(connection, caller, tenant, case_id)
        # An automatic case has said nothing here yet, so it may have no counter.
        await connection.execute(self._intake.insert_counters, [tenant], [case_id], [case["partition"]])
        ref = CaseRef.of(routed_of(case["body"]))
        numbers = await self._journal.numbers(connection, ref, 1)
        return ref, numbers.first, numbers.partition

    async def _say(
        self, connection: Connection, caller: Caller, ref: CaseRef, kind: str, place: tuple[int, int], now: datetime,
        **more: Any,
    ) -> None:  # fmt: skip
        # Every case has one review id from the start, whether or not anybody was asked.
        fact = {"review_id": derived_event_id(ref.tenant, ref.case_id, "review"), **more}
        event = activity_event(ref, kind, fact, sequence=place[0], at=now, actor=caller.actor)
        await self._journal.write(connection, ref, [event], partition=place[1], at=now)
