"""Answers: recording what people decide and judge, with everything that binds it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson

from countersign_review.domain.answer import Answer, Fault, faults
from countersign_review.domain.binding import Bound, stale_parts
from countersign_review.domain.eligibility import Profile, lacks
from countersign_review.domain.opinions import reveals, step_after
from countersign_review.domain.records import Answered, Decider, Said, confirms, with_reasons_of
from countersign_review.domain.refusals import (
    InvalidAnswer,
    KeyReused,
    NotEligible,
    NotFound,
    StaleBinding,
)
from countersign_review.domain.relation import relation
from countersign_review.domain.review import Action, Kind, ReviewState, Stage, advance
from countersign_review.store.at_the_desk import at_the_desk
from countersign_review.store.caller import Caller
from countersign_review.store.claimed import demand_of
from countersign_review.store.claims import Leases
from countersign_review.store.events import SQL, Connection, Journal, Numbered
from countersign_review.store.lateness import Lateness
from countersign_review.store.recording import Held, Recorded, Recording, Submission
from countersign_review.store.routed import routed_of
from countersign_review.store.undoing import Undoing
from countersign_review.store.views import Views
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.observability import Metrics
from countersign_shared.postgres import Queries


@dataclass(frozen=True, slots=True)
class Before:
    """What had been answered to a review: unseen by the same person, and by others."""

    blind: Said | None = None
    opinions: Sequence[Said] = ()


class Answers:
    """Records answers. Locks the review, then the case's counter; all writes of one answer are one transaction."""

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, views: Views, *, leases: Leases, clock: Clock, metrics: Metrics
    ) -> None:
        self._pool = pool
        self._journal = journal
        self._views = views
        self._clock = clock
        self._duration = metrics.histogram("review_duration_seconds")
        self._decisions = metrics.counter("decisions_total")
        self._time_to_decision = metrics.histogram("time_to_decision_seconds")
        self._due = metrics.counter("review_sla_due_total")
        self._queries = Queries.load(SQL / "desk.sql")
        self._recording = Recording(journal, views)
        self._lateness = Lateness(views)
        self._undoing = Undoing(pool, journal, leases=leases, clock=clock)

    async def decide(self, caller: Caller, submission: Submission) -> Recorded:
        """Record an answer; the same request again returns what was recorded the first time."""
        now = self._clock()
        async with at_the_desk(self._pool) as connection:
            claim = await connection.fetchrow(self._queries.lock_claim, submission.claim_id, caller.profile.pseudonym)
            known = await self._known(connection, caller, claim, submission)
            if known is not None and (earlier := _earlier(known, submission)):
                return earlier
            if claim is None:
                raise NotFound("You hold no such claim.")
            await self._lateness.check(connection, claim, submission.version, now)
            held = await self._held(connection, caller, claim, known, submission, now)
            leaves_at = now + timedelta(seconds=grace_seconds(held.routed, caller))
            recorded = await self._recording.write(connection, held, submission, now=now, leaves_at=leaves_at)
        self._journal.hurry()
        self._measure(held, now)
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
        return await self._undoing.undo(caller, answer_id)

    async def _known(self, connection: Connection, caller: Caller, claim: Any, submission: Submission) -> Any:
        """Return what was answered under the request's key, and the case and what was shown where there is a claim."""
        who = caller.profile.pseudonym, submission.idempotency_key
        if claim is None:
            return await connection.fetchrow(self._queries.answer_of_key, *who)
        place = claim["tenant"], claim["case_id"], claim["claim_id"]
        return await connection.fetchrow(self._queries.case_and_shown, *place, *who)

    async def _held(
        self, connection: Connection, caller: Caller, claim: Any, case: Any, submission: Submission, now: datetime
    ) -> Held:
        routed = routed_of(case["body"])
        if missing := lacks(caller.profile, demand_of(claim), now.date()):
            raise NotEligible(missing, offers=["escalate", "release"])
        before = await self._before(connection, claim, caller)
        answer = with_reasons_of(submission.answer, before.blind.answer) if before.blind else submission.answer
        if found := self._faults(claim, routed, answer, before):
            raise InvalidAnswer(found)
        answered = self._answered(caller, claim, routed, answer, submission.bound, case["shown"], before, now)
        step = self._step(claim, routed, answered)
        numbers, lead = Numbered(case["first"], case["partition"]), "lead" in caller.profile.roles
        return Held(claim, routed, case["event_id"], answered, step, numbers, package=case["package"], lead=lead)

    async def _before(self, connection: Connection, claim: Any, caller: Caller) -> Before:
        if claim["stage"] == Stage.FIRST and claim["state"] != ReviewState.REVEALED:
            return Before()
        rows = await connection.fetch(self._queries.standing_answers, claim["review_id"])
        mine = [row for row in rows if row["part"] == "blind" and row["reviewer"] == caller.profile.pseudonym]
        opinions = [Said.of(orjson.loads(row["said"])) for row in rows if row["part"] == "opinion"]
        revealed = claim["state"] == ReviewState.REVEALED
        return Before(Said.of(orjson.loads(mine[-1]["said"])) if mine and revealed else None, opinions)

    def _faults(
        self, claim: Any, routed: Mapping[str, Any], answer: Answer, before: Before | None = None
    ) -> list[Fault]:
        found = faults(
            answer, routed["handling"],
            relation=relation(routed.get("proposal"), answer.outcome, answer.outcome_params),
            withheld=claim["withheld"] and claim["state"] != ReviewState.REVEALED,
            params_faults=lambda outcome, params: self._views.params_faults(routed, outcome, params),
        )  # fmt: skip
        earlier = before.blind if before else None
        if earlier and not confirms(answer, earlier.answer) and not (answer.codes or answer.note):
            found.append(Fault("/reason/codes", "Changing the answer you gave unseen needs a reason."))
        return found

    def _answered(
        self, caller: Caller, claim: Any, routed: Mapping[str, Any], answer: Answer, bound: Bound,
        shown: Sequence[str], before: Before, now: datetime,
    ) -> Answered:  # fmt: skip
        execute, digest = self._views.execution(claim, routed, answer.outcome, answer.outcome_params)
        views = list(dict.fromkeys(shown))
        if stale := stale_parts(bound, payload=claim["payload_sha256"], shown=views, execute=digest):
            raise StaleBinding(f"Not what was shown or would be carried out: {', '.join(stale)}.", stale=stale)
        seen = not claim["withheld"] or claim["state"] == ReviewState.REVEALED
        said = Said(
            answer=answer,
            decider=Decider(caller.profile.pseudonym, caller.role, authority_held(caller.profile)),
            opened_at=rfc3339(claim["opened_at"] or claim["claimed_at"]),
            decided_at=rfc3339(now),
            blind=before.blind is not None or not seen,
            shown=views,
        )
        return Answered(
            said=said, relation=relation(routed.get("proposal"), answer.outcome, answer.outcome_params), seen=seen,
            sla_met=now <= claim["due_at"], payload_sha256=claim["payload_sha256"], execute_sha256=digest,
            execute=execute, others=before.opinions,
        )  # fmt: skip

    def _step(self, claim: Any, routed: Mapping[str, Any], answered: Answered) -> Action:
        kind = Kind(claim["kind"])
        step = step_after(
            [said.opinion for said in answered.everybody], kind=kind, stage=Stage(claim["stage"]),
            required=claim["reviewers_required"],
            reveals=reveals(routed["handling"], kind, proposal=routed.get("proposal"), seen=answered.seen),
        )  # fmt: skip
        advance(ReviewState(claim["state"]), step)
        return step

    def _measure(self, held: Held, now: datetime) -> None:
        claim, routed, answered = held.claim, held.routed, held.answered
        if routed["case"].get("test", False) or held.step is not Action.DECIDE:
            return
        queue, began = claim["queue"], claim["opened_at"] or claim["claimed_at"]
        self._duration.labels(queue=queue).observe((now - began).total_seconds())
        if claim["kind"] != Kind.DECISION:
            return
        decision_type, assisted = routed["decision_type"], answered.seen and routed.get("proposal")
        self._decisions.labels(
            decision_type=decision_type, mode="human_with_ai" if assisted else "human", relation=answered.relation
        ).inc()
        arose = datetime.fromisoformat(routed["case"]["occurred_at"])
        self._time_to_decision.labels(decision_type=decision_type, level=str(routed["level"])).observe(
            max((now - arose).total_seconds(), 0.0)
        )
        sla = (routed["handling"].get("sla") or {}).get("class", "standard")
        met = "true" if answered.sla_met else "false"
        self._due.labels(**{"class": sla, "met": met}).inc()


