"""Writing answers: what each ends or begins, the events that say so, and when they leave."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from countersign_review.domain.answer import Answer
from countersign_review.domain.attention import Attended, times
from countersign_review.domain.binding import Bound
from countersign_review.domain.events import SERVICE, CaseRef, person, review_fact
from countersign_review.domain.opinions import Opinion, agree, is_control
from countersign_review.domain.records import Answered, decision_made, judgement
from countersign_review.domain.refusals import AnsweredBefore, KeyReused
from countersign_review.domain.review import Action, Kind, ReviewState, Stage, ended
from countersign_review.store.events import (
    DECISIONS,
    SQL,
    Connection,
    Numbered,
    Outgoing,
    activity_event,
    event_rows,
)
from countersign_review.store.views import Shown, Views
from countersign_shared.ids import derived_event_id
from countersign_shared.postgres import Queries

ONE_KEY = "answers_reviewer_idempotency_key_key"
_STAGES = {Action.SECOND_OPINION: Stage.SECOND, Action.ADJUDICATE: Stage.ADJUDICATION}
_PARTS = {Action.REVEAL: "blind", Action.SECOND_OPINION: "opinion", Action.ADJUDICATE: "opinion"}


@dataclass(frozen=True, slots=True)
class Submission:
    """One request to decide: the claim and its version, the answer, what it is bound to, and the request's identity."""

    claim_id: str
    version: int
    answer: Answer
    bound: Bound
    idempotency_key: str
    request_sha256: str
    attended: Attended | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """An answer that is durable; it leaves at ``leaves_at``.

    ``revealed``: the proposal is shown now, and a last word is due.
    """

    answer_id: str
    leaves_at: datetime
    revealed: bool = False


@dataclass(frozen=True, slots=True)
class Held:
    """An answer to a claimed review that may be recorded, the step it brings about, and when it leaves."""

    claim: Any
    routed: Mapping[str, Any]
    routed_event_id: str
    submission: Submission
    answered: Answered
    step: Action
    numbers: Numbered
    leaves_at: datetime
    package: bytes | None = None
    """The last view that was shown."""
    lead: bool = False

    @property
    def ref(self) -> CaseRef:
        """The case."""
        return CaseRef.of(self.routed)

    @property
    def actor(self) -> dict[str, Any]:
        """Who answers, as records name them."""
        decider = self.answered.said.decider
        return person(decider.pseudonym, decider.role)


@dataclass(frozen=True, slots=True)
class Ending:
    """What an answer is said to be, and the decision it makes, as columns of ``record``; none where it makes none."""

    event: Outgoing
    decision: tuple[Any, ...] = (False, None, None, None, None)


@dataclass(frozen=True, slots=True)
class Entry:
    """An answer with everything that is written because of it.

    ``judges`` is the kind of judgement that it concludes; ``shown`` the view that it opens.
    """

    held: Held
    recorded: Recorded
    ending: Ending
    events: Sequence[Outgoing]
    judges: str | None = None
    shown: Shown | None = None

    @property
    def ref(self) -> CaseRef:
        """The case."""
        return self.held.ref


