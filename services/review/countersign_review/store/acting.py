"""What the holder of a claim can do beside answering: each ends the claim and says where the review goes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from countersign_review.domain.administration import narrowed
from countersign_review.domain.delegation import may_hand_to
from countersign_review.domain.eligibility import Profile, lacks
from countersign_review.domain.events import CaseRef, review_fact
from countersign_review.domain.records import closed_decision
from countersign_review.domain.refusals import CannotTakeIt, NotForYou, NotFound, OutcomesExist
from countersign_review.domain.review import Action, Kind, ReviewState, ended
from countersign_review.store.at_the_desk import at_the_desk
from countersign_review.store.caller import Caller
from countersign_review.store.claimed import check_held, check_version, demand_of, own, ref_of
from countersign_review.store.claims import KEPT_FOR, SKIP_HOLDS
from countersign_review.store.delegations import Delegations
from countersign_review.store.events import DECISIONS, SQL, Connection, Journal, Outgoing, activity_event
from countersign_review.store.people import profile_of
from countersign_review.store.requests import Identified, Requests
from countersign_review.store.routed import routed_of
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.ids import derived_event_id
from countersign_shared.postgres import Queries

RETURNED_DISCLOSURE = "The case was sent back undecided: it cannot be decided as it was submitted."


@dataclass(frozen=True, slots=True)
class Move:
    """What an action makes of a claimed review, and what is said of it."""

    action: Action
    kind: str
    fact: Mapping[str, Any]
    kept_for: str | None = None
    escalates: bool = False
    excludes: bool = False


class Acting:
    """Ends claims for a reason. Locks the review, then the case's counter; one transaction each."""

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, requests: Requests, delegations: Delegations, *, clock: Clock
    ) -> None:
        self._pool = pool
        self._journal = journal
        self._requests = requests
        self._delegations = delegations
        self._clock = clock
        self._queries = Queries.load(SQL / "actions.sql")
        self._desk = Queries.load(SQL / "desk.sql")

    async def recuse(self, caller: Caller, claim_id: str, request: Identified, *, reason: str) -> None:
        """Step back for good: the review is never offered to this person again."""
        move = Move(Action.RECUSE, "review.recused", {"reason": reason}, excludes=True)
        await self._act(caller, claim_id, request, lambda *_: move)

    async def escalate(
        self, caller: Caller, claim_id: str, request: Identified, *, reason: str, to: str | None
    ) -> None:
        """Hand a review to the leads, or to one of them."""

        async def move(connection: Connection, claim: Any, now: datetime) -> Move:
            kept_for = None
            if to is not None:
                lead = await self._colleague(connection, to, {**claim, "escalated": True}, caller)
                kept_for = lead.pseudonym
            # A lead who escalates is not offered it at once again.
            await connection.execute(self._desk.skip, claim["reviewer"], claim["review_id"], now + SKIP_HOLDS)
            fact = {"reason": reason, "to_reviewer": kept_for}
            return Move(Action.ESCALATE, "review.escalated", fact, kept_for=kept_for, escalates=True)

        await self._act(caller, claim_id, request, move)

    async def delegate(
        self, caller: Caller, claim_id: str, request: Identified, *, to: str, reason: str | None
    ) -> None:
        """Hand a review to a colleague who may decide it; after a working day it is everybody's again."""

        async def move(connection: Connection, claim: Any, _: datetime) -> Move:
            own = await connection.fetchrow(self._queries.desk_user, caller.profile.username)
            if own is not None and not may_hand_to(to, own["delegates"]):
                raise CannotTakeIt(f"{to} is not among the people you may hand work to.", [])
            colleague = await self._colleague(connection, to, claim, caller)
            fact = {"reason": reason, "to_reviewer": colleague.pseudonym}
            return Move(Action.DELEGATE, "review.delegated", fact, kept_for=colleague.pseudonym)

        await self._act(caller, claim_id, request, move)

    async def block(self, caller: Caller, claim_id: str, request: Identified, *, reason: str) -> None:
        """Hold a case without an outcome, until a lead lets it go."""
        check_lead(caller, "block a case")
        await self._act(caller, claim_id, request, lambda *_: Move(Action.BLOCK, "review.blocked", {"reason": reason}))

    async def ask(self, caller: Caller, claim_id: str, request: Identified, *, question: str) -> dict[str, Any]:
        """Ask upstream; the answer brings the review back to whoever asked. Returns the question's id."""
        asked: dict[str, Any] = {}

        async def move(connection: Connection, claim: Any, now: datetime) -> Move:
            asked["question_id"] = derived_event_id(claim["tenant"], claim["case_id"], f"question {claim['claim_id']}")
            await connection.execute(
                self._queries.insert_question, asked["question_id"], claim["tenant"], claim["case_id"],
                claim["review_id"], claim["reviewer"], question, now,
            )  # fmt: skip
            return Move(Action.ASK, "review.information_requested", {**asked, "question": question})

        return await self._act(caller, claim_id, request, move, asked)

    async def send_back(self, caller: Caller, claim_id: str, request: Identified, *, reason: str) -> None:
        """Close a case that has no outcome to choose from; upstream sends it again as something that has."""
        check_lead(caller, "send a case back")

        async def move(connection: Connection, claim: Any, now: datetime) -> Move:
            await self._close(connection, claim, reason, now)
            return Move(Action.RETURN, "review.returned", {"reason": reason})

        await self._act(caller, claim_id, request, move)

    async def _act(
        self, caller: Caller, claim_id: str, request: Identified, moving: Any, answer: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        now = self._clock()

        async def work() -> dict[str, Any]:
            claim = own(
                caller, await connection.fetchrow(self._desk.lock_claim, claim_id, caller.profile.pseudonym)
            )  # fmt: skip
            check_held(claim, Action.RELEASE, now)
            if request.version is not None:
                check_version(claim, request.version)
            move = moving(connection, claim, now)
            await self._move(connection, caller, claim, move if isinstance(move, Move) else await move, now)
            return answer or {}

        async with at_the_desk(self._pool) as connection:
            done = await self._requests.once(connection, caller.profile.pseudonym, request, now, work)
        self._journal.hurry()
        return done

    async def _move(self, connection: Connection, caller: Caller, claim: Any, move: Move, now: datetime) -> None:
        if claim["kind"] == Kind.SEED and move.action is Action.ASK:
            # Nobody outside is ever asked about a seed; to whoever asked it looks like any question that waits.
            move = Move(Action.RETURN, "review.released", {})
        state, claim_state = ended(ReviewState(claim["state"]), move.action)
        await connection.execute(
            self._queries.end_claim, claim["claim_id"], claim_state, now, state, move.kept_for,
            now + KEPT_FOR if move.kept_for else None, move.escalates, now if move.action is Action.ASK else None,
            move.excludes,
        )  # fmt: skip
        ref = ref_of(claim)
        numbers = await self._journal.numbers(connection, ref, 1)
        fact = review_fact(claim, claim_id=claim["claim_id"], reviewer=claim["reviewer"], **move.fact)
        event = activity_event(ref, move.kind, fact, sequence=numbers.first, at=now, actor=caller.actor)
        await self._journal.write(connection, ref, [event], partition=numbers.partition, at=now)

    async def _colleague(self, connection: Connection, username: str, review: Any, caller: Caller) -> Profile:
        row = await connection.fetchrow(self._queries.desk_user, username)
        if row is None or not _shares_tenant(row, caller):
            raise NotFound(f"Nobody called {username} works at this desk.")
        # Whoever is away has their work done by whoever stands in for them.
        stands_in = await self._delegations.stands_in(connection, username)
        if stands_in is not None and stands_in["username"] == caller.profile.username:
            raise CannotTakeIt(f"{row['display_name']} is away, and you stand in for them.", [])
        if stands_in is not None:
            delegate = await connection.fetchrow(self._queries.desk_user, stands_in["username"])
            if delegate is not None and not _shares_tenant(delegate, caller):
                raise CannotTakeIt(f"{row['display_name']} is away, and nobody of your tenants stands in for them.", [])
            row = delegate or row
        profile = profile_of(row, roles=frozenset(row["roles"]), tenants=frozenset(row["tenants"]))
        demand = demand_of({**review, "assigned_to": None})
        missing = lacks(profile, demand, self._clock().date())
        if profile.pseudonym == caller.profile.pseudonym:
            raise CannotTakeIt("You hold it yourself.", [])
        if missing:
            needs = ", ".join(lack.needs for lack in missing)
            raise CannotTakeIt(f"{row['display_name']} cannot take this; missing: {needs}.", missing)
        return profile

    async def _close(self, connection: Connection, claim: Any, reason: str, now: datetime) -> None:
        case = await connection.fetchrow(self._desk.case_body, claim["tenant"], claim["case_id"])
        routed = routed_of(case["body"])
        if routed["handling"]["allowed_outcomes"] or claim["kind"] != Kind.DECISION:
            raise OutcomesExist("This case has outcomes to choose from; decide it, escalate it or ask upstream.")
        ref = CaseRef.of(routed)
        numbers = await self._journal.numbers(connection, ref, 1)
        event_id = derived_event_id(ref.tenant, ref.case_id, "decided", numbers.first)
        body = closed_decision(
            routed, event_id=event_id, routed_event_id=case["event_id"], sequence=numbers.first,
            payload_sha256=claim["payload_sha256"], decided_at=rfc3339(now), reason=reason, code="returned",
            disclosure=RETURNED_DISCLOSURE,
        )  # fmt: skip
        await connection.execute(
            self._desk.insert_decision, ref.tenant, ref.case_id, event_id, None, b"{}", body["closed_as"],
            body["mode"], body["relation"], now, None,
        )  # fmt: skip
        closing = Outgoing(
            topic=DECISIONS, kind="decision.returned", event_id=event_id, sequence=numbers.first, body=body
        )
        await self._journal.write(connection, ref, [closing], partition=numbers.partition, at=now)


def _shares_tenant(user: Any, caller: Caller) -> bool:
    # Who works for other tenants alone is nobody here: neither their name nor what they may decide is told.
    return bool(narrowed(frozenset(user["tenants"]), caller.profile.tenants))


def check_lead(caller: Caller, what: str) -> None:
    """Refuse what only a lead may do."""
    if "lead" not in caller.profile.roles:
        raise NotForYou(f"Only a lead can {what}.")
