"""The service as it runs: real broker, real database, ended and started again."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
import pytest

from countersign_audit.app import running
from countersign_audit.settings import Settings
from countersign_audit.store import SCHEMA
from countersign_shared.messaging import Message
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.topics import ensure_topics
from tests.fixtures.stack import Stack
from tests.integration.audit.log import verified
from tests.unit.audit.records import one_case

pytestmark = [pytest.mark.kafka, pytest.mark.postgres]

CASES = 60


@pytest.fixture
async def settings(database_url: str, kafka_bootstrap: str, topic_prefix: str, tmp_path: Path) -> Settings:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=12)
    return Settings(
        database_url=database_url, kafka_bootstrap_servers=kafka_bootstrap, topic_prefix=topic_prefix,
        audit_keys_dir=tmp_path / "keys", http_port=0,
    )  # fmt: skip


async def publish(settings: Settings, cases: range) -> None:
    messages = [
        Message(one.topic, number % 12, one.key or b"", one.value or b"", one.headers)
        for number in cases
        for one in one_case(f"case-{number}")
    ]
    async with open_publisher(
        settings.kafka_bootstrap_servers, prefix=settings.topic_prefix, client_id="test"
    ) as publisher:
        await publisher.publish(messages)


async def entries(settings: Settings, *, at_least: int) -> int:
    connection = await asyncpg.connect(settings.database_url, server_settings={"search_path": SCHEMA})
    try:
        async with asyncio.timeout(30):
            while (size := await connection.fetchval("SELECT count(*) FROM entries")) < at_least:
                await asyncio.sleep(0.05)
        return int(size)
    finally:
        await connection.close()


async def test_everything_published_is_in_the_log_exactly_once_across_restarts(settings: Settings) -> None:
    await publish(settings, range(CASES))
    async with running(settings) as service:
        assert await entries(settings, at_least=CASES * 4 + 1) == CASES * 4 + 1
        assert not service.failed.done()
    await publish(settings, range(CASES // 2, CASES * 2))
    async with running(settings) as service:
        assert await entries(settings, at_least=CASES * 8 + 1) == CASES * 8 + 1
        assert not service.failed.done()
    report = await verified(settings.database_url, settings.audit_keys_dir)
    assert report.ok, [str(finding) for finding in report.findings]
    assert (report.entries, report.unsigned) == (CASES * 8 + 1, 0)


async def test_killed_over_and_over_it_loses_and_doubles_nothing(settings: Settings, tmp_path: Path) -> None:
    stack = Stack(
        tmp_path, settings.database_url, settings.kafka_bootstrap_servers, settings.topic_prefix,
        {"AUDIT_KEYS_DIR": str(settings.audit_keys_dir)},
    )  # fmt: skip
    try:
        for part in range(4):
            await publish(settings, range(part * 500, (part + 1) * 500))
            await asyncio.to_thread(stack.start, "audit")
            # Somewhere in the midst of the batches it finds.
            await entries(settings, at_least=part * 2_000 + 300)
            await asyncio.to_thread(stack.kill, "audit")
        await asyncio.to_thread(stack.start, "audit")
        assert await entries(settings, at_least=8_001) == 8_001
    finally:
        await asyncio.to_thread(stack.stop)
    report = await verified(settings.database_url, settings.audit_keys_dir)
    assert report.ok, [str(finding) for finding in report.findings]
    assert (report.entries, report.unsigned) == (8_001, 0)
