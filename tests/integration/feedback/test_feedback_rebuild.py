"""Figures made anew from the audit log and from the topics: the same numbers, to the last label."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from countersign_audit import app as audit
from countersign_audit.settings import Settings as AuditSettings
from countersign_feedback import app as feedback
from countersign_feedback.handlers import TOPICS
from countersign_feedback.settings import Settings
from countersign_local.errors import CommandError
from countersign_local.rebuilding import rebuild
from countersign_shared.errors import CountersignError
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.records import Message
from countersign_shared.messaging.topics import ensure_topics
from tests.integration.feedback.test_feedback_service import until_read
from tests.integration.feedback.test_feedback_store import story

DERIVED = ("cases", "counters", "labels", "answers", "truths", "reviewers", "outcomes")
pytestmark = [pytest.mark.kafka, pytest.mark.postgres]


async def dump(database_url: str) -> dict[str, list[tuple[Any, ...]]]:
    connection = await asyncpg.connect(database_url, server_settings={"search_path": "feedback"})
    try:
        return {
            # What a write added is about that write and not about the case.
            table: sorted(
                (tuple(str(value) for name, value in row.items() if name != "added"))
                for row in await connection.fetch(f"SELECT * FROM {table}")
            )
            for table in DERIVED
        }
    finally:
        await connection.close()


async def until(database_url: str, statement: str, wanted: int) -> None:
    connection = await asyncpg.connect(database_url)
    try:
        async with asyncio.timeout(40):
            while await connection.fetchval(statement) < wanted:
                await asyncio.sleep(0.1)
    finally:
        await connection.close()


async def test_the_log_and_the_topics_give_the_same_numbers(
    kafka_bootstrap: str, database_url: str, topic_prefix: str, tmp_path: Path
) -> None:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=3)
    common = {
        "database_url": database_url, "kafka_bootstrap_servers": kafka_bootstrap, "topic_prefix": topic_prefix,
        "http_port": 0,
    }  # fmt: skip
    settings, keys = Settings(**common), tmp_path / "keys"
    events, _ = story(120, 5)
    messages = []
    for number, one in enumerate(events):
        headers = tuple(
            ("ce_id", b"e-%d" % number) if name == "ce_id" else (name, value) for name, value in one.headers
        )
        messages.append(Message(one.topic, number % 3, one.key or b"", one.value or b"", headers))
    cases = "SELECT count(*) FROM feedback.cases"
    async with open_publisher(kafka_bootstrap, prefix=topic_prefix, client_id="test") as publisher:
        async with audit.running(AuditSettings(**common, audit_keys_dir=keys)), feedback.running(settings):
            await publisher.publish(messages)
            await until(database_url, "SELECT count(*) FROM audit.entries", len(messages) + 1)
            await until(database_url, cases, 120)
            with pytest.raises(CommandError, match="are running"):
                await rebuild(database_url, kafka_bootstrap, topic_prefix, keys_dir=keys, progress=lambda *_: None)
        expected = await dump(database_url)
        assert expected["labels"]

        # Whatever ends it in between leaves everything as it was.
        def interrupted(done: int, total: int) -> None:
            raise InterruptedError(f"{done} of {total}")

        with pytest.raises(InterruptedError):
            await rebuild(database_url, kafka_bootstrap, topic_prefix, keys_dir=keys, progress=interrupted)
        with pytest.raises(CountersignError):
            await rebuild(database_url, kafka_bootstrap, topic_prefix, keys_dir=tmp_path, progress=interrupted)
        assert await dump(database_url) == expected

        # From the log alone: the same numbers before a single record of the topics is read again.
        told = await rebuild(database_url, kafka_bootstrap, topic_prefix, keys_dir=keys, progress=lambda *_: None)
        assert told == {"entries": len(messages), "erased": 0}
        assert await dump(database_url) == expected

        # From the topics alone, and everything twice over.
        await rebuild(database_url, kafka_bootstrap, topic_prefix, keys_dir=None, progress=lambda *_: None)
        assert (await dump(database_url))["cases"] == []
        async with feedback.running(settings):
            async with asyncio.timeout(40):
                while await dump(database_url) != expected:
                    await asyncio.sleep(0.2)
        await rebuild(database_url, kafka_bootstrap, topic_prefix, keys_dir=keys, progress=lambda *_: None)
        async with feedback.running(settings):
            await until_read(settings, sum(one.topic in TOPICS for one in events))
        assert await dump(database_url) == expected
