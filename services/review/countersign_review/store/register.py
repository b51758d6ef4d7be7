"""Reading the register of cases, told as much of it as the reader may know."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import asyncpg
import orjson

from countersign_review.domain.case_state import CaseState, Known, case_state, label
from countersign_review.domain.eligibility import TIERS, tier_rank
from countersign_review.domain.refusals import AnswerOutstanding, NotFound, SearchTooBroad
from countersign_review.domain.words import asked
from countersign_review.store.events import SQL, Connection
from countersign_review.store.routed import routed_of
from countersign_review.store.views import Views
from countersign_shared.postgres import Queries

NEWEST = 2**62
WINDOW = 20_000
"""Cases looked at in one statement, when no index knows which of them are wanted."""
PATIENCE_SECONDS = 0.4
"""After this long a page is given out as it is, with the place from which to look further."""
MOST_SECONDS = 5.0
OUT_OF_ORDER = 10_000
"""Cases are numbered in the order in which batches are stored; their times may differ from that by some batches."""
MOST_UNINDEXED = 10_000
MODES = {"automation": ["automatic"], "person": ["human", "human_with_ai"]}
_ANSWERED = {
    "decision.made": "A person decided",
    "audit.judged": "A person judged the automatic decision",
    "control.judged": "Kept as a label",
    "review.answered": "A first answer, kept until the others have answered",
    "review.answered_blind": "Answered before the proposal was shown",
    "review.upheld": "Looked at again, and upheld",
    "review.reopened": "To be looked at again",
}
_WORDS = {
    "review.claimed": "Taken by a reviewer",
    "review.opened": "Opened",
    "review.released": "Given back",
    "review.expired": "Lease ran out",
    "review.skipped": "Skipped",
    "review.revealed": "The proposal was shown",
    "review.recused": "A reviewer stepped back",
    "review.escalated": "Handed to the leads",
    "review.delegated": "Handed to a colleague",
    "review.recalled": "Called back by a lead",
    "review.blocked": "Blocked by a lead",
    "review.unblocked": "Unblocked",
    "review.information_requested": "Upstream was asked",
    "review.returned": "Sent back undecided",
    "review.deadline_changed": "Another deadline",
    "review.commented": "Comment",
    "review.tagged": "Tags changed",
    "review.undone": "Answer taken back before it left",
    "review.information_provided": "New evidence, open claims became stale",
    "case.withdrawn": "Withdrawn",
    "decision.withdrawn": "Closed as withdrawn",
    "withdrawn": "Upstream withdrew the case",
    "information_provided": "Upstream sent information",
    "deadline_changed": "Upstream changed the deadline",
    "contested": "The affected person objected",
    "outcome_reported": "Upstream reported what became of it",
    **_ANSWERED,
}
_UPDATES = ("withdrawn", "information_provided", "deadline_changed", "contested", "outcome_reported")
# Only what has been decided is objected to, or has an outcome in the world: either would tell a judgement by its case.
_OF_DECISIONS = frozenset({"contested", "outcome_reported"})
# What came by HTTP is told where it was received, as what came from the topic is.
_UNSAID = {"review.timed", "seed.judged", *(f"updated.{kind}" for kind in _UPDATES)}


@dataclass(frozen=True, slots=True)
class Filters:
    """What a search asks for; None asks for nothing. ``q`` is words of title, case id or subject."""

    tenants: Sequence[str]
    q: str | None = None
    case_id: str | None = None
    subject: str | None = None
    decision_type: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    state: str | None = None
    levels: Sequence[int] = ()
    tiers: Sequence[str] = ()
    outcome: str | None = None
    decided_by: str | None = None

    @property
    def indexed(self) -> bool:
        """Whether an index leads to what is asked for, so that no stretch of cases has to be looked through."""
        return bool(self.q or self.case_id or self.subject)

    @property
    def by_index(self) -> bool:
        """Whether the index that follows the intake is needed."""
        return bool(self.q or self.tiers)


@dataclass(slots=True)
class Found:
    """A page of cases. ``next_place`` is where to look further, ``searched_to`` the time up to which was looked."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    next_place: int | None = None
    searched_to: datetime | None = None
    not_indexed: int = 0


