"""The bare pipeline's router: the least that a router of this shape can do, as a floor for ours.

Raw aiokafka with explicit batches, orjson, ten CEL conditions, one ``unnest`` insert a batch; no reasons, no handling,
no samples, no controls, no repeats. A process of its own: ``python -m tests.bench.bare_router BOOTSTRAP URL PREFIX
COUNT`` prints wall and CPU seconds as JSON.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import asyncpg
import orjson
import uvloop
from aiokafka import AIOKafkaProducer
from cel_expr_python import cel

from tests.bench.bare import drained, send

CONDITIONS = (
    "amount > 40000000", "amount > 25000000 && ltv > 80.0", "obligations > 36.0", "ltv > 97.0", "!verified",
    "!guidelines", "bankrupt", "record == 'delinquent_90_days'", "outcome == 'decline'",
    "confidence < 0.5 || completeness < 1.0",
)  # fmt: skip
TABLE = "CREATE TABLE IF NOT EXISTS bare_routings (case_id text PRIMARY KEY, level smallint, body bytea)"
INSERT = (
    "INSERT INTO bare_routings SELECT * FROM unnest($1::text[], $2::smallint[], $3::bytea[]) ON CONFLICT DO NOTHING"
)
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
            sends += await send(self._producer, f"{self._prefix}case.routed", part.partition, routed)
            sends += await send(self._producer, f"{self._prefix}decision.made", part.partition, decided)
        await self._connection.execute(INSERT, *map(list, zip(*rows, strict=True)))
        await asyncio.gather(*sends)
        return len(rows)

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


if __name__ == "__main__":
    bootstrap, url, prefix, count = sys.argv[1:]
    running = drained(
        Bare, table=TABLE, topic="case.scored", bootstrap=bootstrap, url=url, prefix=prefix, count=int(count)
    )
    print(json.dumps(uvloop.run(running)))
