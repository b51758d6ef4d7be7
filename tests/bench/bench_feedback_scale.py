"""Feedback on large tables: what an event costs there, against raw aiokafka and against empty tables; reports; memory.

Run it with ``python -m tests.bench.bench_feedback_scale [--seeded N] [--cases N]``; prints one JSON object. Each case
is a routing and its decision, one in twenty is audited.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import orjson
from aiokafka.admin import AIOKafkaAdminClient

from countersign_feedback.app import MIGRATIONS
from countersign_feedback.domain.summary import Scope, summarise
from countersign_feedback.store import SCHEMA, Store
from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.postgres import postgres
from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.records import Message
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.postgres import migrate, open_pool
from tests.bench.__main__ import POSTGRES, open_directory, say
from tests.bench.cost import Meter, pss_megabytes
from tests.bench.rounds import PARTITIONS, PUBLISH_AT_ONCE, Ground, drop_database, drop_topics, fresh_database
from tests.fixtures.stack import Stack

RATIO_BAR, COST_BAR, REPORT_MS_BAR, MEMORY_MB_BAR = 0.10, 1.2, 300.0, 300.0
EXAMPLES = contracts_dir() / "examples"
AUDITED = 20
"""One case in so many."""
MOMENT = "2026-03-02T12:00:00.000000Z"
DRAIN_SECONDS = 600.0
LOOK_SECONDS = 0.1
READS = 5
TELL_EVERY = 100_000
CELLS = """
INSERT INTO cells (
    tenant, decision_type, tier, band, level, would_automate, reasons,
    model_name, model_version, calibrator_version, automation_sha256, test
)
SELECT 'default', 'loan_application', tier, band, CASE band WHEN 'high' THEN 2 ELSE 3 END, band = 'high', '{matrix}',
       'loan_application', version, 'platt-1', repeat('a', 64), false
FROM unnest('{negligible,low,medium,high}'::text[]) AS tier, unnest('{high,medium,low}'::text[]) AS band,
     unnest('{1,2,3}'::text[]) AS version
"""
CASES = """
INSERT INTO cases (
    tenant, case_id, cell_id, routed_at, day, seen, added, conclusion, confidence, audit_error, audit_weight
)
SELECT 'default', 'seed-' || n, n % 36 + 1, moment, moment::date, CASE WHEN n % 20 = 0 THEN 11 ELSE 3 END, 0,
       CASE WHEN n % 3 = 0 THEN 'assisted_agreed' ELSE 'automatic' END::conclusion, 0.5 + (n % 5000) / 10000.0,
       CASE WHEN n % 20 = 0 THEN n % 700 = 0 END, CASE WHEN n % 20 = 0 THEN 20000000 END
FROM generate_series($2::bigint, $3::bigint) AS n,
     LATERAL (SELECT timestamptz '2026-01-01' + n * interval '1 second' * (5184000.0 / $1) AS moment) AS at
"""
ANSWERS = """
INSERT INTO answers (tenant, case_id, reviewer, what, agreed, day)
SELECT 'default', 'seed-' || n, 'p-' || n % 150, 'assisted', true, date '2026-01-01' + (n * 60 / $1)::integer
FROM generate_series($2::bigint, $3::bigint) AS n WHERE n % 3 = 0
"""
COUNT = """
INSERT INTO counters
SELECT cell_id, day, count(*), count(*) FILTER (WHERE conclusion = 'automatic'),
       count(*) FILTER (WHERE conclusion = 'assisted_agreed'), 0, 0, 0, 0, 0, 0, 0, 0,
       count(audit_error), count(*) FILTER (WHERE audit_error), coalesce(sum(audit_weight), 0),
       coalesce(sum(audit_weight::numeric * audit_weight), 0), 0, 0, 0
FROM cases GROUP BY cell_id, day;
INSERT INTO labels (
    tenant, case_id, decision_type, purpose, cell_id, routed_at, confidence, probability, draw, error, judged_at, base
)
SELECT tenant, case_id, 'loan_application', 'audit', cell_id, routed_at, confidence, 0.05, 0.5, audit_error, routed_at,
       confidence
