"""The whole service on a real broker and a real database."""

from __future__ import annotations

import asyncio
import shutil
import subprocess

import httpx
import pytest

from countersign_feedback.app import running
from countersign_feedback.domain.summary import Scope
from countersign_feedback.handlers import TOPICS
from countersign_feedback.settings import Settings
from countersign_feedback.store import Store
from countersign_shared.messaging.positions import read_positions
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.records import Message, Record
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.postgres import open_pool
from tests.integration.feedback.test_feedback_store import counted, story

pytestmark = pytest.mark.kafka


def message(record: Record) -> Message:
    return Message(record.topic, None, record.key or b"", record.value or b"", record.headers)


async def test_counts_what_is_on_the_topics_and_again_after_a_restart(
    kafka_bootstrap: str, database_url: str, topic_prefix: str
) -> None:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=3)
    settings = Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix, http_port=0
    )
    first, expected_first = story(300, 1)
    async with open_publisher(kafka_bootstrap, prefix=topic_prefix, client_id="test") as publisher:
        await publisher.publish([message(record) for record in first])
        async with running(settings) as service:
            await _until(database_url, expected_first)
            transport = httpx.ASGITransport(service.http)
            async with httpx.AsyncClient(transport=transport, base_url="http://feedback") as client:
                assert (await client.get("/livez")).status_code == 200
                assert (await client.get("/readyz")).status_code == 200
                assert (await client.get("/api/feedback/v1/summary")).status_code == 401
                scrape = await client.get("/metrics")
            assert not service.failed.done()
        # Everything again, as after a crash before the commit.
        await publisher.publish([message(record) for record in first])
        async with running(settings):
            await until_read(settings, 2 * len(first))
        await _until(database_url, expected_first)
    _promtool(scrape.content)


async def _until(database_url: str, expected: object) -> None:
    async with open_pool(database_url, schema="feedback", size=2) as pool, asyncio.timeout(30):
        while await counted(Store(pool)) != expected:
            await asyncio.sleep(0.1)
        assert await Store(pool).unplaced(Scope()) == 0


async def until_read(settings: Settings, records: int) -> None:
    """Wait until the service has read so many records of its topics."""
    async with asyncio.timeout(30):
        while sum(one.committed or 0 for one in await read_positions(settings, "feedback", TOPICS)) < records:
            await asyncio.sleep(0.1)


def _promtool(scrape: bytes) -> None:
    promtool = shutil.which("promtool")
    if promtool:
        done = subprocess.run(
            [promtool, "check", "metrics"], input=scrape, check=False, capture_output=True, timeout=60
        )
        assert done.returncode == 0, done.stderr.decode()
