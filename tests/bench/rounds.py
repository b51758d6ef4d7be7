"""One round of the floor and one of the pipeline, on the same broker."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
import time
import uuid
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from countersign_local.parts.kafka_jars import KafkaCluster
from countersign_local.parts.postgres import PostgresServer
from countersign_shared.contracts.topics import load_topics
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.topics import ensure_topics
from tests.bench import cases
from tests.bench.cost import Meter, pss_megabytes
from tests.fixtures.stack import SERVICES, Stack

PARTITIONS = 12
DRAIN_SECONDS = 900.0
LOOK_SECONDS = 0.2
PUBLISH_AT_ONCE = 5_000


@dataclass(frozen=True)
class Ground:
    """What both kinds of round run on."""

    directory: Path
    kafka: KafkaCluster
    postgres: PostgresServer

    @property
    def broker_pid(self) -> int:
        """Process id of the one broker."""
        process = self.kafka.nodes[0].process
        if process is None:
            raise RuntimeError("the broker is not running")
        return process.pid


async def preload(ground: Ground, prefix: str, count: int, run: str) -> None:
    """Put ``count`` cases on case.created."""
    # Plain, as producers upstream send unless they are told otherwise.
    async with open_publisher(
        ground.kafka.bootstrap, prefix=prefix, client_id="bench", compression="none"
    ) as publisher:
        batch = []
        for message in cases.messages(count, partitions=PARTITIONS, run=run):
            batch.append(message)
            if len(batch) == PUBLISH_AT_ONCE:
                await publisher.publish(batch)
                batch = []
        await publisher.publish(batch)


async def floor_round(ground: Ground, count: int) -> dict[str, float]:
    """Pass ``count`` records through raw aiokafka; returns records/s and CPU us per record, broker included."""
    prefix = f"floor{uuid.uuid4().hex[:8]}."
    await ensure_topics(ground.kafka.bootstrap, prefix=prefix, partitions=PARTITIONS)
    await preload(ground, prefix, count, "floor")
    meter = Meter({"kafka": ground.broker_pid})
    command = [sys.executable, "-m", "tests.bench.floor", ground.kafka.bootstrap, f"{prefix}case.created",
               f"{prefix}case.scored", str(count)]  # fmt: skip
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    result = json.loads(done.stdout)
    cpu = result["cpu_seconds"] + meter.read()["kafka"]
    await drop_topics(ground, prefix)
    return {"records_per_s": count / result["seconds"], "cpu_us_per_record": cpu / count * 1e6}


async def drop_topics(ground: Ground, prefix: str) -> None:
    """Delete a round's topics, so that the next one finds the same broker."""
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.kafka.bootstrap)
    await admin.start()
    await admin.delete_topics([prefix + name for name in load_topics()])
    await admin.close()


async def fresh_database(ground: Ground) -> str:
    """Create an empty database and return its URL."""
    name = f"bench_{uuid.uuid4().hex[:8]}"
    admin = await asyncpg.connect(ground.postgres.url)
    await admin.execute(f"CREATE DATABASE {name}")
    await admin.close()
    return urlunsplit(urlsplit(ground.postgres.url)._replace(path=f"/{name}"))


async def drop_database(ground: Ground, url: str) -> None:
    """Drop a round's database and let the checkpoint happen now, not in the next round."""
    admin = await asyncpg.connect(ground.postgres.url)
    await admin.execute(f"DROP DATABASE {urlsplit(url).path[1:]} WITH (FORCE)")
    await admin.execute("CHECKPOINT")
    await admin.close()


async def fresh_stack(ground: Ground, *, log_append_time: bool = False) -> Stack:
    """Start the five services on topics and a database of their own."""
    prefix = f"bench{uuid.uuid4().hex[:8]}."
    settings = {"message.timestamp.type": "LogAppendTime"} if log_append_time else {}
    await ensure_topics(ground.kafka.bootstrap, prefix=prefix, partitions=PARTITIONS, settings=settings)
    stack = Stack(
        ground.directory / prefix, await fresh_database(ground), ground.kafka.bootstrap, prefix,
        {"POLICIES_DIR": str(cases.POLICIES), "LOG_LEVEL": "warning"},
    )  # fmt: skip
    try:
        await asyncio.to_thread(stack.start)
    except BaseException:
        # One that does not start must not leave the others running.
        await asyncio.to_thread(stack.stop)
        raise
    return stack


