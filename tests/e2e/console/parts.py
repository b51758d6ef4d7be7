"""What the console's tests stand on: the whole system on real parts, people who may sign in, and a browser."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import shutil
import subprocess
import threading
import time
import urllib.request
import uuid
from collections.abc import Coroutine, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import asyncpg
import orjson
import pytest
from confluent_kafka import Consumer, TopicPartition

from countersign_inference.training.loanapp import applications
from countersign_local.demo.access import Access, open_access
from countersign_shared.clock import rfc3339, system_clock
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.topics import ensure_topics
from tests.fixtures.postgres import execute, named
from tests.fixtures.stack import Stack

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "services" / "review" / "console"
BUILD = ROOT / "services" / "review" / "countersign_review" / "console"
APPLICATIONS = 150
# Posts by somebody so well known that two people must look at each.
FAMOUS = "post-famous"
DISPUTED = "post-disputed"
# Refunds that no test looks for by their subject: refund-2 and on.
REFUNDS = 12
# Of a decision type that nobody has declared.
STRANGE = "parcel-1"
# What somebody may write who wishes us ill.
HOSTILE = '\u202e"><img src=x onerror=hit()><script>hit()</script>'
HOSTILE_CASE = "refund-hostile"
# The same where a model says it, and where a text is taken apart; with signs of no width, and a word without an end.
HOSTILE_PROPOSAL = "refund-claimed"
HOSTILE_POST = "post-hostile"
ENDLESS = f"zero\u200bwidth {'w' * 400} {HOSTILE}"
# As long as an id may be, and no place in it to break a line.
LONG_ID = f"refund-{'x' * 121}"
READ_SECONDS = 120.0
Result = TypeVar("Result")


class Aside:
    """An event loop on a thread of its own: the browser's driver has the test's."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, Result]) -> Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(READ_SECONDS + 30)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()


@dataclass
class Person:
    """Somebody who may sign in, and how."""

    username: str
    password: str


@dataclass
class Desk:
    """The running system as its console's users meet it."""

    stack: Stack
    access: Access
    aside: Aside

    @property
    def url(self) -> str:
        return self.stack.url("review")

    def link(self, username: str, display_name: str, *roles: str) -> str:
        """Return an address that signs this person in once."""
        made = self.access.link(username, display_name=display_name, roles=roles or ("reviewer", "lead"))
        return self.aside.run(made)

    def person(self, username: str, *roles: str) -> Person:
        """Add somebody over the API, as an administrator does; a reviewer when no role is named."""
        answer = self.post("/users", {
            "username": username, "display_name": username.title(), "roles": roles or ["reviewer"], "tenants": ["*"],
            "authority": {"max_tier": "critical", "skills": ["fraud", "wellbeing"]},
        })  # fmt: skip
        return Person(username, answer["password"])

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Call review's API with the command line's key."""
        request = urllib.request.Request(
            f"{self.url}/api/review/v1{path}", orjson.dumps(body), method="POST",
            headers={"content-type": "application/json", "authorization": f"Bearer {self.access.api_key}"},
        )  # fmt: skip
        with urllib.request.urlopen(request, timeout=60) as answer:
            return dict(json.load(answer))

    def bring(self, *bodies: dict[str, Any]) -> None:
        """Send cases in, as upstream does."""
        self.aside.run(_bring(self.stack, bodies))

    def everything(self, topic: str) -> list[dict[str, Any]]:
        """Return every event of a topic as it is now."""
        consumer = Consumer({"bootstrap.servers": self.stack.bootstrap, "group.id": uuid.uuid4().hex})
        name = f"{self.stack.topic_prefix}{topic}"
        partitions = [TopicPartition(name, one, 0) for one in consumer.list_topics(name).topics[name].partitions]
        left = {one.partition: consumer.get_watermark_offsets(one)[1] for one in partitions}
        consumer.assign(partitions)
        events, wanted, deadline = [], sum(left.values()), time.monotonic() + READ_SECONDS
        try:
            while len(events) < wanted and time.monotonic() < deadline:
                events += [json.loads(message.value() or b"") for message in consumer.consume(500, 0.5)]
        finally:
            consumer.close()
        return events

    def decision_on(self, case_id: str) -> dict[str, Any]:
        """Return the decision on a case as a stranger's consumer reads it."""
        return self.read("decision.made", case_id)

    def read(self, topic: str, case_id: str, **fields: Any) -> dict[str, Any]:
        """Return the first event on a topic about a case that has these fields."""
        consumer = Consumer({
            "bootstrap.servers": self.stack.bootstrap, "group.id": uuid.uuid4().hex, "auto.offset.reset": "earliest",
        })  # fmt: skip
        consumer.subscribe([f"{self.stack.topic_prefix}{topic}"])
        deadline = time.monotonic() + READ_SECONDS
        try:
            while time.monotonic() < deadline:
                message = consumer.poll(0.5)
                if message is None or message.error() is not None or message.key() != case_id.encode():
                    continue
                event = dict(json.loads(message.value() or b""))
                if fields.items() <= event.items():
                    return event
        finally:
            consumer.close()
        pytest.fail(f"{topic} has nothing like {fields} about {case_id} after {READ_SECONDS} s")


