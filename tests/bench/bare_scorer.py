"""The bare pipeline's scorer: the least that an inference of this shape can do, as a floor for ours.

Raw aiokafka with explicit batches, orjson, one run of the committed ONNX model and one ``unnest`` insert a batch;
no checks of envelope or schema, no calibration, explanation or signals, no repeats. A process of its own: ``python -m
tests.bench.bare_scorer BOOTSTRAP URL PREFIX COUNT`` prints wall and CPU seconds as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import asyncpg
import numpy as np
import orjson
import uvloop
from aiokafka import AIOKafkaProducer

from countersign_inference.adapters.onnx import onnx_runtime
from countersign_inference.domain.features import Features
from countersign_inference.manifest import ARTIFACT, TabularOnnx, read_files, read_manifest
from countersign_inference.registry import PACKAGED_MODELS
from tests.bench.bare import drained, send

TABLE = "CREATE TABLE IF NOT EXISTS bare_scores (case_id text PRIMARY KEY, body bytea)"
INSERT = "INSERT INTO bare_scores SELECT * FROM unnest($1::text[], $2::bytea[]) ON CONFLICT DO NOTHING"


class Bare:
    """Scores one batch after the other."""

    def __init__(self, producer: AIOKafkaProducer, connection: asyncpg.Connection, prefix: str) -> None:
        manifest = read_manifest(PACKAGED_MODELS / "loan_application.yaml")
        if not isinstance(manifest, TabularOnnx):
            raise TypeError("the committed model of loan applications is no ONNX model")
        self._features = Features(manifest.inputs, manifest.columns)
        runtime = onnx_runtime()
        options = runtime.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        artifact = read_files(manifest, PACKAGED_MODELS / "loan_application")[ARTIFACT]
        self._session = runtime.InferenceSession(artifact, options, providers=["CPUExecutionProvider"])
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
            sends += await send(self._producer, name, partition, values)
        return sends


if __name__ == "__main__":
    bootstrap, url, prefix, count = sys.argv[1:]
    running = drained(
        Bare, table=TABLE, topic="case.created", bootstrap=bootstrap, url=url, prefix=prefix, count=int(count)
    )
    print(json.dumps(uvloop.run(running)))
