"""Explanations for the affected person: made from the record, handed out through links that open once."""

import asyncio
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from countersign_audit.custody.keys import Random
from countersign_audit.domain.explanation import Explanation, explain
from countersign_audit.explaining.page import asking, explained, gone, too_early
from countersign_audit.explaining.words import Page, in_words
from countersign_audit.reading.room import ReadingRoom
from countersign_audit.reading.timeline import TimelineReader
from countersign_audit.store import SQL, Store
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.http import Principal
from countersign_shared.postgres.queries import Queries

TOKEN_BYTES = 32
AFFECTED = "affected-person"
"""Who opened a link, as the record names them: whoever had it, and it was made for one person."""
DECISIONS = "decision.made"
EXPLAINED = ("case.created", "case.scored", "case.routed", DECISIONS)
"""What an explanation is made of. A case has few of these, however long people have talked about it."""
MADE_LINK, OPENED = "explanation_link", "explanation"


@dataclass(frozen=True, slots=True)
class Link:
    """What is in the link, and until when it may be opened; nobody can be told it again."""

    token: str
    expires_at: datetime


class ExplanationDesk:
    """Explains cases to the people they are about."""

    def __init__(
        self, pool: Any, timelines: TimelineReader, room: ReadingRoom, decision_types: Mapping[str, DecisionType], *,
        lasts: timedelta, contest: str | None, clock: Clock, random: Random,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._timelines = timelines
        self._room = room
        self._types = decision_types
        self._lasts = lasts
        self._contest = contest
        self._clock = clock
        self._random = random
        self._store = Store()
        self._queries = Queries.load(SQL / "explanations.sql")

    async def explanation(self, connection: Any, tenant: str, case_id: str) -> Explanation | None:
        """Explain a case; None for one that the log does not know, or whose decision or content cannot be read."""
        bodies = await self._steps(connection, self._timelines.case_ref(tenant, case_id))
        if bodies is None or not (bodies["case.created"] or bodies["case.scored"] or bodies["decision.made"]):
            return None
        said = next(iter(bodies["case.created"] or bodies["case.scored"] or bodies["decision.made"]))
        known = self._types.get(str(said.get("decision_type")))
        return explain(case_id, bodies, known)

    async def _steps(self, connection: Any, case_ref: bytes) -> dict[str, list[Mapping[str, Any]]] | None:
        """Return what the decision rests on, by topic: every decision, and of all else the first and the last.

        None when a decision is there and cannot be read: without it the case would look open, or decided otherwise.
        """
        bodies: dict[str, list[Mapping[str, Any]]] = {topic: [] for topic in EXPLAINED}
        async for row in self._store.steps_of_case(connection, case_ref, EXPLAINED):
            leaf = orjson.loads(row["leaf"])
            # Whoever records an activity may call it as they like.
            kept = bodies.get(str(leaf.get("topic")))
            if kept is None or "conflict_with" in leaf:
                continue
            if (body := self._timelines.body(row, leaf)) is None:
                if leaf["topic"] == DECISIONS:
                    return None
                continue
            if len(kept) > 1 and leaf["topic"] != DECISIONS:
                kept.pop()
            kept.append(body)
        return bodies

    async def make_link(self, principal: Principal, tenant: str, case_id: str, purpose: str | None) -> Link | None:
        """Make a link for the affected person; None for a case that cannot be explained. It is on the record."""
        now = self._clock()
        token = self._random(TOKEN_BYTES).hex()
        async with self._pool.acquire() as connection:
            found = await self.explanation(connection, tenant, case_id)
            if found is None:
                return None
            await connection.execute(
                self._queries.make_link, _hash(token), self._timelines.case_ref(tenant, case_id), tenant, case_id,
                found.language, principal.subject, now, now + self._lasts,
            )  # fmt: skip
        await self._room.note(principal, tenant, case_id, MADE_LINK, purpose)
        return Link(token, now + self._lasts)

    async def ask(self, token: str) -> tuple[str, bool]:
        """Return the page a link leads to, and whether it can still be opened; looking at it uses nothing up."""
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(self._queries.find_link, _hash(token))
        if row is None or row["opened_at"] is not None or row["expires_at"] <= self._clock():
            return gone(row["language"] if row else None), False
        return asking(row["language"]), True

    async def open(self, token: str) -> tuple[str, bool]:
        """Open a link: the explanation as a page with its PDF, once; afterwards a page that says it is used up.

        Before the case is decided there is nothing to explain, and the link stays good.
        """
        now = self._clock()
        async with self._pool.acquire() as connection:
            row = await connection.fetchrow(self._queries.find_link, _hash(token))
            if row is None or row["opened_at"] is not None or row["expires_at"] <= now:
                return gone(row["language"] if row else None), False
            found = await self.explanation(connection, row["tenant"], row["case_id"])
        if found is None:
            return gone(row["language"]), False
        if found.closed_as is None:
            return too_early(row["language"], rfc3339(row["expires_at"])), True
        page = in_words(found, made_on=rfc3339(now), contest=self._contest)
        shown = explained(page, await asyncio.to_thread(_drawn, page))
        reader = Principal(AFFECTED, AFFECTED, frozenset(), frozenset({row["tenant"]}))
        # Only now that there is something to show, and with its being on record: a link that failed opens again.
        async with self._pool.acquire() as connection, connection.transaction():
            if await connection.fetchval(self._queries.open_link, _hash(token), now) is None:
                return gone(row["language"]), False
            await self._room.note_within(connection, reader, row["tenant"], row["case_id"], OPENED, None)
        return shown, True


def _drawn(page: Page) -> bytes:
    # The library is large and slow to import, and few logs are ever asked.
    from countersign_audit.explaining.pdf import as_pdf

    return as_pdf(page)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()
