"""A policy from its draft to its first case on the running system: tested, replayed, approved, published."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import pytest
import yaml
from aiokafka import AIOKafkaConsumer, TopicPartition

from countersign_inference.training.loanapp import applications
from countersign_local.client import Client, Refused, open_client
from countersign_local.demo.access import Access, open_access
from countersign_review.domain.administration import ALL_TENANTS, Administrator
from countersign_shared.clock import system_clock
from countersign_shared.messaging import Message, open_bus, write_event
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings
from tests.fixtures.stack import Stack

pytestmark = [pytest.mark.kafka, pytest.mark.postgres, pytest.mark.slow, pytest.mark.timeout(600)]

API = "/api/router/v1"
CASES = 120
LIMIT_SECONDS = 120.0
OLD_TRANSACTIONS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND state LIKE 'idle in transaction%'
    AND xact_start < clock_timestamp() - interval '2 seconds'
"""
BY = Administrator({"kind": "service", "pseudonym": "test"}, ALL_TENANTS)
PAYLOADS = [dict(one.payload) for one in applications()][:CASES]


@dataclass
class Scene:
    """The running system, two people with keys of their own, and what came on the topics since the beginning."""

    stack: Stack
    bus: Any
    paula: Client
    bert: Client
    key: str
    routed: dict[str, dict[str, Any]]
    told: list[dict[str, Any]]
    controls: list[dict[str, Any]]

    async def submit(self, *case_ids: str) -> None:
        await self.bus.publish([created(case_id, PAYLOADS[n % CASES]) for n, case_id in enumerate(case_ids)])

    async def until_routed(self, *case_ids: str) -> None:
        await until(lambda: set(case_ids) <= self.routed.keys())


def created(case_id: str, payload: dict[str, Any]) -> Message:
    body = {
        "case_id": case_id, "decision_type": "loan_application", "payload": payload, "submitted_by": "test",
        "occurred_at": "2026-03-02T09:15:00Z",
    }  # fmt: skip
    return write_event(
        "case.created", event_id=f"up-{case_id}", source="/upstream/test", case_id=case_id,
        time="2026-03-02T09:15:00Z", body=orjson.dumps(body), partition=None,
    )  # fmt: skip


async def until(holds: Any) -> None:
    async with asyncio.timeout(LIMIT_SECONDS):
        while not holds():
            await asyncio.sleep(0.01)


@pytest.fixture
async def scene(kafka_bootstrap, topic_prefix, database_url, tmp_path) -> AsyncIterator[Scene]:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix)
    settings = ServiceSettings(
        database_url="unused", kafka_bootstrap_servers=kafka_bootstrap, http_port=0, topic_prefix=topic_prefix
    )
    with Stack(tmp_path, database_url, kafka_bootstrap, topic_prefix) as stack:
        await asyncio.to_thread(stack.start)
        async with (
            open_bus(settings, service="upstream", health=Health(), metrics=Metrics("upstream")) as bus,
            open_access(database_url, stack.url("review"), tmp_path, system_clock) as access,
        ):
            # Both may approve: what keeps the author from it is that she is the author.
            author = await _key(access, "paula", "policy_author", "policy_approver")
            approver = await _key(access, "bert", "policy_approver")
            async with (
                open_client(access.url, api_key=author) as paula,
                open_client(access.url, api_key=approver) as bert,
            ):
                made = Scene(stack, bus, paula, bert, author, {}, [], [])
                async with followed(made, kafka_bootstrap, topic_prefix):
                    yield made


async def _key(access: Access, name: str, *roles: str) -> str:
    await access.link(name, display_name=name.capitalize(), roles=roles)
    _, key = await access.people.add_key(
        name=name, username=name, roles=list(roles), tenants=["*"], lasts=timedelta(days=1), environment="local", by=BY
    )
    return key


@asynccontextmanager
async def followed(scene: Scene, bootstrap: str, prefix: str) -> AsyncIterator[None]:
    """Read the topics as anybody would, from their beginning and without a group."""
    names = ("case.routed", "activity.recorded", "control.changed")
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        parts = [
            TopicPartition(prefix + name, number)
            for name in names
            for number in consumer.partitions_for_topic(prefix + name) or await _partitions(consumer, prefix + name)
        ]
        consumer.assign(parts)
        await consumer.seek_to_beginning()
        following = asyncio.create_task(_follow(scene, consumer, prefix))
        try:
            yield
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)


async def _partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    await consumer._client._wait_on_metadata(topic)
    return consumer.partitions_for_topic(topic)


async def _follow(scene: Scene, consumer: AIOKafkaConsumer, prefix: str) -> None:
    async for record in consumer:
        body = orjson.loads(record.value)
        if record.topic == f"{prefix}case.routed":
            scene.routed[body["case_id"]] = body
        elif record.topic == f"{prefix}control.changed":
            scene.controls.append(body)
        elif body["kind"].startswith(("policy.", "control.")):
            scene.told.append(body)


async def in_force(client: Client) -> tuple[int, str]:
    listed = (await client.get(f"{API}/policies", limit=200))["items"]
    (found,) = [one for one in listed if one["in_force"] and one["id"] == "default/loan_application"]
    shown = await client.get(f"{API}/policies/{found['sha256']}")
    return found["version"], shown["yaml"]


def without_automation(text: str) -> str:
    """The policy in force, one version on, with a floor under everything."""
    document = yaml.safe_load(text)
    del document["examples"]
    return yaml.safe_dump({**document, "version": document["version"] + 1, "never_automate": "true"}, sort_keys=False)


