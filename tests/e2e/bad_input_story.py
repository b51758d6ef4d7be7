"""The running system of the bad-input story, and what upstream has sent to it."""

from __future__ import annotations

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import asyncpg
import httpx
from confluent_kafka import Message as Delivered
from confluent_kafka import Producer

from countersign_local.demo.access import Access
from countersign_shared.contracts.topics import load_topics
from countersign_shared.messaging import Record, open_bus
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings
from tests.e2e.bad_input import Input
from tests.fixtures.stack import Stack

SETTLE_SECONDS = 120.0
DEAD_LETTER = "countersign.dead-letter"
Place = tuple[str, int, int]
Case = tuple[str, str]
OUTCOMES_SQL = """
SELECT (SELECT count(DISTINCT (tenant, case_id)) FROM review.decisions)
     + (SELECT count(*) FROM review.reviews WHERE kind = 'decision' AND open)
"""


@dataclass
class Upstream:
    """Somebody else's producers, one per way of compressing; remembers where each input went."""

    bootstrap: str
    prefix: str
    places: dict[str, Place] = field(default_factory=dict)

    def send(self, inputs: Iterable[Input], *, topic: str = "case.created") -> None:
        """Publish in order, each kind of compression in turn; the same key always by the same producer."""
        producers = [
            Producer({
                "bootstrap.servers": self.bootstrap, "compression.type": codec, "message.max.bytes": 8_000_000,
                "linger.ms": 50,
            })
            for codec in ("none", "gzip", "snappy", "lz4", "zstd")
        ]  # fmt: skip
        zstd = producers[-1]
        for one, producer in zip(inputs, itertools.cycle(producers), strict=False):
            chosen = zstd if len(one.value or b"") > 1_048_000 else producer
            where = {} if one.partition is None else {"partition": one.partition}
            chosen.produce(
                self.prefix + topic, one.value, key=one.name, headers=one.headers(), on_delivery=self._noted(one.name),
                **where,
            )  # fmt: skip
        assert [producer.flush(30) for producer in producers] == [0] * len(producers)

    def _noted(self, name: str) -> Any:
        def noted(error: Any, message: Delivered) -> None:
            assert error is None, (name, error)
            topic = str(message.topic()).removeprefix(self.prefix)
            self.places[name] = (topic, int(message.partition() or 0), int(message.offset() or 0))

        return noted


@dataclass
class Story:
    """The running system, and what was sent to it."""

    stack: Stack
    access: Access
    upstream: Upstream
    keys: dict[str, str]
    http: httpx.AsyncClient
    database: asyncpg.Connection
    sent: list[Input] = field(default_factory=list)

    async def everything(self) -> dict[str, list[Record]]:
        settings = ServiceSettings(
            database_url="unused", kafka_bootstrap_servers=self.stack.bootstrap, http_port=0,
            topic_prefix=self.stack.topic_prefix,
        )  # fmt: skip
        async with open_bus(settings, service="checker", health=Health(), metrics=Metrics("checker")) as bus:
            return {topic: await bus.read_all(topic) for topic in load_topics()}

    async def settled(self, *, cases: int, letters: int) -> dict[str, list[Record]]:
        """Wait until that many cases have a decision or an open review, and that many records are put aside."""
        deadline = time.monotonic() + SETTLE_SECONDS
        while True:
            self.check_alive()
            done = await self.database.fetchval(OUTCOMES_SQL)
            records = await self.everything() if done >= cases else {}
            if records and len(records[DEAD_LETTER]) >= letters:
                return records
            found = {topic: len(of_topic) for topic, of_topic in records.items()}
            assert time.monotonic() < deadline, f"{done} of {cases} cases, {letters} letters wanted: {found}"
            await asyncio.sleep(0.3)

    def check_alive(self) -> None:
        for service, process in self.stack.processes.items():
            assert process.poll() is None, f"{service} ended: {self.stack.last_words(service)}"

    async def command(self, *arguments: str) -> Any:
        """Run `countersign dead-letters ...` as an operator does and return what it prints."""
        environment = {
            **self.stack.variables("inference"), "STATE_DIR": str(self.stack.directory / "operator"),
            "COUNTERSIGN_STATE_DIR": str(self.stack.directory / "operator"),
        }  # fmt: skip
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "countersign_local", "dead-letters", *arguments, env=environment,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode == 0, err.decode()
        return json.loads(out) if "--json" in arguments else out
