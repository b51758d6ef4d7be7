"""How soon people see what happened: a routed case on the page of a reviewer, and a decision made at another instance.

Run it with ``python -m tests.bench.bench_review_visible [--cases N]``; prints one JSON object. Two instances of the
real service share one Kafka and one PostgreSQL. A reviewer's page is played by what it does: it follows the stream and
fetches its queue at every change; a case counts as seen when it is in that answer. Drawing is not in it.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import time
from typing import Any

import httpx

from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.postgres import postgres
from countersign_shared.messaging.producer import open_publisher
from tests.bench.__main__ import POSTGRES, open_directory, say
from tests.bench.desk import Bench, Caller, _message, decide, open_bench, percentile
from tests.bench.rounds import Ground
from tests.fixtures.stack import Stack
from tests.integration.review.harness import API

BARS = {"case_on_screen_p95_ms": 1_000.0, "decision_elsewhere_max_ms": 1_000.0}
FIRST_NEW = 1_000_000
APART_SECONDS = 0.1
"""Now and then, as in an ordinary hour: cases that come at once are shown at once too."""
PATIENCE_SECONDS = 30.0


class Page:
    """A reviewer's page: follows the stream of one instance, and remembers when what was first seen."""

    def __init__(self, port: int, key: str, *, fetches: bool) -> None:
        name, _, value = key.partition(": ")
        self._http = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers={name: value}, timeout=None)
        self._fetches = fetches
        self.ready = asyncio.Event()
        self.seen: dict[str, float] = {}
        self.decided: dict[str, float] = {}

    async def follow(self) -> None:
        """Follow until cancelled."""
        async with self._http, self._http.stream("GET", f"{API}/stream") as stream:
            event = ""
            async for line in stream.aiter_lines():
                if line.startswith("event: "):
                    event = line.removeprefix("event: ")
                elif line.startswith("data: "):
                    await self._told(event, json.loads(line.removeprefix("data: ")))

    async def _told(self, event: str, data: dict[str, Any]) -> None:
        if event == "ready":
            self.ready.set()
        elif event == "change" and data["kind"] == "decided":
            self.decided.setdefault(data["case_id"], time.perf_counter())
        if self._fetches and event in {"change", "resync"}:
            items = (await self._http.get(f"{API}/queues/senior/items", params={"limit": 200})).json()["items"]
            now = time.perf_counter()
            for item in items:
                self.seen.setdefault(item["case_id"], now)


async def measured(ground: Ground, cases: int) -> dict[str, Any]:
    """Return both figures of one run."""
    async with open_bench(ground, cases=20, people=cases + 4) as bench:
        other = Stack(
            ground.directory / "other", bench.url, ground.kafka.bootstrap, bench.prefix, {"LOG_LEVEL": "warning"},
            instance="1",
        )  # fmt: skip
        with other:
            await asyncio.to_thread(other.start, "review")
            ports = (bench.port, other.ports["review"])
            pages = [Page(port, key, fetches=True) for port, key in zip(ports, bench.keys[-2:], strict=True)]
            async with following(*pages):
                say("cases on the pages of two instances")
                shown = await arriving(ground, bench, pages, cases)
                say("decisions at one instance, told by the other")
                told = await deciding(bench, pages[1], cases)
            await asyncio.to_thread(other.stop)
    return {
        "case_on_screen_p50_ms": percentile(shown, 0.5), "case_on_screen_p95_ms": percentile(shown, 0.95),
        "decision_elsewhere_p50_ms": percentile(told, 0.5), "decision_elsewhere_max_ms": percentile(told, 1.0),
        "cases": cases, "bars": BARS,
    }  # fmt: skip


@contextlib.asynccontextmanager
async def following(*pages: Page) -> Any:
    """Let pages follow their streams while the context is open."""
    tasks = [asyncio.create_task(page.follow()) for page in pages]
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            for page in pages:
                await page.ready.wait()
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def arriving(ground: Ground, bench: Bench, pages: list[Page], cases: int) -> list[float]:
    """Route cases; returns how long each took to be in the queue that each page had fetched."""
    sent: dict[str, float] = {}
    async with open_publisher(ground.kafka.bootstrap, prefix=bench.prefix, client_id="bench") as publisher:
        for number in range(FIRST_NEW, FIRST_NEW + cases):
            sent[f"c-{number}"] = time.perf_counter()
            await publisher.publish([_message(number)])
            await asyncio.sleep(APART_SECONDS)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not all(sent.keys() <= page.seen.keys() for page in pages):
                await asyncio.sleep(0.05)
    return [page.seen[case] - since for page in pages for case, since in sent.items()]


async def deciding(bench: Bench, elsewhere: Page, cases: int) -> list[float]:
    """Decide cases at the first instance; returns how long until the second one's stream says so."""
    caller, sent = Caller(bench.port), dict[str, float]()
    for key in bench.keys[:cases]:
        status, claim = await caller.post("/queues/senior/claims", key, {})
        assert status == 201, status
        case = claim["context"]["decision_required"]["case_id"]
        sent[case] = time.perf_counter()
        status, _ = await decide(caller, key, claim)
        assert status == 200, status
        await asyncio.sleep(APART_SECONDS)
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not sent.keys() <= elsewhere.decided.keys():
            await asyncio.sleep(0.05)
    return [elsewhere.decided[case] - since for case, since in sent.items()]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100)
    arguments = parser.parse_args()
    with (
        open_directory() as directory,
        kafka(directory / "kafka", environ=os.environ) as broker,
        postgres(directory / "pg", environ=os.environ, settings=POSTGRES) as server,
    ):
        print(json.dumps(asyncio.run(measured(Ground(directory, broker, server), arguments.cases)), indent=2))


if __name__ == "__main__":
    main()
