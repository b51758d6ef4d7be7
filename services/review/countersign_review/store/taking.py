"""Giving reviews to people: the best one, or one they name."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from countersign_review.domain.eligibility import lacks
from countersign_review.domain.events import CaseRef, review_fact
from countersign_review.domain.refusals import NotEligible, NotFound, TooManyClaims
from countersign_review.domain.review import Action, ClaimState, ReviewState, advance
from countersign_review.store.at_the_desk import at_the_desk
from countersign_review.store.caller import Caller
from countersign_review.store.claimed import demand_of
from countersign_review.store.dispatch import Dispatch
from countersign_review.store.events import SQL, Connection, Journal, activity_event, event_rows
from countersign_review.store.gathering import Gathering
from countersign_review.store.routed import routed_of
from countersign_review.store.showing import Showing
from countersign_review.store.views import Shown, Views
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.ids import derived_event_id
from countersign_shared.postgres import Queries

MOST_CLAIMS = 2
"""One at hand, one fetched ahead."""
TOGETHER = 16
"""Requests served in one transaction: building their packages takes some milliseconds, and nobody waits longer."""
SIDE_BY_SIDE = 2
"""While one transaction waits for the disk, the packages of the next are built."""
SEPARATOR = "\x1f"


@dataclass(frozen=True, slots=True)
class Taken:
    """A review that is somebody's now: its row and what the number of the event and the case's row say."""

    caller: Caller
    review: Any
    case: Any
    routed: Mapping[str, Any]

    @property
    def ref(self) -> CaseRef:
        """The case."""
        return CaseRef.of(self.routed)


class Taking:
    """Gives reviews to people. Whoever asks in the same moment is served in the same transaction."""

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, views: Views, dispatch: Dispatch, *, ahead: timedelta, clock: Clock
    ) -> None:
        self._pool = pool
        self._journal = journal
        self._views = views
        self._dispatch = dispatch
        self._ahead = ahead
        self._clock = clock
        self._queries = Queries.load(SQL / "taking.sql")
        self._desk = Queries.load(SQL / "desk.sql")
        self._gathering: Gathering[tuple[Caller, str], Mapping[str, Any] | None] = Gathering(
            self._best_for_all, most=TOGETHER, side_by_side=SIDE_BY_SIDE, key=lambda asked: asked[0].profile.username
        )

    async def best(self, caller: Caller, queue: str) -> Mapping[str, Any] | None:
        """Give the caller the best review of a queue; None when there is none for them."""
        return await self._gathering.ask((caller, queue))

    async def named(self, caller: Caller, queue: str, review_id: str) -> Mapping[str, Any]:
        """Give the caller the review they name, or say why not."""
        now = self._clock()
        async with at_the_desk(self._pool) as connection:
            await self.check_room(connection, caller, now)
            review = await connection.fetchrow(self._desk.lock_review, review_id)
            if review is None or review["queue"] != queue:
                raise NotFound("There is no such review in this queue.")
            if missing := lacks(caller.profile, demand_of(review), now.date()):
                raise NotEligible(missing)
            advance(ReviewState(review["state"]), Action.CLAIM)
            claim = await self.take(connection, caller, review, now)
        self._journal.hurry()
        return claim

    async def check_room(self, connection: Connection, caller: Caller, now: datetime) -> None:
        """Lock the reviewer, and refuse another claim to whoever holds as many as anybody may."""
        if await connection.fetchval(self._desk.lock_reviewer, caller.profile.username) is None:
            raise _gone()
        held = await connection.fetchval(self._desk.count_held, caller.profile.pseudonym, now)
        if held >= MOST_CLAIMS:
            raise _full(held)

    async def take(self, connection: Connection, caller: Caller, review: Any, now: datetime) -> Mapping[str, Any]:
        """Give a review, locked by the caller's transaction, to a person; returns the claim as ``read`` does."""
        case = await connection.fetchrow(self._queries.number, review["tenant"], review["case_id"])
        await connection.execute(self._queries.claim_named, review["review_id"])
        [claim] = await self._write(connection, [Taken(caller, review, case, routed_of(case["body"]))], now)
        return claim

    async def _best_for_all(
        self, asked: Sequence[tuple[Caller, str]]
    ) -> Sequence[Mapping[str, Any] | Exception | None]:
        now = self._clock()
        # People are locked in the order of their names, everywhere.
        order = sorted(range(len(asked)), key=lambda place: asked[place][0].profile.username)
        callers, queues = zip(*(asked[place] for place in order), strict=True)
        overload = [self._dispatch.in_overload(queue) for queue in queues]
        found: list[Mapping[str, Any] | Exception | None] = [None] * len(asked)
        async with at_the_desk(self._pool) as connection:
            rows = await connection.fetch(
                self._queries.next, [caller.profile.username for caller in callers],
                [SEPARATOR.join(caller.tenants) for caller in callers], list(queues), overload,
                [self._dispatch.only_tenant(queue) for queue in queues], MOST_CLAIMS, now,
            )  # fmt: skip
            taken = []
            for row in rows:
                if row["review_id"] is not None:
                    taken.append((row["place"] - 1, _taken(callers[row["place"] - 1], row)))
                elif row["held"] is None or row["held"] >= MOST_CLAIMS:
                    found[order[row["place"] - 1]] = _gone() if row["held"] is None else _full(row["held"])
            claims = await self._write(connection, [one for _, one in taken], now)
        for (place, _), claim in zip(taken, claims, strict=True):
            found[order[place]] = claim
        if taken:
            self._journal.hurry()
        return found

    async def _write(self, connection: Connection, taken: Sequence[Taken], now: datetime) -> list[Mapping[str, Any]]:
        """Show the reviews to whoever has them now, and write that they do; returns the claims as ``read`` does."""
        if not taken:
            return []
        shown = await self._views.show_all(
            connection,
            [Showing(one.review, one.routed, "lead" in one.caller.profile.roles, one.case["arrival"]) for one in taken],
        )
        expires = now + self._ahead
        claims = [_claim(one, view, now, expires) for one, view in zip(taken, shown, strict=True)]
        columns = zip(*(_columns(one, claim, now) for one, claim in zip(taken, claims, strict=True)), strict=True)
        await connection.execute(self._queries.write, *(list(column) for column in columns), now, expires)
        return claims


