"""Replaying 100,000 stored cases: how long it takes, what it holds in memory, and whether the loop goes on answering.

Run it with `python -m tests.bench.bench_router_replay`; prints one JSON object. The cases are routed and stored first,
which takes longer than replaying them. Two replays: of the policy in force, which must change nothing, and of a draft.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Any

from countersign_local.parts.postgres import postgres
from countersign_router.app import MIGRATIONS
from countersign_router.domain.controls import Controls
from countersign_router.life.files import publish_files
from countersign_router.replaying.against import read_against
from countersign_router.replaying.report import ReplayReport
from countersign_router.replaying.running import Replays, Wish
from countersign_router.store import SCHEMA, Store
from countersign_shared.clock import system_clock
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.postgres import migrate, open_pool
from countersign_shared.postgres.bodies import Bodies
from tests.bench.__main__ import POSTGRES, open_directory, say
from tests.bench.cost import cpu_seconds, pss_megabytes
from tests.unit.router.cases import DRAW_KEY, bent, decision_types, shipped
from tests.unit.router.replays import KEY, stored, varied

CASES = 100_000
BATCH = 500
TICK_SECONDS = 0.005
COLUMNS = ("tenant", "case_id", "partition", "level", "decision_type", "tier", "band", "outcome", "routed_at",
           "routed_headers", "routed_body", "decision_headers", "decision_body")  # fmt: skip


def rows(count: int, began: datetime) -> Iterator[tuple[Any, ...]]:
    """Route cases as the live path does and give the rows it keeps."""
    packing, policy, controls = Bodies(), shipped(), Controls()
    for number, body in enumerate(varied(count)):
        now = began + timedelta(milliseconds=number // BATCH)
        case, routing = stored(body, policy, controls, now)
        decision = b"x" if routing.automatic else None
        found = routing.consequence
        yield (
            body["tenant"], body["case_id"], 0, routing.level, body["decision_type"], found and found.tier,
            routing.band, None, now, b"", packing.pack(case.body), decision, decision,
        )  # fmt: skip


async def fill(url: str, count: int) -> None:
    """Publish the policy and store the cases that it routed."""
    async with open_pool(url, schema=SCHEMA, size=2) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        await publish_files(Store(pool, Outbox()), [(Path("loan_application.yaml"), shipped())])
        # Long enough ago for nothing to be young: the routings below were made by a policy a year old.
        await pool.execute("ALTER TABLE policies DISABLE TRIGGER USER")
        await pool.execute("UPDATE policies SET published_at = $1", shipped().policy.published_at)
        made = rows(count, system_clock() - timedelta(minutes=5))
        while part := list(islice(made, 5 * BATCH)):
            await pool.copy_records_to_table("routings", records=part, columns=COLUMNS)
        await pool.execute("ANALYZE routings")


async def replay(url: str, count: int) -> dict[str, Any]:
    """Replay the policy in force and a draft, watching how late the event loop comes to a timer."""
    replays = Replays(url, decision_types(), None, KEY, DRAW_KEY, system_clock)
    answer: dict[str, Any] = {}
    draft = bent(version=2, bands={"high": 0.93, "medium": 0.75}, never_automate="case.loan_to_value > 90.0")
    for name, policy in (("in_force", shipped()), ("draft", draft)):
        lateness: list[float] = []
        watching = asyncio.create_task(watch(lateness))
        began = time.perf_counter()
        async for one in replays.run(Wish(policy, read_against(f"last:{count}"), None)):
            last = one
        seconds = time.perf_counter() - began
        watching.cancel()
        assert isinstance(last, ReplayReport)
        lateness.sort()
        answer[name] = {
            "seconds": round(seconds, 2), "cases": last.against.cases, "rederived": last.fidelity.same,
            "changed": last.changed, "loop_late_ms_p99": round(lateness[int(len(lateness) * 0.99)] * 1e3, 1),
            "loop_late_ms_max": round(lateness[-1] * 1e3, 1),
        }  # fmt: skip
    return answer


async def watch(lateness: list[float]) -> None:
    """Note how much later than asked the event loop runs a timer, again and again."""
    while True:
        began = time.perf_counter()
        await asyncio.sleep(TICK_SECONDS)
        lateness.append(time.perf_counter() - began - TICK_SECONDS)


def measure(url: str, count: int) -> dict[str, Any]:
    """Run the replays in a process of their own, as the service would, and watch what it and its workers cost."""
    command = [sys.executable, "-m", "tests.bench.bench_router_replay", "--url", url, "--cases", str(count)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE)
    most, cpu = 0.0, 0.0
    while process.poll() is None:
        try:
            most, cpu = max(most, pss_megabytes(process.pid)), max(cpu, cpu_seconds(process.pid))
        except Exception:  # noqa: BLE001 - a worker that ends while it is looked at is no fault
            continue
        time.sleep(0.2)
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(process.stdout.read())
    return {**answer, "memory_mb": round(most), "cpu_seconds": round(cpu, 1)}


def main() -> None:
    """Measure, or with ``--url`` only replay what is stored there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=CASES)
    parser.add_argument("--url", help="replay the cases of this database")
    arguments = parser.parse_args()
    if arguments.url:
        print(json.dumps(asyncio.run(replay(arguments.url, arguments.cases))))
        return
    with open_directory() as directory, postgres(directory / "pg", environ=os.environ, settings=POSTGRES) as server:
        began = time.perf_counter()
        asyncio.run(fill(server.url, arguments.cases))
        say(f"{arguments.cases:,} cases stored in {time.perf_counter() - began:.1f} s")
        print(json.dumps(measure(server.url, arguments.cases), indent=2))


if __name__ == "__main__":
    main()
