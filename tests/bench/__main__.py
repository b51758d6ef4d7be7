"""``make bench``: the pipeline against raw Kafka, in one run on one machine.

Floor and pipeline alternate; figures are medians with the least and the greatest beside them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.postgres import postgres
from tests.bench.latency import latency_round
from tests.bench.rounds import Ground, floor_round, pipeline_round

POSTGRES = {"shared_buffers": "256MB", "max_wal_size": "4GB", "max_connections": "120", "wal_buffers": "16MB"}
"""A modest server: fsync and full page writes stay on."""


def main() -> None:
    """Run the benchmark and print a table, or one JSON object with ``--json``."""
    parser = argparse.ArgumentParser(prog="countersign bench", description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object instead of a table")
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--rate", type=int, default=500, help="cases a second in the latency round")
    parser.add_argument("--seconds", type=int, default=20, help="length of the latency round")
    arguments = parser.parse_args()
    result = asyncio.run(run(arguments))
    if arguments.json:
        print(json.dumps(result))
    else:
        show(result)


async def run(arguments: argparse.Namespace) -> dict[str, object]:
    """Set up one broker and one PostgreSQL and measure everything on them."""
    with open_directory() as directory:
        return await measured(directory, arguments)


@contextmanager
def open_directory() -> Iterator[Path]:
    """Make a temporary directory that others may pass through: as root, PostgreSQL runs as another user."""
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as name:
        Path(name).chmod(0o711)
        yield Path(name)


async def measured(directory: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Run all rounds on a broker and a server whose data live in ``directory``."""
    with (
        kafka(directory / "kafka", environ=os.environ) as broker,
        postgres(directory / "pg", environ=os.environ, settings=POSTGRES) as server,
    ):
        ground = Ground(directory, broker, server)
        # First: what the other rounds leave to be written back and deleted would be measured with it.
        say("latency")
        latency = await latency_round(ground, rate=arguments.rate, seconds=arguments.seconds)
        floors, pipelines = [], []
        for number in range(arguments.rounds):
            say(f"round {number + 1}/{arguments.rounds}: floor")
            floors.append(await floor_round(ground, arguments.cases))
            say(f"round {number + 1}/{arguments.rounds}: pipeline")
            pipelines.append(await pipeline_round(ground, arguments.cases))
            say(f"  {pipelines[-1]}")
    return summary(arguments, floors, pipelines, latency)


def say(text: str) -> None:
    """Tell a watching person how far it is."""
    print(text, file=sys.stderr, flush=True)


def spread(values: list[float]) -> dict[str, float]:
    """Return median, least and greatest."""
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def summary(arguments, floors, pipelines, latency) -> dict[str, object]:
    """Put the rounds together; ratios are taken pair by pair."""
    total = [sum(p["cpu_us_per_case"].values()) for p in pipelines]
    ratio = [p["cases_per_s"] / f["records_per_s"] for p, f in zip(pipelines, floors, strict=True)]
    cost = [t / f["cpu_us_per_record"] for t, f in zip(total, floors, strict=True)]
    by_process = {
        name: statistics.median(p["cpu_us_per_case"][name] for p in pipelines)
        for name in pipelines[0]["cpu_us_per_case"]
    }
    floor_rates, floor_cpu = [f["records_per_s"] for f in floors], [f["cpu_us_per_record"] for f in floors]
    rates = [p["cases_per_s"] for p in pipelines]
    return {
        "cases": arguments.cases, "rounds": arguments.rounds,
        "floor": {
            "records_per_s": spread(floor_rates)["median"], "cpu_us_per_record": spread(floor_cpu)["median"],
            "spread": {"records_per_s": spread(floor_rates), "cpu_us_per_record": spread(floor_cpu)},
        },
        "pipeline": {
            "cases_per_s": spread(rates)["median"], "ratio_to_floor": spread(ratio)["median"],
            "cpu_us_per_case": {**by_process, "total": spread(total)["median"]},
            "cpu_ratio_to_floor": spread(cost)["median"],
            "spread": {"cases_per_s": spread(rates), "ratio_to_floor": spread(ratio), "cpu_us_per_case": spread(total)},
            "audit_behind_s": spread([p["audit_behind_s"] for p in pipelines])["median"],
            "mix": pipelines[0]["mix"],
        },
        "latency": latency,
        "pss_megabytes": {n: max(p["pss_megabytes"][n] for p in pipelines) for n in pipelines[0]["pss_megabytes"]},
    }  # fmt: skip


def show(result: dict) -> None:
    """Print the result for people."""
    console = Console()
    floor, pipeline, latency = result["floor"], result["pipeline"], result["latency"]
    table = Table(
        "figure", "median", "least", "greatest", title=f"{result['cases']:,} cases, {result['rounds']} rounds"
    )
    for label, spreads, name, form in (
        ("floor, records/s", floor["spread"], "records_per_s", "{:,.0f}"),
        ("floor, CPU us per record", floor["spread"], "cpu_us_per_record", "{:.1f}"),
        ("pipeline, cases/s", pipeline["spread"], "cases_per_s", "{:,.0f}"),
        ("ratio to the floor", pipeline["spread"], "ratio_to_floor", "{:.3f}"),
        ("CPU us per case, everything", pipeline["spread"], "cpu_us_per_case", "{:.0f}"),
    ):
        table.add_row(label, *(form.format(spreads[name][key]) for key in ("median", "min", "max")))
    console.print(table)
    parts = Table("process", "CPU us per case", "PSS MB", title="who costs what")
    for name, spent in pipeline["cpu_us_per_case"].items():
        memory = result["pss_megabytes"].get(name)
        parts.add_row(name, f"{spent:.1f}", f"{memory:.0f}" if memory else "")
    console.print(parts)
    console.print(f"CPU per case is {pipeline['cpu_ratio_to_floor']:.1f} times the floor's per record.")
    console.print(f"Audit had committed the last record {pipeline['audit_behind_s']:.1f} s after the others.")
    console.print(
        f"At {latency['rate']} cases/s, case.created to decision.made: p50 {latency['p50_ms']} ms, "
        f"p95 {latency['p95_ms']} ms, p99 {latency['p99_ms']} ms over {latency['decisions']:,} automatic decisions."
    )


if __name__ == "__main__":
    main()
