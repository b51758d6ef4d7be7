"""Inference's hop on the real broker: its CPU against the bare pipeline's scorer, and its latency at a steady rate.

Run it with ``python -m tests.bench.bench_inference_hop [--cases N] [--rounds R] [--seconds S]``; prints one JSON
object. With ``KAFKA_COMPRESSION=none`` neither side compresses. Each round lets the bare scorer pass over fresh cases,
then ours. Latency is from the append of case.created to the append of case.scored, by the broker's clock, with
inference alone beside the broker.
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

from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.postgres import postgres
from countersign_shared.messaging.topics import ensure_topics
from tests.bench.__main__ import POSTGRES, open_directory, say
from tests.bench.bare import compression
from tests.bench.bench_router_hop import committed
from tests.bench.cost import Meter
from tests.bench.latency import WARM_UP_SECONDS, appended, send
from tests.bench.rounds import PARTITIONS, Ground, drop_database, drop_topics, fresh_database, preload
from tests.fixtures.stack import Stack

BAR = 4.0
"""How many times the bare scorer's CPU ours may cost."""
P99_BAR_MS = 50
RATE = 500
SETTINGS = {"LOG_LEVEL": "warning", "KAFKA_COMPRESSION": compression()}


async def measured(cases: int, rounds: int, seconds: int) -> dict[str, object]:
    """Return CPU per case of both scorers by round with the median of their ratios, and percentiles of latency."""
    found: dict[str, list[float]] = {"bare": [], "inference": []}
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
        say(f"{RATE} cases a second for {seconds} s")
        latency = await latency_round(ground, "steady.", seconds)
    ratios = [ours / bare for ours, bare in zip(found["inference"], found["bare"], strict=True)]
    return {
        "cases": cases, "cpu_us_per_case": found, "ratio": round(statistics.median(ratios), 2), "bar": BAR,
        "latency": latency, "p99_bar_ms": P99_BAR_MS,
    }  # fmt: skip


async def one_round(ground: Ground, prefix: str, cases: int) -> dict[str, float]:
    """Score ``cases`` cases both ways; returns CPU microseconds per case."""
    for start in (prefix, f"bare{prefix}"):
        await ensure_topics(ground.kafka.bootstrap, prefix=start, partitions=PARTITIONS)
    url = await fresh_database(ground)
    await preload(ground, prefix, cases, "hop")
    command = [sys.executable, "-m", "tests.bench.bare_scorer", ground.kafka.bootstrap, url, prefix, str(cases)]
    done = await asyncio.to_thread(subprocess.run, command, stdout=subprocess.PIPE, text=True, check=True)
    bare = json.loads(done.stdout)["cpu_seconds"]
    with Stack(ground.directory / prefix, url, ground.kafka.bootstrap, prefix, SETTINGS) as stack:
        # The first cases are for warming up: neither imports nor joining a group are part of the hop.
        await asyncio.to_thread(stack.start, "inference")
        await committed(ground, prefix, "inference", cases)
        process = stack.processes["inference"]
        process.send_signal(signal.SIGSTOP)
        await preload(ground, prefix, cases, "again")
        meter = Meter({"inference": process.pid})
        process.send_signal(signal.SIGCONT)
        await committed(ground, prefix, "inference", 2 * cases)
        ours = meter.read()["inference"]
        await asyncio.to_thread(stack.stop)
    for start in (prefix, f"bare{prefix}"):
        await drop_topics(ground, start)
    await drop_database(ground, url)
    return {"bare": bare / cases * 1e6, "inference": ours / cases * 1e6}


async def latency_round(ground: Ground, prefix: str, seconds: int) -> dict[str, float]:
    """Send ``RATE`` cases a second, open loop; returns percentiles in milliseconds after a warm-up."""
    settings = {"message.timestamp.type": "LogAppendTime"}
    await ensure_topics(ground.kafka.bootstrap, prefix=prefix, partitions=PARTITIONS, settings=settings)
    url, count = await fresh_database(ground), RATE * (seconds + WARM_UP_SECONDS)
    with Stack(ground.directory / prefix, url, ground.kafka.bootstrap, prefix, SETTINGS) as stack:
        await asyncio.to_thread(stack.start, "inference")
        await send(ground, prefix, RATE, count)
        await committed(ground, prefix, "inference", count)
        created = await appended(ground, f"{prefix}case.created")
        scored = await appended(ground, f"{prefix}case.scored")
        await asyncio.to_thread(stack.stop)
    await drop_topics(ground, prefix)
    await drop_database(ground, url)
    first = min(created.values()) + WARM_UP_SECONDS * 1000
    spans = sorted(moment - created[key] for key, moment in scored.items() if created[key] >= first)
    return {f"p{q}_ms": spans[min(int(len(spans) * q / 100), len(spans) - 1)] for q in (50, 95, 99)} | {
        "rate": RATE, "cases": len(spans),
    }  # fmt: skip


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=15)
    arguments = parser.parse_args()
    print(json.dumps(asyncio.run(measured(arguments.cases, arguments.rounds, arguments.seconds))))


if __name__ == "__main__":
    main()
