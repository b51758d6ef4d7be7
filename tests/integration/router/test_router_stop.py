"""The stop switch against batches in flight, replicas, and people."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import asyncpg
import orjson
import pytest
from pydantic import TypeAdapter

from countersign_router.controls import stops
from countersign_router.controls.events import Actor
from countersign_router.store import Store
from countersign_shared.contracts.events.activity import ActivityRecorded
from countersign_shared.contracts.events.control import ControlChanged
from tests.integration.router.desk import Replica, bodies
from tests.unit.router.cases import scored, shipped

pytestmark = pytest.mark.postgres

ANNA, BERT = Actor("p-anna", "operator"), Actor("p-bert", "lead")
CONTROL = TypeAdapter(ControlChanged)
ACTIVITY = TypeAdapter(ActivityRecorded)


async def stop_all(store: Store, reason: str = "wrong rates") -> stops.Stopped:
    return await stops.stop(store, tenant="*", decision_type="*", reason=reason, actor=ANNA)


async def release(store: Store, actor: Actor = ANNA, **scope: str) -> UUID:
    asked = await stops.request_release(
        store, request_id=uuid4(), tenant=scope.get("tenant", "*"), decision_type=scope.get("decision_type", "*"),
        reason="rates are right again", actor=actor,
    )  # fmt: skip
    return asked.id


async def test_stopped_means_that_people_approve_first(replica: Replica, store: Store) -> None:
    await stop_all(store)
    routed = bodies(await replica.route(scored()), "case.routed")[0]
    assert (routed["level"], routed["would_automate"]) == (3, True)
    assert routed["reasons"][-1]["code"] == "stopped"
    assert "wrong rates" in routed["reasons"][-1]["text"]
    assert b'automation_stopped{scope="all"} 1' in replica.metrics.exposition()


@pytest.mark.parametrize(
    ("scope", "held"),
    [
        ({"tenant": "*", "decision_type": "*"}, {"a", "b"}),
        ({"tenant": "a", "decision_type": "*"}, {"a"}),
        ({"tenant": "*", "decision_type": "loan_application"}, {"a", "b"}),
        ({"tenant": "b", "decision_type": "loan_application"}, {"b"}),
        ({"tenant": "*", "decision_type": "refund"}, set()),
    ],
)
async def test_a_stop_holds_its_scope_and_no_more(
    replica: Replica, store: Store, scope: dict[str, str], held: set[str]
) -> None:
    await stops.stop(store, **scope, reason="because", actor=ANNA)
    routed = bodies(await replica.route(scored(tenant="a"), scored(tenant="b")), "case.routed")
    assert {body["tenant"] for body in routed if body["level"] == 3} == held


async def test_a_stop_lists_what_was_decided_in_the_last_minute(replica: Replica, store: Store) -> None:
    await replica.route(scored("loan-1"), scored("loan-2", outcome="decline"), scored("loan-3", tenant="other"))
    old = Replica(store, clock=lambda: datetime.now(UTC) - timedelta(seconds=90))
    await old.route(scored("loan-0"))
    everything = await stop_all(store)
    assert everything.recent_total == 2
    assert {(one.case_id, one.outcome) for one in everything.recent} == {("loan-1", "approve"), ("loan-3", "approve")}
    other = await stops.stop(store, tenant="other", decision_type="*", reason="because", actor=ANNA)
    assert [one.case_id for one in other.recent] == ["loan-3"]


async def test_a_stop_waits_for_the_batch_in_flight_and_holds_the_next(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    """The row of this stop does not exist yet when the batch begins: nothing could have locked it."""
    async with store.batch() as batch:
        await batch.hold_controls()
        stopping = asyncio.create_task(stop_all(store))
        await asyncio.sleep(0.3)
        assert not stopping.done()
        late = asyncio.create_task(replica.route(scored("late")))
        await asyncio.sleep(0.2)
        assert not late.done(), "a batch that begins after the stop has asked must wait for it"
    stopped = await stopping
    assert bodies(await late, "case.routed")[0]["level"] == 3
    assert stopped.control["revision"] == 1


async def test_no_automatic_decision_is_later_than_the_commit_of_a_stop(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    """Two replicas under load, one with a clock an hour ahead, while automation is stopped."""
    ahead = Replica(store, clock=lambda: datetime.now(UTC) + timedelta(hours=1))
    going = True

    async def load(router: Replica, name: str) -> None:
        number = 0
        while going:
            await router.route(*(scored(f"{name}-{number + one}") for one in range(20)))
            number += 20

    loads = [asyncio.create_task(load(replica, "one")), asyncio.create_task(load(ahead, "two"))]

    async def both_have_routed(levels: str) -> None:
        routers = f"SELECT count(DISTINCT left(case_id, 3)) FROM routings WHERE level {levels}"
        async with asyncio.timeout(30):
            while await pool.fetchval(routers) < 2:
                await asyncio.sleep(0.02)

    await both_have_routed("<= 2")
    await stop_all(store)
    committed = await pool.fetchval("SELECT clock_timestamp()")
    await both_have_routed("= 3")
    going = False
    await asyncio.gather(*loads)
    assert await pool.fetchval("SELECT max(routed_at) FROM routings WHERE level <= 2") < committed


async def test_turning_automation_back_on_needs_two_people(replica: Replica, store: Store) -> None:
    await stop_all(store)
    request_id = await release(store, ANNA)
    with pytest.raises(stops.SamePerson):
        await stops.confirm_release(store, request_id=request_id, actor=ANNA)
    assert bodies(await replica.route(scored("before")), "case.routed")[0]["level"] == 3
    control = await stops.confirm_release(store, request_id=request_id, actor=BERT)
    assert [one["pseudonym"] for one in control["signatures"]] == ["p-anna", "p-bert"]
    assert bodies(await replica.route(scored("after")), "case.routed")[0]["level"] == 1


async def test_a_request_is_void_once_the_switch_has_changed(store: Store, replica: Replica) -> None:
    await stop_all(store)
    first, second = await release(store, ANNA), await release(store, BERT)
    assert {one.id for one in await store.release_requests(datetime.now(UTC))} == {first, second}
    await stops.confirm_release(store, request_id=first, actor=BERT)
    assert await store.release_requests(datetime.now(UTC)) == [], "nobody is asked to confirm what is void"
    await stop_all(store, "again")
    assert await store.release_requests(datetime.now(UTC)) == []
    for request_id, actor in ((first, BERT), (second, ANNA)):
        with pytest.raises(stops.RequestStale):
            await stops.confirm_release(store, request_id=request_id, actor=actor)
    assert bodies(await replica.route(scored()), "case.routed")[0]["level"] == 3


async def test_a_request_expires(store: Store, pool: asyncpg.Pool) -> None:
    await stop_all(store)
    request_id = await release(store)
    await pool.execute("UPDATE release_requests SET expires_at = now() - interval '1 second'")
    with pytest.raises(stops.RequestStale):
        await stops.confirm_release(store, request_id=request_id, actor=BERT)


async def test_what_is_not_stopped_cannot_be_released(store: Store) -> None:
    with pytest.raises(stops.NotStopped):
        await release(store)
    with pytest.raises(stops.RequestUnknown):
        await stops.confirm_release(store, request_id=uuid4(), actor=BERT)


async def test_stopping_twice_changes_nothing(store: Store) -> None:
    first, second = await stop_all(store, "first"), await stop_all(store, "second")
    assert first.control == second.control


async def test_every_step_is_announced_and_valid(store: Store, pool: asyncpg.Pool) -> None:
    await stop_all(store)
    request_id = await release(store)
    with pytest.raises(stops.SamePerson):
        await stops.confirm_release(store, request_id=request_id, actor=ANNA)
    await stops.confirm_release(store, request_id=request_id, actor=BERT)
    rows = await pool.fetch("SELECT topic, key, body FROM outbox ORDER BY id")
    controls = [CONTROL.validate_json(row["body"]) for row in rows if row["topic"] == "control.changed"]
    activities = [ACTIVITY.validate_json(row["body"]) for row in rows if row["topic"] == "activity.recorded"]
    assert [(one.revision, one.state.active) for one in controls] == [(1, True), (2, False)]
    assert {row["key"] for row in rows} == {b"stop|*|*|*"}
    assert [(one.sequence, one.kind) for one in activities] == [
        (1, "control.changed"), (2, "control.requested"), (3, "control.refused"), (4, "control.changed"),
    ]  # fmt: skip


async def test_publishing_is_announced_once_and_kept(replica: Replica, pool: asyncpg.Pool) -> None:
    await replica.publish(shipped("loan_application"), shipped("refund"))
    rows = await pool.fetch("SELECT topic, key, body FROM outbox ORDER BY id")
    assert [(row["topic"], row["key"].decode()) for row in rows] == [
        (topic, f"policy|default|{name}|*")
        for name in ("loan_application", "refund") for topic in ("control.changed", "activity.recorded")
    ]  # fmt: skip
    for row in rows:
        (CONTROL if row["topic"] == "control.changed" else ACTIVITY).validate_json(row["body"])
    published = orjson.loads(rows[0]["body"])["state"]
    assert published["sha256"] == shipped().policy.sha256
    assert await pool.fetchval("SELECT count(*) FROM policies") == 2
