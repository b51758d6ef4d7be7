"""The whole service on a real broker and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import uuid4

import httpx
import orjson
import pytest
import yaml

from countersign_router.app import running
from countersign_router.controls import stops
from countersign_router.controls.events import Actor
from countersign_router.settings import Settings
from countersign_router.store import SCHEMA, Store
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging import Bus, Message, Record, open_bus
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import open_pool
from tests.integration.router.desk import record
from tests.unit.router.cases import document, scored

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

LIMIT_SECONDS = 30.0
PARTITIONS = 3


@pytest.fixture
async def settings(kafka_bootstrap: str, topic_prefix: str, database_url: str, tmp_path: Path) -> Settings:
    """The shipped policies without their random samples, so that the counts are known."""
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    policies = tmp_path / "policies"
    policies.mkdir()
    for name in ("loan_application", "refund"):
        unsampled = {**document(name), "sampling": {"audit": {"level1": 0.0, "level2": 0.0, "floor": 0.0}}}
        (policies / f"{name}.yaml").write_text(yaml.safe_dump(unsampled), encoding="utf-8")
    return Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0,
        policies_dir=policies,
    )  # fmt: skip


@asynccontextmanager
async def inference(settings: Settings) -> AsyncIterator[Bus]:
    async with open_bus(settings, service="inference", health=Health(), metrics=Metrics("inference")) as bus:
        yield bus


def case(number: int, **change: object) -> Message:
    sent = record(scored(f"loan-{number:03}", **change))  # type: ignore[arg-type]
    return Message("case.scored", number % PARTITIONS, sent.key or b"", sent.value or b"", sent.headers)


async def answers(bus: Bus, topic: str, count: int) -> list[Record]:
    async with asyncio.timeout(LIMIT_SECONDS):
        while len(found := await bus.read_all(topic)) < count:
            await asyncio.sleep(0.1)
    return found


async def test_every_case_is_routed_where_it_arrived_and_repeats_are_the_same_bytes(settings: Settings) -> None:
    cases = [case(number, outcome="approve" if number % 4 else "decline") for number in range(200)]
    async with inference(settings) as bus:
        async with running(settings):
            await bus.publish(cases)
            await answers(bus, "case.routed", 200)
            await answers(bus, "decision.made", 150)
        async with running(settings):
            elsewhere = [
                Message(one.topic, ((one.partition or 0) + 1) % PARTITIONS, one.key, one.value, one.headers)
                for one in cases[:30]
            ]
            await bus.publish(elsewhere)
            routed = await answers(bus, "case.routed", 230)
            decided = await answers(bus, "decision.made", 172)
    for found in (routed, decided):
        seen: dict[bytes | None, tuple[object, ...]] = {}
        for one in found:
            same = (one.value, one.headers, one.partition)
            assert seen.setdefault(one.key, same) == same
            assert one.partition == int(str(one.key, "ascii").removeprefix("loan-")) % PARTITIONS


async def test_a_stop_reaches_the_topics_and_holds_from_then_on(settings: Settings) -> None:
    async with inference(settings) as bus, running(settings), open_pool(settings.database_url, schema=SCHEMA) as pool:
        store = Store(pool, Outbox())
        await bus.publish([case(number) for number in range(50)])
        await answers(bus, "decision.made", 50)
        await stops.stop(store, tenant="*", decision_type="*", reason="wrong rates", actor=Actor("p-anna", "operator"))
        await bus.publish([case(number) for number in range(50, 100)])
        routed = await answers(bus, "case.routed", 100)
        # Two policies published at start, and the stop.
        controls = await answers(bus, "control.changed", 5)
        activities = await answers(bus, "activity.recorded", 3)
    late = [orjson.loads(one.value or b"") for one in routed if (one.key or b"") >= b"loan-050"]
    assert {body["level"] for body in late} == {3}
    assert (controls[-1].key, orjson.loads(controls[-1].value or b"")["state"]["active"]) == (b"stop|*|*|*", True)
    assert [orjson.loads(one.value or b"")["kind"] for one in activities].count("control.changed") == 1


async def test_a_restart_says_again_what_is_in_force(settings: Settings) -> None:
    async with inference(settings) as bus:
        async with running(settings), open_pool(settings.database_url, schema=SCHEMA) as pool:
            await stops.stop(
                Store(pool, Outbox()), tenant="*", decision_type="refund", reason="wrong terms",
                actor=Actor("p-anna", "operator"),
            )  # fmt: skip
            before = await answers(bus, "control.changed", 5)
        async with running(settings):
            after = (await answers(bus, "control.changed", len(before) + 3))[len(before) :]
            routed = case(
                1, decision_type="refund", payload={"order_id": "A", "amount": {"value": "9", "currency": "USD"}}
            )
            await bus.publish([routed])
            (held,) = await answers(bus, "case.routed", 1)
    newest = {one.key: (one.value, one.headers) for one in before}
    assert {one.key: (one.value, one.headers) for one in after} == newest
    assert "stopped" in {reason["code"] for reason in orjson.loads(held.value or b"")["reasons"]}


@pytest.mark.slow
async def test_an_event_that_makes_no_sense_stops_the_service_and_is_not_passed_over(settings: Settings) -> None:
    bad = case(1)
    bad = Message(bad.topic, bad.partition, bad.key, b'{"tenant": "default", "case_id": "loan-001"}', bad.headers)
    async with inference(settings) as bus:
        await bus.publish([bad])
        for _ in range(2):
            async with running(settings) as service:
                with pytest.raises(Exception, match=r"is no case\.scored of ours"):
                    await asyncio.wait_for(asyncio.shield(service.failed), LIMIT_SECONDS)


async def test_http_answers_while_cases_flow(settings: Settings) -> None:
    async with running(settings) as service:
        transport = httpx.ASGITransport(app=service.http)
        async with httpx.AsyncClient(transport=transport, base_url="http://router") as client:
            assert (await client.get("/readyz")).status_code == 200
            # Told once the policies in force have been read, beside the first cases.
            async with asyncio.timeout(LIMIT_SECONDS):
                while "countersign_automation_stopped" not in (await client.get("/metrics")).text:
                    await asyncio.sleep(0.05)
            assert (await client.get("/api/router/v1/policies")).status_code == 401


async def test_a_policy_that_cannot_be_used_stops_the_start_in_one_line(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "loan.yaml").write_text(
        yaml.safe_dump({**document(), "never_automate": "case.incme > 5"}), encoding="utf-8"
    )
    with pytest.raises(
        ConfigurationError, match=r"loan.yaml: never_automate \(line \d+, column 17\): undeclared reference"
    ):
        async with running(settings.model_copy(update={"policies_dir": tmp_path})):
            pass


async def test_the_key_of_the_draws_survives_a_restart(settings: Settings, tmp_path: Path) -> None:
    names = set()
    for _ in range(2):
        async with inference(settings) as bus, running(settings):
            await bus.publish([case(1, decision_type="loan_application")])
            found = await answers(bus, "case.routed", 1)
            names.add(orjson.loads(found[-1].value or b"")["sampling"]["key_id"])
    key_file = tmp_path / "key"
    key_file.write_bytes(uuid4().hex.encode())
    async with inference(settings) as bus, running(settings.model_copy(update={"sampling_key_file": key_file})):
        await bus.publish([case(2)])
        async with asyncio.timeout(LIMIT_SECONDS):
            while not (found := [one for one in await bus.read_all("case.routed") if one.key == b"loan-002"]):
                await asyncio.sleep(0.1)
    assert len(names) == 1
    assert orjson.loads(found[0].value or b"")["sampling"]["key_id"] not in names
    key_file.write_bytes(b"short")
    with pytest.raises(ConfigurationError, match="at least 16 bytes"):
        async with running(settings.model_copy(update={"sampling_key_file": key_file})):
            pass
