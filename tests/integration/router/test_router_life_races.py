"""Two browsers at once, publishing under load, and dying between steps."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Sequence

import asyncpg
import pytest

from countersign_router.controls import stops
from countersign_router.controls.events import Actor
from countersign_router.domain import signatures as s
from countersign_router.life import refusals as r
from countersign_router.store import SCHEMA, BatchInFlightError, Store
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.postgres import open_pool
from tests.integration.router.desk import Replica, bodies
from tests.integration.router.life import (
    ANTON,
    BEA,
    PAUL,
    PETRA,
    Way,
    activities,
    everything_to_people,
    in_force,
    lose,
    refusals,
)
from tests.unit.router.cases import bent, scored

pytestmark = pytest.mark.postgres


async def outcomes(*steps) -> list[type[BaseException] | None]:
    """What became of steps that were asked for at the same time."""
    return [None if one is None else type(one) for one in await asyncio.gather(*steps, return_exceptions=True)]


def kinds(told: Sequence[dict], kind: str) -> list[str]:
    return [one["actor"]["pseudonym"] for one in told if one["kind"] == kind]


async def test_two_people_approve_at_once(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    way = await Way.examined(store, everything_to_people())
    assert await outcomes(way.approve(PETRA), way.approve(PAUL)) == [None, None]
    told = await activities(pool)
    assert sorted(kinds(told, "policy.approved")) == ["p-paul", "p-petra"]
    mine = [one["sequence"] for one in told if one["decision_type"] == "loan_application"]
    assert mine == list(range(1, len(mine) + 1))


async def test_two_browsers_publish_at_once(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    way = await Way.approved(store, everything_to_people())
    found = await outcomes(*(way.publish(by) for by in (ANTON, BEA, PETRA)))
    assert sorted(found, key=str) == sorted([None, r.DraftClosed, r.DraftClosed], key=str)
    assert (await in_force(pool))["revision"] == 2
    told = await activities(pool)
    assert len(kinds(told, "policy.published")) == 3  # two files at the start, and this one
    assert [why for _, _, why in await refusals(pool)] == ["draft_closed", "draft_closed"]


async def test_two_drafts_of_one_version_are_published_at_once(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    first = await Way.approved(store, everything_to_people())
    second = await Way.approved(store, bent(version=2, never_automate="case.loan_to_value > 90.0"))
    found = await outcomes(first.publish(), second.publish())
    assert sorted(found, key=str) == sorted([None, r.VersionTaken], key=str)
    assert await pool.fetchval("SELECT count(*) FROM policies WHERE version = 2") == 1


async def test_one_edits_while_another_approves(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    """Whichever comes first: no signature counts for a text that its signer has not seen."""
    for number in range(8):
        way = await Way.examined(store, bent(version=2 + number, never_automate="true"))
        seen = (await way.draft()).sha256
        edit = way.edit(bent(version=2 + number, never_automate="case.loan_to_value > 90.0"), sha256=seen)
        approve = way.approve(PETRA, sha256=seen)
        steps = (edit, approve) if number % 2 else (approve, edit)
        found = await outcomes(*steps)
        assert set(found) in ({None}, {None, s.HashMismatch})
        assert (await way.progress()).approvals == ()
        with pytest.raises(r.NotTested):
            await way.publish()


async def test_a_role_is_taken_while_somebody_publishes(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    """Either the publishing has committed before, or it is refused: there is no third way."""
    for number in range(6):
        way = await Way.approved(store, bent(version=2 + number, never_automate="true"), PETRA)
        sequence = 10 + 2 * number
        publish, taken = way.publish(), lose(store, PETRA, sequence=sequence, disabled=True)
        found = await outcomes(*((publish, taken) if number % 2 else (taken, publish)))
        version = (await in_force(pool))["state"]["version"]
        assert (version == 2 + number) == (s.RoleLost not in found)
        await lose(store, PETRA, sequence=sequence + 1, disabled=False)


async def test_nobody_loses_a_role_in_the_middle_of_a_publishing(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    way = await Way.approved(store, everything_to_people(), PETRA)
    await lose(store, PETRA, sequence=2, disabled=False)
    async with pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        # The publishing has looked at its signer, and waits to number its activity.
        await connection.execute("SELECT * FROM policy_threads FOR UPDATE")
        publishing = asyncio.create_task(way.publish())
        await waits_for_its_number(pool)
        losing = asyncio.create_task(lose(store, PETRA, sequence=3, disabled=True))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(losing), 0.3)
        await transaction.rollback()
    await publishing
    await losing
    assert (await in_force(pool))["state"]["version"] == 2


async def waits_for_its_number(pool: asyncpg.Pool) -> int:
    """The backend that waits for the row in which a policy's activities are counted."""
    async with asyncio.timeout(20):
        while True:
            found: int | None = await pool.fetchval(
                "SELECT pid FROM pg_stat_activity WHERE wait_event_type = 'Lock'"
                " AND query LIKE '%policy_threads%' AND pid <> pg_backend_pid() AND datname = current_database()"
            )
            if found is not None:
                return found
            await asyncio.sleep(0.01)


