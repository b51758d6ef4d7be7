"""The bare pipeline's router: the least that a router of this shape can do, as a floor for ours.

Raw aiokafka with explicit batches, orjson, ten CEL conditions, one ``unnest`` insert a batch; no reasons, no handling,
no samples, no controls, no repeats. A process of its own: ``python -m tests.bench.bare_router BOOTSTRAP URL PREFIX
COUNT`` prints wall and CPU seconds as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from cel_expr_python import cel

CONDITIONS = (
    "amount > 40000000", "amount > 25000000 && ltv > 80.0", "obligations > 36.0", "ltv > 97.0", "!verified",
    "!guidelines", "bankrupt", "record == 'delinquent_90_days'", "outcome == 'decline'",
    "confidence < 0.5 || completeness < 1.0",
)  # fmt: skip
TABLE = "CREATE TABLE IF NOT EXISTS bare_routings (case_id text PRIMARY KEY, level smallint, body bytea)"
INSERT = (
    "INSERT INTO bare_routings SELECT * FROM unnest($1::text[], $2::smallint[], $3::bytea[]) ON CONFLICT DO NOTHING"
)
BATCH = 500
AUTOMATIC = 0.7
"""Above this confidence a case for which no condition holds is decided at once."""


class Bare:
    """Routes one batch after the other."""

    def __init__(self, producer: AIOKafkaProducer, connection: asyncpg.Connection, prefix: str) -> None:
        number, text, flag = cel.Type.DOUBLE, cel.Type.STRING, cel.Type.BOOL
        environment = cel.NewEnv(variables={
            "amount": cel.Type.INT, "ltv": number, "obligations": number, "verified": flag, "guidelines": flag,
            "bankrupt": flag, "record": text, "outcome": text, "confidence": number, "completeness": number,
        })  # fmt: skip
        self._environment = environment
        self._conditions = [environment.compile(text) for text in CONDITIONS]
        self._producer, self._connection, self._prefix = producer, connection, prefix

    async def take(self, batches: dict[Any, list[Any]]) -> int:
        """Route, store and publish; returns how many cases."""
        rows: list[tuple[str, int, bytes]] = []
        sends = []
        for part, records in batches.items():
            routed, decided = [], []
            for record in records:
                scored = orjson.loads(record.value)
                level = self._level(scored)
                body = orjson.dumps({**scored, "level": level})
                rows.append((scored["case_id"], level, body))
                routed.append((record, body))
                if level == 1:
                    outcome = scored["proposal"]["outcome"]
                    decided.append((record, orjson.dumps({"case_id": scored["case_id"], "outcome": outcome})))
            sends += await self._send("case.routed", part.partition, routed)
            sends += await self._send("decision.made", part.partition, decided)
        await self._connection.execute(INSERT, *map(list, zip(*rows, strict=True)))
        await asyncio.gather(*sends)
        return len(rows)

    async def _send(self, topic: str, partition: int, values: list[tuple[Any, bytes]]) -> list[Any]:
        name, batch, sends = self._prefix + topic, self._producer.create_batch(), []
        for record, value in values:
            headers = list(record.headers)
            if batch.append(key=record.key, value=value, timestamp=None, headers=headers) is None:
                sends.append(await self._producer.send_batch(batch, name, partition=partition))
                batch = self._producer.create_batch()
                batch.append(key=record.key, value=value, timestamp=None, headers=headers)
        if batch.record_count():
            sends.append(await self._producer.send_batch(batch, name, partition=partition))
        return sends

    def _level(self, scored: dict[str, Any]) -> int:
        payload, proposal = scored["case"]["payload"], scored["proposal"]
        data = {
            "amount": int(float(payload["loan_amount"]) * 100), "ltv": float(payload["loan_to_value"]),
            "obligations": float(payload["total_obligations_ratio"]), "verified": payload["information_verified"],
            "guidelines": payload["credit_meets_guidelines"], "bankrupt": payload["bankruptcy_on_record"],
            "record": payload["consumer_credit_record"], "outcome": proposal["outcome"],
            "confidence": proposal["confidence"], "completeness": scored["signals"]["completeness"]["value"],
        }  # fmt: skip
        activation = self._environment.Activation(data)
        # Each by itself, as the library offers it; all are asked, as a router that gives reasons must.
        held = [condition.eval(activation).plain_value() for condition in self._conditions]
        return 4 if True in held or proposal["confidence"] < AUTOMATIC else 1


async def route(bootstrap: str, url: str, prefix: str, count: int) -> dict[str, float]:
    """Route ``count`` cases of case.scored to their end."""
    consumer = AIOKafkaConsumer(
        f"{prefix}case.scored", bootstrap_servers=bootstrap, group_id=f"bare-{prefix}", enable_auto_commit=False,
        auto_offset_reset="earliest", max_partition_fetch_bytes=4_194_304,
    )  # fmt: skip
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=1_000_000,
        # As ours does, so that the ratio is about routing.
        max_request_size=4_000_000, compression_type="zstd",
    )  # fmt: skip
    connection = await asyncpg.connect(url)
    await connection.execute(TABLE)
    await producer.start()
    await consumer.start()
    bare, seen, began, cpu = Bare(producer, connection, f"bare{prefix}"), 0, 0.0, 0.0
    while seen < count:
        batches = await consumer.getmany(timeout_ms=500, max_records=BATCH)
        if batches and not began:
            began, cpu = time.perf_counter(), time.process_time()
        if batches:
            seen += await bare.take(batches)
            await consumer.commit()
    result = {"seconds": time.perf_counter() - began, "cpu_seconds": time.process_time() - cpu}
    await consumer.stop()
    await producer.stop()
    await connection.close()
    return result


if __name__ == "__main__":
    bootstrap, url, prefix, count = sys.argv[1:]
    print(json.dumps(uvloop.run(route(bootstrap, url, prefix, int(count)))))
