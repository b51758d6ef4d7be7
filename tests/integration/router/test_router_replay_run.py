"""Replays on a real database: what was routed comes out the same again, whatever happened meanwhile."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from itertools import islice
from typing import Any
from uuid import uuid4

import asyncpg
import orjson
import pytest

from countersign_router.controls import stops
from countersign_router.controls.events import Actor
from countersign_router.domain.controls import DEFAULT_TENANT
from countersign_router.language.loading import LoadedPolicy
from countersign_router.replaying.against import read_against
from countersign_router.replaying.brief import question
from countersign_router.replaying.evaluation import Replayer
from countersign_router.replaying.report import ReplayReport
from countersign_router.replaying.running import Progress, Replays, Wish
from countersign_router.store import Store
from countersign_router.store.replays import BEGINNING, Place, Population, open_snapshot
from countersign_router.wire import policy_speech, routed_body
from countersign_shared.clock import system_clock
from countersign_shared.errors import TransientError
from countersign_shared.postgres.bodies import bodies as packing
from tests.integration.router.desk import KEY_ID, Replica
from tests.unit.router.cases import DRAW_KEY, DRAWS, bent, decision_types, scored, shipped
from tests.unit.router.replays import varied

pytestmark = pytest.mark.postgres
ANNA, BERT = Actor("p-anna", "operator"), Actor("p-bert", "lead")
FRESH = [{"id": "fresh", "when": "policy.age < duration('168h')", "level_at_least": 3, "only_tiers": ["low"]}]


@pytest.fixture
def replays(database_url: str) -> Replays:
    return Replays(database_url, decision_types(), None, KEY_ID, DRAW_KEY, system_clock)


@pytest.fixture
async def lived(store: Store) -> Replica:
    """A router that routed under two versions, a stop and its release."""
    replica = Replica(store, draws=DRAWS)
    cases = varied(240)
    await replica.publish(shipped())
    await replica.route(*islice(cases, 60))
    await stops.stop(store, tenant="*", decision_type="*", reason="wrong rates", actor=ANNA)
    await replica.route(*islice(cases, 60))
    asked = await stops.request_release(
        store, request_id=uuid4(), tenant="*", decision_type="*", reason="right again", actor=ANNA
    )
    await stops.confirm_release(store, request_id=asked.id, actor=BERT)
    await replica.route(*islice(cases, 60))
    await replica.publish(second())
    await replica.route(*cases)
    return replica


def second() -> LoadedPolicy:
    return bent(version=2, bands={"high": 0.93, "medium": 0.75}, adjust=FRESH)


async def run(replays: Replays, wish: Wish) -> tuple[list[Progress], ReplayReport]:
    answers = [one async for one in replays.run(wish)]
    assert isinstance(answers[-1], ReplayReport)
    return [one for one in answers[:-1] if isinstance(one, Progress)], answers[-1]


def wish(policy: LoadedPolicy, against: str = "last:1000", **more: Any) -> Wish:
    return Wish(policy, read_against(against), None, **more)


async def test_every_routing_comes_out_the_same_under_the_policy_that_made_it(
    lived: Replica, replays: Replays, database_url: str, pool: asyncpg.Pool
) -> None:
    rows = await pool.fetch("SELECT routed_at, routed_body, level FROM routings")
    assert len(rows) == 240
    assert set(Counter(row["level"] for row in rows)) == {1, 2, 3, 4, 5}
    for policy, routed in ((shipped(), 180), (second(), 60)):
        async with open_snapshot(database_url) as snapshot:
            brief = await replays._brief(wish(policy), snapshot)
        replayer = Replayer(question(brief))
        speech = policy_speech(policy, decision_types()["loan_application"])
        same = 0
        for row in rows:
            body = packing().unpack(row["routed_body"])
            event = orjson.loads(body)
            if event["policy"]["sha256"] == policy.policy.sha256:
                again = replayer.routing(event, row["routed_at"])
                # Everything that would be published, byte for byte: level, reasons, samples, deadlines, queue.
                scored_part = body[: body.index(b',"level":')] + b"}"
                assert routed_body(orjson.loads(scored_part), scored_part, again, speech, KEY_ID) == body
                same += 1
        assert same == routed


async def test_a_snapshot_outlasts_a_long_thought_of_the_replay_but_not_a_forgotten_one(
    lived: Replica, replays: Replays, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign_shared.postgres.pool.IDLE_IN_TRANSACTION", "300ms")
    everything = Population("loan_application", None, [])

    async def counted_a_second_later() -> int:
        async with open_snapshot(database_url) as snapshot:
            await asyncio.sleep(1)
            return await snapshot.count(everything, Place(BEGINNING))

    assert await counted_a_second_later() == 240
    monkeypatch.setattr("countersign_router.store.replays.LONGEST_THOUGHT", timedelta(milliseconds=300))
    with pytest.raises(TransientError, match="replay again"):
        await counted_a_second_later()


async def test_replaying_what_is_in_force_changes_nothing(lived: Replica, replays: Replays) -> None:
    progress, report = await run(replays, wish(second(), "last:60"))
    assert (report.draft, report.against.cases, report.changed, report.fidelity.same) == (False, 60, 0, 60)
    assert report.summary[0] == "All 60 cases are routed exactly as they were."
    assert (progress[0], progress[-1]) == (Progress(0, 60), Progress(60, 60))
    assert report.against.policies[0].version == 2


async def test_a_draft_is_compared_over_everything_that_happened(lived: Replica, replays: Replays) -> None:
    draft = bent(version=3, bands={"high": 0.97, "medium": 0.75})
    _, report = await run(replays, wish(draft))
    assert (report.draft, report.against.cases, report.fidelity.same, report.fidelity.differing) == (True, 240, 240, 0)
    assert [(one.version, one.cases) for one in report.against.policies] == [(1, 180), (2, 60)]
    assert report.raised > 0
    assert any("while automation was stopped" in note for note in report.notes)
    assert sum(one.cases for one in report.levels) == 240


async def test_last_takes_exactly_the_newest(lived: Replica, replays: Replays) -> None:
    # 60 cases share a moment, so the border runs through a batch.
    _, report = await run(replays, wish(second(), "last:75"))
    assert report.against.cases == 75
    assert {one.version: one.cases for one in report.against.policies} == {2: 60, 1: 15}
    _, report = await run(replays, wish(second(), f"since:{(system_clock() + timedelta(hours=1)).isoformat()}"))
    assert report.summary == ("No stored case fits: nothing was replayed.",)


async def test_only_cases_that_the_policy_would_speak_for_count(store: Store, replays: Replays) -> None:
    replica = Replica(store, draws=DRAWS)
    own = bent(tenant="north", version=1)
    await replica.publish(shipped())
    await replica.publish(own)
    await replica.route(*(scored(f"c-{tenant}", tenant=tenant) for tenant in (DEFAULT_TENANT, "north", "south")))
    await replica.route(scored("a-test", test=True))
    for policy, tenants, cases in ((shipped(), None, 2), (own, None, 1), (shipped(), frozenset({"south"}), 1)):
        _, report = await run(replays, Wish(policy, read_against("last:10"), tenants))
        assert report.against.cases == cases
    assert report.against.test_cases == 0
    _, report = await run(replays, Wish(shipped(), read_against("last:10"), None))
    assert report.against.test_cases == 1


async def test_a_replay_that_is_left_ends_and_holds_nothing(
    lived: Replica, replays: Replays, pool: asyncpg.Pool
) -> None:
    running = replays.run(wish(second()))
    await anext(running)
    await running.aclose()
    open_now = (
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%' AND pid <> pg_backend_pid()"
        " AND datname = current_database()"
    )
    assert await pool.fetchval(open_now) == 0
