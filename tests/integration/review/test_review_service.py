"""The whole service on a real broker and a real database."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import orjson
import pytest
from aiokafka import AIOKafkaConsumer

from countersign_review.app import running
from countersign_review.settings import Settings
from countersign_shared.errors import ConfigurationError
from countersign_shared.messaging import Message, Record
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.runtime import Service
from tests.integration.review.harness import API, BY, Client, record, routed

pytestmark = pytest.mark.kafka


def message(taken: Record) -> Message:
    return Message(taken.topic, None, taken.key or b"", taken.value or b"", taken.headers)


@asynccontextmanager
async def reading(bootstrap: str, prefix: str, topic: str) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(prefix + topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        yield consumer
    finally:
        await consumer.stop()


async def reviewer(service: Service) -> Client:
    parts = service.http.state.parts
    from datetime import timedelta

    from countersign_review.store.people import Authority

    await parts.people.add(
        "ana", display_name="Ana", roles=["reviewer"], tenants=["*"], authority=Authority(max_tier="critical"),
        password_hash=None, by=BY,
    )  # fmt: skip
    _, key = await parts.people.add_key(
        name="t", username="ana", roles=["reviewer"], tenants=["*"], lasts=timedelta(days=1), environment="t", by=BY
    )
    transport = httpx.ASGITransport(service.http)
    return Client(
        httpx.AsyncClient(transport=transport, base_url="http://desk", headers={"Authorization": f"Bearer {key}"})
    )


async def claimed(client: Client) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while (answer := await client.claim()).status_code != 201:
            await asyncio.sleep(0.05)
    claim: dict[str, Any] = answer.json()
    return claim


async def test_review_decides_over_a_real_broker_and_says_it_again_after_a_restart(
    kafka_bootstrap: str, database_url: str, topic_prefix: str
) -> None:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=3)
    settings = Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0
    )
    async with (
        open_publisher(kafka_bootstrap, prefix=topic_prefix, client_id="test") as publisher,
        reading(kafka_bootstrap, topic_prefix, "decision.made") as decisions,
    ):
        await publisher.publish([message(record("case.routed", routed()))])
        async with running(settings) as service:
            ana = await reviewer(service)
            decided = (await ana.decide(await claimed(ana))).json()
            async with asyncio.timeout(20):
                first = await decisions.getone()
                while (await ana.get(f"/decisions/{decided['decision_id']}")).json()["state"] != "sent":
                    await asyncio.sleep(0.05)
            scrape = (await ana.http.get("/metrics")).content
            assert (await ana.http.get("/readyz")).status_code == 200
            assert not service.failed.done()
        body = orjson.loads(first.value)
        assert body["decision_id"] == decided["decision_id"]
        assert dict(first.headers)["ce_id"].decode() == decided["decision_id"]
        # A repeat of the case brings the same decision: same id, same bytes, same partition.
        await publisher.publish([message(record("case.routed", routed()))])
        async with running(settings) as service:
            async with asyncio.timeout(20):
                again = await decisions.getone()
            assert not service.failed.done()
    assert (again.value, again.key, again.partition, dict(again.headers)["ce_id"]) == (
        first.value, first.key, first.partition, dict(first.headers)["ce_id"],
    )  # fmt: skip
    assert b'countersign_decisions_total{decision_type="loan_application",mode="human_with_ai"' in scrape
    _promtool(scrape)


async def test_review_stops_with_the_reason_at_a_record_it_cannot_read(
    kafka_bootstrap: str, database_url: str, topic_prefix: str
) -> None:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=3)
    settings = Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0
    )
    broken = message(record("case.routed", routed()))
    async with open_publisher(kafka_bootstrap, prefix=topic_prefix, client_id="test") as publisher:
        await publisher.publish([Message(broken.topic, None, broken.key, b"{", broken.headers)])
        async with running(settings) as service, asyncio.timeout(30):
            await asyncio.wait([service.failed])
            assert "cannot read case.routed" in str(service.failed.exception())
            transport = httpx.ASGITransport(service.http)
            async with httpx.AsyncClient(transport=transport, base_url="http://desk") as client:
                assert (await client.get("/livez")).status_code == 503


async def test_review_refuses_to_start_without_its_topics(
    kafka_bootstrap: str, database_url: str, topic_prefix: str
) -> None:
    settings = Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0
    )
    with pytest.raises(ConfigurationError, match="topic"):
        async with running(settings):
            pass


def _promtool(scrape: bytes) -> None:
    promtool = shutil.which("promtool")
    if promtool:
        done = subprocess.run(
            [promtool, "check", "metrics"], input=scrape, check=False, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()


def test_review_paths_are_what_the_console_is_told() -> None:
    from countersign_review.api import build_openapi
    from countersign_shared.contracts.topics import contracts_dir

    committed = orjson.loads((contracts_dir() / "openapi" / "review.json").read_bytes())
    assert committed == orjson.loads(orjson.dumps(build_openapi()))
    assert all(path.startswith(API) for path in committed["paths"])