async def test_publishing_switches_two_routers_between_two_batches(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    """Each batch is under one version, nothing is routed under the old one after the commit, both follow at once."""
    replicas = (replica, Replica(store))
    batches: list[tuple[str, set[str], float, float]] = []
    going = True

    async def load(router: Replica, name: str) -> None:
        number = 0
        while going:
            began = time.monotonic()
            routed = bodies(await router.route(*(scored(f"{name}-{number + one}") for one in range(20))), "case.routed")
            batches.append((name, {one["policy"]["sha256"] for one in routed}, began, time.monotonic()))
            number += 20

    loads = [asyncio.create_task(load(one, name)) for one, name in zip(replicas, ("one", "two"), strict=True)]

    async def both_have_a_batch_after(moment: float) -> None:
        async with asyncio.timeout(30):
            while {name for name, _, began, _ in batches if began > moment} != {"one", "two"}:
                await asyncio.sleep(0.02)

    way = await Way.approved(store, everything_to_people())
    await both_have_a_batch_after(0.0)
    asked = time.monotonic()
    await way.publish()
    answered = time.monotonic()
    await both_have_a_batch_after(answered)
    going = False
    await asyncio.gather(*loads)
    assert all(len(versions) == 1 for _, versions, _, _ in batches)
    new = {everything_to_people().policy.sha256}
    for name in ("one", "two"):
        mine = [(versions, began, ended) for one, versions, began, ended in batches if one == name]
        assert any(versions != new for versions, _, ended in mine if ended < asked)
        assert all(versions == new for versions, began, _ in mine if began > answered)
    late = await pool.fetchval(
        "SELECT count(*) FROM routings WHERE level <= 2 AND routed_at > "
        "(SELECT changed_at FROM controls WHERE kind = 'policy' AND decision_type = 'loan_application')"
    )
    assert late == 0
    print(f"publish took {answered - asked:.3f} s, with {len(batches)} batches on two routers")


async def test_publishing_waits_for_the_batch_in_flight(replica: Replica, store: Store, pool: asyncpg.Pool) -> None:
    way = await Way.approved(store, everything_to_people())
    async with store.batch() as batch:
        await batch.hold_controls()
        publishing = asyncio.create_task(way.publish())
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(publishing), 0.3)
    await publishing
    assert (await in_force(pool))["state"]["version"] == 2


async def test_a_change_ends_a_batch_that_hangs_amid_its_copy(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    """The database counts it as active, though it waits for the client."""
    way = await Way.approved(store, everything_to_people())
    hung = asyncio.Event()

    async def endless() -> AsyncIterator[tuple[str, str]]:
        hung.set()
        await asyncio.Event().wait()
        yield "default", "never"

    async with pool.acquire() as connection:
        await connection.execute("BEGIN; SELECT FROM controls FOR SHARE")
        copying = asyncio.create_task(
            connection.copy_records_to_table("routings", records=endless(), columns=("tenant", "case_id"))
        )
        await hung.wait()
        await way.publish()
        copying.cancel()
        await asyncio.gather(copying, return_exceptions=True)
    assert (await in_force(pool))["state"]["version"] == 2


async def test_a_router_that_dies_while_it_publishes_has_published_nothing(
    replica: Replica, store: Store, pool: asyncpg.Pool, database_url: str
) -> None:
    """Killed with everything written and nothing committed; the next try does it once."""
    way = await Way.approved(store, everything_to_people())
    before = len(await activities(pool))
    async with open_pool(database_url, schema=SCHEMA, size=2) as doomed:
        dying = Way(Store(doomed, Outbox()), way.draft_id)
        async with pool.acquire() as connection:
            transaction = connection.transaction()
            await transaction.start()
            # It gets as far as numbering its last activity, and waits there.
            await connection.execute("SELECT * FROM policy_threads FOR UPDATE")
            publishing = asyncio.create_task(dying.publish())
            victim = await waits_for_its_number(pool)
            await pool.execute("SELECT pg_terminate_backend($1)", victim)
            with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
                await publishing
            await transaction.rollback()
    assert (await in_force(pool))["state"]["version"] == 1
    assert len(await activities(pool)) == before
    assert await store.published(everything_to_people().policy.sha256) is None
    await way.publish()
    assert (await in_force(pool))["revision"] == 2
    assert len(await activities(pool)) == before + 1


async def test_a_batch_that_does_not_end_changes_nothing(
    replica: Replica, store: Store, pool: asyncpg.Pool, database_url: str
) -> None:
    way = await Way.approved(store, everything_to_people())
    impatience = {"search_path": SCHEMA, "timezone": "UTC", "lock_timeout": "200ms"}
    async with (
        store.batch() as batch,
        asyncpg.create_pool(database_url, min_size=1, max_size=1, server_settings=impatience) as impatient,
    ):
        await batch.hold_controls()
        with pytest.raises(BatchInFlightError):
            await Way(Store(impatient, Outbox()), way.draft_id).publish()
    assert (await way.progress()).needs == ("publish",)
    assert await refusals(pool) == []


async def test_a_batch_that_hangs_holds_up_no_stop_however_many_ask_at_once(
    replica: Replica, pool: asyncpg.Pool, database_url: str
) -> None:
    """More ask than there are connections: one is left to end the batch that all of them wait for."""
    async with open_pool(database_url, schema=SCHEMA, size=4) as small, pool.acquire() as connection:
        await connection.execute("BEGIN; SELECT FROM controls FOR SHARE")
        store, actor = Store(small, Outbox()), Actor("p-anna", "operator")
        asked = (
            stops.stop(store, tenant=f"t-{number}", decision_type="*", reason="wrong rates", actor=actor)
            for number in range(6)
        )
        async with asyncio.timeout(30):
            stopped = await asyncio.gather(*asked)
        assert [one.control["state"]["active"] for one in stopped] == [True] * 6


async def test_approvals_at_once_leave_each_other_their_connections(store: Store, database_url: str) -> None:
    ways = [await Way.examined(store, everything_to_people(version)) for version in (2, 3)]
    async with open_pool(database_url, schema=SCHEMA, size=2) as small:
        async with asyncio.timeout(20):
            await asyncio.gather(*(Way(Store(small, Outbox()), way.draft_id).approve(sha256=sha) for way, sha in [
                (way, (await way.draft()).sha256) for way in ways
            ]))  # fmt: skip
    assert [(await way.progress()).needs for way in ways] == [("publish",), ("publish",)]
