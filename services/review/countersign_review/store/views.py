"""From stored rows to what a reviewer is shown: the context package and the digests that bind a decision to it."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import orjson

from countersign_review.domain.binding import digest
from countersign_review.domain.case_state import CaseState, Known, case_state
from countersign_review.domain.context import NEW, Handed, View, context_package
from countersign_review.domain.other_actions import other_actions
from countersign_review.domain.review import Kind, ReviewState
from countersign_review.domain.saying import Saying
from countersign_review.domain.seeds import as_for_people
from countersign_review.domain.titles import case_title
from countersign_review.store.disputes import Disputes
from countersign_review.store.events import SQL, Connection
from countersign_review.store.precedents import Precedents
from countersign_review.store.routed import routed_of
from countersign_review.store.showing import Showing
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.contracts.execution import execution
from countersign_shared.contracts.money import format_money
from countersign_shared.contracts.terms import Term, read_terms
from countersign_shared.postgres import Queries

EARLIER_CASES = 10
SALT_BYTES = 16
"""A digest outlives what it is over: by it nobody is to find out what stood in a view by trying what may have."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A context package as served: its exact bytes and their digest."""

    package: bytes
    sha256: str


class Views:
    """Builds what reviewers see. Of a case that is shown nothing is kept but its likeness."""

    def __init__(self, types: Mapping[str, DecisionType]) -> None:
        self._types = types
        self._disputes = Disputes()
        self._precedents = Precedents(types)
        self._queries = Queries.load(SQL / "desk.sql")

    async def show(
        self, connection: Connection, review: Any, routed: Mapping[str, Any], *, lead: bool = False
    ) -> Shown:
        """Build the context package of a review; ``lead``: its holder is one."""
        [shown] = await self.show_all(connection, [Showing(review, routed, lead)])
        return shown

    async def show_all(self, connection: Connection, showings: Sequence[Showing]) -> list[Shown]:
        """Build the context packages of several reviews."""
        earlier = await self._earlier_cases(connection, showings)
        similar = await self._precedents.similar(connection, showings)
        return [
            await self._build(connection, one, earlier.get(place, ()), similar.get(place, ()))
            for place, one in enumerate(showings)
        ]

    async def _earlier_cases(self, connection: Connection, showings: Sequence[Showing]) -> dict[int, list[Any]]:
        asked = [
            (place, one.review["subject_ref"], one.review["tenant"], one.review["case_id"])
            for place, one in enumerate(showings)
            if one.review["subject_ref"] is not None
        ]
        found: dict[int, list[Any]] = {}
        if asked:
            columns = (list(column) for column in zip(*asked, strict=True))
            for row in await connection.fetch(self._queries.earlier_cases, *columns, EARLIER_CASES):
                found.setdefault(row["place"], []).append(row)
        return found

    async def _build(
        self, connection: Connection, showing: Showing, history: Sequence[Any], similar: Sequence[Mapping[str, Any]]
    ) -> Shown:
        review, routed = showing.review, showing.routed
        if review["kind"] == Kind.SEED:
            routed = as_for_people(routed)
        evidence = []
        if review["revision"]:
            evidence = await connection.fetch(self._queries.evidence, review["tenant"], review["case_id"])
        known = self._types.get(routed["decision_type"])
        saying = self.saying(routed)
        package = orjson.dumps(context_package(View(
            routed=routed, withheld=review["withheld"] and review["state"] != ReviewState.REVEALED,
            type_label=known.label if known else routed["decision_type"],
            headline=self._headline(review, routed), facts=self.facts(routed, [row["body"] for row in evidence]),
            protected=known.protected_fields if known else (),
            evidence=await self._news(connection, review, evidence),
            history=[self._earlier(row) for row in history], similar=similar,
            others=other_actions(routed["handling"], lead=showing.lead),
            dispute=await self._disputes.of(connection, review, saying), saying=saying,
            handed=await self._handed(connection, review), salt=secrets.token_hex(SALT_BYTES),
        )), option=orjson.OPT_UTC_Z)  # fmt: skip
        return Shown(package, digest(package))

    async def _handed(self, connection: Connection, review: Any) -> Handed | None:
        if not review["escalated"] and review["assigned_to"] is None:
            return None
        row = await connection.fetchrow(self._queries.handed_on, review["tenant"], review["case_id"])
        said = orjson.loads(row["body"])["body"] if row is not None else {}
        if row is None or said["review_id"] != review["review_id"]:
            return None
        return Handed(row["kind"] == "review.escalated", row["display_name"] or "Somebody", said.get("reason"))

    async def _news(self, connection: Connection, review: Any, evidence: Sequence[Any]) -> list[str]:
        if not evidence:
            return []
        rows = await connection.fetch(self._queries.questions_of, review["tenant"], review["case_id"])
        asked = {row["question_id"]: row["question"] for row in rows}
        return [_news(row, asked) for row in evidence]

    def facts(self, routed: Mapping[str, Any], evidence: Sequence[bytes] = ()) -> list[dict[str, Any]]:
        """Return the case's facts as people see them, answers to questions laid over what came first.

        Protected fields are in none of them, whoever put them into the event.
        """
        known = self._types.get(routed["decision_type"])
        told = routed["handling"]["key_facts"]
        if known is None:
            return list(told) or _plain_facts(routed["case"]["payload"])
        facts = [fact for fact in told if fact["field"] not in known.protected_fields]
        if facts and not evidence:
            return facts
        flags = {fact["field"]: fact.get("flag") for fact in facts}
        payload = dict(routed["case"]["payload"])
        answered: set[str] = set()
        for body in evidence:
            data = orjson.loads(body)["body"]["data"]
            payload |= data
            answered |= data.keys()
        declared = [
            {**fact, "flag": NEW if fact["field"] in answered else flags.get(fact["field"])}
            for fact in known.key_facts(payload)
        ]
        # Somebody asked: the answer is shown whatever upstream calls it. What came first under such names is not.
        named = {fact["field"] for fact in declared} | set(known.protected_fields)
        others = {name: payload[name] for name in payload if name in answered - named}
        return [*declared, *({**fact, "flag": NEW} for fact in _plain_facts(others))]

    def execution(
        self, review: Any, routed: Mapping[str, Any], outcome: str, outcome_params: Mapping[str, Any]
    ) -> tuple[dict[str, Any] | None, str]:
        """Return what would be carried out, and the digest over its exact bytes."""
        filled = execution(
            routed["handling"].get("execute_template"), case=routed["case"] | _reference(routed), outcome=outcome,
            outcome_params=outcome_params, idempotency_key=review["review_id"],
        )  # fmt: skip
        return filled, digest(orjson.dumps(filled))

    def executions(self, review: Any, routed: Mapping[str, Any]) -> dict[str, str]:
        """Return the digest for every outcome that can be chosen without terms."""
        return {
            item["outcome"]: self.execution(review, routed, item["outcome"], {})[1]
            for item in routed["handling"]["allowed_outcomes"]
            if not self.params_faults(routed, item["outcome"], {})
        }

    def params_faults(
        self, routed: Mapping[str, Any], outcome: str, outcome_params: Mapping[str, Any]
    ) -> list[tuple[str, str]]:
        """Check terms against the outcome's schema; an outcome this installation does not know takes none."""
        known = self._types.get(routed["decision_type"])
        chosen = known.outcomes.get(outcome) if known else None
        if chosen is None:
            return [("", "This outcome takes no terms.")] if outcome_params else []
        return [(problem.pointer, problem.detail) for problem in chosen.check_params(outcome_params)]

    def title(self, row: Any) -> str:
        """Return a case's title; rows of automatic cases bring their body instead of one."""
        title: str | None = row["title"]
        return title if title is not None else case_title(self._types, routed_of(row["untitled"]))

    def outcome_label(self, decision_type: str, outcome: str | None) -> str | None:
        """Return an outcome in words."""
        known = self._types.get(decision_type)
        if outcome is None or known is None or outcome not in known.outcomes:
            return outcome
        return known.outcomes[outcome].label

    def terms(self, decision_type: str, outcome: str | None, params: Mapping[str, Any]) -> list[Term]:
        """Return the terms of a decision as people read them."""
        known = self._types.get(decision_type)
        return read_terms(params) if known is None else known.terms(outcome, params)

    def saying(self, routed: Mapping[str, Any]) -> Saying:
        """Return what puts the answers given on a case into words."""
        return Saying.of(routed, partial(self.terms, routed["decision_type"]))

    def _headline(self, review: Any, routed: Mapping[str, Any]) -> str:
        amount = routed["case"].get("amount")
        title = review["title"]
        if amount and not any(digit.isdigit() for digit in title):
            return f"Decide: {title}, {format_money(amount['value'], amount['currency'])}"
        return f"Decide: {title}"

    def _earlier(self, row: Any) -> dict[str, Any]:
        known = Known(
            routed=True, review_open=row["review_open"], answer_outstanding=row["answer_outstanding"],
            closed_as=row["closed_as"],
        )  # fmt: skip
        state = case_state(known, masked=True)
        outcome = row["outcome"] if state is CaseState.DECIDED else None
        return {
            "tenant": row["tenant"], "case_id": row["case_id"], "decision_type": row["decision_type"],
            "title": self.title(row), "routed_at": row["routed_at"], "state": state.value, "outcome": outcome,
            "outcome_label": self.outcome_label(row["decision_type"], outcome),
        }  # fmt: skip


def _news(row: Any, asked: Mapping[str, str]) -> str:
    question = asked.get(orjson.loads(row["body"])["body"]["question_id"])
    what = f"The answer to “{question}”" if question else "New information"
    return f"{what} arrived on {row['received_at']:%-d %B %Y at %H:%M} UTC."


def _reference(routed: Mapping[str, Any]) -> dict[str, Any]:
    return {name: routed.get(name) for name in ("tenant", "case_id", "decision_type", "subject_ref")}


def _in_words(name: str) -> str:
    words = name.replace("_", " ").strip() or name
    return words[:1].upper() + words[1:]


def _plain_facts(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "field": name, "label": _in_words(name), "value": value, "format": "text", "unit": None, "flag": None,
            "formatted": value if isinstance(value, str) else orjson.dumps(value).decode(),
        }
        for name, value in payload.items()
    ]  # fmt: skip
