"""From an answer to the topic: how long until it is durable, until it is readable, how many a second, and a kill.

Run it with ``python -m tests.bench.bench_review_answers [--cases N] [--seconds S]``; prints one JSON object.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer

from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.postgres import postgres
from tests.bench.__main__ import POSTGRES, open_directory, say
from tests.bench.desk import Bench, Caller, decide, open_bench, percentile, sign_in
from tests.bench.rounds import Ground

RATE = 50
AT_ONCE = 50
BARS = {"durable_p50_ms": 8.0, "topic_p50_ms": 30.0, "topic_p99_ms": 100.0, "answers_per_second": 400.0}


async def measured(ground: Ground, cases: int, seconds: float) -> dict[str, Any]:
    """Return all figures of one run."""
    steady, many, killed = int(RATE * seconds), 1_000, 40
    busy = (steady + many) // 2 + 1
    async with open_bench(ground, cases=cases, people=busy + killed, LOOK_AHEAD_SECONDS="3600") as bench:
        say("claiming")
        held = await claims(bench, steady + many)
        say(f"answers at {RATE}/s")
        figures: dict[str, Any] = {**await at_rate(bench, held[:steady])}
        say("answers at saturation")
        figures["answers_per_second"] = await saturated(bench, held[steady : steady + many])
        say("a kill inside the grace")
        figures["killed"] = await killed_inside_the_grace(bench, list(range(busy, busy + killed)))
    return {**figures, "bars": BARS}


async def claims(bench: Bench, count: int) -> list[tuple[str, dict[str, Any]]]:
    """Claim ``count`` cases, two a person."""
    wanted = [key for key in bench.keys for _ in range(2)][:count]
    held: list[tuple[str, dict[str, Any]]] = []

    async def work() -> None:
        caller = Caller(bench.port)
        while wanted:
            key = wanted.pop()
            status, claim = await caller.post("/queues/senior/claims", key, {})
            assert status == 201, status
            held.append((key, claim))

    await asyncio.gather(*(work() for _ in range(20)))
    return held


async def at_rate(bench: Bench, held: list[tuple[str, dict[str, Any]]]) -> dict[str, float]:
    """Answer at a steady rate; returns latencies until durable and until on the topic."""
    durable: list[float] = []
    leaves: dict[str, datetime] = {}
    consumer = AIOKafkaConsumer(
        f"{bench.prefix}decision.made", bootstrap_servers=bench.ground.kafka.bootstrap, auto_offset_reset="latest"
    )
    await consumer.start()
    seen: dict[str, float] = {}
    reading = asyncio.create_task(_read(consumer, seen))
    callers = [Caller(bench.port) for _ in range(AT_ONCE)]
    idle = asyncio.Queue[Caller]()
    for caller in callers:
        idle.put_nowait(caller)

    async def one(key: str, claim: dict[str, Any]) -> None:
        caller = await idle.get()
        since = time.perf_counter()
        status, answer = await decide(caller, key, claim)
        assert status == 200, (status, answer)
        durable.append(time.perf_counter() - since)
        leaves[answer["decision_id"]] = datetime.fromisoformat(answer["leaves_at"])
        idle.put_nowait(caller)

    began, sent = time.perf_counter(), []
    for number, (key, claim) in enumerate(held):
        await asyncio.sleep(max(began + number / RATE - time.perf_counter(), 0))
        sent.append(asyncio.create_task(one(key, claim)))
    await asyncio.gather(*sent)
    async with asyncio.timeout(30):
        while len(seen) < len(held):
            await asyncio.sleep(0.05)
    reading.cancel()
    await consumer.stop()
    topic = [seen[name] - leaves[name].timestamp() for name in leaves]
    return {
        "durable_p50_ms": percentile(durable, 0.5), "durable_p99_ms": percentile(durable, 0.99),
        "topic_p50_ms": percentile(topic, 0.5), "topic_p99_ms": percentile(topic, 0.99),
    }  # fmt: skip


async def _read(consumer: AIOKafkaConsumer, seen: dict[str, float]) -> None:
    async for message in consumer:
        seen.setdefault(json.loads(message.value)["decision_id"], datetime.now(UTC).timestamp())


async def saturated(bench: Bench, held: list[tuple[str, dict[str, Any]]]) -> float:
    """Return answers a second with ``AT_ONCE`` requests under way."""
    waiting, total = list(held), len(held)

    async def work() -> None:
        caller = Caller(bench.port)
        while waiting:
            status, _ = await decide(caller, *waiting.pop())
            assert status == 200, status

    began = time.perf_counter()
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return round(total / (time.perf_counter() - began), 1)


async def killed_inside_the_grace(bench: Bench, people: list[int]) -> dict[str, int]:
    """Answer at the console, kill -9 while the decisions can still be undone, start again; count what leaves."""
    cases = set()
    for number in people:
        who = await sign_in(bench, f"r-{number}")
        caller = Caller(bench.port)
        status, claim = await caller.post("/queues/senior/claims", who, {})
        assert status == 201, status
        status, _ = await decide(caller, who, claim)
        assert status == 200, status
        cases.add(claim["context"]["decision_required"]["case_id"])
    waiting = await bench.fetchval("SELECT count(*) FROM outbox WHERE not_before > clock_timestamp()")
    await asyncio.to_thread(bench.stack.kill, "review")
    await asyncio.to_thread(bench.stack.start, "review")
    async with asyncio.timeout(60):
        while await bench.fetchval("SELECT count(*) FROM outbox"):
            await asyncio.sleep(0.1)
    made = await _made(bench, cases)
    return {
        "answered": len(cases), "held_back_at_the_kill": waiting, "on_the_topic": len(made),
        "distinct": len(set(made)), "lost": len(cases - {case for case, _ in made}),
    }  # fmt: skip


async def _made(bench: Bench, cases: set[str]) -> list[tuple[str, str]]:
    consumer = AIOKafkaConsumer(
        f"{bench.prefix}decision.made", bootstrap_servers=bench.ground.kafka.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        ends = await consumer.end_offsets(list(consumer.assignment()))
        found: list[dict[str, Any]] = []
        for place, end in ends.items():
            while await consumer.position(place) < end:
                for messages in (await consumer.getmany(timeout_ms=500)).values():
                    found += [json.loads(message.value) for message in messages]
    finally:
        await consumer.stop()
    return [(body["case_id"], body["decision_id"]) for body in found if body["case_id"] in cases]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=4_000)
    parser.add_argument("--seconds", type=float, default=15.0)
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
