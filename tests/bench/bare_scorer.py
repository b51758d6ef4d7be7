"""The bare pipeline's scorer: the least that an inference of this shape can do, as a floor for ours.

Raw aiokafka with explicit batches, orjson, one run of the committed ONNX model and one ``unnest`` insert a batch;
no checks of envelope or schema, no calibration, explanation or signals, no repeats. A process of its own: ``python -m
tests.bench.bare_scorer BOOTSTRAP URL PREFIX COUNT`` prints wall and CPU seconds as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from typing import Any

import asyncpg
import numpy as np
import onnxruntime
import orjson
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from countersign_inference.domain.features import Features
from countersign_inference.manifest import ARTIFACT, TabularOnnx, read_files, read_manifest
from countersign_inference.registry import PACKAGED_MODELS

TABLE = "CREATE TABLE IF NOT EXISTS bare_scores (case_id text PRIMARY KEY, body bytea)"
INSERT = "INSERT INTO bare_scores SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT DO NOTHING"
BATCH = 500


class Bare:
    """Scores one batch after the other."""

    def __init__(self, producer: AIOKafkaProducer, connection: asyncpg.Connection, prefix: str) -> None:
        manifest = read_manifest(PACKAGED_MODELS / "loan_application.yaml")
        if not isinstance(manifest, TabularOnnx):
            raise TypeError("the committed model of loan applications is no ONNX model")
        self._features = Features(manifest.inputs, manifest.columns)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        artifact = read_files(manifest, PACKAGED_MODELS / "loan_application")[ARTIFACT]
        self._session = onnxruntime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self._producer, self._connection, self._prefix = producer, connection, prefix

    async def take(self, batches: dict[Any, list[Any]]) -> int:
        """Score, store and publish; returns how many cases."""
        records = [(part.partition, record) for part, found in batches.items() for record in found]
        cases = [orjson.loads(record.value) for _, record in records]
        matrix = self._features.matrix(self._features.read([case["payload"] for case in cases]).values)
        both = self._session.run(["probabilities"], {self._input: matrix.astype(np.float32)})[0]
        rows, bodies = [], []
        for case, sure in zip(cases, both[:, 1].tolist(), strict=True):
            outcome, confidence = ("approve", sure) if sure >= 0.5 else ("decline", 1.0 - sure)
            bodies.append(orjson.dumps({
                "case_id": case["case_id"], "decision_type": case["decision_type"], "case": case,
                "proposal": {"outcome": outcome, "confidence": confidence},
            }))  # fmt: skip
            rows.append(case["case_id"])
        await self._connection.execute(INSERT, rows, bodies)
        await asyncio.gather(*await self._send(records, bodies))
        return len(rows)

    async def _send(self, records: list[tuple[int, Any]], bodies: list[bytes]) -> list[Any]:
        name, sends = f"{self._prefix}case.scored", []
        by_partition: dict[int, list[tuple[Any, bytes]]] = {}
        for (partition, record), body in zip(records, bodies, strict=True):
            by_partition.setdefault(partition, []).append((record, body))
        for partition, values in by_partition.items():
            batch = self._producer.create_batch()
            for record, value in values:
                headers = list(record.headers)
                if batch.append(key=record.key, value=value, timestamp=None, headers=headers) is None:
                    sends.append(await self._producer.send_batch(batch, name, partition=partition))
                    batch = self._producer.create_batch()
                    batch.append(key=record.key, value=value, timestamp=None, headers=headers)
            sends.append(await self._producer.send_batch(batch, name, partition=partition))
        return sends


async def score(bootstrap: str, url: str, prefix: str, count: int) -> dict[str, float]:
    """Score ``count`` cases of case.created to their end."""
    consumer = AIOKafkaConsumer(
        f"{prefix}case.created", bootstrap_servers=bootstrap, group_id=f"bare-{prefix}", enable_auto_commit=False,
        auto_offset_reset="earliest", max_partition_fetch_bytes=4_194_304,
    )  # fmt: skip
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap, acks="all", enable_idempotence=True, max_batch_size=1_000_000,
        # As ours does, so that the ratio is about scoring.
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
    print(json.dumps(uvloop.run(score(bootstrap, url, prefix, int(count)))))