async def refusal(step: Any) -> tuple[int, str]:
    with pytest.raises(Refused) as refused:
        await step
    return refused.value.status, refused.value.problem["type"].rsplit("/", 1)[-1]


async def command(scene: Scene, directory: Path, *words: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "countersign_local", "policy", *words, cwd=directory, stdout=asyncio.subprocess.PIPE,
        env={"PATH": os.environ["PATH"], "COUNTERSIGN_URL": scene.stack.url("review"),
             "COUNTERSIGN_API_KEY": scene.key},
    )  # fmt: skip
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_from_a_draft_to_the_first_case_under_it(scene: Scene, tmp_path: Path) -> None:
    paula, bert = scene.paula, scene.bert
    names = [f"before-{number:03}" for number in range(CASES)]
    await scene.submit(*names)
    await scene.until_routed(*names)
    automatic = sum(one["level"] <= 2 for one in scene.routed.values())
    # A few more would be, had chance not drawn them to be decided without the AI.
    could_be = sum(one["would_automate"] for one in scene.routed.values())
    assert automatic > 0

    version, text = await in_force(paula)
    draft_text = without_automation(text)
    (tmp_path / "draft.yaml").write_text(draft_text, encoding="utf-8")
    code, said = await command(scene, tmp_path, "diff", "draft.yaml")
    assert (code, "The floor changes: never automatic when `true`" in said) == (0, True)
    code, said = await command(scene, tmp_path, "replay", "draft.yaml", "--picture", "replay.svg", "--json")
    report = orjson.loads(said)
    assert (code, report["fidelity"]["same"], report["fidelity"]["differing"]) == (0, CASES, 0)
    assert report["automation"]["before"] == automatic
    assert (report["automation"]["after"], report["leaving_automatic"]["cases"]) == (0, could_be)
    assert (tmp_path / "replay.svg").read_text(encoding="utf-8").startswith("<svg ")

    draft = await paula.post(f"{API}/policies/drafts", {"yaml": draft_text, "reason": "too many slips"})
    path, named = f"{API}/policies/drafts/{draft['draft_id']}", {"If-Match": f'"{draft["sha256"]}"'}
    await paula.post(f"{path}/test", **named)
    assert await refusal(bert.post(f"{path}/approve", {}, **named)) == (409, "not-replayed")
    lines = [line async for line in paula.lines(f"{path}/replay", {"against": "last:1000"}, headers=named)]
    assert [lines[0]["kind"], lines[-1]["kind"]] == ["progress", "report"]
    assert lines[-1]["report"]["leaving_automatic"]["cases"] == could_be
    assert await refusal(paula.post(f"{path}/approve", {}, **named)) == (409, "own-work")
    await bert.post(f"{path}/approve", {"comment": "seen the replay"}, **named)
    await paula.post(f"{path}/publish", {"reason": "until the model is mended"}, **named)
    published = time.monotonic()
    await scene.submit("after-0")
    await scene.until_routed("after-0")
    print(f"published, and a case routed under it, in {time.monotonic() - published:.2f} s")
    await scene.submit(*(f"after-{number}" for number in range(1, CASES)))
    await scene.until_routed(*(f"after-{number}" for number in range(CASES)))
    after = [one for name, one in scene.routed.items() if name.startswith("after-")]
    assert {one["policy"]["version"] for one in after} == {version + 1}
    assert min(one["level"] for one in after) == 3
    await shown_on_the_topics(scene, version, draft["sha256"])


async def shown_on_the_topics(scene: Scene, version: int, sha256: str) -> None:
    steps = ["policy.drafted", "policy.tested", "policy.replayed", "policy.approved", "policy.published"]
    await until(lambda: "policy.published" in [one["kind"] for one in scene.told if _about(one, sha256)])
    kinds = [one["kind"] for one in scene.told if _about(one, sha256)]
    assert [kind for kind in kinds if kind in steps] == steps
    # Both refusals are on the record, and nothing was skipped.
    assert sum(one["kind"] == "control.refused" for one in scene.told) == 2
    thread = [one["sequence"] for one in scene.told if one["entity_id"].startswith("policy|default|loan_application")]
    assert sorted(thread) == list(range(min(thread), min(thread) + len(thread)))
    states = [
        one["state"] for one in scene.controls if (one["kind"], one["decision_type"]) == ("policy", "loan_application")
    ]
    assert (states[-1]["version"], states[-1]["sha256"]) == (version + 1, sha256)


def _about(activity: dict[str, Any], sha256: str) -> bool:
    return activity["body"].get("sha256") == sha256


async def test_the_router_goes_on_while_it_replays(scene: Scene, database_url: str) -> None:
    names = [f"case-{number:03}" for number in range(CASES)]
    await scene.submit(*names)
    await scene.until_routed(*names)
    _, text = await in_force(scene.paula)
    running = asyncio.create_task(_drain(scene.paula, text))
    number = 0
    while not running.done():
        await scene.submit(f"meanwhile-{number}")
        await scene.until_routed(f"meanwhile-{number}")
        number += 1
    last = await running
    assert last["kind"] == "report", last
    assert last["report"]["fidelity"]["differing"] == 0
    # All but the last one were routed before the replay had ended: nobody waits for it.
    assert number > 1
    connection = await asyncpg.connect(database_url)
    # A batch that the machine holds up ends; what the replay left would stay.
    async with asyncio.timeout(20):
        while await connection.fetchval(OLD_TRANSACTIONS):
            await asyncio.sleep(0.1)
    await connection.close()


async def _drain(client: Client, text: str) -> dict[str, Any]:
    lines = [line async for line in client.lines(f"{API}/policies/replays", {"yaml": text})]
    return lines[-1]