def _earlier(row: Any, submission: Submission) -> Recorded | None:
    if row["answer_id"] is None:
        return None
    if row["request_sha256"] != submission.request_sha256:
        raise KeyReused("This idempotency key came with another request before; use a new one.")
    if row["undone_at"] is not None:
        raise KeyReused("The decision made with this idempotency key was undone; use a new one.")
    return Recorded(row["answer_id"], row["leaves_at"], revealed=row["part"] == "blind")


def grace_seconds(routed: Mapping[str, Any], caller: Caller) -> int:
    """Return how long an answer can be undone: as the policy says for people, not at all for programs.

    Whoever needs more time has chosen more; nobody has less than the policy gives.
    """
    seconds: int = routed["handling"]["grace_seconds"]
    return max(seconds, caller.undo_seconds or 0) if caller.at_console else 0


def authority_held(profile: Profile) -> dict[str, Any]:
    """Return the authority as a decision records it."""
    limit = profile.amount_limit
    return {
        "max_tier": profile.max_tier,
        "decision_types": sorted(profile.decision_types) if profile.decision_types is not None else None,
        "amount_limit": {"value": str(limit.value), "currency": limit.currency} if limit else None,
        "skills": sorted(profile.skills),
    }


__all__ = ["Answers", "Recorded", "Submission", "authority_held", "grace_seconds"]