async def pipeline_round(ground: Ground, count: int) -> dict[str, object]:
    """Drain ``count`` preloaded cases through all five services until every one of them has committed the last."""
    stack = await fresh_stack(ground)
    with stack:
        # Stopped, not unstarted: joining a group and importing are no part of the flow. They hold their sessions.
        for process in stack.processes.values():
            process.send_signal(signal.SIGSTOP)
        await preload(ground, stack.topic_prefix, count, "bench")
        pids = {service: stack.processes[service].pid for service in SERVICES}
        meter = Meter({**pids, "postgres": ground.postgres.process.pid, "kafka": ground.broker_pid})
        began = time.perf_counter()
        for process in stack.processes.values():
            process.send_signal(signal.SIGCONT)
        behind = await drained(ground, stack, count)
        seconds = time.perf_counter() - began
        cpu = {name: spent / count * 1e6 for name, spent in meter.read().items()}
        memory = {name: pss_megabytes(pid) for name, pid in pids.items()}
        counts = await shares(stack)
        await asyncio.to_thread(stack.stop)
    await drop_topics(ground, stack.topic_prefix)
    await drop_database(ground, stack.database_url)
    return {
        "cases_per_s": count / seconds, "cpu_us_per_case": cpu, "pss_megabytes": memory, "mix": counts,
        "audit_behind_s": behind,
    }  # fmt: skip


async def drained(ground: Ground, stack: Stack, count: int) -> float:
    """Wait until every group has committed the end of everything it reads, with ``count`` cases routed.

    Returns how many seconds audit took longer than the others.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.kafka.bootstrap)
    consumer = AIOKafkaConsumer(bootstrap_servers=ground.kafka.bootstrap)
    await admin.start()
    await consumer.start()
    names = [name for name, topic in load_topics().items() if topic.copartitioned]
    parts = [TopicPartition(stack.topic_prefix + name, number) for name in names for number in range(PARTITIONS)]
    others: float | None = None
    try:
        async with asyncio.timeout(DRAIN_SECONDS):
            while (behind := await _behind(admin, consumer, stack, parts, count)) != set():
                if behind == {"audit"}:
                    others = others or time.perf_counter()
                if stack.revive():
                    raise RuntimeError("a service ended during the benchmark")
                await asyncio.sleep(LOOK_SECONDS)
        return 0.0 if others is None else time.perf_counter() - others
    finally:
        await consumer.stop()
        await admin.close()


async def _behind(
    admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer, stack: Stack, parts: list[TopicPartition], count: int
) -> set[str]:
    """Name the services that have not committed the end of everything they read."""
    ends = await consumer.end_offsets(parts)
    routed = sum(end for part, end in ends.items() if part.topic == f"{stack.topic_prefix}case.routed")
    if routed < count:
        return set(SERVICES)
    behind = set()
    for service in SERVICES:
        committed = await admin.list_consumer_group_offsets(f"{stack.topic_prefix}countersign-{service}")
        topics = {part.topic for part in committed}
        late = [p for p in parts if p.topic in topics and ends[p] > 0 and
                (p not in committed or committed[p].offset < ends[p])]  # fmt: skip
        if late or not topics:
            behind.add(service)
    # Audit's last batch may itself have been published just now.
    return behind if ends == await consumer.end_offsets(parts) else set(SERVICES)


async def shares(stack: Stack) -> dict[str, int]:
    """Count what became of the cases, from the database."""
    connection = await asyncpg.connect(stack.database_url)
    try:
        rows = await connection.fetch(
            "SELECT kind, state, count(*) AS n FROM review.reviews GROUP BY kind, state ORDER BY kind, state"
        )
        automatic = await connection.fetchval("SELECT count(*) FROM review.decisions WHERE mode = 'automatic'")
        entries = await connection.fetchval("SELECT count(*) FROM audit.entries")
    finally:
        await connection.close()
    return {"automatic": automatic, "entries": entries} | {f"{r['kind']} {r['state']}": r["n"] for r in rows}
