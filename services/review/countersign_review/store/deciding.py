"""Recording answers: those of one moment in one transaction, each accepted or refused by itself."""

from collections.abc import Awaitable, Callable, Container, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from countersign_review.domain.refusals import KeyReused, NotFound, Refusal
from countersign_review.domain.review import Action, IllegalTransition, Kind
from countersign_review.store.at_the_desk import at_the_desk
from countersign_review.store.caller import Caller
from countersign_review.store.checking import Checking
from countersign_review.store.events import SQL, Connection, Journal
from countersign_review.store.gathering import Gathering
from countersign_review.store.recording import Entry, Held, Recorded, Recording, Submission
from countersign_shared.clock import Clock
from countersign_shared.observability import Metrics
from countersign_shared.observability.labels import type_label
from countersign_shared.postgres import Queries

TOGETHER = 16
"""Answers recorded in one transaction: writing their events takes some milliseconds, and nobody waits longer."""
SIDE_BY_SIDE = 2
"""While one transaction waits for the disk, the events of the next are written."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One request to decide, and whose it is."""

    caller: Caller
    submission: Submission

    @property
    def claim(self) -> tuple[str, str]:
        """The claim, and who has to hold it."""
        return self.submission.claim_id, self.caller.profile.pseudonym

    @property
    def key(self) -> tuple[str, str]:
        """The request's identity: whose it is, and the key it came with."""
        return self.caller.profile.pseudonym, self.submission.idempotency_key


Lock = Callable[[Connection, Sequence[Asked]], Awaitable[dict[int, Any]]]
"""Locks claims with their reviews; returns them by the place of who asked."""


