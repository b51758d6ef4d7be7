"""The drill of docs/runbooks/audit-restored.md: an older PostgreSQL is restored under running topics."""

from __future__ import annotations

import asyncio
import itertools
import os
import subprocess
import sys
import time
from collections import defaultdict
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import jsonschema_rs
import orjson
import pytest

from countersign_audit.facts.leaf_schema import leaf_schema
from countersign_local.client import open_client
from countersign_local.demo.reviewer import ScriptedReviewer
from countersign_review.domain.administration import ALL_TENANTS, Administrator
from countersign_review.store.events import Journal
from countersign_review.store.people import Authority, People
from countersign_shared.clock import system_clock
from countersign_shared.messaging import Message
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.postgres import open_pool
from tests.bench import cases
from tests.e2e.test_e2e_contracts import read_everything
from tests.e2e.test_e2e_nothing_lost import DOUBLED_SQL, OUTCOMES_SQL
from tests.fixtures.stack import Stack, StackError
from tests.integration.audit.log import verified

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]

BEFORE, AFTER = 60, 60
SETTLE_SECONDS = 120.0
ANSWERS = 4
"""Cases that a person decides before the backup, and again in the hour that is lost."""
BY_PEOPLE_SQL = "SELECT case_id, decision_id, outcome FROM review.decisions WHERE mode <> 'automatic'"
CASES_SQL = "SELECT count(*) FROM inference.cases"


async def publish(stack: Stack, messages: list[Message]) -> None:
    async with open_publisher(stack.bootstrap, prefix=stack.topic_prefix, client_id="upstream") as publisher:
        await publisher.publish(messages)


async def until(stack: Stack, sql: str, least: int) -> None:
    connection = await asyncpg.connect(stack.database_url)
    deadline = time.monotonic() + SETTLE_SECONDS
    try:
        while (found := await connection.fetchval(sql)) < least:
            words = {service: stack.last_words(service)[-600:] for service in stack.processes}
            assert time.monotonic() < deadline, f"{found} of {least}: {words}"
            await asyncio.sleep(0.2)
    finally:
        await connection.close()


async def reviewers_key(stack: Stack) -> str:
    """Seat a reviewer and return their key."""
    by = Administrator({"kind": "service", "pseudonym": "drill"}, ALL_TENANTS)
    async with open_pool(stack.database_url, schema="review", size=1, create_schema=False) as pool:
        people = People(pool, Journal(Outbox()), clock=system_clock)
        authority = Authority(max_tier="critical", skills=("mortgage",))
        await people.add(
            "drill", display_name="Drill", roles=["reviewer"], tenants=["*"], authority=authority, password_hash=None,
            by=by,
        )  # fmt: skip
        _, key = await people.add_key(
            name="drill", username="drill", roles=["reviewer"], tenants=["*"], lasts=timedelta(hours=1),
            environment="test", by=by,
        )  # fmt: skip
        return key


async def answer(stack: Stack, key: str, count: int) -> None:
    """Let a person decide so many cases, and wait until everything they said has left review."""
    async with open_client(stack.url("review"), api_key=key) as client:
        person = ScriptedReviewer(client, Random(7))
        # Each to its end: an answer that nobody waited for could be recorded after it was asked what there is.
        async with asyncio.timeout(SETTLE_SECONDS):
            while person.answered < count:
                await person.one_round()
    await until(stack, "SELECT (NOT EXISTS (SELECT FROM review.outbox))::int", 1)


async def decided_by_people(stack: Stack) -> set[tuple[str, str, str]]:
    connection = await asyncpg.connect(stack.database_url)
    try:
        return {tuple(row) for row in await connection.fetch(BY_PEOPLE_SQL)}
    finally:
        await connection.close()


async def copied(database_url: str, source: str, target: str) -> None:
    """Make one database a copy of another; nobody may be connected to either."""
    server = urlunsplit(urlsplit(database_url)._replace(path="/postgres"))
    admin = await asyncpg.connect(server)
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
        await admin.execute(f"CREATE DATABASE {target} TEMPLATE {source}")
    finally:
        await admin.close()


