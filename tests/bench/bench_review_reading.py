"""Reading at a desk of 100,000 stored cases: context packages with precedents, queue counts, searches.

    python -m tests.bench.bench_review_reading [--cases 100000] [--waiting 17000]

One process and one PostgreSQL with fsync on. Half of the stored cases were decided by people, the others automatically;
each subject has five. The first five thousand are different, and copied as the service would have written them; the
others are theirs again under other names, which is what a filled table costs.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson

from countersign_local.parts.postgres import postgres
from countersign_review.domain.likeness import signature
from countersign_review.store.case_index import CaseIndex
from countersign_review.store.intake import CASE_COLUMNS, DECISION_COLUMNS
from countersign_review.store.precedents import _scope
from countersign_shared.postgres.bodies import bodies
from tests.integration.review.harness import START, Desk, open_desk, record, routed

SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "4GB", "max_connections": "60"}
BATCH = 1_000
DISTINCT = 5_000
MULTIPLY = (
    """INSERT INTO cases (tenant, case_id, decision_type, subject_ref, level, partition, event_id, routed_at, body)
       SELECT tenant, 'c-' || n, decision_type, 's-' || n / 5, level, partition, 'e-' || n,
              routed_at + (n - n % $2) * interval '1 minute', body
       FROM generate_series($2::bigint, $1::bigint - 1) AS n JOIN cases AS c ON c.arrival = 1 + n % $2 ORDER BY n""",
    """INSERT INTO decisions
       SELECT d.tenant, 'c-' || n, 'd-' || n, NULL, d.outcome, d.outcome_params, d.closed_as, d.mode, d.relation,
              d.decided_at + (n - n % $2) * interval '1 minute'
       FROM generate_series($2::bigint, $1::bigint - 1) AS n JOIN decisions AS d ON d.case_id = 'c-' || n % $2""",
    """INSERT INTO precedents
       SELECT 1 + n, p.code FROM generate_series($2::bigint, $1::bigint - 1) AS n
       JOIN precedents AS p ON p.arrival = 1 + n % $2""",
    """INSERT INTO precedent_places
       SELECT p.scope, p.tree, p.place, 1 + n FROM generate_series($2::bigint, $1::bigint - 1) AS n
       JOIN precedent_places AS p ON p.arrival = 1 + n % $2""",
    """INSERT INTO case_index
       SELECT arrival, arrival % 5, array_to_tsvector(ARRAY[case_id, split_part(case_id, '-', 2), subject_ref])
       FROM cases WHERE $1::bigint > $2::bigint""",
)
QUERIES = (
    "", "q=c-4711", "q=310", "subject=s-77", "case_id=c-99", "state=human_review", "outcome=decline&level=4",
    "tier=critical", "decided_by=person&tier=high", "until=2026-01-15T00:00:00Z",
)  # fmt: skip


def loan(number: int, chance: random.Random, base: dict[str, Any]) -> dict[str, Any]:
    name, subject = f"c-{number}", f"s-{number // 5}"
    payload = {
        **base["case"]["payload"],
        "loan_amount": str(round(10 ** chance.uniform(4.5, 6.2))),
        "purchase_price": str(round(10 ** chance.uniform(4.5, 6.3))),
        "loan_to_value": round(chance.uniform(20, 110), 1),
        "term_months": chance.choice([120, 180, 240, 360]),
        "monthly_income": str(round(10 ** chance.uniform(3, 4.5))),
        "self_employed": chance.random() < 0.2,
        "total_obligations_ratio": round(chance.uniform(10, 60), 1),
        "net_worth": str(chance.randint(-50_000, 900_000)),
        "consumer_credit_record": chance.choice(["no_delinquency", "delinquent_60_days", "insufficient"]),
    }
    case = {**base["case"], "case_id": name, "subject_ref": subject, "payload": payload}
    return {**base, "case_id": name, "subject_ref": subject, "level": 4 if number % 2 else 1, "case": case}


async def fill(desk: Desk, cases: int) -> None:
    chance, known, began = random.Random(1), desk.parts.types["loan_application"], time.perf_counter()
    base = routed()
    scope = _scope("default", "loan_application")
    for first in range(0, DISTINCT, BATCH):
        rows, decided, codes, places = [], [], [], []
        for number in range(first, first + BATCH):
            body, at = loan(number, chance, base), START - timedelta(minutes=cases - number)
            case = ("default", f"c-{number}", "loan_application", f"s-{number // 5}", None, body["level"], 3,
                    f"e-{number}", at, bodies().pack(orjson.dumps(body)))  # fmt: skip
            rows.append(case)
            mode = "human_with_ai" if number % 2 else "automatic"
            decided.append(("default", case[1], f"d-{number}", None, chance.choice(["approve", "decline"]), b"{}",
                            "decided", mode, "agreed", at))  # fmt: skip
            if number % 2 and (own := signature(body["case"]["payload"], known)):
                codes.append((number + 1, own.code))
                places += [(scope, tree, key, number + 1) for tree, key in enumerate(own.keys, start=1)]
        async with desk.pool.acquire() as connection:
            for table, records, columns in (
                ("cases", rows, CASE_COLUMNS),
                ("decisions", decided, DECISION_COLUMNS),
                ("precedents", codes, ("arrival", "code")),
                ("precedent_places", places, ("scope", "tree", "place", "arrival")),
            ):
                await connection.copy_records_to_table(table, records=records, columns=columns)
    for statement in MULTIPLY:
        await desk.pool.execute(statement, cases, DISTINCT)
    print(f"filled: {cases:,} cases in {time.perf_counter() - began:.0f} s")
    since = time.perf_counter()
    await desk.pool.execute("DELETE FROM case_index WHERE arrival > $1", cases - BATCH)
    indexed = await CaseIndex(desk.pool, desk.parts.types, desk.clock, quiet_seconds=0.0).catch_up()
    print(f"indexed by words: {(time.perf_counter() - since) / max(indexed, 1) * 1e6:.0f} us a case")
    await desk.pool.execute("ANALYZE")


async def measure(name: str, times: int, call: Callable[[int], Awaitable[Any]]) -> None:
    took = []
    for number in range(times):
        since = time.perf_counter()
        await call(number)
        took.append((time.perf_counter() - since) * 1_000)
    took.sort()
    p95 = took[int(len(took) * 0.95)]
    print(f"{name}: p50 {statistics.median(took):.1f} ms, p95 {p95:.1f} ms, worst {took[-1]:.1f} ms")


async def look(desk: Desk, waiting: int) -> None:
    base, chance = routed(), random.Random(2)
    for first in range(0, waiting, 500):
        await desk.take_in(*(
            record("case.routed", loan(10_000_001 + 2 * number, chance, base) | {"subject_ref": f"s-{number}"})
            for number in range(first, min(first + 500, waiting))
        ))  # fmt: skip
    await desk.pool.execute("ANALYZE")
    ana, eve = await desk.client("ana"), await desk.client("eve", "auditor")
    similar = []

    async def context(_: int) -> None:
        async with desk.pool.acquire() as connection, connection.transaction():
            review = await connection.fetchrow("SELECT * FROM reviews ORDER BY random() LIMIT 1")
            case = await connection.fetchrow("SELECT body FROM cases WHERE case_id = $1", review["case_id"])
            routed_case = orjson.loads(bodies().unpack(case["body"]))
            since = time.perf_counter()
            shown = await desk.parts.views.show(connection, review, routed_case)
            alone.append((time.perf_counter() - since) * 1_000)
            similar.append(len(orjson.loads(shown.package)["history"]["similar"]))

    alone: list[float] = []
    for number in range(300):
        await context(number)
    alone.sort()
    print(f"context package: p50 {statistics.median(alone):.1f} ms, p95 {alone[int(len(alone) * 0.95)]:.1f} ms, "
          f"{statistics.mean(similar):.1f} similar cases each")  # fmt: skip

    async def claim(_: int) -> None:
        # The clock of the desk stands, and so would the allowance of writes.
        desk.clock.forward(seconds=1)
        taken = await ana.claimed()
        assert (await ana.post(f"/claims/{taken['claim_id']}/release")).status_code == 204

    async def search(query: str) -> None:
        answer = await eve.get(f"/cases?{query}")
        assert answer.status_code == 200, answer.text

    await measure("claim and release over HTTP", 150, claim)
    await measure(f"queue counts, {waiting:,} waiting", 50, lambda _: ana.get("/queues"))
    for query in QUERIES:
        await measure(f"search ?{query}", 20, lambda _, query=query: search(query))


async def run(cases: int, waiting: int) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="countersign-bench-") as directory,
        postgres(Path(directory), environ=os.environ, settings=SETTINGS) as server,
    ):
        async with open_desk(server.url) as desk:
            await fill(desk, cases)
            await look(desk, waiting)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", type=int, default=100_000)
    parser.add_argument("--waiting", type=int, default=17_000)
    given = parser.parse_args()
    asyncio.run(run(given.cases, given.waiting))


if __name__ == "__main__":
    main()