@contextlib.contextmanager
def running_desk(postgres_url: str, bootstrap: str, directory: Path) -> Iterator[Desk]:
    """Start five services in a database and under topics of their own, and let real applications in."""
    aside = Aside()
    database = f"test_{uuid.uuid4().hex}"
    prefix = f"t{uuid.uuid4().hex[:10]}."
    aside.run(execute(postgres_url, f"CREATE DATABASE {database} TEMPLATE template0 STRATEGY file_copy"))
    url = named(postgres_url, database)
    try:
        aside.run(ensure_topics(bootstrap, prefix=prefix))
        with Stack(directory, url, bootstrap, topic_prefix=prefix) as stack:
            stack.start()
            aside.run(_bring(stack, _cases()))
            aside.run(_until_arrived(url))
            opening = open_access(url, stack.url("review"), directory, system_clock)
            access = aside.run(opening.__aenter__())
            yield Desk(stack, access, aside)
            aside.run(opening.__aexit__(None, None, None))
    finally:
        aside.run(execute(postgres_url, f"DROP DATABASE {database} WITH (FORCE)"))
        aside.close()


async def _until_arrived(url: str) -> None:
    """Wait until every case has reached the desk: no test depends on how far the others are."""
    wanted = sum(1 for _ in _cases())
    connection = await asyncpg.connect(url)
    try:
        async with asyncio.timeout(READ_SECONDS):
            while await connection.fetchval("SELECT count(*) FROM review.cases") < wanted:
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def _bring(stack: Stack, bodies: Iterable[dict[str, Any]]) -> None:
    async with open_publisher(stack.bootstrap, prefix=stack.topic_prefix, client_id="upstream") as publisher:
        await publisher.publish([
            write_event(
                "case.created", event_id=f"up-{body['case_id']}", source="/upstream", case_id=body["case_id"],
                time=body["occurred_at"], body=orjson.dumps(body), partition=None,
            )
            for body in bodies
        ])  # fmt: skip


def refund(case_id: str, order: str, subject: str = "customer-9") -> dict[str, Any]:
    """Return a case of what somebody wants back for a kettle."""
    amount = {"value": "89.90", "currency": "EUR"}
    return {
        "tenant": "default", "case_id": case_id, "decision_type": "refund", "subject_ref": subject,
        "payload": {
            "order_id": order, "amount": amount,
            "message": "The kettle was broken when I opened the box. <script>alert(1)</script> Photos attached.",
        },
        "submitted_by": "shop", "occurred_at": rfc3339(system_clock()), "amount": amount,
    }  # fmt: skip


def _cases() -> Iterator[dict[str, Any]]:
    now = system_clock()
    for application in itertools.islice(applications(), APPLICATIONS):
        yield application.case_created(occurred_at=now, tenant="default")
    for number in range(REFUNDS + 1):
        case_id = f"refund-{number}" if number < REFUNDS else LONG_ID
        yield refund(case_id, f"A-{number}", "customer-7" if number < 2 else "customer-8")
    yield {
        "tenant": "default", "case_id": HOSTILE_CASE, "decision_type": "refund", "subject_ref": HOSTILE,
        "title": HOSTILE, "submitted_by": HOSTILE, "occurred_at": rfc3339(now),
        "amount": {"value": "89.90", "currency": "EUR"},
        "payload": {
            "order_id": HOSTILE, "amount": {"value": "89.90", "currency": "EUR"},
            "message": f"javascript:hit() {HOSTILE} &lt;img&gt;",
        },
    }  # fmt: skip
    yield {
        "tenant": "default", "case_id": HOSTILE_PROPOSAL, "decision_type": "refund", "subject_ref": "customer-9",
        "submitted_by": "shop", "occurred_at": rfc3339(now), "amount": {"value": "89.90", "currency": "EUR"},
        "payload": {"order_id": "A-99", "amount": {"value": "89.90", "currency": "EUR"}, "message": ENDLESS},
        "proposal": {"outcome": "deny", "outcome_params": {}, "confidence": 0.8, "explanation": ENDLESS},
    }  # fmt: skip
    yield {
        "tenant": "default", "case_id": STRANGE, "decision_type": "parcel", "subject_ref": "sender-1",
        "payload": {"weight": 3}, "submitted_by": "post office", "occurred_at": rfc3339(now),
    }  # fmt: skip
    for post in (FAMOUS, DISPUTED):
        yield _post(post, now)
    yield _post(HOSTILE_POST, now, f"{ENDLESS} $50 https://shop.example/{HOSTILE}")


SALE = (
    "Our bakery has a sale this weekend, everything for $50: https://shop.example/cakes "
    "Write to lessons@shop.example, says @bela"
)


def _post(post: str, now: datetime, text: str = SALE) -> dict[str, Any]:
    return {
        "tenant": "default", "case_id": post, "decision_type": "content_moderation", "subject_ref": "author-1",
        "payload": {
            "post_id": post, "author_id": "author-1", "category": "spam", "followers": 2_000_000, "reports": 3,
            "text": text,
        },
        "submitted_by": "platform", "occurred_at": rfc3339(now),
    }  # fmt: skip


def built_console() -> None:
    """Build the console when it is not there, or skip by reason."""
    if (BUILD / "index.html").is_file():
        return
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("the console is not built and there is no npm: make console")
    for command in (["ci"], ["run", "build"]):
        subprocess.run([npm, *command], cwd=SOURCE, check=True, capture_output=True)
