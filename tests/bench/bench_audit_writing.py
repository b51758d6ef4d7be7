"""From records on a real broker to durable, signed entries: how many a second, how long a batch takes, beside raw COPY.

    python -m tests.bench.bench_audit_writing [--entries 1000000] [--batch 256]

One process, one broker and one PostgreSQL with fsync on. The floor writes the very rows that came out - index, leaf,
sealed payload - with COPY into a table without an index, as many at once, each batch committed, on the same server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import uvloop

from countersign_audit.app import writing
from countersign_audit.handlers import Coming, Handler, topics
from countersign_audit.settings import Settings
from countersign_audit.store import MIGRATIONS, SCHEMA
from countersign_local.parts.kafka_jars import kafka
from countersign_local.parts.postgres import postgres
from countersign_shared.clock import system_clock
from countersign_shared.messaging import Message, Record, open_bus
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import migrate, open_pool
from countersign_shared.runtime import settle_memory
from tests.bench.__main__ import open_directory, say
from tests.bench.desk import percentile
from tests.integration.audit.flow import batches

SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "wal_buffers": "16MB"}
BARS = {"entries_per_second": 15_000, "of_raw_copy": 0.4, "commit_p99_ms": 150}
DRAIN_SECONDS = 1_800
ROWS = (
    "SELECT index, leaf, sealed FROM audit.entries JOIN audit.payloads USING (index) WHERE index >= $1 AND index < $2"
)


class Timed:
    """The service's handler, timed: each commit, and each batch from when it has been read until it is durable."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler
        self.took: list[float] = []
        self.commits: list[float] = []
        self.records = 0
        self.began = 0.0

    def begin(self, records: Sequence[Record]) -> tuple[float, Coming]:
        since = time.perf_counter()
        self.began = self.began or since
        return since, self._handler.begin(records)

    async def finish(self, batches: Sequence[tuple[float, Coming]]) -> Sequence[Message]:
        due = time.perf_counter()
        answer = await self._handler.finish([coming for _, coming in batches])
        now = time.perf_counter()
        self.commits.append(now - due)
        self.took += [now - since for since, _ in batches]
        self.records += sum(len(coming.records) for _, coming in batches)
        return answer


async def preload(bootstrap: str, entries: int) -> None:
    async with open_publisher(bootstrap, prefix="", client_id="bench") as publisher:
        for batch in batches(entries):
            await publisher.publish(
                [Message(one.topic, one.partition, one.key or b"", one.value or b"", one.headers) for one in batch]
            )


async def written(settings: Settings, entries: int, batch: int) -> dict[str, Any]:
    """Drain the topics as the service does, to a checkpoint over everything."""
    metrics, health = Metrics("audit"), Health()
    async with (
        open_pool(settings.database_url, schema=SCHEMA, size=4) as pool,
        open_bus(settings, service="audit", health=health, metrics=metrics) as bus,
    ):
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        async with writing(settings, pool, clock=system_clock) as (writer, _):
            timed = Timed(Handler(writer, metrics, system_clock))
            reading = bus.consume(topics(), timed.finish, begin=timed.begin, max_records=batch)
            # As the service does once it is up.
            settle_memory()
            async with reading, asyncio.timeout(DRAIN_SECONDS):
                while timed.records < entries:
                    await asyncio.sleep(0.05)
                await writer.sign_tail()
                seconds = time.perf_counter() - timed.began
    return {
        "entries": entries, "entries_per_second": round(entries / seconds), "batches": len(timed.took),
        "commits": len(timed.commits),
        "commit_p50_ms": percentile(timed.commits, 0.5), "commit_p99_ms": percentile(timed.commits, 0.99),
        "batch_p50_ms": percentile(timed.took, 0.5), "batch_p99_ms": percentile(timed.took, 0.99),
    }  # fmt: skip


async def raw_copy(url: str, entries: int, batch: int) -> float:
    """Write the same rows again with nothing but COPY; returns rows a second."""
    connection = await asyncpg.connect(url)
    spent = 0.0
    try:
        await connection.execute("CREATE TABLE raw (index bigint, leaf bytea, sealed bytea)")
        await connection.execute("ALTER TABLE raw ALTER leaf SET STORAGE EXTERNAL, ALTER sealed SET STORAGE EXTERNAL")
        for first in range(0, entries, batch):
            rows = [tuple(row) for row in await connection.fetch(ROWS, first, first + batch)]
            since = time.perf_counter()
            await connection.copy_records_to_table("raw", records=rows)
            spent += time.perf_counter() - since
    finally:
        await connection.close()
    return entries / spent


async def run(entries: int, batch: int, directory: Path) -> dict[str, Any]:
    with (
        postgres(directory / "pg", environ=os.environ, settings=SETTINGS) as server,
        kafka(directory / "kafka", environ=os.environ) as broker,
    ):
        await ensure_topics(broker.bootstrap)
        say(f"putting {entries:,} records on the topics")
        await preload(broker.bootstrap, entries)
        settings = Settings(
            database_url=server.url, kafka_bootstrap_servers=broker.bootstrap, audit_keys_dir=directory / "keys",
        )  # fmt: skip
        say("writing the log")
        figures = await written(settings, entries, batch)
        say("raw COPY of the same bytes")
        floor = await raw_copy(server.url, entries, batch)
    return {
        **figures, "raw_copy_per_second": round(floor), "of_raw_copy": round(figures["entries_per_second"] / floor, 3),
        "bars": BARS,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--batch", type=int, default=256)
    asked = parser.parse_args()
    with open_directory() as directory:
        print(json.dumps(uvloop.run(run(asked.entries, asked.batch, directory)), indent=2))


if __name__ == "__main__":
    main()
