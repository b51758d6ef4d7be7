"""Publishing by two people, tripping and stopping under load: two routers on a real broker, one of them held up.

A case is routed under exactly one state of the controls, the one at its moment: so says every event.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import psutil
import pytest
import yaml

from countersign_router.api.draft_replays import summed_up
from countersign_router.controls import proposals, stops
from countersign_router.controls.events import Actor
from countersign_router.life import drafting
from countersign_router.replaying.against import read_against
from countersign_router.replaying.report import ReplayReport
from countersign_router.replaying.running import Replays, Wish
from countersign_router.store import SCHEMA, ControlKey, Store
from countersign_shared.clock import system_clock
from countersign_shared.messaging import Bus, Message, Record, open_bus
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import open_pool
from countersign_shared.settings import ServiceSettings
from tests.fixtures.stack import Stack
from tests.integration.router.controls import trip
from tests.integration.router.desk import KEY_ID, record
from tests.integration.router.life import ANTON, PETRA, Way
from tests.unit.router.cases import DRAW_KEY, bent, decision_types, document, scored

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(600)]

PARTITIONS = 12
UNSAMPLED = {"audit": {"level1": 0.0, "level2": 0.0, "floor": 0.0}}
PIECE, PAUSE_SECONDS = 25, 0.02
LONGER_SECONDS = 1.0
MOST_LOOKS, LOOK_SECONDS = 1_000, 0.03
"""Looking holds the router up too: it must get on with its work in between."""
LIMIT_SECONDS = 120.0
ANNA, LARS, PAUL = Actor("p-anna", "operator"), Actor("p-lars", "lead"), Actor("p-paul", "policy_approver")
TIER = ("default", "loan_application", "negligible")
FLIGHT_SQL = """
SELECT count(*) FROM pg_locks AS held JOIN pg_stat_activity AS who USING (pid)
WHERE held.relation = 'router.controls'::regclass AND held.mode = 'RowShareLock' AND held.granted
  AND who.client_port = ANY ($1::integer[])
