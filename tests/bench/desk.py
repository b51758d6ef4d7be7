"""What the benches of the review desk run on: the real service in its own process, and reviewers who speak HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import re
import uuid
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import asyncpg
import httpx
import orjson

from countersign_review.store.events import Journal
from countersign_review.store.people import Authority, People
from countersign_shared.clock import system_clock
from countersign_shared.messaging import Message
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.postgres import open_pool
from tests.bench.rounds import PARTITIONS, Ground, drop_database, drop_topics, fresh_database
from tests.fixtures.stack import Stack
from tests.integration.review.harness import API, BY, record, routed

READY_SECONDS = 120.0
LENGTH = re.compile(rb"(?i)content-length: (\d+)")
PUBLISH_AT_ONCE = 2_000
SEATED_AT_ONCE = 16
GRACE_SECONDS = 3
"""For those at the console; programs get none."""


@dataclass
class Bench:
    """One review service with a queue full of cases."""

    ground: Ground
    stack: Stack
    url: str
    prefix: str
    keys: list[str] = field(default_factory=list)

    @property
    def port(self) -> int:
        """Where the service answers."""
        return self.stack.ports["review"]

    async def fetchval(self, query: str) -> Any:
        """Ask the service's own schema."""
        connection = await asyncpg.connect(self.url, server_settings={"search_path": "review"})
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()


class Caller:
    """A keep-alive connection that speaks as little HTTP as JSON needs: the load must not cost more than the desk."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None

    async def post(self, path: str, who: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Send a request with the header lines that say who calls; returns status and JSON."""
        data = orjson.dumps(body) if body is not None else b""
        more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
        head = (
            f"POST {API}{path} HTTP/1.1\r\nHost: desk\r\n{who}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n{more}\r\n"
        )
        if self._writer is not None and self._reader is not None and self._reader.at_eof():
            # The desk closes what was not used for some seconds.
            self._writer.close()
            self._writer = None
        if self._writer is None:
            self._reader, self._writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            self._writer.write(head.encode() + data)
            return await self._answer()
        except (OSError, asyncio.IncompleteReadError, ValueError, IndexError):
            self._writer.close()
            self._writer = None
            raise ConnectionError("the desk went away") from None

    async def _answer(self) -> tuple[int, Any]:
        assert self._reader is not None
        head = await self._reader.readuntil(b"\r\n\r\n")
        length = LENGTH.search(head)
        body = await self._reader.readexactly(int(length[1])) if length else b""
        return int(head[9:12]), orjson.loads(body) if body else None


async def sign_in(bench: Bench, username: str) -> str:
    """Sign in at the console; returns the header lines of the session."""
    async with open_pool(bench.url, schema="review", size=2, create_schema=False) as pool:
        token = await People(pool, Journal(Outbox()), clock=system_clock).new_link(username, lasts=timedelta(minutes=5))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{bench.port}") as client:
        me = (await client.post(f"{API}/session", json={"login_token": token})).json()
        return f"Cookie: cs_session={client.cookies['cs_session']}\r\nX-CSRF-Token: {me['csrf_token']}"


def answer_to(claim: dict[str, Any]) -> dict[str, Any]:
    """Answer a claim, bound to what it shows."""
    return {
        "outcome": "approve", "outcome_params": {},
        "reason": {"codes": ["missing_context"], "note": "Bench.", "category": "none"},
        "principal_reasons": [], "tags": [],
        "binding": {
            "payload_sha256": claim["payload_sha256"], "shown_sha256": claim["shown_sha256_all"],
            "execute_sha256": claim["execute_sha256_by_outcome"]["approve"],
        },
    }  # fmt: skip


async def decide(caller: Caller, key: str, claim: dict[str, Any]) -> tuple[int, Any]:
    """Answer a claim."""
    return await caller.post(
        f"/claims/{claim['claim_id']}/decision", key, answer_to(claim), If_Match=f'"{claim["version"]}"',
        Idempotency_Key=claim["claim_id"],
    )  # fmt: skip


@contextlib.asynccontextmanager
async def open_bench(ground: Ground, *, cases: int, people: int, **environment: str) -> AsyncIterator[Bench]:
    """Start the service, put ``cases`` into its queue by way of the topic, and seat ``people``."""
    prefix = f"desk{uuid.uuid4().hex[:8]}."
    await ensure_topics(ground.kafka.bootstrap, prefix=prefix, partitions=PARTITIONS)
    url = await fresh_database(ground)
    stack = Stack(
        ground.directory / prefix, url, ground.kafka.bootstrap, prefix, {"LOG_LEVEL": "warning", **environment}
    )  # fmt: skip
    with stack:
        await asyncio.to_thread(stack.start, "review")
        bench = Bench(ground, stack, url, prefix)
        await _publish(ground, prefix, cases)
        await _seat(bench, people)
        await _filled(bench, cases)
        yield bench
        await asyncio.to_thread(stack.stop)
    await drop_topics(ground, prefix)
    await drop_database(ground, url)


async def _publish(ground: Ground, prefix: str, cases: int) -> None:
    async with open_publisher(ground.kafka.bootstrap, prefix=prefix, client_id="bench") as publisher:
        for start in range(0, cases, PUBLISH_AT_ONCE):
            numbers = range(start, min(start + PUBLISH_AT_ONCE, cases))
            await publisher.publish([_message(number) for number in numbers])


def _message(number: int) -> Message:
    # No two subjects alike, as in a queue of strangers; deadlines all over the day.
    case = routed(f"c-{number}", subject_ref=f"s-{number}", handling={"grace_seconds": GRACE_SECONDS})
    minute = number % 1_440
    due_at = f"2030-03-03T{minute // 60:02}:{minute % 60:02}:00Z"
    case["handling"]["sla"] = {"class": "standard", "due_at": due_at, "at_risk_at": due_at}
    one = record("case.routed", case)
    return Message("case.routed", number % PARTITIONS, one.key or b"", one.value or b"", one.headers)


async def _seat(bench: Bench, people: int) -> None:
    async with open_pool(bench.url, schema="review", size=SEATED_AT_ONCE, create_schema=False) as pool:
        desk, left = People(pool, Journal(Outbox()), clock=system_clock), list(reversed(range(people)))
        keys: dict[int, str] = {}

        async def work() -> None:
            while left:
                number = left.pop()
                name = f"r-{number}"
                await desk.add(
                    name, display_name=name, roles=["reviewer"], tenants=["*"],
                    authority=Authority(max_tier="critical"), password_hash=None, by=BY,
                )  # fmt: skip
                _, key = await desk.add_key(
                    name="bench", username=name, roles=["reviewer"], tenants=["*"], lasts=timedelta(days=1),
                    environment="bench", by=BY,
                )  # fmt: skip
                keys[number] = f"Authorization: Bearer {key}"

        await asyncio.gather(*(work() for _ in range(SEATED_AT_ONCE)))
        bench.keys += [keys[number] for number in range(people)]


async def _filled(bench: Bench, cases: int) -> None:
    async with asyncio.timeout(READY_SECONDS):
        while await bench.fetchval("SELECT count(*) FROM reviews") < cases:
            await asyncio.sleep(0.2)
        # What seating people said has left too: nothing is measured with a queue of old messages before it.
        while await bench.fetchval("SELECT count(*) FROM outbox"):
            await asyncio.sleep(0.2)


def percentile(values: Sequence[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed, in milliseconds."""
    return round(sorted(values)[min(int(len(values) * share), len(values) - 1)] * 1_000, 2)
