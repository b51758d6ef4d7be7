"""Whether an answer may be recorded: the caller's authority, what the policy asks of it, and what it is bound to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import orjson

from countersign_review.domain.answer import Answer, Fault, faults
from countersign_review.domain.binding import Bound, stale_parts, views_to_quote
from countersign_review.domain.eligibility import Profile, lacks
from countersign_review.domain.opinions import reveals, step_after
from countersign_review.domain.records import Answered, Decider, Said, confirms, with_reasons_of
from countersign_review.domain.refusals import InvalidAnswer, NotEligible, StaleBinding
from countersign_review.domain.relation import relation
from countersign_review.domain.review import Action, Kind, ReviewState, Stage, advance
from countersign_review.store.caller import Caller
from countersign_review.store.claimed import demand_of
from countersign_review.store.events import SQL, Connection, Numbered
from countersign_review.store.lateness import Lateness
from countersign_review.store.recording import Held, Submission
from countersign_review.store.routed import routed_of
from countersign_review.store.views import Views
from countersign_shared.clock import rfc3339
from countersign_shared.postgres import Queries


@dataclass(frozen=True, slots=True)
class Before:
    """What had been answered to a review: unseen by the same person, and by others."""

    blind: Said | None = None
    opinions: Sequence[Said] = ()


class Checking:
    """Looks at one answer under the lock of its review; nothing is written."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._lateness = Lateness(views)
        self._queries = Queries.load(SQL / "desk.sql")

    async def held(
        self, connection: Connection, caller: Caller, claim: Any, case: Any, submission: Submission, now: datetime
    ) -> Held:
        """Return an answer that may be recorded, or raise the refusal that fits."""
        await self._lateness.check(connection, claim, submission.version, now)
        routed = routed_of(case["body"])
        if missing := lacks(caller.profile, demand_of(claim), now.date()):
            raise NotEligible(missing, offers=["escalate", "release"])
        before = await self._before(connection, claim, caller)
        answer = with_reasons_of(submission.answer, before.blind.answer) if before.blind else submission.answer
        if found := self.faults(claim, routed, answer, before):
            raise InvalidAnswer(found)
        answered = self._answered(caller, claim, routed, answer, submission.bound, case["shown"], before, now)
        return Held(
            claim, routed, case["event_id"], submission, answered, _step(claim, routed, answered),
            Numbered(case["next"], case["partition"]), now + timedelta(seconds=grace_seconds(routed, caller)),
            package=case["package"], lead="lead" in caller.profile.roles,
        )  # fmt: skip

    def faults(
        self, claim: Any, routed: Mapping[str, Any], answer: Answer, before: Before | None = None
    ) -> list[Fault]:
        """Return everything wrong with an answer to a claimed review."""
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

    async def _before(self, connection: Connection, claim: Any, caller: Caller) -> Before:
        if claim["stage"] == Stage.FIRST and claim["state"] != ReviewState.REVEALED:
            return Before()
        rows = await connection.fetch(self._queries.standing_answers, claim["review_id"])
        mine = [row for row in rows if row["part"] == "blind" and row["reviewer"] == caller.profile.pseudonym]
        opinions = [Said.of(orjson.loads(row["said"])) for row in rows if row["part"] == "opinion"]
        revealed = claim["state"] == ReviewState.REVEALED
        return Before(Said.of(orjson.loads(mine[-1]["said"])) if mine and revealed else None, opinions)

    def _answered(
        self, caller: Caller, claim: Any, routed: Mapping[str, Any], answer: Answer, bound: Bound,
        shown: Sequence[str], before: Before, now: datetime,
    ) -> Answered:  # fmt: skip
        execute, digest = self._views.execution(claim, routed, answer.outcome, answer.outcome_params)
        views = views_to_quote(shown)
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


def _step(claim: Any, routed: Mapping[str, Any], answered: Answered) -> Action:
    kind = Kind(claim["kind"])
    step = step_after(
        [said.opinion for said in answered.everybody], kind=kind, stage=Stage(claim["stage"]),
        required=claim["reviewers_required"],
        reveals=reveals(routed["handling"], kind, proposal=routed.get("proposal"), seen=answered.seen),
    )  # fmt: skip
    advance(ReviewState(claim["state"]), step)
    return step


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