class Register:
    """Reads cases. ``masked`` readers might still have to answer unseen, so they are not told what automation did."""

    def __init__(self, pool: asyncpg.Pool, views: Views) -> None:
        self._pool = pool
        self._views = views
        self._queries = Queries.load(SQL / "register.sql")

    async def search(self, filters: Filters, *, before: int, masked: bool, limit: int) -> Found:
        """Return cases, newest first.

        Where no index leads to what is asked for, stretches of cases are looked through until the page is full or time
        is over; the page then says how far it looked.
        """
        async with self._pool.acquire() as connection:
            try:
                found = await self._search(connection, filters, before=before, masked=masked, limit=limit)
            except TimeoutError as error:
                raise SearchTooBroad("The search took too long; add a filter, or more letters.") from error
            if filters.by_index:
                found.not_indexed = await connection.fetchval(self._queries.count_unindexed, MOST_UNINDEXED)
        return found

    async def _search(
        self, connection: Connection, filters: Filters, *, before: int, masked: bool, limit: int
    ) -> Found:
        found, until = Found(), time.monotonic() + PATIENCE_SECONDS
        lowest, before = await self._bounds(connection, filters, before)
        asking = self._asking(filters)
        while True:
            floor = lowest if filters.indexed else max(before - WINDOW, lowest)
            rows = await connection.fetch(
                self._queries.list_cases, list(filters.tenants), masked, before, floor, limit - len(found.rows),
                *asking, timeout=MOST_SECONDS,
            )  # fmt: skip
            found.rows += [self._row(row, row, masked=masked) for row in rows]
            if len(found.rows) == limit:
                found.next_place = rows[-1]["arrival"]
                return found
            before = floor
            if before <= lowest:
                return found
            if time.monotonic() >= until:
                found.next_place = before
                found.searched_to = await connection.fetchval(self._queries.routed_from, before)
                return found

    async def _bounds(self, connection: Connection, filters: Filters, before: int) -> tuple[int, int]:
        """Return between which numbers to look: those that the times leave, with room for cases out of order."""
        newest = await connection.fetchval(self._queries.newest_place)
        before = min(before, newest)
        lowest = 0
        if filters.until is not None:
            before = min(before, await self._place(connection, filters.until, newest) + OUT_OF_ORDER)
        if filters.since is not None:
            lowest = max(await self._place(connection, filters.since, newest) - OUT_OF_ORDER, 0)
        return lowest, before

    async def _place(self, connection: Connection, at: datetime, newest: int) -> int:
        """Return about the first number whose case came at a time or after, by halving."""
        low, high = 0, newest
        while low < high:
            middle = (low + high) // 2
            routed_at = await connection.fetchval(self._queries.routed_from, middle)
            if routed_at is not None and routed_at < at:
                low = middle + 1
            else:
                high = middle
        return low

    def _asking(self, filters: Filters) -> tuple[Any, ...]:
        levels, tiers = list(filters.levels), [tier_rank(tier) for tier in filters.tiers]
        return (
            asked(filters.q) if filters.q else None, filters.case_id, filters.subject, filters.decision_type,
            filters.since, filters.until, filters.state, levels or None, tiers or None, filters.outcome,
            MODES.get(filters.decided_by or ""),
        )  # fmt: skip

    async def tenants(self, seen: frozenset[str]) -> list[str]:
        """Return those of the tenants ``seen`` that any case is of, by name."""
        rows = await self._pool.fetch(self._queries.tenants)
        return [row["tenant"] for row in rows if "*" in seen or row["tenant"] in seen]

    async def page(self, tenants: frozenset[str], tenant: str, case_id: str, *, masked: bool) -> dict[str, Any]:
        """Return one case with its facts, decisions and history."""
        case = await self._case(tenants, tenant, case_id)
        hidden = masked and case["answer_outstanding"]
        decisions = [] if hidden else await self._pool.fetch(self._queries.decisions_of, tenant, case_id)
        last = decisions[-1] if decisions else None
        routed = routed_of(case["body"])
        facts, consequence = self._views.facts(routed), routed.get("consequence")
        rank = tier_rank(consequence["tier"]) if consequence and not hidden else None
        return {
            **self._row({**case, "level": None if hidden else case["level"], "tier_rank": rank}, last, masked=masked),
            "level_name": None if hidden else routed["level_name"],
            "facts": [
                {name: fact[name] for name in ("field", "label", "value", "formatted", "unit")} for fact in facts
            ],
            "decisions": [self._decision(case["decision_type"], row) for row in decisions],
            "history": await self._history(case, decisions, hidden=hidden),
            "withheld": hidden,
        }

    async def check_timeline(self, tenants: frozenset[str], tenant: str, case_id: str, *, masked: bool) -> None:
        """Refuse the timeline to whoever might still have to answer unseen."""
        case = await self._case(tenants, tenant, case_id)
        if masked and case["answer_outstanding"]:
            raise AnswerOutstanding("The timeline can be read once the case has been answered.")

    async def outstanding(self, cases: Sequence[tuple[str, str]]) -> set[tuple[str, str]]:
        """Return those of some cases (tenant, id) that somebody still has to answer unseen."""
        tenants, ids = [tenant for tenant, _ in cases], [case_id for _, case_id in cases]
        rows = await self._pool.fetch(self._queries.outstanding, tenants, ids)
        return {(row["tenant"], row["case_id"]) for row in rows}

    async def _case(self, tenants: frozenset[str], tenant: str, case_id: str) -> Any:
        case = None
        if "*" in tenants or tenant in tenants:
            case = await self._pool.fetchrow(self._queries.read_case, tenant, case_id)
        if case is None:
            raise NotFound("There is no such case.")
        return case

    def _row(self, case: Any, decision: Any, *, masked: bool) -> dict[str, Any]:
        closed_as = decision["closed_as"] if decision else None
        known = Known(
            routed=True, review_open=case["review_open"], answer_outstanding=case["answer_outstanding"],
            closed_as=closed_as,
        )  # fmt: skip
        state = case_state(known, masked=masked)
        decided = decision if state is CaseState.DECIDED else None
        outcome = self._views.outcome_label(case["decision_type"], decided["outcome"]) if decided else None
        automatic = decided is not None and decided["mode"] == "automatic"
        return {
            **{name: case[name] for name in ("tenant", "case_id", "decision_type", "subject_ref", "routed_at")},
            "level": case["level"],
            "tier": None if case["tier_rank"] is None else TIERS[case["tier_rank"]],
            "title": self._views.title(case),
            "state": state.value,
            "state_label": label(state, outcome),
            "outcome": decided["outcome"] if decided else None,
            "outcome_label": outcome,
            "decided_at": decided["decided_at"] if decided else None,
            "decided_by": None if decided is None else "automation" if automatic else "person",
        }

    def _decision(self, decision_type: str, row: Any) -> dict[str, Any]:
        params = orjson.loads(row["outcome_params"])
        return {
            **{
                name: row[name]
                for name in ("decision_id", "outcome", "closed_as", "mode", "relation", "decided_at", "supersedes")
            },
            "outcome_label": self._views.outcome_label(decision_type, row["outcome"]),
            "outcome_params": params,
            "terms": self._views.terms(decision_type, row["outcome"], params),
        }

    async def _history(self, case: Any, decisions: list[Any], *, hidden: bool) -> list[dict[str, Any]]:
        tenant, case_id = case["tenant"], case["case_id"]
        entries = [_entry(case["routed_at"], "case.routed", "Scored and routed")]
        entries += [
            _entry(row["received_at"], row["kind"], _WORDS.get(row["kind"], row["kind"]))
            for row in await self._pool.fetch(self._queries.updates_of, tenant, case_id)
            if not (hidden and row["kind"] in _OF_DECISIONS)
        ]
        for row in await self._pool.fetch(self._queries.events_of, tenant, case_id):
            if row["kind"] not in _UNSAID and not (hidden and row["kind"] in _ANSWERED):
                text = _WORDS.get(row["kind"], row["kind"])
                entries.append(_entry(row["at"], row["kind"], text, by=row["display_name"]))
        entries += [
            _entry(row["decided_at"], "decision.made", "Decided without a person")
            for row in decisions
            if row["mode"] == "automatic" and row["closed_as"] == "decided"
        ]
        return sorted(entries, key=lambda entry: entry["at"])


def _entry(at: Any, kind: str, text: str, *, by: str | None = None) -> dict[str, Any]:
    return {"at": at, "kind": kind, "text": text, "by": by}
