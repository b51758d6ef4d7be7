"""A review desk on a real database, without a broker: records go in by hand, what leaves is collected."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import orjson

from countersign_review.api import build_app
from countersign_review.api.forward import open_clients
from countersign_review.api.parts import Parts
from countersign_review.app import MIGRATIONS, build_parts, sent_marker
from countersign_review.domain.administration import ALL_TENANTS, Administrator
from countersign_review.handlers import Handler
from countersign_review.settings import Settings
from countersign_review.store.events import Journal, open_outbox
from countersign_review.store.intake import Intake
from countersign_review.store.people import Authority
from countersign_review.store.updates import Updates
from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging import Message, Record, write_event
from countersign_shared.messaging.outbox import Relay
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import migrate, open_pool

START = datetime(2026, 3, 2, 9, 15, 2, tzinfo=UTC)
BY = Administrator({"kind": "service", "pseudonym": "tests"}, ALL_TENANTS)
API = "/api/review/v1"
_offsets = itertools.count()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> None:
        self.now += timedelta(**by)


@dataclass
class Desk:
    """Everything a test needs of one review service."""

    pool: asyncpg.Pool
    parts: Parts
    handler: Handler
    updates: Updates
    relay: Relay
    clock: Clock
    metrics: Metrics
    app: Any
    sent: list[Message] = field(default_factory=list)
    clients: list[httpx.AsyncClient] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    at_gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def take_in(self, *records: Record) -> Sequence[Message]:
        return await self.handler(records)

    async def relay_once(self) -> list[Message]:
        before = len(self.sent)
        async with self.pool.acquire() as connection:
            assert await self.relay.acquire(connection)
            while await self.relay.pass_once(connection):
                pass
            await connection.execute("SELECT pg_advisory_unlock_all()")
        return self.sent[before:]

    async def add_user(self, username: str, *roles: str, tenants: Sequence[str] = ("*",), **authority: Any) -> str:
        """Add a user and return an API key of theirs."""
        held = Authority(**{"max_tier": "critical", **authority})
        await self.parts.people.add(
            username, display_name=username.title(), roles=roles or ("reviewer",), tenants=tenants, authority=held,
            password_hash=None, by=BY,
        )  # fmt: skip
        _, key = await self.parts.people.add_key(
            name="tests", username=username, roles=roles or ("reviewer",), tenants=("*",), lasts=timedelta(days=1),
            environment="test", by=BY,
        )  # fmt: skip
        return key

    async def client(self, username: str, *roles: str, **authority: Any) -> Client:
        """Return a client of a fresh user who came with a key."""
        return Client(self._open({"Authorization": f"Bearer {await self.add_user(username, *roles, **authority)}"}))

    async def browser(self, username: str, *roles: str, **authority: Any) -> Client:
        """Return a client of a fresh user who signed in at the console."""
        await self.add_user(username, *roles, **authority)
        token = await self.parts.people.new_link(username, lasts=timedelta(minutes=5))
        http = self._open({})
        me = await http.post(f"{API}/session", json={"login_token": token})
        assert me.status_code == 200, me.text
        http.headers["X-CSRF-Token"] = me.json()["csrf_token"]
        return Client(http)

    async def until_waiting(self, count: int) -> None:
        """Wait until so many sessions of this database wait for a lock."""
        waiting = "FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        async with asyncio.timeout(20):
            while await self.pool.fetchval(f"SELECT count(*) {waiting}") < count:
                await asyncio.sleep(0.02)

    def anonymous(self) -> httpx.AsyncClient:
        return self._open({})

    def _open(self, headers: dict[str, str]) -> httpx.AsyncClient:
        transport = httpx.ASGITransport(app=self.app, client=("127.0.0.1", 50_000))
        client = httpx.AsyncClient(transport=transport, base_url="http://desk.test", headers=headers)
        self.clients.append(client)
        return client


class Client:
    """A reviewer's client: the calls of the desk, by name."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def claim(self, queue: str = "senior", review_id: str | None = None) -> httpx.Response:
        body = {"review_id": review_id} if review_id else {}
        return await self.http.post(f"{API}/queues/{queue}/claims", json=body)

    async def claimed(self, queue: str = "senior") -> dict[str, Any]:
        answer = await self.claim(queue)
        assert answer.status_code == 201, answer.text
        claim: dict[str, Any] = answer.json()
        return claim

    async def decide(
        self, claim: dict[str, Any], outcome: str = "approve", *, key: str = "key-1", version: int | None = None,
        **more: Any,
    ) -> httpx.Response:  # fmt: skip
        return await self.http.post(
            f"{API}/claims/{claim['claim_id']}/decision",
            json=decision(claim, outcome, **more),
            headers={"If-Match": f'"{version or claim["version"]}"', "Idempotency-Key": key},
        )

    async def read(self, claim: dict[str, Any]) -> dict[str, Any]:
        """The claim as it is now."""
        again: dict[str, Any] = (await self.get(f"/claims/{claim['claim_id']}")).json()
        return again

    async def get(self, path: str) -> httpx.Response:
        return await self.http.get(API + path)

    async def post(self, path: str, body: Any = None, **headers: str) -> httpx.Response:
        return await self.http.post(API + path, json=body, headers=headers)


def kinds(messages: list[object]) -> list[str]:
    return [content(message).get("kind") or message.topic for message in messages]  # type: ignore[arg-type,attr-defined]


async def count(desk: Desk, table: str) -> int:
    number: int = await desk.pool.fetchval(f"SELECT count(*) FROM {table}")
    return number


