"""A log of a million entries: how long proofs take, an export, and its verification by us and by strangers.

    python -m tests.bench.bench_audit_log [--entries 1000000] [--keep DIR [--only PART]]

With ``--keep`` what was left there is gone on with, so that a part (fill, reading, export, verifying) can be done
alone, at a quiet time.

One process and one PostgreSQL with fsync on. A case's four events lie as far apart as they do when cases flow: the
entries of one case are in different tiles.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import uvicorn
import uvloop

from countersign_audit.custody.keys import load_keys
from countersign_audit.reading.published import PublishedLog
from countersign_audit.watching.summing import sum_up_pages
from countersign_local import exporting
from countersign_local.parts.postgres import postgres
from countersign_shared.clock import system_clock
from tests.integration.audit.flow import STEPS, batches, case_id, complete_cases, happened
from tests.integration.audit.log import Log, open_log
from tests.integration.audit.reading import API, application
from tests.strangers.programs import strangers

PARTS = ("fill", "reading", "export", "verifying")
SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "wal_buffers": "16MB"}


async def fill(log: Log, entries: int) -> None:
    if log.writer.size >= entries:
        return
    began, spent = time.perf_counter(), 0.0
    for batch in batches(entries - 1):
        since = time.perf_counter()
        await log.add(batch)
        spent += time.perf_counter() - since
    took = time.perf_counter() - began
    print(f"filled: {log.writer.size:,} entries, {spent / entries * 1e6:.0f} us each ({took:.0f} s)")


async def measure(name: str, times: int, call: Callable[[], Awaitable[Any]]) -> None:
    took = []
    for _ in range(times):
        since = time.perf_counter()
        await call()
        took.append((time.perf_counter() - since) * 1_000)
    took.sort()
    p95 = took[int(len(took) * 0.95)]
    print(f"{name}: p50 {statistics.median(took):.2f} ms, p95 {p95:.2f} ms, worst {took[-1]:.2f} ms")


async def read(client: httpx.AsyncClient, published: PublishedLog, size: int) -> None:
    chance = random.Random(6)
    complete = complete_cases(size)

    async def inclusion_at_hand() -> None:
        assert await published.inclusion(chance.randrange(size), None) is not None

    async def inclusion() -> None:
        answer = await client.get(f"{API}/proof/inclusion", params={"index": chance.randrange(size)})
        assert answer.status_code == 200

    async def consistency() -> None:
        answer = await client.get(f"{API}/proof/consistency", params={"first": chance.randrange(1, size)})
        assert answer.status_code == 200

    async def timeline() -> None:
        answer = await client.get(f"{API}/cases/{case_id(chance.randrange(complete))}/timeline")
        assert len(answer.json()["entries"]) == 4

    async def subject() -> None:
        ref = f"applicant-{case_id(chance.randrange(complete))}"
        assert len((await client.get(f"{API}/entries", params={"subject_ref": ref})).json()["items"]) == 4

    async def seconds() -> None:
        since = happened(chance.randrange(complete))
        within = {"since": since.isoformat(), "until": (since + timedelta(seconds=1)).isoformat(), "limit": 200}
        assert len((await client.get(f"{API}/entries", params=within)).json()["items"]) >= len(STEPS)

    async def from_then_on() -> None:
        since = happened(chance.randrange(complete)).isoformat()
        assert len((await client.get(f"{API}/entries", params={"since": since})).json()["items"]) > 0

    async def actor() -> None:
        items = (await client.get(f"{API}/entries", params={"actor": "nobody-of-that-name"})).json()["items"]
        assert items == []

    async def access_log() -> None:
        assert (await client.get(f"{API}/access-log")).status_code == 200

    async def tile() -> None:
        number = chance.randrange(size // 256)
        path = f"x{number // 1000:03d}/{number % 1000:03d}" if number >= 1000 else f"{number:03d}"
        assert (await client.get(f"{API}/tile/0/{path}")).status_code == 200

    for name, times, call in (
        ("inclusion proof, without HTTP", 2_000, inclusion_at_hand),
        ("inclusion proof over HTTP, first ones", 1_000, inclusion), ("inclusion proof over HTTP", 2_000, inclusion),
        ("consistency proof over HTTP", 300, consistency),
        ("timeline with proofs over HTTP", 500, timeline), ("search by subject over HTTP", 200, subject),
        ("search by a second over HTTP", 100, seconds), ("search from a time on over HTTP", 100, from_then_on),
        ("search by actor over HTTP", 100, actor), ("access log over HTTP", 100, access_log),
        ("tile of hashes over HTTP", 300, tile),
    ):  # fmt: skip
        await measure(name, times, call)


async def export(client: httpx.AsyncClient, directory: Path) -> None:
    note = (await client.get(f"{API}/checkpoint")).content

    async def fetch(first: int, size: int) -> Any:
        async with client.stream("GET", f"{API}/export", params={"first": first, "size": size}) as answer:
            async for piece in answer.aiter_bytes():
                yield piece

    since = time.perf_counter()
    brought = await exporting.export(directory, note, fetch, lambda *_: None)
    print(f"exported: {brought.fetched:,} entries in {time.perf_counter() - since:.1f} s")


def verify(directory: Path, vkey: str) -> None:
    size = sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())
    print(f"export has {size / 1e6:.0f} MB")
    for processes in (2, 1):
        since = time.perf_counter()
        command = [sys.executable, "-m", "countersign_verifier", str(directory), "--vkey", vkey]
        subprocess.run([*command, "--processes", str(processes)], check=True, stdout=subprocess.DEVNULL)
        print(f"verified by countersign-verify, {processes} processes: {time.perf_counter() - since:.2f} s")
    built = strangers()
    since = time.perf_counter()
    accepted, said = built.go(directory, vkey, seconds=900)
    assert accepted, said
    print(f"verified by Go's x/mod, every inclusion: {time.perf_counter() - since:.2f} s: {said}")
    since = time.perf_counter()
    assert built.tessera(directory, vkey, seconds=900)
    print(f"verified by Tessera's fsck: {time.perf_counter() - since:.2f} s")


async def run(entries: int, directory: Path, parts: Sequence[str]) -> None:
    if set(parts) - {"verifying"}:
        with postgres(directory / "pg", environ=os.environ, settings=SETTINGS) as server:
            async with open_log(server.url, directory / "keys", clock=system_clock) as log:
                await fill(log, entries)
                await log.writer.sign_tail()
                # As the service does each minute.
                await sum_up_pages(log.pool)
                vkey = load_keys(directory / "keys").verifier_key(log.writer.origin).text()
                (directory / "vkey").write_text(vkey, encoding="utf-8")
                async with serving(log) as client:
                    if "reading" in parts:
                        await read(client, PublishedLog(log.pool), entries)
                    if "export" in parts:
                        await export(client, directory / "export")
    if "verifying" in parts:
        verify(directory / "export", (directory / "vkey").read_text(encoding="utf-8"))


@asynccontextmanager
async def serving(log: Log) -> AsyncIterator[httpx.AsyncClient]:
    http = uvicorn.Server(uvicorn.Config(application(log), port=0, log_level="warning", lifespan="off"))
    task = asyncio.create_task(http.serve())
    while not http.started:
        await asyncio.sleep(0.05)
    port = http.servers[0].sockets[0].getsockname()[1]
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{port}", timeout=600, headers={"x-roles": "auditor"}
    ) as client:
        yield client
    http.should_exit = True
    await task


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--keep", type=Path, help="a directory to work in and leave behind")
    parser.add_argument("--only", choices=PARTS, help="this part, of what an earlier run with the same --keep has left")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="countersign-bench-") as made:
        directory = asked.keep or Path(made)
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o711)
        # As the service runs it.
        uvloop.run(run(asked.entries, directory, [asked.only] if asked.only else PARTS))


if __name__ == "__main__":
    main()
