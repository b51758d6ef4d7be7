"""The whole service on a real broker and a real database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import orjson
import pytest

from countersign_inference.app import running
from countersign_inference.settings import Settings
from countersign_shared.contracts.events.scored import CaseScored
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging import Bus, Message, Record, open_bus
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from tests.unit.inference.loans import body_of, loans, record
from tests.unit.inference.test_inference_calibrators import control

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

LIMIT_SECONDS = 30.0
PARTITIONS = 3


@pytest.fixture
async def settings(kafka_bootstrap: str, topic_prefix: str, database_url: str) -> Settings:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    return Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0
    )


@asynccontextmanager
async def upstream(settings: Settings) -> AsyncIterator[Bus]:
    async with open_bus(settings, service="upstream", health=Health(), metrics=Metrics("upstream")) as bus:
        yield bus


def message(body: dict | bytes, partition: int | None) -> Message:
    sent = record(body)
    return Message("case.created", partition, sent.key or b"", sent.value or b"", sent.headers)


async def answers(bus: Bus, topic: str, count: int) -> list[Record]:
    async with asyncio.timeout(LIMIT_SECONDS):
        while len(found := await bus.read_all(topic)) < count:
            await asyncio.sleep(0.1)
    return found


async def test_cases_are_answered_where_they_arrived_and_bad_records_are_set_aside(settings):
    sent = [message(body_of(n), (n * 2) % PARTITIONS) for n in range(300)]
    sent.insert(150, message(b"{", 1))
    # Another partitioner puts the repeat of a case elsewhere; its answer follows the first one.
    repeat = message(body_of(0), 1)
    async with upstream(settings) as bus, running(settings):
        await bus.publish(sent)
        await answers(bus, "case.scored", 300)
        await bus.publish([repeat])
        found = await answers(bus, "case.scored", 301)
        (letter,) = await answers(bus, "countersign.dead-letter", 1)
    assert letter.value == b"{"
    assert letter.header("x-reason") == b"malformed_json"
    where = {loans()[n].case_id.encode(): (n * 2) % PARTITIONS for n in range(300)}
    assert {found_one.key: found_one.partition for found_one in found} == where
    for one in found:
        CaseScored.model_validate_json(one.value or b"")
    first, again = [one for one in found if one.key == b"loan-000001"]
    assert (first.value, first.headers) == (again.value, again.headers)


async def test_a_restart_publishes_nothing_twice_and_loses_nothing(settings):
    async with upstream(settings) as bus:
        await bus.publish([message(body_of(n), None) for n in range(100)])
        async with running(settings):
            await answers(bus, "case.scored", 100)
        await bus.publish([message(body_of(n), None) for n in range(100, 130)])
        async with running(settings):
            found = await answers(bus, "case.scored", 130)
    assert len({one.key for one in found}) == len(found) == 130


async def test_a_case_sent_over_http_is_scored(settings):
    async with upstream(settings) as bus, running(settings) as service:
        # Signing tokens is review's part and is tested there; here the caller is simply known.
        service.http.state.authenticate = _submitter
        client = httpx.AsyncClient(transport=httpx.ASGITransport(service.http), base_url="http://test")
        async with client as http:
            sent = {"content": orjson.dumps(body_of(7)), "headers": {"content-type": "application/json"}}
            first = await http.post("/api/inference/v1/cases", **sent)
            (scored,) = await answers(bus, "case.scored", 1)
            again = await http.post("/api/inference/v1/cases", **sent)
            changed = orjson.dumps(body_of(7, title="Changed"))
            conflict = await http.post("/api/inference/v1/cases", content=changed, headers=sent["headers"])
            ready, metrics = await http.get("/readyz"), await http.get("/metrics")
    assert (first.status_code, again.status_code, conflict.status_code) == (202, 202, 409)
    assert first.json() == again.json()
    event = CaseScored.model_validate_json(scored.value or b"")
    assert event.payload_sha256 == first.json()["payload_sha256"]
    assert ready.status_code == 200
    assert 'countersign_cases_created_total{decision_type="loan_application"} 1.0' in metrics.text


async def test_a_calibrator_is_switched_between_two_cases_and_neither_is_scored_again(settings):
    async with upstream(settings) as bus:
        switched = control()
        async with running(settings):
            await bus.publish([message(body_of(0), 0)])
            (first,) = await answers(bus, "case.scored", 1)
            await bus.publish(
                [Message("control.changed", 0, switched.key or b"", switched.value or b"", switched.headers)]
            )
            number = 1
            async with asyncio.timeout(LIMIT_SECONDS):
                while True:
                    await bus.publish([message(body_of(number), 0)])
                    found = await answers(bus, "case.scored", number + 1)
                    if orjson.loads(found[-1].value or b"")["model"]["calibrator_version"] == "platt-2":
                        break
                    number += 1
        # A start reads the topic from its beginning, before its first case; what was scored before stays as it was.
        async with running(settings):
            await bus.publish([message(body_of(0), 0), message(body_of(number + 1), 0)])
            found = await answers(bus, "case.scored", number + 3)
    again, new = found[-2:]
    assert (again.value, again.headers) == (first.value, first.headers)
    assert orjson.loads(new.value or b"")["model"]["calibrator_version"] == "platt-2"
    CaseScored.model_validate_json(new.value or b"")


async def _submitter(_request):
    from countersign_shared.http import Principal

    return Principal("p-1", "shop", frozenset({"submitter"}), frozenset({"*"}))


async def test_what_is_wrong_at_start_is_said_in_one_line(settings, tmp_path: Path):
    wrong = settings.model_copy(update={"models_dir": tmp_path / "nowhere"})
    with pytest.raises(ConfigurationError, match=r"MODELS_DIR .* is no directory"):
        async with running(wrong):
            pass
    missing = settings.model_copy(update={"topic_prefix": "never-made."})
    with pytest.raises(ConfigurationError, match="topics ensure"):
        async with running(missing):
            pass