def _taken(caller: Caller, row: Any) -> Taken:
    if row["number"] is None or row["body"] is None:
        raise LookupError(f"review {row['review_id']} is about no case that is known")
    return Taken(caller, row, row, routed_of(row["body"]))


def _claim(taken: Taken, shown: Shown, now: datetime, expires: datetime) -> Mapping[str, Any]:
    ref, case = taken.ref, taken.case
    return {
        **taken.review, "state": ReviewState.CLAIMED,
        "claim_id": derived_event_id(ref.tenant, ref.case_id, "claim", case["number"]),
        "reviewer": taken.caller.profile.pseudonym, "claim_state": ClaimState.HELD, "version": 1, "claimed_at": now,
        "opened_at": None, "lease_expires_at": expires, "shown_sha256": shown.sha256,
        "shown_revision": taken.review["revision"], "redacted_at": None, "package": shown.package,
        "body": case["body"], "routed": taken.routed, "routed_event_id": case["routed_event_id"], "blind_said": None,
        "shown_sha256_all": [shown.sha256],
    }  # fmt: skip


def _columns(taken: Taken, claim: Mapping[str, Any], now: datetime) -> tuple[Any, ...]:
    """Return a claim and the event that says so as the columns of ``write``."""
    ref, number = taken.ref, taken.case["number"]
    fact = review_fact(
        claim, claim_id=claim["claim_id"], reviewer=claim["reviewer"],
        lease_expires_at=rfc3339(claim["lease_expires_at"]), shown_sha256=claim["shown_sha256"],
    )  # fmt: skip
    event = activity_event(ref, "review.claimed", fact, sequence=number, at=now, actor=taken.caller.actor)
    [(event_id, *_, body, headers, _)] = event_rows(ref, [event], at=now)
    return (
        claim["claim_id"], claim["review_id"], claim["reviewer"], claim["revision"], claim["shown_sha256"],
        claim["package"], event_id, ref.tenant, ref.case_id, number, taken.case["destination"], body, headers,
    )  # fmt: skip


def _gone() -> NotFound:
    return NotFound("You have no account here any more.")


def _full(held: int) -> TooManyClaims:
    return TooManyClaims(f"You hold {held} cases; decide or release one first.")