def recover(stack: Stack, *, services: str = "all") -> dict:
    done = subprocess.run(
        [sys.executable, "-m", "countersign_local", "audit", "recover", "--services", services, "--json"],
        env={**os.environ, **stack.variables("audit")}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return orjson.loads(done.stdout)


async def test_an_older_database_loses_nothing_decides_nothing_twice_and_binds_no_index_twice(
    kafka_bootstrap: str, topic_prefix: str, database_url: str, tmp_path: Path
) -> None:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix)
    name = urlsplit(database_url).path[1:]
    anchors = tmp_path / "anchors"
    environment = {
        "POLICIES_DIR": str(cases.POLICIES), "AUDIT_ANCHORS_DIR": str(anchors), "AUDIT_ANCHOR_INTERVAL_SECONDS": "0.3",
        "INSTANCE_ID": "",
    }  # fmt: skip
    messages = cases.messages(BEFORE + AFTER, partitions=12, run="restored")
    with Stack(tmp_path, database_url, kafka_bootstrap, topic_prefix, environment) as stack:
        await asyncio.to_thread(stack.start)
        await publish(stack, list(itertools.islice(messages, BEFORE)))
        await until(stack, OUTCOMES_SQL, BEFORE)
        key = await reviewers_key(stack)
        await answer(stack, key, ANSWERS)
        kept = await decided_by_people(stack)
        await asyncio.to_thread(stack.stop)
        await copied(database_url, name, f"{name}_backup")
        try:
            await asyncio.to_thread(stack.start)
            await publish(stack, list(messages))
            await until(stack, OUTCOMES_SQL, BEFORE + AFTER)
            await answer(stack, key, ANSWERS)
            people_said = await decided_by_people(stack)
            assert kept < people_said
            every_entry = 3 * (BEFORE + AFTER)
            await until(stack, "SELECT max(size) FROM audit.checkpoints", every_entry)
            await asyncio.to_thread(stack.stop)
            lost = (anchors / "checkpoint").read_bytes()
            await copied(database_url, f"{name}_backup", name)
            with pytest.raises(StackError, match="audit recover"):
                await asyncio.to_thread(stack.start, "audit")
            stack.processes.clear()
            recovered = recover(stack)
            assert recovered["size"] < every_entry <= recovered["lost_until"]
            await asyncio.to_thread(stack.start)
            await until(stack, OUTCOMES_SQL, BEFORE + AFTER)
            await until(stack, "SELECT count(*) FROM audit.entries", every_entry)
            # It is the last to have heard of them all again: it stands back for the record.
            await until(stack, CASES_SQL, BEFORE + AFTER)
            # What people decided in the lost hour is on its topic: review takes it from there, word for word.
            await until(stack, BY_PEOPLE_SQL.replace("case_id, decision_id, outcome", "count(*)"), len(people_said))
            assert await decided_by_people(stack) == people_said
            await nothing_lost_or_doubled(stack)
            await asyncio.to_thread(stack.stop)
        finally:
            await drop(database_url, f"{name}_backup")
    report = await verified(database_url, tmp_path / "audit-keys")
    assert report.ok, [str(one) for one in report.findings]
    report = await verified(database_url, tmp_path / "audit-keys", old_checkpoint=lost)
    assert "they were lost, as entry" in str(report.first_bad)
    await every_event_has_an_entry(stack)


async def nothing_lost_or_doubled(stack: Stack) -> None:
    connection = await asyncpg.connect(stack.database_url)
    try:
        assert await connection.fetchval(DOUBLED_SQL) == 0
        assert await connection.fetchval(CASES_SQL) == BEFORE + AFTER
    finally:
        await connection.close()


async def every_event_has_an_entry(stack: Stack) -> None:
    """Every event on a topic is on record once; another version of it is an entry that says so."""
    records = await read_everything(stack)
    published: dict[str, set[str]] = defaultdict(set)
    decided: dict[str, set[tuple[str, str]]] = defaultdict(set)
    for topic in ("case.created", "case.scored", "case.routed", "decision.made"):
        for record in records[topic]:
            published[topic].add((record.header("ce_id") or b"").decode())
            if topic == "decision.made":
                body = orjson.loads(record.value or b"")
                decided[body["case_id"]].add((body["decision_id"], body["outcome"]))
    assert decided
    assert all(len(decisions) == 1 for decisions in decided.values())
    connection = await asyncpg.connect(stack.database_url, server_settings={"search_path": "audit"})
    try:
        leaves = [orjson.loads(row["leaf"]) for row in await connection.fetch("SELECT leaf FROM entries")]
    finally:
        await connection.close()
    schema = jsonschema_rs.Draft202012Validator(leaf_schema())
    for leaf in leaves:
        schema.validate(leaf)
    for topic, ids in published.items():
        recorded = [leaf["event_id"] for leaf in leaves if leaf.get("topic") == topic and "conflict_with" not in leaf]
        assert sorted(recorded) == sorted(ids), topic


async def drop(database_url: str, name: str) -> None:
    admin = await asyncpg.connect(urlunsplit(urlsplit(database_url)._replace(path="/postgres")))
    try:
        await admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    finally:
        await admin.close()