FROM cases WHERE audit_error IS NOT NULL;
INSERT INTO reviewers
SELECT 'default', 'loan_application', reviewer, day, count(*), count(*), 0, 0, 0, 0, 0, 0
FROM answers GROUP BY reviewer, day;
INSERT INTO truths
SELECT 'default', case_id, 'loan_application', NULL, now(), case_id
FROM answers WHERE case_id LIKE '%000' OR case_id LIKE '%500';
"""
KEYS = {"cases": "tenant, case_id", "answers": "tenant, case_id, reviewer, what"}
"""Primary keys that are built once the rows are there, which takes a third of the time."""
SLICE = 500_000


def events(count: int) -> Iterator[Message]:
    """Routings and decisions of so many cases, one in twenty audited; each case on one partition."""
    routed = orjson.loads((EXAMPLES / "case.routed/loan_application.level2.json").read_bytes())
    decided = orjson.loads((EXAMPLES / "decision.made/loan_application.automatic.json").read_bytes())
    judged = orjson.loads((EXAMPLES / "activity.recorded/audit.judged.json").read_bytes())
    for number in range(count):
        case_id, drawn = f"bench-{number}", number % AUDITED == 0
        draw = {"probability": 1 / AUDITED, "selected": drawn}
        routed["sampling"]["audit"] = judged["body"]["routing"]["sampling"]["audit"] = draw
        bodies = [("case.routed", routed), ("decision.made", decided), ("activity.recorded", judged)]
        for topic, body in bodies if drawn else bodies[:2]:
            body["case_id"] = case_id
            yield write_event(
                topic, event_id=f"{topic}-{number}", source="/countersign/bench", case_id=case_id, time=MOMENT,
                body=orjson.dumps(body), partition=number % PARTITIONS,
            )  # fmt: skip


async def measured(seeded: int, cases: int) -> dict[str, object]:
    """Measure the floor, feedback on empty tables, and feedback on seeded ones."""
    with (
        open_directory() as directory,
        kafka(directory / "kafka", environ=os.environ) as broker,
        postgres(directory / "pg", environ=os.environ, settings=POSTGRES) as server,
    ):
        ground = Ground(directory, broker, server)
        say("floor")
        floor = await floor_round(ground, cases)
        say("empty tables")
        empty = await feedback_round(ground, cases, 0)
        say(f"{seeded:,} seeded cases")
        large = await feedback_round(ground, cases, seeded)
    ratio = large["events_per_s"] / floor
    return {
        "seeded": seeded, "cases": cases, "floor_events_per_s": floor, "empty": empty, "large": large,
        "ratio": round(ratio, 3), "ratio_bar": RATIO_BAR,
        "cost_ratio": round(large["cpu_us_per_event"] / empty["cpu_us_per_event"], 2), "cost_bar": COST_BAR,
        "report_ms_bar": REPORT_MS_BAR, "memory_mb_bar": MEMORY_MB_BAR,
    }  # fmt: skip


async def publish(ground: Ground, prefix: str, messages: Iterator[Message]) -> int:
    """Put all messages on their topics; returns how many."""
    sent, batch = 0, []
    async with open_publisher(ground.kafka.bootstrap, prefix=prefix, client_id="bench") as publisher:
        for message in messages:
            batch.append(message)
            sent += 1
            if len(batch) == PUBLISH_AT_ONCE:
                await publisher.publish(batch)
                batch = []
            if sent % TELL_EVERY == 0:
                say(f"  {sent:,} events published")
        await publisher.publish(batch)
    return sent


async def floor_round(ground: Ground, cases: int) -> float:
    """Pass the same records through raw aiokafka, all on one topic; returns records per second."""
    prefix = "floor."
    await ensure_topics(ground.kafka.bootstrap, prefix=prefix, partitions=PARTITIONS)
    on_one = (message._replace(topic="case.routed") for message in events(cases))
    count = await publish(ground, prefix, on_one)
    command = [sys.executable, "-m", "tests.bench.floor", ground.kafka.bootstrap, f"{prefix}case.routed",
               f"{prefix}case.scored", str(count)]  # fmt: skip
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=True)
    await drop_topics(ground, prefix)
    return float(count / json.loads(done.stdout)["seconds"])


async def feedback_round(ground: Ground, cases: int, seeded: int) -> dict[str, Any]:
    """Let feedback read the events into tables with so many cases; returns rate, cost, memory and reports."""
    prefix = f"scale{seeded}."
    await ensure_topics(ground.kafka.bootstrap, prefix=prefix, partitions=PARTITIONS)
    url = await fresh_database(ground)
    async with open_pool(url, schema=SCHEMA, size=2) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
    if seeded:
        await seed(url, seeded)
    count = await publish(ground, prefix, events(cases))
    with Stack(ground.directory / prefix, url, ground.kafka.bootstrap, prefix, {"LOG_LEVEL": "warning"}) as stack:
        began = time.perf_counter()
        await asyncio.to_thread(stack.start, "feedback")
        process = stack.processes["feedback"]
        process.send_signal(signal.SIGSTOP)
        already = await committed(ground, prefix)
        meter = Meter({"feedback": process.pid, "postgres": ground.postgres.process.pid})
        began = time.perf_counter()
        process.send_signal(signal.SIGCONT)
        async with asyncio.timeout(DRAIN_SECONDS):
            while await committed(ground, prefix) < count:
                await asyncio.sleep(LOOK_SECONDS)
        seconds, cpu = time.perf_counter() - began, meter.read()
        memory = pss_megabytes(process.pid)
        reports = await read_reports(url)
        await asyncio.to_thread(stack.stop)
    await drop_topics(ground, prefix)
    await drop_database(ground, url)
    done = count - already
    return {
        "events": done, "events_per_s": round(done / seconds),
        "cpu_us_per_event": round(sum(cpu.values()) / done * 1e6, 1),
        "of_it": {name: round(spent / done * 1e6, 1) for name, spent in cpu.items()}, "pss_megabytes": round(memory),
        "reports_ms": reports,
    }  # fmt: skip


async def seed(url: str, count: int) -> None:
    """Fill the tables as so many cases would have, and say how far it is."""
    settings = {
        "search_path": SCHEMA, "timezone": "UTC", "synchronous_commit": "off", "maintenance_work_mem": "512MB",
    }  # fmt: skip
    connection = await asyncpg.connect(url, server_settings=settings, command_timeout=DRAIN_SECONDS)
    began = time.monotonic()
    try:
        await connection.execute(CELLS)
        for table in KEYS:
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
        for first in range(1, count + 1, SLICE):
            last = min(first + SLICE - 1, count)
            for rows in (CASES, ANSWERS):
                await connection.execute(rows, count, first, last)
            say(f"  {last:,} of {count:,} seeded, {time.monotonic() - began:.0f} s")
        for table, columns in KEYS.items():
            await connection.execute(f"ALTER TABLE {table} ADD PRIMARY KEY ({columns})")
        say(f"  keys built, {time.monotonic() - began:.0f} s")
        await connection.execute(COUNT)
        await connection.execute("ANALYZE")
        say(f"  sums made, {time.monotonic() - began:.0f} s")
    finally:
        await connection.close()


async def committed(ground: Ground, prefix: str) -> int:
    """Return how many records of all its topics the group has committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.kafka.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(f"{prefix}countersign-feedback")
    finally:
        await admin.close()
    return sum(max(one.offset, 0) for one in offsets.values())


