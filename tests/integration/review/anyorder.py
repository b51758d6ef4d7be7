"""A desk that is driven step by step by somebody who is no coroutine, and what holds of it after every step."""

from __future__ import annotations

import asyncio
import uuid
from collections import Counter, defaultdict
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import httpx
import orjson

from countersign_review.api.problems import _STATUS
from countersign_review.domain.review import IllegalTransition
from countersign_review.store.redaction import case_eraser
from countersign_shared.erasure import Erasing
from countersign_shared.messaging import Message, Record
from tests.fixtures.postgres import execute, named
from tests.integration.review.harness import Desk, audited, automatic_decision, content, open_desk, routed
from tests.integration.review.test_review_erasure import found

T = TypeVar("T")
SECRET = "Mrs Unforgettable"
OF_HTTP = {"bad-version", "forbidden", "invalid-request", "version-required"}
KNOWN = set(_STATUS) | {kind.code for kind in IllegalTransition.__subclasses__()} | OF_HTTP
HELD = {"claimed", "revealed"}
QUERIES = {
    "cases": "SELECT case_id FROM cases",
    "reviews": "SELECT * FROM reviews",
    "decisions": "SELECT * FROM decisions",
    "held": "SELECT * FROM claims WHERE state = 'held'",
    "finals": "SELECT * FROM answers WHERE part = 'final' AND undone_at IS NULL",
    "events": "SELECT case_id, sequence FROM events",
    "outbox": "SELECT event_id, topic, body, convert_from(key, 'UTF8') AS case_id FROM outbox",
}
Rows = dict[str, list[dict[str, Any]]]


def _case(case_id: str, **changes: Any) -> dict[str, Any]:
    make = audited if case_id == "c-audit" else routed
    return make(case_id, subject_ref=f"of {case_id}", case={"title": f"{SECRET} {case_id}"}, **changes)


CASES = {
    body["case_id"]: body
    for body in (
        _case("c-3", level=3),
        _case("c-4", handling={"grace_seconds": 60}),
        _case("c-5", level=5, handling={"withhold": "always"}),
        _case("c-two", handling={"reviewers_required": 2, "grace_seconds": 60}),
        _case("c-blind", handling={"withhold": "blind"}),
        _case("c-audit"),
    )
}
PEOPLE = ("ana", "ben", "low", "dora")
"""Two at the console, who can take answers back; one with too little authority; a lead, who came with a key."""


class World:
    """One desk with its people, on a database of its own."""

    def __init__(self, postgres_url: str, template: str) -> None:
        self._runner = asyncio.Runner()
        self._stack = AsyncExitStack()
        self._server, self._database = postgres_url, f"test_{uuid.uuid4().hex}"
        self.erased: set[str] = set()
        self.checks = 0
        self.run(execute(postgres_url, f"CREATE DATABASE {self._database} TEMPLATE {template} STRATEGY file_copy"))
        self.run(self._open())

    async def _open(self) -> None:
        opening = open_desk(named(self._server, self._database), session_idle_minutes=1_440, session_hours=168)
        self.desk: Desk = await self._stack.enter_async_context(opening)
        erase = case_eraser(self.desk.clock)
        self.erasing = Erasing(
            self.desk.handler, self.desk.pool, erase, service="review", clock=self.desk.clock, guards=True
        )
        self.clients = {
            "ana": await self.desk.browser("ana"),
            "ben": await self.desk.browser("ben"),
            "low": await self.desk.client("low", max_tier="low"),
            "dora": await self.desk.client("dora", "lead", "reviewer"),
        }
        self.auditor = await self.desk.client("eve", "auditor")
        rows = await self.desk.pool.fetch("SELECT username, pseudonym FROM users")
        self.pseudonyms: dict[str, str] = {row["username"]: row["pseudonym"] for row in rows}

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self._stack.aclose())
        self.run(execute(self._server, f"DROP DATABASE {self._database} WITH (FORCE)"))
        self._runner.close()

    def take_in(self, record: Record) -> None:
        """Take in a record; what is said again was said before."""
        again = self.run(self.erasing([record]))
        said = {message.value for message in self.desk.sent}
        assert all(message.value in said for message in again if message.topic == "decision.made")

    def sweep(self) -> None:
        """One round of everything that happens by itself, and what has left comes back from its topic."""

        async def round_() -> None:
            desk, parts = self.desk, self.desk.parts
            await parts.claims.expire()
            await parts.claims.free_late()
            await desk.updates.sweep()
            await parts.reversals.follow()
            await parts.case_index.catch_up()
            for number, message in enumerate(await desk.relay_once()):
                if message.topic in {"decision.made", "case.updated"}:
                    back = Record(message.topic, 3, number, 0, message.key, message.value, message.headers)
                    await self.erasing([back])

        self.run(round_())

    def rows(self, query: str, *values: Any) -> list[dict[str, Any]]:
        return [dict(row) for row in self.run(self.desk.pool.fetch(query, *values))]

    def claim_row(self, claim_id: str) -> dict[str, Any] | None:
        rows = self.rows(
            "SELECT c.*, r.state AS review_state, r.kind, r.case_id, r.revision FROM claims AS c "
            "JOIN reviews AS r USING (review_id) WHERE c.claim_id = $1", claim_id,
        )  # fmt: skip
        return rows[0] if rows else None


