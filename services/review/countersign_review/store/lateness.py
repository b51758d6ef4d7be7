"""Telling whoever comes too late what happened meanwhile: who holds the case, what they answered, what came in."""

from typing import Any

import orjson

from countersign_review.domain.refusals import AnsweredBefore, CaseWithdrawn, LeaseEnded, StaleVersion
from countersign_review.domain.review import Action, ClaimState, ReviewState
from countersign_review.store.claimed import check_held, check_version
from countersign_review.store.events import SQL, Connection
from countersign_review.store.views import Views
from countersign_shared.clock import rfc3339
from countersign_shared.postgres import Queries

MOMENT = "%-d %B at %H:%M:%S"


class Lateness:
    """Refuses an answer that came too late, under the review's lock, and says why in full."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._queries = Queries.load(SQL / "desk.sql")

    async def check(self, connection: Connection, claim: Any, version: int, now: Any) -> None:
        """Raise the refusal that fits, or nothing when the claim can be answered as it was read."""
        if claim["state"] == ReviewState.DECIDED:
            raise await self._answered(connection, claim)
        if claim["state"] == ReviewState.WITHDRAWN:
            raise await self._withdrawn(connection, claim)
        if claim["claim_state"] == ClaimState.DECIDED:
            raise AnsweredBefore("You have answered this already; somebody else has to look at it too.")
        try:
            check_held(claim, Action.DECIDE, now)
        except LeaseEnded as refusal:
            raise await self._taken(connection, claim, refusal) from None
        try:
            check_version(claim, version)
        except StaleVersion as refusal:
            raise await self._changed(connection, claim, refusal) from None

    async def _answered(self, connection: Connection, claim: Any) -> AnsweredBefore:
        row: Any = await connection.fetchrow(self._queries.final_answer, claim["review_id"])
        if row is None:
            return await self._decided(connection, claim)
        label = self._views.outcome_label(claim["decision_type"], row["outcome"])
        return AnsweredBefore(
            f"{row['display_name']} answered this on {row['recorded_at']:{MOMENT}} UTC: {label}.",
            decided_by=row["display_name"], outcome=row["outcome"], decided_at=rfc3339(row["recorded_at"]),
        )  # fmt: skip

    async def _decided(self, connection: Connection, claim: Any) -> AnsweredBefore:
        """Who answered is lost with the hour before a restore; what was decided came back from its topic."""
        row = await connection.fetchrow(self._queries.decision_in_force, claim["tenant"], claim["case_id"])
        label = self._views.outcome_label(claim["decision_type"], row["outcome"])
        return AnsweredBefore(
            f"This was decided on {row['decided_at']:{MOMENT}} UTC: {label}.",
            outcome=row["outcome"], decided_at=rfc3339(row["decided_at"]),
        )  # fmt: skip

    async def _withdrawn(self, connection: Connection, claim: Any) -> CaseWithdrawn:
        body = await connection.fetchval(self._queries.withdrawal_reason, claim["tenant"], claim["case_id"])
        reason = orjson.loads(body)["body"]["reason"] if body else "sent back undecided"
        return CaseWithdrawn(f"The case was withdrawn: {reason}", reason=reason)

    async def _taken(self, connection: Connection, claim: Any, refusal: LeaseEnded) -> LeaseEnded:
        row = await connection.fetchrow(self._queries.holder, claim["review_id"])
        if row is None:
            return refusal
        return LeaseEnded(
            f"Your lease is over; {row['display_name']} took the case on {row['claimed_at']:{MOMENT}} UTC.",
            held_by=row["display_name"], claimed_at=rfc3339(row["claimed_at"]),
        )  # fmt: skip

    async def _changed(self, connection: Connection, claim: Any, refusal: StaleVersion) -> StaleVersion:
        row = await connection.fetchrow(
            self._queries.news_since_shown, claim["claim_id"], claim["tenant"], claim["case_id"]
        )
        if row is None or row["told_at"] is None or row["seen"] == claim["revision"]:
            return refusal
        return StaleVersion(
            f"New information came in on {row['told_at']:{MOMENT}} UTC: read the case again.",
            version=claim["version"], changed="evidence", changed_at=rfc3339(row["told_at"]),
        )  # fmt: skip
