"""Answers: recording a decision or a judgement with everything that binds it, and taking it back while it is here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson

from countersign_review.domain.answer import Answer, faults
from countersign_review.domain.binding import Bound, stale_parts
from countersign_review.domain.eligibility import Profile, lacks
from countersign_review.domain.events import Answered, CaseRef, Decider, decision_made, judgement, person, review_fact
from countersign_review.domain.refusals import (
    AlreadyLeft,
    AnsweredBefore,
    CaseWithdrawn,
    InvalidAnswer,
    KeyReused,
    NotEligible,
    NotFound,
    StaleBinding,
)
from countersign_review.domain.relation import relation
from countersign_review.domain.review import Action, Kind, ReviewState, advance
from countersign_review.store.claims import Caller, Leases, check_held, check_version, demand_of, ref_of
from countersign_review.store.events import DECISIONS, SQL, Connection, Journal, Outgoing, activity_event
from countersign_review.store.routed import routed_of
from countersign_review.store.views import Views
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.ids import derived_event_id
from countersign_shared.observability import Metrics
from countersign_shared.postgres import Queries


@dataclass(frozen=True, slots=True)
class Submission:
    """One request to decide: the claim and its version, the answer, what it is bound to, and the request's identity."""

    claim_id: str
    version: int
    answer: Answer
    bound: Bound
    idempotency_key: str
    request_sha256: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer that is durable; it leaves at ``leaves_at``."""

    answer_id: str
    leaves_at: datetime


class Answers:
    """Records answers. Locks the review, then the case's counter; all writes of one answer are one transaction."""

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, views: Views, *, leases: Leases, clock: Clock, metrics: Metrics
    ) -> None:
        self._pool = pool
        self._journal = journal
        self._views = views
        self._leases = leases
        self._clock = clock
        self._metrics = metrics
        self._queries = Queries.load(SQL / "desk.sql")

    async def decide(self, caller: Caller, submission: Submission) -> Recorded:
        """Record an answer; the same request again returns what was recorded the first time."""
        now = self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            claim = await connection.fetchrow(self._queries.lock_claim, submission.claim_id, caller.profile.pseudonym)
            if earlier := await self._earlier(connection, caller, submission):
                return earlier
            if claim is None:
                raise NotFound("You hold no such claim.")
            await self._check_open(connection, claim, now)
            check_version(claim, submission.version)
            recorded, routed, answered = await self._record(connection, caller, claim, submission, now)
        self._journal.hurry()
        self._measure(claim, routed, answered, now)
        return recorded

    async def preview(
        self, caller: Caller, claim_id: str, outcome: str, outcome_params: Mapping[str, Any]
    ) -> tuple[dict[str, Any] | None, str]:
        """Return exactly what an outcome would carry out, and the digest to quote."""
        claim = await self._pool.fetchrow(self._queries.claim, claim_id, caller.profile.pseudonym)
        if claim is None:
            raise NotFound("You hold no such claim.")
        routed = routed_of(claim["body"])
        # Reasons are not part of a preview; only what would be carried out is checked.
        found = self._faults(claim, routed, Answer(outcome=outcome, outcome_params=outcome_params))
        wrong = [fault for fault in found if fault.pointer.startswith("/outcome")]
        if wrong:
            raise InvalidAnswer(wrong)
        return self._views.execution(claim, routed, outcome, outcome_params)

    async def status(self, caller: Caller, answer_id: str) -> Any:
        """Return one of the caller's own answers."""
        row = await self._pool.fetchrow(self._queries.answer, answer_id)
        if row is None or row["reviewer"] != caller.profile.pseudonym:
            raise NotFound("You made no such decision.")
        return row

    async def mark_sent(self, connection: Connection, event_ids: Sequence[str], now: datetime) -> None:
        """Note that events have left, in the transaction that takes them out of the outbox."""
        await connection.execute(self._queries.mark_sent, list(event_ids), now)

    async def undo(self, caller: Caller, answer_id: str) -> Any:
        """Take an answer back before it leaves; the review is the caller's again."""
        now = self._clock()
        async with self._pool.acquire() as connection, connection.transaction():
            review = await connection.fetchrow(self._queries.lock_answered_review, answer_id)
            row = await connection.fetchrow(self._queries.answer, answer_id)
            if review is None or row is None or row["reviewer"] != caller.profile.pseudonym:
                raise NotFound("You made no such decision.")
            if row["undone_at"] is not None:
                return row
            advance(ReviewState(review["state"]), Action.UNDO)
            ref = ref_of(review)
            partition = await self._journal.partition(connection, ref)
            if not await self._journal.take_back(connection, row["event_id"]):
                raise AlreadyLeft("The decision has left; a later decision has to supersede it.")
            number = await connection.fetchval(
                self._queries.undo_answer, answer_id, now, now + self._leases.opened, ref.tenant, ref.case_id,
                row["event_id"],
            )  # fmt: skip
            fact = review_fact(review, claim_id=row["claim_id"], reviewer=row["reviewer"], decision_id=answer_id)
            # It takes the number of the decision that never left, so that no hole shows.
            event = activity_event(ref, "review.undone", fact, sequence=number, at=now, actor=caller.actor)
            await self._journal.write(connection, ref, [event], partition=partition, at=now)
        self._journal.hurry()
        return await self._pool.fetchrow(self._queries.answer, answer_id)

    async def _earlier(self, connection: Connection, caller: Caller, submission: Submission) -> Recorded | None:
        row = await connection.fetchrow(
            self._queries.answer_of_key, caller.profile.pseudonym, submission.idempotency_key
        )
        if row is None:
            return None
        if row["request_sha256"] != submission.request_sha256:
            raise KeyReused("This idempotency key came with another request before; use a new one.")
        if row["undone_at"] is not None:
            raise KeyReused("The decision made with this idempotency key was undone; use a new one.")
        return Recorded(row["answer_id"], row["leaves_at"])

    async def _check_open(self, connection: Connection, claim: Any, now: datetime) -> None:
        if claim["state"] == ReviewState.DECIDED:
            row: Any = await connection.fetchrow(self._queries.standing_decision, claim["review_id"])
            label = self._views.outcome_label(claim["decision_type"], row["outcome"])
            raise AnsweredBefore(
                f"{row['display_name']} answered this on {row['recorded_at']:%-d %B at %H:%M:%S} UTC: {label}.",
                decided_by=row["display_name"], outcome=row["outcome"], decided_at=rfc3339(row["recorded_at"]),
            )  # fmt: skip
        if claim["state"] == ReviewState.WITHDRAWN:
            body = await connection.fetchval(self._queries.withdrawal_reason, claim["tenant"], claim["case_id"])
            reason = orjson.loads(body)["body"]["reason"]
            raise CaseWithdrawn(f"The case was withdrawn: {reason}", reason=reason)
        check_held(claim, Action.DECIDE, now)

    async def _record(
        self, connection: Connection, caller: Caller, claim: Any, submission: Submission, now: datetime
    ) -> tuple[Recorded, dict[str, Any], Answered]:
        case = await connection.fetchrow(
            self._queries.case_and_shown, claim["tenant"], claim["case_id"], claim["claim_id"]
        )
        routed = routed_of(case["body"])
        if missing := lacks(caller.profile, demand_of(claim)):
            raise NotEligible(missing)
        if found := self._faults(claim, routed, submission.answer):
            raise InvalidAnswer(found)
        answered = self._answered(caller, claim, routed, submission, case["shown"], now)
        grace = grace_seconds(routed, caller)
        recorded = await self._write(
            connection, claim, routed, answered, submission, routed_event_id=case["event_id"], now=now,
            leaves_at=now + timedelta(seconds=grace),
        )  # fmt: skip
        return recorded, routed, answered

    def _faults(self, claim: Any, routed: Mapping[str, Any], answer: Answer) -> list[Any]:
        return faults(
            answer, routed["handling"],
            relation=relation(routed.get("proposal"), answer.outcome, answer.outcome_params),
            withheld=claim["withheld"],
            params_faults=lambda outcome, params: self._views.params_faults(routed, outcome, params),
        )  # fmt: skip

    def _answered(
        self, caller: Caller, claim: Any, routed: Mapping[str, Any], submission: Submission, shown: Sequence[str],
        now: datetime,
    ) -> Answered:  # fmt: skip
        answer = submission.answer
        execute, digest = self._views.execution(claim, routed, answer.outcome, answer.outcome_params)
        views = list(dict.fromkeys(shown))
        if stale := stale_parts(submission.bound, payload=claim["payload_sha256"], shown=views, execute=digest):
            raise StaleBinding(f"Not what was shown or would be carried out: {', '.join(stale)}.", stale=stale)
        return Answered(
            answer=answer,
            decider=Decider(caller.profile.pseudonym, caller.role, authority_held(caller.profile)),
            relation=relation(routed.get("proposal"), answer.outcome, answer.outcome_params),
            seen=not claim["withheld"],
            opened_at=rfc3339(claim["opened_at"] or claim["claimed_at"]),
            decided_at=rfc3339(now),
            sla_met=now <= claim["due_at"],
            binding=Bound(claim["payload_sha256"], views, digest),
            execute=execute,
        )

    async def _write(
        self, connection: Connection, claim: Any, routed: Mapping[str, Any], answered: Answered,
        submission: Submission, *, routed_event_id: str, now: datetime, leaves_at: datetime,
    ) -> Recorded:  # fmt: skip
        ref, audit = CaseRef.of(routed), claim["kind"] == Kind.AUDIT
        numbers = await self._journal.numbers(connection, ref, 2)
        number = numbers.first + 1
        answer_id = derived_event_id(ref.tenant, ref.case_id, "answer" if audit else "decided", number)
        if audit:
            judged = await self._judged(connection, ref)
            body = judgement(routed, answered, judged_decision_id=judged, routed_event_id=routed_event_id)
            actor = person(answered.decider.pseudonym, answered.decider.role)
            event = activity_event(ref, "audit.judged", body, sequence=number, at=now, actor=actor)
        else:
            event = await self._decision(connection, routed, answered, answer_id, routed_event_id, number, now)
        answer = answered.answer
        await connection.execute(
            self._queries.insert_answer, answer_id, claim["review_id"], claim["claim_id"], claim["reviewer"],
            event.event_id, submission.idempotency_key, submission.request_sha256, answer.outcome, answered.relation,
            now, leaves_at,
        )  # fmt: skip
        timed = _timed(ref, claim, answered, answer_id, sequence=numbers.first, now=now)
        await self._journal.write(connection, ref, [timed], partition=numbers.partition, at=now)
        await self._journal.write(connection, ref, [event], partition=numbers.partition, at=now, not_before=leaves_at)
        return Recorded(answer_id, leaves_at)

    async def _decision(
        self, connection: Connection, routed: Mapping[str, Any], answered: Answered, answer_id: str,
        routed_event_id: str, number: int, now: datetime,
    ) -> Outgoing:  # fmt: skip
        body = decision_made(routed, answered, event_id=answer_id, routed_event_id=routed_event_id, sequence=number)
        try:
            await connection.execute(
                self._queries.insert_decision, routed["tenant"], routed["case_id"], answer_id, body["outcome"],
                orjson.dumps(body["outcome_params"]), body["closed_as"], body["mode"], body["relation"], now,
            )  # fmt: skip
        except asyncpg.UniqueViolationError as error:
            raise AnsweredBefore("The case has been decided elsewhere in the meantime.") from error
        return Outgoing(
            topic=DECISIONS, kind="decision.made", event_id=answer_id, sequence=number, body=body,
            actor=answered.decider.pseudonym,
        )  # fmt: skip

    async def _judged(self, connection: Connection, ref: CaseRef) -> str:
        stored: str | None = await connection.fetchval(self._queries.first_decision, ref.tenant, ref.case_id)
        # The topic may not have brought the automatic decision yet; its id follows from the case.
        return stored or derived_event_id(ref.tenant, ref.case_id, "decided")

    def _measure(self, claim: Any, routed: Mapping[str, Any], answered: Answered, now: datetime) -> None:
        if routed["case"].get("test", False):
            return
        queue, began = claim["queue"], claim["opened_at"] or claim["claimed_at"]
        self._metrics.histogram("review_duration_seconds").labels(queue=queue).observe((now - began).total_seconds())
        if claim["kind"] == Kind.AUDIT:
            return
        decision_type, assisted = routed["decision_type"], answered.seen and routed.get("proposal")
        self._metrics.counter("decisions_total").labels(
            decision_type=decision_type, mode="human_with_ai" if assisted else "human", relation=answered.relation
        ).inc()
        arose = datetime.fromisoformat(routed["case"]["occurred_at"])
        self._metrics.histogram("time_to_decision_seconds").labels(
            decision_type=decision_type, level=str(routed["level"])
        ).observe(max((now - arose).total_seconds(), 0.0))
        sla = (routed["handling"].get("sla") or {}).get("class", "standard")
        met = "true" if answered.sla_met else "false"
        self._metrics.counter("review_sla_due_total").labels(**{"class": sla, "met": met}).inc()


def grace_seconds(routed: Mapping[str, Any], caller: Caller) -> int:
    """Return how long an answer can be undone: as the policy says for people, not at all for programs."""
    seconds: int = routed["handling"]["grace_seconds"]
    return seconds if caller.at_console else 0


def authority_held(profile: Profile) -> dict[str, Any]:
    """Return the authority as a decision records it."""
    limit = profile.amount_limit
    return {
        "max_tier": profile.max_tier,
        "decision_types": sorted(profile.decision_types) if profile.decision_types is not None else None,
        "amount_limit": {"value": str(limit.value), "currency": limit.currency} if limit else None,
        "skills": sorted(profile.skills),
    }


def _timed(ref: CaseRef, claim: Any, answered: Answered, answer_id: str, *, sequence: int, now: datetime) -> Outgoing:
    fact = review_fact(
        claim, claim_id=claim["claim_id"], reviewer=claim["reviewer"], decision_id=answer_id,
        times={"opened_at": answered.opened_at, "decided_at": answered.decided_at},
    )  # fmt: skip
    actor = person(answered.decider.pseudonym, answered.decider.role)
    return activity_event(ref, "review.timed", fact, sequence=sequence, at=now, actor=actor)