def decision(claim: dict[str, Any], outcome: str, **more: Any) -> dict[str, Any]:
    """An answer to a claim, bound to exactly what it shows; ``more`` replaces members."""
    adverse = {item["outcome"]: item["adverse"] for item in claim["context"]["actions"]["outcomes"]}
    body = {
        "outcome": outcome,
        "outcome_params": {},
        "reason": {"codes": ["missing_context"], "note": "As discussed.", "category": "edge_case"},
        "principal_reasons": ["credit_history"] if adverse.get(outcome) else [],
        "binding": {
            "payload_sha256": claim["payload_sha256"],
            "shown_sha256": claim["shown_sha256_all"],
            "execute_sha256": claim["execute_sha256_by_outcome"].get(outcome, "0" * 64),
        },
    }
    return {**body, **more}


def example(topic: str, name: str) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(
        (contracts_dir() / "examples" / topic / f"{name}.json").read_text(encoding="utf-8")
    )
    return body


def routed(case_id: str = "loan-1", *, level: int = 4, tenant: str = "default", **changes: Any) -> dict[str, Any]:
    """A routed case made of the committed examples; ``changes`` replace members, of ``handling`` and ``case`` too."""
    base = "loan_application.level2" if level <= 2 else "loan_application.level4"
    body = copy.deepcopy(example("case.routed", base))
    for place in (body, body["case"]):
        place |= {"tenant": tenant, "case_id": case_id}
    body["sampling"]["audit"] = {"probability": 0.0, "selected": False}
    for name in ("handling", "case", "sampling"):
        body[name] |= changes.pop(name, {})
    return {**body, "level": level, **changes}


def audited(case_id: str = "loan-1", **changes: Any) -> dict[str, Any]:
    """An automatic case drawn for an audit."""
    sampling = {"audit": {"probability": 0.1, "selected": True}}
    handling = {"withhold": "blind", **changes.pop("handling", {})}
    return routed(case_id, level=2, sampling=sampling, queue="senior", handling=handling, **changes)


def record(
    topic: str, body: dict[str, Any], *, event_id: str | None = None, source: str = "/countersign/router"
) -> Record:
    step = {"case.routed": "routed", "decision.made": "decided"}.get(topic, topic)
    message = write_event(
        topic, event_id=event_id or derived_event_id(body["tenant"], body["case_id"], step), source=source,
        case_id=body["case_id"], time="2026-03-02T09:15:01.000000Z", body=orjson.dumps(body), partition=3,
    )  # fmt: skip
    return Record(topic, 3, next(_offsets), 1_772_442_901_000, message.key, message.value, message.headers)


def automatic_decision(case: dict[str, Any]) -> dict[str, Any]:
    """The router's decision on an automatic case."""
    body = example("decision.made", "automatic") if _has("automatic") else {}
    return {
        **body, "tenant": case["tenant"], "case_id": case["case_id"], "decision_type": case["decision_type"],
        "subject_ref": case.get("subject_ref"), "sequence": 2,
        "decision_id": derived_event_id(case["tenant"], case["case_id"], "decided"),
        "outcome": case["proposal"]["outcome"], "outcome_params": {}, "closed_as": "decided", "mode": "automatic",
        "relation": "agreed", "supersedes": None, "deciders": [], "decided_at": "2026-03-02T09:15:01.500000Z",
    }  # fmt: skip


def _has(name: str) -> bool:
    return (contracts_dir() / "examples" / "decision.made" / f"{name}.json").is_file()


def updated(case_id: str, kind: str, body: dict[str, Any], *, event_id: str = "u-1", tenant: str = "default") -> Record:
    content = {
        "tenant": tenant, "case_id": case_id, "decision_type": "loan_application", "kind": kind, "body": body,
        "occurred_at": "2026-03-02T09:20:00Z",
    }  # fmt: skip
    return record("case.updated", content, event_id=event_id, source="/upstream")


def facts(messages: Sequence[Message], kind: str) -> list[dict[str, Any]]:
    """The bodies of one kind of activity, or of decisions."""
    bodies = [(message.topic, content(message)) for message in messages]
    return [body for topic, body in bodies if kind in {topic, body.get("kind")}]


def content(message: Message) -> dict[str, Any]:
    body: dict[str, Any] = orjson.loads(message.value)
    return body


@asynccontextmanager
async def open_desk(database_url: str, **settings: Any) -> AsyncIterator[Desk]:
    configured = Settings(
        database_url=database_url, kafka_bootstrap_servers="nowhere:9092", key_environment="test", **settings
    )
    clock, metrics, outbox = Clock(), Metrics("review"), open_outbox()
    async with open_pool(database_url, schema="review", size=24) as pool, open_clients() as clients:
        await migrate(pool, schema="review", migrations=MIGRATIONS)
        parts, updates = await build_parts(configured, pool, outbox, metrics=metrics, clock=clock, clients=clients)
        app = build_app(health=Health(), metrics=metrics)
        app.state.parts = parts
        sent: list[Message] = []

        gate, at_gate = asyncio.Event(), asyncio.Event()
        gate.set()

        async def publish(messages: Sequence[Message]) -> None:
            at_gate.set()
            await gate.wait()
            sent.extend(messages)

        relay = Relay(outbox, publish, clock=clock, sent=sent_marker(parts.answers, clock))
        handler = Handler(Intake(pool, Journal(outbox, parts.live.hint), updates, clock), parts.types, metrics)
        desk = Desk(pool, parts, handler, updates, relay, clock, metrics, app, sent, gate=gate, at_gate=at_gate)
        try:
            yield desk
        finally:
            for opened in desk.clients:
                await opened.aclose()