class Deciding:
    """Records answers: locks the reviews, then the cases' counters; an answer and its events are one transaction.

    Answers of one moment share it where their reviews are free and about different cases. The rest are recorded alone:
    who has to wait for a lock makes nobody else wait, and who comes second sees what the first one did.
    """

    def __init__(
        self, pool: asyncpg.Pool, journal: Journal, checking: Checking, recording: Recording,
        types: Container[str], *, clock: Clock, metrics: Metrics,
    ) -> None:  # fmt: skip
        self._pool = pool
        self._journal = journal
        self._checking = checking
        self._recording = recording
        self._types = types
        self._clock = clock
        self._duration = metrics.histogram("review_duration_seconds")
        self._decisions = metrics.counter("decisions_total")
        self._time_to_decision = metrics.histogram("time_to_decision_seconds")
        self._due = metrics.counter("review_sla_due_total")
        self._queries = Queries.load(SQL / "desk.sql")
        self._gathering: Gathering[Asked, Recorded | None] = Gathering(
            self._together, most=TOGETHER, side_by_side=SIDE_BY_SIDE, key=lambda asked: asked.submission.claim_id
        )

    async def decide(self, caller: Caller, submission: Submission) -> Recorded:
        """Record an answer; the same request again returns what was recorded the first time."""
        asked = Asked(caller, submission)
        return await self._gathering.ask(asked) or await self._alone(asked)

    async def _together(self, asked: Sequence[Asked]) -> Sequence[Recorded | Exception | None]:
        """Record the answers that wait for nothing; None for those that have to be looked at alone."""
        found = await self._record(asked, self._free_claims)
        return [found.get(place) for place in range(len(asked))]

    async def _alone(self, asked: Asked) -> Recorded:
        found = await self._record([asked], self._claim)
        answer = found[0] if found else await self._without_claim(asked)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def _record(self, asked: Sequence[Asked], lock: Lock) -> dict[int, Recorded | Exception]:
        """Record or refuse the answers whose claims ``lock`` gives, in one transaction, by their place."""
        now = self._clock()
        found: dict[int, Recorded | Exception] = {}
        entries: dict[int, Entry] = {}
        async with at_the_desk(self._pool) as connection:
            claims = await lock(connection, asked)
            cases = await self._cases(connection, asked, claims)
            for place, claim in claims.items():
                try:
                    answer = await self._entry(connection, asked[place], claim, cases[place], now)
                except (Refusal, IllegalTransition) as refusal:
                    found[place] = refusal
                    continue
                if isinstance(answer, Entry):
                    entries[place] = answer
                else:
                    found[place] = answer
            await self._recording.write(connection, list(entries.values()), now)
        if entries:
            self._journal.hurry()
        for place, entry in entries.items():
            self._measure(entry.held, now)
            found[place] = entry.recorded
        return found

    async def _claim(self, connection: Connection, asked: Sequence[Asked]) -> dict[int, Any]:
        """Lock the claim of the only one who asks, with its review, however long that takes."""
        claim = await connection.fetchrow(self._queries.lock_claim, *asked[0].claim)
        return {} if claim is None or not asked[0].caller.acts_for(claim["tenant"]) else {0: claim}

    async def _free_claims(self, connection: Connection, asked: Sequence[Asked]) -> dict[int, Any]:
        """Lock the claims whose reviews nobody has locked, one of each case, by the place of who asked."""
        claim_ids, reviewers = zip(*(one.claim for one in asked), strict=True)
        rows = await connection.fetch(self._queries.lock_free_claims, claim_ids, reviewers)
        own = [row for row in rows if asked[row["place"] - 1].caller.acts_for(row["tenant"])]
        one_a_case = {(row["tenant"], row["case_id"]): row for row in own}
        return {row["place"] - 1: row for row in one_a_case.values()}

    async def _cases(self, connection: Connection, asked: Sequence[Asked], claims: Mapping[int, Any]) -> dict[int, Any]:
        """Lock the counters of claimed cases; returns the cases, with what was shown and answered before, by place."""
        if not claims:
            return {}
        columns = zip(
            *((claim["tenant"], claim["case_id"], claim["claim_id"], *asked[place].key)
              for place, claim in claims.items()),
            strict=True,
        )  # fmt: skip
        rows = await connection.fetch(self._queries.cases_and_shown, *columns)
        return dict(zip(claims, rows, strict=True))

    async def _entry(
        self, connection: Connection, asked: Asked, claim: Any, case: Any, now: datetime
    ) -> Recorded | Entry:
        """Return what is to be written of an answer, or what was recorded under its key; or refuse it."""
        if earlier := _earlier(case, asked.submission):
            return earlier
        held = await self._checking.held(connection, asked.caller, claim, case, asked.submission, now)
        return await self._recording.entry(connection, held, now)

    async def _without_claim(self, asked: Asked) -> Recorded:
        known = await self._pool.fetchrow(self._queries.answer_of_key, *asked.key)
        if known is not None and (earlier := _earlier(known, asked.submission)):
            return earlier
        raise NotFound("You hold no such claim.")

    def _measure(self, held: Held, now: datetime) -> None:
        claim, routed, answered = held.claim, held.routed, held.answered
        if routed["case"].get("test", False) or held.step is not Action.DECIDE:
            return
        queue, began = claim["queue"], claim["opened_at"] or claim["claimed_at"]
        self._duration.labels(queue=queue).observe((now - began).total_seconds())
        if claim["kind"] != Kind.DECISION:
            return
        decision_type = type_label(routed["decision_type"], self._types)
        assisted = answered.seen and routed.get("proposal")
        self._decisions.labels(
            decision_type=decision_type, mode="human_with_ai" if assisted else "human", relation=answered.relation
        ).inc()
        arose = datetime.fromisoformat(routed["case"]["occurred_at"])
        self._time_to_decision.labels(decision_type=decision_type, level=str(routed["level"])).observe(
            max((now - arose).total_seconds(), 0.0)
        )
        sla = (routed["handling"].get("sla") or {}).get("class", "standard")
        met = "true" if answered.sla_met else "false"
        for either in ("true", "false"):  # both from the first on: a series that begins late hides its beginning
            self._due.labels(**{"class": sla, "met": either})
        self._due.labels(**{"class": sla, "met": met}).inc()


def _earlier(row: Any, submission: Submission) -> Recorded | None:
    if row["answer_id"] is None:
        return None
    if row["request_sha256"] != submission.request_sha256:
        raise KeyReused("This idempotency key came with another request before; use a new one.")
    if row["undone_at"] is not None:
        raise KeyReused("The decision made with this idempotency key was undone; use a new one.")
    return Recorded(row["answer_id"], row["leaves_at"], revealed=row["part"] == "blind")