def refused(answer: httpx.Response) -> str | None:
    """Return the name of a refusal, None for success; anything else is a fault."""
    if answer.status_code < 300:
        return None
    assert answer.status_code < 500, answer.text
    assert answer.headers["content-type"] == "application/problem+json", answer.text
    code: str = answer.json()["type"].rsplit("/", 1)[1]
    assert code in KNOWN, answer.text
    return code


def check(world: World, *, whole: bool = False) -> None:
    """Everything that holds of a desk whatever happened to it.

    What it tells people is asked of one person and one reader at a time, of all of them when it is the ``whole``.
    """
    rows = world.run(_rows(world))
    world.checks += 1
    names = PEOPLE if whole else [PEOPLE[world.checks % len(PEOPLE)]]
    for name in names:
        _told_of_claims(world, name, rows["held"])
    for masked in (True, False) if whole else [world.checks % 2 == 0]:
        _told_of_cases(world, rows, masked=masked)
    _one_holder(rows)
    _reviews_and_answers(rows)
    _said_once(world, rows)
    if world.erased:
        _erased(world, rows["outbox"])


async def _rows(world: World) -> Rows:
    async with world.desk.pool.acquire() as connection:
        return {name: [dict(row) for row in await connection.fetch(query)] for name, query in QUERIES.items()}


def _told_of_claims(world: World, name: str, held: list[dict[str, Any]]) -> None:
    now, pseudonym = world.desk.clock(), world.pseudonyms[name]
    mine = {row["claim_id"] for row in held if row["reviewer"] == pseudonym and row["lease_expires_at"] > now}
    told = world.run(world.clients[name].get("/claims")).json()["items"]
    assert mine == {item["claim_id"] for item in told}


def _one_holder(rows: Rows) -> None:
    held = Counter(row["review_id"] for row in rows["held"])
    for review in rows["reviews"]:
        assert held[review["review_id"]] == (review["state"] in HELD), review


def _reviews_and_answers(rows: Rows) -> None:
    finals: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows["finals"]:
        finals[row["review_id"]].append(row)
    made = {(row["case_id"], row["decision_id"]) for row in rows["decisions"]}
    for review in rows["reviews"]:
        answers = finals[review["review_id"]]
        assert len(answers) == (review["state"] == "decided"), review
        firsts = [row for row in rows["decisions"]
                  if row["case_id"] == review["case_id"] and row["supersedes"] is None]  # fmt: skip
        if review["kind"] == "decision":
            closed = [review["state"]] if review["state"] in {"decided", "withdrawn"} else []
            assert [row["closed_as"] for row in firsts] == closed, review
            assert all((review["case_id"], row["answer_id"]) in made for row in answers)


def _said_once(world: World, rows: Rows) -> None:
    """What left or is to leave are the decisions that stand, each once, and no number is missing."""
    left = _decisions_said(world.desk.sent)
    for row in rows["outbox"]:
        if row["topic"] == "decision.made":
            body = orjson.loads(row["body"])
            assert body["decision_id"] not in left
            left[body["decision_id"]] = body
    replaced = Counter((body["case_id"], body["supersedes"]) for body in left.values())
    assert all(number == 1 for number in replaced.values()), left
    own = {row["decision_id"] for row in rows["decisions"]} - {automatic_decision(CASES["c-audit"])["decision_id"]}
    assert own == {name for name, body in left.items() if body["case_id"] not in world.erased}
    numbers: dict[str, list[int]] = defaultdict(list)
    for row in rows["events"]:
        numbers[row["case_id"]].append(row["sequence"])
    for case_id, used in numbers.items():
        assert sorted(used) == list(range(1, len(used) + 1)), (case_id, used)


def _decisions_said(sent: list[Message]) -> dict[str, dict[str, Any]]:
    said: dict[str, dict[str, Any]] = {}
    for message in sent:
        if message.topic == "decision.made":
            body = content(message)
            assert said.setdefault(body["decision_id"], body) == body
    return said


def _told_of_cases(world: World, rows: Rows, *, masked: bool) -> None:
    """What the register says of a case follows from its rows, for whoever may answer and for who never will."""
    replaced = {row["supersedes"] for row in rows["decisions"]}
    closed = {row["case_id"]: row["closed_as"] for row in rows["decisions"] if row["decision_id"] not in replaced}
    opened = {review["case_id"] for review in rows["reviews"] if review["open"]}
    veiled = {review["case_id"] for review in rows["reviews"] if review["open"] and review["veiled"]}
    reader = world.clients["ben"] if masked else world.auditor
    told = {item["case_id"]: item["state"] for item in world.run(reader.get("/cases")).json()["items"]}
    expected = {}
    for case_id in (row["case_id"] for row in rows["cases"]):
        state = closed.get(case_id, "human_review" if case_id in opened else "ai_processing")
        expected[case_id] = "human_review" if masked and case_id in veiled else state
    assert told == expected


def _erased(world: World, waiting: list[dict[str, Any]]) -> None:
    leaving = {row["case_id"] for row in waiting}
    for case_id in world.erased:
        where = world.run(found(world.desk, f"{SECRET} {case_id}"))
        assert where <= ({"outbox"} if case_id in leaving else set()), where


def first_record(case_id: str) -> dict[str, Any]:
    """The router's decision on an automatic case."""
    return automatic_decision(CASES[case_id])