class Recording:
    """Writes answers in the caller's transaction, under the locks of their reviews and of their cases' counters."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._queries = Queries.load(SQL / "desk.sql")
        self._actions = Queries.load(SQL / "actions.sql")

    async def entry(self, connection: Connection, held: Held, now: datetime) -> Entry:
        """Return what is to be written of an answer, or raise the refusal that fits; nothing is written yet."""
        if held.step is Action.REVEAL:
            return await self._reveal(connection, held, now)
        final = held.step is Action.DECIDE
        control = final and await self._control_due(connection, held)
        number = held.numbers.first + 1
        answer_id = derived_event_id(held.ref.tenant, held.ref.case_id, _step_name(held), number)
        ending = (
            await self._ending(connection, held, answer_id, number, now)
            if final
            else Ending(_opinion(held, number, now))
        )
        timed = _timed(held, answer_id, held.submission.attended, sequence=held.numbers.first, now=now)
        said = [ending.event, _control(held, number + 1, now)] if control else [ending.event]
        events = [timed, *(replace(one, not_before=held.leaves_at) for one in said)]
        judges = _judges(held, control=control, final=final)
        return Entry(held, Recorded(answer_id, held.leaves_at), ending, events, judges)

    async def _reveal(self, connection: Connection, held: Held, now: datetime) -> Entry:
        """Keep the unseen answer, then show the proposal; neither can be taken back."""
        ref, claim, first = held.ref, held.claim, held.numbers.first
        control = await self._control_due(connection, held)
        answered = _opinion(held, first, now)
        shown = await self._views.show(
            connection, {**claim, "state": ReviewState.REVEALED}, held.routed, lead=held.lead
        )  # fmt: skip
        fact = review_fact(
            claim, claim_id=claim["claim_id"], reviewer=claim["reviewer"], shown_sha256=shown.sha256
        )  # fmt: skip
        last = first + (2 if control else 1)
        revealed = activity_event(ref, "review.revealed", fact, sequence=last, at=now, actor=SERVICE)
        events = [answered, *([_control(held, last - 1, now)] if control else []), revealed]
        recorded = Recorded(answered.event_id, now, revealed=True)
        return Entry(held, recorded, Ending(answered), events, _judges(held, control=control, final=False), shown)

    async def write(self, connection: Connection, entries: Sequence[Entry], now: datetime) -> None:
        """Store answers, each about another case; what is said because of them leaves when each of them does."""
        if not entries:
            return
        # In the order in which the intake stores decisions.
        entries = sorted(entries, key=lambda entry: (entry.ref.tenant, entry.ref.case_id))
        answers = zip(*(_answer_columns(entry) for entry in entries), strict=True)
        events = zip(*(row for entry in entries for row in _event_rows(entry, now)), strict=True)
        try:
            await connection.execute(self._queries.record, now, *map(list, answers), *map(list, events))
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == ONE_KEY:
                # Their other request is being recorded in this moment; this one did not see it yet.
                raise KeyReused("This idempotency key came with another request before; use a new one.") from error
            if error.table_name != "decisions":
                raise
            raise AnsweredBefore("The case has been decided elsewhere in the meantime.") from error
        for entry in entries:
            await self._remember(connection, entry)
            if entry.shown is not None:
                claim = entry.held.claim
                await connection.execute(
                    self._queries.insert_shown, claim["claim_id"], claim["revision"], entry.shown.sha256, now,
                    entry.shown.package,
                )  # fmt: skip

    async def _remember(self, connection: Connection, entry: Entry) -> None:
        """Keep a judgement that was concluded, for what follows from it once it has left."""
        if entry.judges is None:
            return
        ref, answered, recorded = entry.ref, entry.held.answered, entry.recorded
        await connection.execute(
            self._actions.insert_judgement, recorded.answer_id, ref.tenant, ref.case_id, ref.decision_type,
            entry.judges, answered.relation == "overrode", answered.said.answer.outcome, len(answered.everybody),
            recorded.leaves_at,
        )  # fmt: skip

    async def _control_due(self, connection: Connection, held: Held) -> bool:
        """Tell whether the answer is the case's label too; then it takes a third number, right after its two."""
        if not is_control(held.routed, Kind(held.claim["kind"])) or held.answered.seen:
            return False
        return await connection.fetchrow(self._queries.control_judged, held.ref.tenant, held.ref.case_id) is None

    async def _ending(self, connection: Connection, held: Held, answer_id: str, number: int, now: datetime) -> Ending:
        ref = held.ref
        match Kind(held.claim["kind"]):
            case Kind.DECISION:
                return _decision(held, answer_id, number)
            case Kind.REVERSAL:
                return await self._reversal(connection, held, answer_id, number, now)
            case kind:
                judged = await self._judged(connection, ref)
                name = "audit.judged" if kind is Kind.AUDIT else "seed.judged"
                return Ending(_judgement(held, name, judged, number, now))

    async def _reversal(self, connection: Connection, held: Held, answer_id: str, number: int, now: datetime) -> Ending:
        """Replace the decision that was looked at again, or say that it stands."""
        ref, opinion = held.ref, held.answered.said.opinion
        row = await connection.fetchrow(self._queries.decision_in_force, ref.tenant, ref.case_id)
        if row is None or row["decision_id"] != held.claim["supersedes"]:
            raise AnsweredBefore("Another decision has replaced the one you looked at in the meantime.")
        standing = Opinion(row["outcome"], orjson.loads(row["outcome_params"]))
        if not agree([standing, opinion], Kind.REVERSAL):
            return _decision(held, answer_id, number, supersedes=row["decision_id"])
        claim = held.claim
        fact = review_fact(
            claim, claim_id=claim["claim_id"], reviewer=claim["reviewer"], decision_id=row["decision_id"],
            outcome=opinion.outcome, outcome_params=dict(opinion.outcome_params), reason=held.answered.said.answer.note,
        )  # fmt: skip
        return Ending(activity_event(ref, "review.upheld", fact, sequence=number, at=now, actor=held.actor))

    async def _judged(self, connection: Connection, ref: CaseRef) -> str:
        stored: str | None = await connection.fetchval(self._queries.first_decision, ref.tenant, ref.case_id)
        # The topic may not have brought the automatic decision yet; its id follows from the case.
        return stored or _automatic(ref)


