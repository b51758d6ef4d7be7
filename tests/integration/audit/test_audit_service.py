"""The service as it runs: real broker, real database, ended and started again."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete

from countersign_audit import app
from countersign_audit.app import running
from countersign_audit.settings import Settings
from countersign_audit.store import SCHEMA
from countersign_shared.messaging import Message, consumer
from countersign_shared.messaging.positions import Position, read_positions
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


@pytest.mark.parametrize("left", [4, 0], ids=["and others follow", "and nothing follows"])
async def test_records_removed_while_audit_runs_are_on_the_record_and_all_others_in_the_log(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    monkeypatch.setattr(app, "REMOVED_SECONDS", 0.5)
    # Larger than the broker gives out at once, so most of them lie unread while audit is held up.
    large = one_case("large")[0]._replace(value=orjson.dumps({"filling": os.urandom(150_000).hex()}))
    first, _, *others = large.headers
    records = [
        Message(large.topic, 0, b"large", large.value or b"", (first, ("ce_id", b"large-%d" % number), *others))
        for number in range(24)
    ]
    part = TopicPartition(settings.topic_prefix + large.topic, 0)
    async with running(settings) as service, asyncio.timeout(40):
        await publish(settings, range(1))
        await entries(settings, at_least=5)
        async with holding_up(settings):
            async with open_publisher(
                settings.kafka_bootstrap_servers, prefix=settings.topic_prefix, client_id="test"
            ) as publisher:
                await publisher.publish(records)
            admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
            await admin.start()
            await admin.delete_records({part: RecordsToDelete(25 - left)})
            await admin.close()
        # One case, its records up to where audit had read, those that were left, and what it says of the others.
        while not (said := await missing(settings)):
            await asyncio.sleep(0.05)
        read = said["first_offset"] - 1
        assert (said["missing_from"], said["partition"], said["last_offset"]) == (large.topic, 0, 24 - left)
        assert 0 <= read < 24 - left
        assert await entries(settings, at_least=5 + read + left + 1) == 5 + read + left + 1
        assert not service.failed.done()
    assert (await verified(settings.database_url, settings.audit_keys_dir)).ok


async def test_a_topic_made_anew_is_read_from_its_beginning_and_on_the_record(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []

    async def noted(*args: Any) -> Sequence[Position]:
        looks.append("begun")
        return await read_positions(*args)

    monkeypatch.setattr(app, "read_positions", noted)
    monkeypatch.setattr(app, "REMOVED_SECONDS", 0.5)
    monkeypatch.setattr(consumer, "METADATA_MS", 1_000)
    async with running(settings):
        await publish(settings, range(24))
        await entries(settings, at_least=97)
        await stood(settings, looks)
        await made_anew(settings, "case.created")
        # Fewer than before: where the group stood lies beyond their end.
        await publish(settings, range(24, 36))
        await entries(settings, at_least=97 + 48 + 1)
    await made_anew(settings, "case.created")
    await publish(settings, range(36, 48))
    async with running(settings) as service:
        size = 97 + 48 + 1 + 48 + 1
        assert await entries(settings, at_least=size) == size
        assert not service.failed.done()
    assert (await verified(settings.database_url, settings.audit_keys_dir)).ok


async def made_anew(settings: Settings, topic: str) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka_bootstrap_servers)
    await admin.start()
    await admin.delete_topics([settings.topic_prefix + topic])
    await admin.close()
    async with asyncio.timeout(20):
        while not await ensure_topics(settings.kafka_bootstrap_servers, prefix=settings.topic_prefix, partitions=12):
            await asyncio.sleep(0.05)


async def stood(settings: Settings, looks: Sequence[str]) -> None:
    """Wait until the service has seen that its group stands somewhere."""
    async with asyncio.timeout(60):
        while not any(one.committed for one in await read_positions(settings, "audit", ["case.created"])):
            await asyncio.sleep(0.05)
        # The look after the next begins once the next, which saw it, has ended.
        before = len(looks)
        while len(looks) < before + 2:
            await asyncio.sleep(0.05)


@asynccontextmanager
async def holding_up(settings: Settings) -> AsyncIterator[None]:
    """Let nothing be written to the log meanwhile."""
    connection = await asyncpg.connect(settings.database_url, server_settings={"search_path": SCHEMA})
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE records IN EXCLUSIVE MODE")
            yield
    finally:
        await connection.close()


async def missing(settings: Settings) -> dict[str, Any] | None:
    connection = await asyncpg.connect(settings.database_url, server_settings={"search_path": SCHEMA})
    try:
        leaf = await connection.fetchval("SELECT leaf FROM entries WHERE kind = 'log.records_missing'")
    finally:
        await connection.close()
    return None if leaf is None else orjson.loads(leaf)
