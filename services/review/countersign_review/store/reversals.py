"""Looking at a decision again: because somebody with authority wants to, the person objects, or a judgement differs."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import asyncpg

from countersign_review.domain.binding import chain
from countersign_review.domain.eligibility import lacks
from countersign_review.domain.events import SERVICE, CaseRef, review_fact
from countersign_review.domain.refusals import NotEligible, NotForYou, NotFound, NothingToReverse, ReviewOpen
from countersign_review.domain.review import Kind
from countersign_review.store.caller import Caller
from countersign_review.store.claimed import demand_of
from countersign_review.store.events import SQL, Connection, Journal, activity_event
from countersign_review.store.opening import Opening, Purpose
from countersign_review.store.requests import Identified, Requests
from countersign_review.store.routed import routed_of
from countersign_review.store.taking import Taking
from countersign_shared.clock import Clock
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.outbox import LONGEST_HELD
from countersign_shared.postgres import Queries

FOLLOWED_PER_ROUND = 50
REVERSED_BY_AUTHORITY = "authority"
CONTESTED = "contested"
JUDGED_WRONG = "judged"
NOT_LEFT = "The decision has not left yet: whoever made it can still take it back. Try again once it has."


class TooEarly(Exception):  # noqa: N818 - a state, not a fault
    """Whether this decision stands will be known in a moment."""


class Reversals:
    """Opens reviews of decisions that stand. They end upheld, or with a decision that replaces the one looked at."""

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, requests: Requests, opening: Opening, *, clock: Clock
    ) -> None:
        self._pool = pool
        self._journal = journal
        self._requests = requests
        self._opening = opening
        self._clock = clock
        self._queries = Queries.load(SQL / "actions.sql")
        self._desk = Queries.load(SQL / "desk.sql")
        self._intake = Queries.load(SQL / "queries.sql")

    async def begin(
        self, taking: Taking, caller: Caller, tenant: str, case_id: str, request: Identified, *, reason: str
    ) -> dict[str, Any]:
        """Open a decision again for the caller, who sees it, and give them the claim.

        Leads may, and whoever made the decision; the authority that the case asks for is needed too.
        """
        now = self._clock()

        async def work() -> dict[str, Any]:
            await taking.check_room(connection, caller, now)
            case, row = await self._standing(connection, caller, tenant, case_id)
            if row["leaves_at"] is not None and row["leaves_at"] > now:
                raise NothingToReverse(NOT_LEFT)
            if await connection.fetch(self._queries.open_reviews_of, tenant, case_id):
                raise ReviewOpen("People are looking at this case already; it can be reversed when they have answered.")
            await self._check_authority(connection, caller, tenant, case_id)
            purpose = Purpose(
                Kind.REVERSAL, withheld=False, opened_for=REVERSED_BY_AUTHORITY, supersedes=row["decision_id"],
                for_leads="lead" in caller.profile.roles,
            )  # fmt: skip
            review = await self._open(connection, case, purpose, now, reason=reason, actor=caller.actor)
            if review is None:
                raise ReviewOpen("Somebody else has opened this case again, or changed its decision, in this moment.")
            if wanting := lacks(caller.profile, demand_of(review), now.date()):
                raise NotEligible(wanting)
            claim = await taking.take(connection, caller, review, now)
            return {"claim_id": claim["claim_id"]}

        async with self._pool.acquire() as connection, connection.transaction():
            made = await self._requests.once(connection, caller.profile.pseudonym, request, now, work)
        self._journal.hurry()
        return made

    async def contest(self, connection: Connection, case: Any, decision_id: str, body: bytes, now: datetime) -> bool:
        """Open a blind review by somebody else because the affected person objects; tells whether it follows.

        An objection to a decision that has been replaced is kept on record. A further one to a decision that is being
        looked at is put before whoever looks. ``TooEarly``: the decision can still be taken back, or somebody opens it
        in this moment.
        """
        routed = routed_of(case["body"])
        ref = CaseRef.of(routed)
        open_reviews = await connection.fetch(self._intake.lock_open_reviews, ref.tenant, ref.case_id)
        for review in open_reviews:
            if review["kind"] == Kind.REVERSAL:
                digest = chain(review["payload_sha256"], body)
                await connection.execute(
                    self._intake.revise_evidence, review["review_id"], digest, now, review["state"]
                )  # fmt: skip
                return True
        row = await connection.fetchrow(self._desk.decision_in_force, ref.tenant, ref.case_id)
        if row is None or row["decision_id"] != decision_id or row["closed_as"] != "decided":
            return False
        if row["leaves_at"] is not None and row["leaves_at"] > now:
            raise TooEarly
        if not await self._blind(connection, case, decision_id, CONTESTED, body, now):
            raise TooEarly
        return True

    async def follow(self) -> int:
        """Open reviews of automatic decisions that a judgement, by now on the record, differs from."""
        now = self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            rows = await connection.fetch(
                self._queries.judgements_to_follow, now, FOLLOWED_PER_ROUND, now + LONGEST_HELD
            )
            followed = 0
            for row in rows:
                if row["kind"] != "audit" or not row["error"] or await self._follow_one(connection, row, now):
                    await connection.execute(self._queries.followed, row["answer_id"], now)
                    followed += 1
        if followed:
            self._journal.hurry()
        return followed

    async def _follow_one(self, connection: Connection, row: Any, now: datetime) -> bool:
        """Open the automatic decision that was judged, where it still stands; false to look again later."""
        tenant, case_id = row["tenant"], row["case_id"]
        standing = await connection.fetchrow(self._desk.decision_in_force, tenant, case_id)
        busy = await connection.fetch(self._intake.lock_open_reviews, tenant, case_id)
        if standing is None:
            return False
        if standing["closed_as"] != "decided" or busy:
            return True
        if standing["mode"] != "automatic":
            # Somebody has replaced it, unless they take that back.
            return standing["leaves_at"] is None or standing["leaves_at"] <= now
        case = await connection.fetchrow(self._queries.case_at_hand, tenant, case_id)
        return await self._blind(connection, case, standing["decision_id"], JUDGED_WRONG, None, now)

    async def _blind(
        self, connection: Connection, case: Any, decision_id: str, opened_for: str, body: bytes | None, now: datetime
    ) -> bool:
        ref = CaseRef.of(routed_of(case["body"]))
        rows = await connection.fetch(self._queries.answerers, ref.tenant, ref.case_id)
        purpose = Purpose(
            Kind.REVERSAL, withheld=True, excluded=[row["reviewer"] for row in rows], opened_for=opened_for,
            supersedes=decision_id, evidence=body,
        )  # fmt: skip
        return await self._open(connection, case, purpose, now, reason=opened_for) is not None

    async def _standing(self, connection: Connection, caller: Caller, tenant: str, case_id: str) -> tuple[Any, Any]:
        case = None
        if caller.acts_for(tenant):
            case = await connection.fetchrow(self._queries.case_at_hand, tenant, case_id)
        if case is None:
            raise NotFound("There is no such case.")
        row = await connection.fetchrow(self._desk.decision_in_force, tenant, case_id)
        if row is None or row["closed_as"] != "decided":
            raise NothingToReverse("No decision on this case stands that could be looked at again.")
        return case, row

    async def _check_authority(self, connection: Connection, caller: Caller, tenant: str, case_id: str) -> None:
        if "lead" in caller.profile.roles:
            return
        rows = await connection.fetch(self._queries.answerers, tenant, case_id)
        if caller.profile.pseudonym not in {row["reviewer"] for row in rows}:
            raise NotForYou("Only a lead, or whoever made the decision, can open it again.")

    async def _open(
        self, connection: Connection, case: Any, purpose: Purpose, now: datetime, *, reason: str,
        actor: Mapping[str, Any] = SERVICE,
    ) -> Any:  # fmt: skip
        """Put a decision before people again; None when somebody was faster, be it to open or to undo it."""
        ref = CaseRef.of(routed_of(case["body"]))
        await connection.execute(self._intake.insert_counters, [ref.tenant], [ref.case_id], [case["partition"]])
        await self._journal.partition(connection, ref)
        if not await connection.fetchval(self._queries.may_be_reopened, ref.tenant, ref.case_id, purpose.supersedes):
            return None
        numbers = await self._journal.numbers(connection, ref, 1)
        review_id = derived_event_id(ref.tenant, ref.case_id, "reversal", numbers.first)
        row = await self._opening.open(connection, case, purpose, review_id=review_id, now=now)
        fact = review_fact(row, decision_id=purpose.supersedes, reason=reason)
        event = activity_event(ref, "review.reopened", fact, sequence=numbers.first, at=now, actor=actor)
        await self._journal.write(connection, ref, [event], partition=numbers.partition, at=now)
        return row