def _answer_columns(entry: Entry) -> tuple[Any, ...]:
    """Return an answer as the columns of ``record``."""
    held, recorded, ref = entry.held, entry.recorded, entry.ref
    claim, said, submission = held.claim, held.answered.said, held.submission
    state, claim_state = ended(ReviewState(claim["state"]), held.step)
    # Whoever has given an opinion is done; whoever ends a review or has to confirm keeps it.
    done = claim["reviewer"] if held.step in _STAGES else None
    return (
        recorded.answer_id, claim["review_id"], claim["claim_id"], claim["reviewer"], entry.ending.event.event_id,
        submission.idempotency_key, submission.request_sha256, said.answer.outcome, held.answered.relation,
        recorded.leaves_at, state, _STAGES.get(held.step, claim["stage"]), done, claim_state,
        _PARTS.get(held.step, "final"), orjson.dumps(said.as_dict()), *entry.ending.decision, ref.tenant, ref.case_id,
        len(entry.events),
    )  # fmt: skip


def _event_rows(entry: Entry, now: datetime) -> list[tuple[Any, ...]]:
    """Return the events of an answer as rows of ``record``."""
    ref, partition = entry.ref, entry.held.numbers.partition
    return [(ref.tenant, ref.case_id, partition, *row) for row in event_rows(ref, entry.events, at=now)]


def _judges(held: Held, *, control: bool, final: bool) -> str | None:
    """Return the kind of judgement of the proposal that an answer concludes, if any.

    A decision is one when several people took it: what one person thinks of a proposal is not yet known of it.
    """
    kind: str | None = "control" if control else held.claim["kind"] if final else None
    if held.routed.get("proposal") is None or kind == Kind.SEED:
        return None
    return None if kind == Kind.DECISION and len(held.answered.everybody) == 1 else kind


def _decision(held: Held, answer_id: str, number: int, supersedes: str | None = None) -> Ending:
    body = decision_made(
        held.routed, held.answered, event_id=answer_id, routed_event_id=held.routed_event_id, sequence=number,
        supersedes=supersedes,
    )  # fmt: skip
    event = Outgoing(
        topic=DECISIONS, kind="decision.made", event_id=answer_id, sequence=number, body=body,
        actor=held.answered.said.decider.pseudonym,
    )  # fmt: skip
    return Ending(event, (True, supersedes, orjson.dumps(body["outcome_params"]), body["closed_as"], body["mode"]))


def _automatic(ref: CaseRef) -> str:
    """Return the id that an automatic decision of the case has, or would have had."""
    return derived_event_id(ref.tenant, ref.case_id, "decided")


def _step_name(held: Held) -> str:
    decides = held.claim["kind"] in {Kind.DECISION, Kind.REVERSAL} and held.step is Action.DECIDE
    return "decided" if decides else "answer"


def _opinion(held: Held, number: int, now: datetime) -> Outgoing:
    """Say that somebody has answered and that the review goes on."""
    claim, said = held.claim, held.answered.said
    fact = review_fact(
        claim, claim_id=claim["claim_id"], reviewer=claim["reviewer"], outcome=said.answer.outcome,
        outcome_params=dict(said.answer.outcome_params), shown_sha256=said.shown[-1],
    )  # fmt: skip
    kind = "review.answered" if held.answered.seen else "review.answered_blind"
    return activity_event(held.ref, kind, fact, sequence=number, at=now, actor=held.actor)


def _judgement(held: Held, kind: str, judged_decision_id: str, number: int, now: datetime) -> Outgoing:
    body = judgement(
        held.routed, held.answered, judged_decision_id=judged_decision_id, routed_event_id=held.routed_event_id
    )
    return activity_event(held.ref, kind, body, sequence=number, at=now, actor=held.actor)


def _control(held: Held, number: int, now: datetime) -> Outgoing:
    """The label of a case drawn to be answered unseen; judged is what automation would have decided."""
    return _judgement(held, "control.judged", _automatic(held.ref), number, now)


def _timed(held: Held, answer_id: str, attended: Attended | None, *, sequence: int, now: datetime) -> Outgoing:
    claim, said = held.claim, held.answered.said
    if held.routed["case"].get("test", False):
        attended = None  # a rehearsal is counted nowhere
    fact = review_fact(
        claim, claim_id=claim["claim_id"], reviewer=claim["reviewer"], decision_id=answer_id,
        times=times(said.opened_at, said.decided_at, attended, held.package),
    )  # fmt: skip
    return activity_event(held.ref, "review.timed", fact, sequence=sequence, at=now, actor=held.actor)
