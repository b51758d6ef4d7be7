"""What review says of people, and what people publish, through a real broker and two routers."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import orjson
import pytest

from countersign_router.app import running
from countersign_router.domain import signatures as s
from countersign_router.settings import Settings
from countersign_router.store import SCHEMA, Store
from countersign_shared.messaging import Bus, Message, Record, open_bus
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import open_pool
from tests.integration.router.desk import record
from tests.integration.router.life import PAUL, PETRA, Way, everything_to_people
from tests.integration.router.test_router_people import told
from tests.unit.router.cases import scored

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow]
LIMIT_SECONDS = 30.0
PARTITIONS = 4
NEXT = 99
"""Higher than any version that is shipped."""


@pytest.fixture
async def settings(kafka_bootstrap: str, topic_prefix: str, database_url: str, tmp_path: Path) -> Settings:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    return Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0
    )


def case(name: str, number: int) -> Message:
    sent = record(scored(f"{name}-{number:04}"))
    return Message("case.scored", number % PARTITIONS, sent.key or b"", sent.value or b"", sent.headers)


def about(one: Record) -> Message:
    return Message(one.topic, one.partition, one.key or b"", one.value or b"", one.headers)


async def routed(bus: Bus, count: int) -> list[dict]:
    async with asyncio.timeout(LIMIT_SECONDS):
        while len(found := await bus.read_all("case.routed")) < count:
            await asyncio.sleep(0.05)
    return [orjson.loads(one.value or b"") for one in found]


async def test_an_approver_who_lost_the_role_meanwhile_has_not_signed(settings: Settings) -> None:
    async with (
        open_bus(settings, service="review", health=Health(), metrics=Metrics("review")) as bus,
        running(settings),
        open_pool(settings.database_url, schema=SCHEMA) as pool,
    ):
        store = Store(pool, Outbox())
        way = await Way.approved(store, everything_to_people(NEXT), PETRA)
        began = time.monotonic()
        await bus.publish([about(told("user.changed", 2, user=PETRA.pseudonym, roles=["policy_author"]))])
        async with asyncio.timeout(LIMIT_SECONDS):
            while not await store.standings([PETRA.pseudonym]):
                await asyncio.sleep(0.01)
        print(f"a lost role reached the router after {time.monotonic() - began:.3f} s")
        with pytest.raises(s.RoleLost):
            await way.publish()
        await way.approve(PAUL)
        await way.publish()
        async with asyncio.timeout(LIMIT_SECONDS):
            while "policy.published" not in {
                orjson.loads(one.value or b"")["kind"]
                for one in await bus.read_all("activity.recorded")
                if b"p-paul" in (one.value or b"")
            }:
                await asyncio.sleep(0.05)
        refused = [
            orjson.loads(one.value or b"")
            for one in await bus.read_all("activity.recorded")
            if b"role_lost" in (one.value or b"")
        ]
    assert [(one["kind"], one["body"]["state"]["step"]) for one in refused] == [("control.refused", "publish")]


async def test_two_routers_follow_a_publishing_at_once(settings: Settings) -> None:
    async with (
        open_bus(settings, service="inference", health=Health(), metrics=Metrics("inference")) as bus,
        running(settings),
        running(settings),
        open_pool(settings.database_url, schema=SCHEMA) as pool,
    ):
        way = await Way.approved(Store(pool, Outbox()), everything_to_people(NEXT))
        await bus.publish([case("before", number) for number in range(40)])
        await routed(bus, 40)
        began = time.monotonic()
        await way.publish()
        await bus.publish([case("after", number) for number in range(40)])
        found = await routed(bus, 80)
        took = time.monotonic() - began
    versions = {one["case_id"].partition("-")[0]: set() for one in found}
    for one in found:
        versions[one["case_id"].partition("-")[0]].add(one["policy"]["version"])
    assert versions["after"] == {NEXT}
    assert NEXT not in versions["before"]
    print(f"published, and 40 cases routed under it by two routers, in {took:.3f} s")