"""


def second_version() -> Any:
    """The same policy, except that what was level 1 becomes level 2: which version routed a case shows twice."""
    matrix = document()["matrix"]
    matrix["negligible"] = {**matrix["negligible"], "high": 2}
    return bent(version=2, sampling=UNSAMPLED, matrix=matrix)


def first_version(directory: Path) -> Path:
    policies = directory / "policies"
    policies.mkdir()
    (policies / "loan_application.yaml").write_text(
        yaml.safe_dump({**document(), "sampling": UNSAMPLED}), encoding="utf-8"
    )
    return policies


def case(number: int) -> Message:
    sent = record(scored(f"loan-{number:06}"))
    return Message("case.scored", number % PARTITIONS, sent.key or b"", sent.value or b"", sent.headers)


@dataclass
class Scene:
    """Two routers, a load, and what was done to them."""

    bus: Bus
    store: Store
    pool: asyncpg.Pool
    one: Stack
    two: Stack
    sent: int = 0
    going: bool = True
    took: dict[str, float] = field(default_factory=dict)

    async def load(self) -> None:
        for start in itertools.count(0, PIECE):
            if not self.going:
                return
            await self.bus.publish([case(start + number) for number in range(PIECE)])
            self.sent = start + PIECE
            await asyncio.sleep(PAUSE_SECONDS)

    async def routed(self, more: int) -> None:
        """Wait until this many more cases were routed."""
        wanted = await self.count() + more
        async with asyncio.timeout(LIMIT_SECONDS):
            while await self.count() < wanted:
                await asyncio.sleep(0.02)

    async def count(self) -> int:
        found: int = await self.pool.fetchval("SELECT count(*) FROM routings")
        return found

    async def moment(self) -> datetime:
        found: datetime = await self.pool.fetchval("SELECT clock_timestamp()")
        return found

    @asynccontextmanager
    async def timed(self, what: str) -> AsyncIterator[None]:
        """Time a change while the second router hangs in the middle of a batch: it must not wait for that one."""
        async with self.held_up():
            begun = time.monotonic()
            yield
            self.took[what] = time.monotonic() - begun
        await self.routed(300)

    @asynccontextmanager
    async def held_up(self) -> AsyncIterator[None]:
        """Hang the second router in the middle of a batch, until well after what happens meanwhile."""
        process = psutil.Process(self.two.processes["router"].pid)
        for _ in range(MOST_LOOKS):
            if await self.caught(process):
                break
            os.kill(process.pid, signal.SIGCONT)
            await asyncio.sleep(LOOK_SECONDS)
        else:
            pytest.fail(f"it is never in the middle of a batch:\n{self.two.last_words('router')}")
        try:
            yield
            await asyncio.sleep(LONGER_SECONDS)
        finally:
            os.kill(process.pid, signal.SIGCONT)

    async def caught(self, process: psutil.Process) -> bool:
        """Hang a process; tell whether it is in the middle of a batch."""
        os.kill(process.pid, signal.SIGSTOP)
        ports = [one.laddr.port for one in process.net_connections() if one.raddr]
        return bool(await self.pool.fetchval(FLIGHT_SQL, ports))


@asynccontextmanager
async def scene(bootstrap: str, prefix: str, database_url: str, directory: Path) -> AsyncIterator[Scene]:
    await ensure_topics(bootstrap, prefix=prefix, partitions=PARTITIONS)
    settings = ServiceSettings(
        database_url=database_url, kafka_bootstrap_servers=bootstrap, topic_prefix=prefix, http_port=0
    )
    environment = {"POLICIES_DIR": str(first_version(directory))}
    with (
        Stack(directory / "one", database_url, bootstrap, prefix, environment, instance="one") as one,
        Stack(directory / "two", database_url, bootstrap, prefix, environment, instance="two") as two,
    ):
        one.start("router")
        two.start("router")
        async with (
            open_bus(settings, service="feedback", health=Health(), metrics=Metrics("feedback")) as bus,
            open_pool(database_url, schema=SCHEMA) as pool,
        ):
            made = Scene(bus, Store(pool, Outbox()), pool, one, two)
            loading = asyncio.create_task(made.load())
            try:
                yield made
            finally:
                made.going = False
                await loading


async def examined_and_approved(database_url: str, store: Store) -> Way:
    """One person drafts, tests and replays the second version over the cases that came; another one approves it."""
    way = await Way.begin(store, second_version(), ANTON)
    await way.test(ANTON)
    replays = Replays(database_url, decision_types(), None, KEY_ID, DRAW_KEY, system_clock)
    loaded = await drafting.for_replay(
        store, decision_types(), draft_id=way.draft_id, named=second_version().policy.sha256, caller=ANTON
    )
    async for report in replays.run(Wish(loaded, read_against("last:100"), None)):
        if isinstance(report, ReplayReport):
            assert (report.against.cases, report.changed) == (100, 100)
            await drafting.note_replayed(
                store, draft_id=way.draft_id, named=loaded.policy.sha256, result=summed_up(report), caller=ANTON
            )
    await way.approve(PETRA)
    return way


async def lift(store: Store) -> None:
    key = ControlKey("trip.cleared", *TIER)
    for actor in (LARS, PAUL):
        (found,) = await proposals.open_proposals(store, datetime.now().astimezone())
        await proposals.sign_proposal(
            store, key, sha256=found.waiting.sha256, reason="looked at it", actor=actor,
            roles=frozenset({actor.role or ""}),
        )  # fmt: skip


async def tripped(pool: asyncpg.Pool) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not await pool.fetchval("SELECT count(*) FROM controls WHERE kind = 'trip'"):
            await asyncio.sleep(0.01)


async def test_no_case_is_routed_under_a_mixture_and_none_automatically_after_a_stop(
    kafka_bootstrap: str, topic_prefix: str, database_url: str, tmp_path: Path
) -> None:
    async with scene(kafka_bootstrap, topic_prefix, database_url, tmp_path) as made:
        await made.routed(300)
        way = await examined_and_approved(database_url, made.store)
        async with made.timed("publish"):
            await way.publish(PETRA)
        async with made.timed("trip"):
            await made.bus.publish([trip()])
            await tripped(made.pool)
        await lift(made.store)
        await made.routed(300)
        async with made.timed("stop"):
            stopped = await stops.stop(made.store, tenant="*", decision_type="*", reason="wrong rates", actor=ANNA)
            committed = await made.moment()
        assert stopped.recent_total > 0
        made.one.kill("router")
        await made.routed(100)
        made.one.start("router")
        await made.routed(600)
        assert 'automation_stopped{scope="all"} 1.0' in metrics(made.one)
        asked = await stops.request_release(
            made.store, request_id=uuid4(), tenant="*", decision_type="*", reason="rates are right", actor=ANNA
        )
        on_again = await stops.confirm_release(made.store, request_id=asked.id, actor=LARS)
        released = datetime.fromisoformat(on_again["changed_at"])
        await made.routed(600)
        made.going = False
        async with asyncio.timeout(LIMIT_SECONDS):
            while await made.count() < made.sent:
                await asyncio.sleep(0.05)
        assert made.two.processes["router"].poll() is None, made.two.last_words("router")
        events = await settled(made.bus, made.sent)
        decisions = await made.bus.read_all("decision.made")
        steps = [orjson.loads(one.value or b"") for one in await made.bus.read_all("activity.recorded")]
        boundaries = await history(made.pool)
    print(f"{made.sent} cases; the change took { ({name: round(s, 2) for name, s in made.took.items()}) } s")
    between = [one for one in decisions if committed <= at(one) < released]
    assert between == [], f"{len(between)} automatic decisions between the commit of the stop and the release"
    seen: Counter[tuple[int, int]] = Counter()
    for one in events:
        body, moment = orjson.loads(one.value or b""), at(one)
        assert (body["policy"]["version"], body["level"]) == expected(boundaries, moment), (moment, body["reasons"])
        seen[body["policy"]["version"], body["level"]] += 1
    assert set(seen) == {(1, 1), (2, 2), (2, 3)}
    life = [(one["kind"], one["actor"]["pseudonym"]) for one in steps if one["kind"].startswith("policy.")]
    assert sorted(life[1:]) == [
        ("policy.approved", "p-petra"), ("policy.drafted", "p-anton"), ("policy.published", "p-petra"),
        ("policy.replayed", "p-anton"), ("policy.tested", "p-anton"),
    ]  # fmt: skip


def metrics(stack: Stack) -> str:
    import urllib.request

    with urllib.request.urlopen(stack.url("router", "/metrics"), timeout=30) as answer:
        text: str = answer.read().decode()
    return text


def at(one: Record) -> datetime:
    return datetime.fromisoformat((one.header("ce_time") or b"").decode())


async def settled(bus: Bus, count: int) -> list[Record]:
    async with asyncio.timeout(LIMIT_SECONDS):
        while True:
            found = await bus.read_all("case.routed")
            if len({one.key for one in found}) == count:
                return found
            await asyncio.sleep(0.2)


Boundaries = list[tuple[datetime, str, dict[str, Any]]]


async def history(pool: asyncpg.Pool) -> Boundaries:
    rows = await pool.fetch("SELECT changed_at, kind, body FROM control_history ORDER BY changed_at")
    return [(row["changed_at"], row["kind"], orjson.loads(row["body"])["state"]) for row in rows]


def expected(boundaries: Boundaries, moment: datetime) -> tuple[int, int]:
    """Return (policy version, level) under the controls as they were at a moment."""
    version, held = 0, {"trip": False, "stop": False}
    for changed_at, kind, state in boundaries:
        if changed_at > moment:
            break
        if kind == "policy":
            version = state["version"]
        elif kind in {"trip", "trip.cleared"}:
            held["trip"] = kind == "trip"
        elif kind == "stop":
            held["stop"] = state["active"]
    return version, 3 if any(held.values()) else version


@contextmanager
def a_router(directory: Path, bootstrap: str, prefix: str, database_url: str) -> Iterator[Stack]:
    environment = {"POLICIES_DIR": str(first_version(directory))}
    with Stack(directory / "router", database_url, bootstrap, prefix, environment) as stack:
        stack.start("router")
        yield stack


async def test_a_router_that_knows_nothing_reads_the_controls_before_its_first_case(
    kafka_bootstrap: str, topic_prefix: str, database_url: str, tmp_path: Path
) -> None:
    """An empty database and an empty consumer: the trip is on its topic, and the cases wait on theirs."""
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    settings = ServiceSettings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0
    )
    async with open_bus(settings, service="feedback", health=Health(), metrics=Metrics("feedback")) as bus:
        await bus.publish([trip(f"trip-{number}", revision=number) for number in range(1, 200)])
        await bus.publish([case(number) for number in range(100)])
        with a_router(tmp_path, kafka_bootstrap, topic_prefix, database_url):
            events = await settled(bus, 100)
    assert {orjson.loads(one.value or b"")["level"] for one in events} == {3}
