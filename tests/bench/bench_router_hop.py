"""The router's hop on the real broker against the bare pipeline's router: the same scored cases, one after the other.

Run it with ``python -m tests.bench.bench_router_hop [--cases N] [--rounds R]``; prints one JSON object. Each round
scores fresh cases with the real inference service, lets the bare router pass over them, then ours; CPU is the
process's own.
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

from aiokafka.admin import AIOKafkaAdminClient

from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.postgres import postgres
from countersign_shared.messaging.topics import ensure_topics
from tests.bench.__main__ import POSTGRES, open_directory, say
from tests.bench.cases import POLICIES
from tests.bench.cost import Meter
from tests.bench.rounds import PARTITIONS, Ground, drop_database, drop_topics, fresh_database, preload
from tests.fixtures.stack import Stack

BAR = 2.5
"""How many times the bare router's CPU ours may cost."""
DRAIN_SECONDS = 300.0
LOOK_SECONDS = 0.2


async def measured(cases: int, rounds: int) -> dict[str, object]:
    """Return CPU per case of both routers, by round, and the median of their ratios."""
    found: dict[str, list[float]] = {"bare": [], "router": []}
    with (
        open_directory() as directory,
        kafka(directory / "kafka", environ=os.environ) as broker,
        postgres(directory / "pg", environ=os.environ, settings=POSTGRES) as server,
    ):
        ground = Ground(directory, broker, server)
        for number in range(rounds):
            say(f"round {number + 1}/{rounds}")
            for name, cost in (await one_round(ground, f"hop{number}.", cases)).items():
                found[name].append(round(cost, 1))
    ratios = [ours / bare for ours, bare in zip(found["router"], found["bare"], strict=True)]
    return {"cases": cases, "cpu_us_per_case": found, "ratio": round(statistics.median(ratios), 2), "bar": BAR}


async def one_round(ground: Ground, prefix: str, cases: int) -> dict[str, float]:
    """Score ``cases`` cases, route them both ways; returns CPU microseconds per case."""
    for start in (prefix, f"bare{prefix}"):
        await ensure_topics(ground.kafka.bootstrap, prefix=start, partitions=PARTITIONS)
    url = await fresh_database(ground)
    stack = Stack(
        ground.directory / prefix, url, ground.kafka.bootstrap, prefix, {"POLICIES_DIR": str(POLICIES)},
    )  # fmt: skip
    with stack:
        await preload(ground, prefix, cases, "hop")
        await asyncio.to_thread(stack.start, "inference")
        await committed(ground, prefix, "inference", cases)
        await asyncio.to_thread(stack.stop, "inference")
        command = [sys.executable, "-m", "tests.bench.bare_router", ground.kafka.bootstrap, url, prefix, str(cases)]
        done = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, text=True, check=True)
        bare = json.loads(done.stdout)["cpu_seconds"]
        await asyncio.to_thread(stack.start, "router")
        ours = await router_cpu(ground, stack, prefix, cases)
        await asyncio.to_thread(stack.stop)
    for start in (prefix, f"bare{prefix}"):
        await drop_topics(ground, start)
    await drop_database(ground, url)
    return {"bare": bare / cases * 1e6, "router": ours / cases * 1e6}


async def router_cpu(ground: Ground, stack: Stack, prefix: str, cases: int) -> float:
    """Return the CPU seconds that the router spends on what it has not routed when this is called, scaled to all."""
    process = stack.processes["router"]
    process.send_signal(signal.SIGSTOP)
    before = await progress(ground, prefix, "router")
    meter = Meter({"router": process.pid})
    process.send_signal(signal.SIGCONT)
    await committed(ground, prefix, "router", cases)
    return meter.read()["router"] * cases / (cases - before)


async def committed(ground: Ground, prefix: str, service: str, count: int) -> None:
    """Wait until a service's group has committed ``count`` records of its input."""
    async with asyncio.timeout(DRAIN_SECONDS):
        while await progress(ground, prefix, service) < count:
            await asyncio.sleep(LOOK_SECONDS)


async def progress(ground: Ground, prefix: str, service: str) -> int:
    """Return how many records a service's group has committed."""
    admin = AIOKafkaAdminClient(bootstrap_servers=ground.kafka.bootstrap)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(f"{prefix}countersign-{service}")
    finally:
        await admin.close()
    return sum(max(one.offset, 0) for part, one in offsets.items() if part.topic.startswith(f"{prefix}case."))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=30_000)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(measured(arguments.cases, arguments.rounds))))


if __name__ == "__main__":
    main()