async def read_reports(url: str) -> dict[str, float]:
    """Return the median time of each report in milliseconds, as the service computes it."""
    async with open_pool(url, schema=SCHEMA, size=2) as pool:
        store, scope = Store(pool), Scope(decision_type="loan_application")

        async def summary() -> None:
            rows, unplaced = await store.rows(Scope()), await store.unplaced(Scope())
            summarise(rows, scope=Scope(), unplaced=unplaced, generated_at=MOMENT)

        async def overrides() -> None:
            await store.daily_overrides(scope)

        async def populations() -> None:
            await store.populations(scope, None, 20)

        async def reviewers() -> None:
            await store.reviews("default", None, None)

        return {one.__name__: await timed(one) for one in (summary, overrides, populations, reviewers)}


async def timed(read: Callable[[], Awaitable[None]]) -> float:
    """Return the median milliseconds of a few reads, the first one left out."""
    await read()
    times = []
    for _ in range(READS):
        began = time.perf_counter()
        await read()
        times.append(1e3 * (time.perf_counter() - began))
    return round(statistics.median(times), 1)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeded", type=int, default=10_000_000)
    parser.add_argument("--cases", type=int, default=250_000, help="two events each, one in twenty has a third")
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(measured(arguments.seeded, arguments.cases))))


if __name__ == "__main__":
    main()
