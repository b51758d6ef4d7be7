"""Reading the register of cases, told as much of it as the reader may know."""

from typing import Any

import asyncpg
import orjson

from countersign_review.domain.case_state import CaseState, Known, case_state, label
from countersign_review.domain.refusals import AnswerOutstanding, NotFound
from countersign_review.store.events import SQL
from countersign_review.store.routed import routed_of
from countersign_review.store.views import Views
from countersign_shared.postgres import Queries

NEWEST = 2**62
_ANSWERED = {
    "decision.made": "A person decided",
    "audit.judged": "A person judged the automatic decision",
    "control.judged": "Kept as a label",
    "review.answered": "A first answer, kept until the others have answered",
    "review.answered_blind": "Answered before the proposal was shown",
    "review.upheld": "Looked at again, and upheld",
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
    "review.reopened": "To be looked at again",
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
_UNSAID = {"review.timed", "seed.judged"}


class Register:
    """Reads cases. ``masked`` readers might still have to answer unseen, so they are not told what automation did."""

    def __init__(self, pool: asyncpg.Pool, views: Views) -> None:
        self._pool = pool
        self._views = views
        self._queries = Queries.load(SQL / "register.sql")

    async def rows(
        self, tenants: list[str], *, subject: str | None, state: str | None, before: int, masked: bool, limit: int
    ) -> list[tuple[int, dict[str, Any]]]:
        """Return cases, newest first, each with its place for the cursor."""
        found = await self._pool.fetch(self._queries.list_cases, tenants, subject, state, before, masked, limit)
        return [(row["arrival"], self._row(row, row, masked=masked)) for row in found]

    async def page(self, tenants: frozenset[str], tenant: str, case_id: str, *, masked: bool) -> dict[str, Any]:
        """Return one case with its facts, decisions and history."""
        case = await self._case(tenants, tenant, case_id)
        hidden = masked and case["answer_outstanding"]
        decisions = [] if hidden else await self._pool.fetch(self._queries.decisions_of, tenant, case_id)
        last = decisions[-1] if decisions else None
        facts = self._views.facts(routed_of(case["body"]))
        return {
            **self._row(case, last, masked=masked),
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
            routed=True, level=case["level"], review_open=case["review_open"],
            answer_outstanding=case["answer_outstanding"], closed_as=closed_as,
        )  # fmt: skip
        state = case_state(known, masked=masked)
        decided = decision if state is CaseState.DECIDED else None
        outcome = self._views.outcome_label(case["decision_type"], decided["outcome"]) if decided else None
        automatic = decided is not None and decided["mode"] == "automatic"
        return {
            **{name: case[name] for name in ("tenant", "case_id", "decision_type", "subject_ref", "routed_at")},
            "title": self._views.title(case),
            "state": state.value,
            "state_label": label(state, outcome),
            "outcome": decided["outcome"] if decided else None,
            "outcome_label": outcome,
            "decided_at": decided["decided_at"] if decided else None,
            "decided_by": None if decided is None else "automation" if automatic else "person",
        }

    def _decision(self, decision_type: str, row: Any) -> dict[str, Any]:
        return {
            **{
                name: row[name]
                for name in ("decision_id", "outcome", "closed_as", "mode", "relation", "decided_at", "supersedes")
            },
            "outcome_label": self._views.outcome_label(decision_type, row["outcome"]),
            "outcome_params": orjson.loads(row["outcome_params"]),
        }

    async def _history(self, case: Any, decisions: list[Any], *, hidden: bool) -> list[dict[str, Any]]:
        tenant, case_id = case["tenant"], case["case_id"]
        entries = [_entry(case["routed_at"], "case.routed", "Scored and routed")]
        entries += [
            _entry(row["received_at"], row["kind"], _WORDS.get(row["kind"], row["kind"]))
            for row in await self._pool.fetch(self._queries.updates_of, tenant, case_id)
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
