"""Claims over HTTP against one raw connection, their latency at a steady rate, and reviewers who crash.

Run it with ``python -m tests.bench.bench_review_claims [--cases N] [--seconds S]``; prints one JSON object. PostgreSQL
and Kafka are real, the database waits for its disk, the load comes from this process.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import random
import time
from collections import Counter
from typing import Any

import asyncpg

from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.postgres import postgres
from tests.bench.__main__ import POSTGRES, open_directory, say
from tests.bench.desk import Bench, Caller, decide, open_bench, percentile
from tests.bench.rounds import Ground

REVIEWERS = 50
HOLDS = 2
RATE = 200
BARS = {"ratio": 0.3, "p99_ms": 50.0}
RAW = """
UPDATE raw SET state = 'claimed' WHERE id = (
    SELECT id FROM raw WHERE state = 'waiting' ORDER BY due, id LIMIT 1 FOR UPDATE SKIP LOCKED
) RETURNING id
"""


async def measured(ground: Ground, cases: int, seconds: float) -> dict[str, Any]:
    """Return all figures of one run."""
    people = int(RATE * seconds / HOLDS) + 1_000
    async with open_bench(ground, cases=cases, people=people, LOOK_AHEAD_SECONDS="3600") as bench:
        say("raw claims on one connection")
        raw = await raw_claims(bench.url, cases, seconds / 2)
        say(f"claims at saturation, {REVIEWERS} at once")
        ours = await saturated(bench, bench.keys[:1_000])
        say(f"claims at {RATE}/s")
        steady = await at_rate(bench, bench.keys[1_000:], seconds)
    async with open_bench(ground, cases=cases, people=REVIEWERS, LEASE_SECONDS="2", LOOK_AHEAD_SECONDS="1") as bench:
        say("reviewers and the service crash")
        chaos = await crashing(bench, seconds * 2)
    return {
        "raw_per_second": raw, "claims_per_second": ours, "ratio": round(ours / raw, 3), "steady": steady,
        "chaos": chaos, "bars": BARS,
    }  # fmt: skip


async def raw_claims(url: str, cases: int, seconds: float) -> float:
    """Return how many rows a second one connection takes, each in a transaction of its own."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(
            "CREATE TABLE raw AS SELECT i AS id, i % 1440 AS due, 'waiting' AS state FROM generate_series(1, $1) AS i"
            .replace("$1", str(cases))
        )  # fmt: skip
        await connection.execute("CREATE INDEX raw_waiting ON raw (due, id) WHERE state = 'waiting'")
        await connection.execute("ANALYZE raw")
        taken, began = 0, time.perf_counter()
        while time.perf_counter() - began < seconds and await connection.fetchval(RAW) is not None:
            taken += 1
        return round(taken / (time.perf_counter() - began), 1)
    finally:
        await connection.execute("DROP TABLE raw")
        await connection.close()


async def saturated(bench: Bench, keys: list[str]) -> float:
    """Return claims a second with as many requests under way as there are reviewers at the desk."""
    waiting = [key for key in keys for _ in range(HOLDS)]
    total = len(waiting)

    async def work() -> None:
        caller = Caller(bench.port)
        while waiting:
            status, _ = await caller.post("/queues/senior/claims", waiting.pop(), {})
            assert status == 201, status

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(REVIEWERS)))
    return round(total / (time.perf_counter() - began), 1)


async def at_rate(bench: Bench, keys: list[str], seconds: float) -> dict[str, float]:
    """Return latencies of claims sent at a steady rate, whether or not earlier ones have been answered."""
    took: list[float] = []
    idle: asyncio.LifoQueue[Caller] = asyncio.LifoQueue()
    for _ in range(REVIEWERS):
        idle.put_nowait(Caller(bench.port))

    async def one(key: str, due: float) -> None:
        caller = await idle.get()
        status, _ = await caller.post("/queues/senior/claims", key, {})
        assert status == 201, status
        took.append(time.perf_counter() - due)
        idle.put_nowait(caller)

    began, sent = time.perf_counter(), []
    for number in range(int(RATE * seconds)):
        due = began + number / RATE
        await asyncio.sleep(max(due - time.perf_counter(), 0))
        sent.append(asyncio.create_task(one(keys[number % len(keys)], due)))
    await asyncio.gather(*sent)
    return {"sent": len(took), "p50_ms": percentile(took, 0.5), "p95_ms": percentile(took, 0.95),
            "p99_ms": percentile(took, 0.99)}  # fmt: skip


async def crashing(bench: Bench, seconds: float) -> dict[str, Any]:
    """Let reviewers forget what they hold and the service be killed; every case is decided once or waits."""
    chance, counts = random.Random(5), Counter[str]()
    ends = time.perf_counter() + seconds

    async def work(key: str) -> None:
        caller = Caller(bench.port)
        while time.perf_counter() < ends:
            try:
                status, claim = await caller.post("/queues/senior/claims", key, {})
                if status != 201:
                    counts[f"claim {status}"] += 1
                    await asyncio.sleep(0.2)
                elif chance.random() < 0.15:
                    counts["forgotten"] += 1
                else:
                    status, _ = await decide(caller, key, claim)
                    counts[f"decision {status}"] += 1
            except ConnectionError:
                counts["connection lost"] += 1
                await asyncio.sleep(0.2)

    working = [asyncio.create_task(work(key)) for key in bench.keys]
    for _ in range(2):
        await asyncio.sleep(seconds / 3)
        await asyncio.to_thread(bench.stack.kill, "review")
        await asyncio.to_thread(bench.stack.start, "review")
    await asyncio.gather(*working)
    async with asyncio.timeout(60):
        while await bench.fetchval("SELECT count(*) FROM claims WHERE state = 'held'"):
            await asyncio.sleep(0.2)
    twice = "SELECT count(*) FROM (SELECT FROM decisions GROUP BY tenant, case_id HAVING count(*) > 1) AS d"
    stranded = "SELECT count(*) FROM reviews WHERE state NOT IN ('waiting', 'decided')"
    return {
        **counts, "decided": await bench.fetchval("SELECT count(*) FROM decisions"),
        "decided_twice": await bench.fetchval(twice), "stranded": await bench.fetchval(stranded),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    with (
        open_directory() as directory,
        kafka(directory / "kafka", environ=os.environ) as broker,
        postgres(directory / "pg", environ=os.environ, settings=POSTGRES) as server,
    ):
        ground = Ground(directory, broker, server)
        print(json.dumps(asyncio.run(measured(ground, arguments.cases, arguments.seconds)), indent=2))


if __name__ == "__main__":
    main()
