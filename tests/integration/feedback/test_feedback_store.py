"""The counts on a real PostgreSQL: any order, any number of times, several at once, always the same numbers."""

from __future__ import annotations

import asyncio
import random
from collections import defaultdict
from collections.abc import Iterable
from datetime import date
from typing import Any

import asyncpg
import orjson
import pytest

from countersign_feedback.app import set_gauges
from countersign_feedback.domain.figures import Counts
from countersign_feedback.domain.summary import Scope
from countersign_feedback.handlers import Handler
from countersign_feedback.store import Store
from countersign_shared.errors import FatalError
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Record
from countersign_shared.observability import Metrics
from tests.unit.feedback.events import decided, judged, routed

Stream = list[Record]


def record(
    topic: str, body: dict[str, Any], *, time: str = "2026-01-02T03:04:05.000000Z", partition: int = 0
) -> Record:
    message = write_event(
        topic, event_id="e-1", source="/countersign/test", case_id=body["case_id"], time=time,
        body=orjson.dumps(body), partition=partition,
    )  # fmt: skip
    return Record(topic, partition, 0, 0, message.key, message.value, message.headers)


def life(case_id: str, chance: random.Random) -> tuple[Stream, str, str, Counts]:
    """One case's events, the cell they belong to, and what they must add up to."""
    tier, reason = chance.choice(["low", "high"]), chance.choice(["matrix", "new_customer"])
    automatic = chance.random() < 0.7
    events = [record("case.routed", routed(case_id, tier=tier, reasons=[reason], level=2 if automatic else 3))]
    counts = Counts(cases=1)
    if automatic:
        events.append(record("decision.made", decided(case_id)))
        counts += Counts(automatic=1)
        if chance.random() < 0.3:
            probability, error = chance.choice([0.1, 0.25]), chance.random() < 0.2
            events.append(record("activity.recorded", judged(case_id, error=error, probability=probability)))
            weight = round(1_000_000 / probability)
            counts += Counts(
                audits=1, audit_errors=error, weight=weight, weight_squared=weight**2, error_weight=weight * error
            )
    elif chance.random() < 0.8:
        relation = chance.choice(["agreed", "modified", "overrode"])
        events.append(record("decision.made", decided(case_id, mode="human_with_ai", relation=relation)))
        counts += Counts(**{f"assisted_{relation}": 1})
        if chance.random() < 0.1:
            later = decided(case_id, mode="human", relation="overrode", supersedes="d-1")
            events.append(record("decision.made", later))
            counts += Counts(reversed=1)
    return events, tier, reason, counts


def story(cases: int, seed: int) -> tuple[Stream, dict[tuple[str, str], Counts]]:
    chance = random.Random(seed)
    events: Stream = []
    expected: dict[tuple[str, str], Counts] = defaultdict(Counts)
    for n in range(cases):
        lived, tier, reason, counts = life(f"case-{n}", chance)
        events += lived
        expected[tier, reason] += counts
    return events, dict(expected)


def batches(events: Stream, chance: random.Random, largest: int = 60) -> Iterable[Stream]:
    start = 0
    while start < len(events):
        size = chance.randint(1, largest)
        yield events[start : start + size]
        start += size


async def counted(store: Store) -> dict[tuple[str, str], Counts]:
    found: dict[tuple[str, str], Counts] = defaultdict(Counts)
    for row in await store.rows(Scope()):
        found[row.tier, row.reasons[0]] += row.counts
    return dict(found)


async def labels(pool: asyncpg.Pool) -> list[tuple[Any, ...]]:
    found = await pool.fetch("SELECT * FROM labels ORDER BY tenant, case_id")
    # The number of a cell depends on who was first.
    return [tuple(value for name, value in row.items() if name != "cell_id") for row in found]


@pytest.mark.parametrize("seed", range(4))
async def test_any_order_and_any_number_of_times(pool: asyncpg.Pool, seed: int) -> None:
    events, expected = story(400, seed)
    chance = random.Random(1000 + seed)
    delivered = events + chance.choices(events, k=len(events))
    chance.shuffle(delivered)
    handler = Handler(Store(pool))
    for batch in batches(delivered, chance):
        assert await handler(batch) == ()
    assert await counted(Store(pool)) == expected
    assert await Store(pool).unplaced(Scope()) == 0
    mixed = await labels(pool)
    await pool.execute("TRUNCATE cases, labels, counters, answers, reviewers")
    for batch in batches(events, random.Random(0)):
        await handler(batch)
    assert await labels(pool) == mixed
    answered = await pool.fetchval("SELECT count(error) FROM labels")
    assert answered == sum(counts.audits for counts in expected.values())


async def test_the_same_numbers_after_a_replay_from_the_beginning(pool: asyncpg.Pool) -> None:
    events, expected = story(300, 7)
    for _ in range(3):
        handler = Handler(Store(pool))
        for batch in batches(events, random.Random(1)):
            await handler(batch)
        assert await counted(Store(pool)) == expected
    written = await pool.fetchval("SELECT sum(n_tup_upd) FROM pg_stat_user_tables WHERE relname = 'cases'")
    assert (written or 0) < 2 * len(events)


async def test_replicas_at_once_with_the_same_records(pool: asyncpg.Pool) -> None:
    # A rebalance delivers the batch in flight again elsewhere; a case's topics may have different owners meanwhile.
    events, expected = story(600, 11)

    async def replica(seed: int) -> None:
        chance = random.Random(seed)
        mine = events[:]
        chance.shuffle(mine)
        handler = Handler(Store(pool))
        for batch in batches(mine, chance, largest=200):
            await handler(batch)

    async with asyncio.timeout(60):
        await asyncio.gather(*(replica(seed) for seed in range(5)))
    assert await counted(Store(pool)) == expected


async def test_a_batch_that_rolled_back_leaves_nothing_behind(pool: asyncpg.Pool) -> None:
    handler = Handler(Store(pool))
    await pool.execute("ALTER TABLE counters ADD CONSTRAINT refuse CHECK (cases < 0)")
    with pytest.raises(asyncpg.CheckViolationError):
        await handler([record("case.routed", routed())])
    await pool.execute("ALTER TABLE counters DROP CONSTRAINT refuse")
    # The cell's number was rolled back too: the handler must not remember it.
    await handler([record("case.routed", routed())])
    assert await counted(Store(pool)) == {("low", "matrix"): Counts(cases=1)}


async def test_test_cases_are_counted_nowhere(pool: asyncpg.Pool) -> None:
    store = Store(pool)
    await Handler(store)([record("case.routed", routed(test=True)), record("decision.made", decided())])
    assert await store.rows(Scope()) == []
    assert await store.unplaced(Scope()) == 0


async def test_a_decision_before_its_routing_waits_and_is_then_counted(pool: asyncpg.Pool) -> None:
    store = Store(pool)
    handler = Handler(store)
    await handler([record("decision.made", decided()), record("activity.recorded", judged(error=True))])
    assert await store.rows(Scope()) == []
    assert await store.unplaced(Scope()) == 1
    await handler([record("case.routed", routed())])
    (row,) = await store.rows(Scope())
    assert (row.counts.cases, row.counts.automatic, row.counts.audits, row.counts.audit_errors) == (1, 1, 1, 1)
    assert await store.unplaced(Scope()) == 0


async def test_scopes(pool: asyncpg.Pool) -> None:
    store = Store(pool)
    await Handler(store)(
        [
            record("case.routed", routed(tenant="a"), time="2026-01-01T23:59:59.999999Z"),
            record("case.routed", routed(tenant="b"), time="2026-01-02T00:00:00.000000Z"),
            record("case.routed", routed("case-2", tenant="b", decision_type="refund")),
            record("decision.made", decided("case-9", tenant="a")),
        ]
    )

    async def cases(**fields: Any) -> int:
        return sum(row.counts.cases for row in await store.rows(Scope(**fields)))

    assert await cases() == 3
    assert await cases(tenants=("a",)) == 1
    assert await cases(tenants=("a", "b")) == 3
    assert await cases(tenants=()) == 0
    assert await cases(decision_type="refund") == 1
    assert await cases(since=date(2026, 1, 2)) == 2
    assert await cases(until=date(2026, 1, 1)) == 1
    assert await store.unplaced(Scope(tenants=("a",))) == 1
    assert await store.unplaced(Scope(tenants=("b",))) == 0


@pytest.mark.parametrize(
    "value",
    [b"{", b"[]", b"{}", orjson.dumps({"tenant": "default", "case_id": "case-2"}), None],
    ids=["malformed", "array", "empty", "fields missing", "no value"],
)
@pytest.mark.parametrize("topic", ["case.routed", "decision.made", "activity.recorded"])
async def test_an_unreadable_event_stops_the_service_before_anything_is_counted(
    pool: asyncpg.Pool, topic: str, value: bytes | None
) -> None:
    good = record("case.routed", routed())
    bad = Record(topic, 3, 77, 0, b"case-1", value, good.headers)
    with pytest.raises(FatalError, match=rf"{topic}\[3\] at offset 77"):
        await Handler(Store(pool))([good, bad])
    assert await Store(pool).rows(Scope()) == []


FILL = """
WITH given AS (
    INSERT INTO cells (
        tenant, decision_type, tier, band, level, would_automate, reasons,
        model_name, model_version, calibrator_version, automation_sha256, test
    )
    SELECT tenant, 'refund', 'low', 'high', 2, true, '{}', 'm', '1', 'c', 'a', false
    FROM unnest(ARRAY['large', 'small']) AS tenant
    RETURNING cell_id, tenant
), filled AS (
    INSERT INTO cases (tenant, case_id, cell_id, routed_at, day, seen, added, confidence)
    SELECT tenant, number::text, cell_id, now(), current_date, 1, 1, random()
    FROM generate_series(1, 150000) AS number
    JOIN given ON given.tenant = CASE WHEN number % 150 = 0 THEN 'small' ELSE 'large' END
    RETURNING cell_id
)
INSERT INTO counters
SELECT cell_id, current_date, count(*), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 FROM filled GROUP BY cell_id
"""


async def test_a_small_tenant_beside_a_large_one_has_traffic_enough_to_compare_labels_with(pool: asyncpg.Pool) -> None:
    await pool.execute(FILL)
    await pool.execute("ANALYZE cases")
    numbers = {row["tenant"]: row["cell_id"] for row in await pool.fetch("SELECT tenant, cell_id FROM cells")}
    store = Store(pool)
    assert len(await store.traffic([numbers["small"]])) == 1_000
    assert 15_000 < len(await store.traffic([numbers["large"]])) <= 20_000
    assert await store.traffic([0]) == []


async def test_gauges_show_only_what_rests_on_enough(pool: asyncpg.Pool) -> None:
    store, metrics = Store(pool), Metrics("feedback")
    events = []
    for n in range(40):
        events += [
            record("case.routed", routed(f"case-{n}")),
            record("decision.made", decided(f"case-{n}")),
            record("activity.recorded", judged(f"case-{n}", error=n < 2)),
            record("case.routed", routed(f"person-{n}", tier="high", level=3)),
        ]
    await Handler(store)(events)
    await set_gauges(store, metrics, date(2026, 1, 2))

    def value(name: str, **labels: str) -> float | None:
        return metrics.registry.get_sample_value(f"countersign_{name}", labels)

    assert value("automation_error_rate", tier="low") == pytest.approx(0.05)
    # One-sided 95 %: Beta(3, 38) at 0.95.
    assert value("automation_error_rate_upper", tier="low") == pytest.approx(0.1492, abs=5e-4)
    assert value("automation_error_rate", tier="high") is None
    assert value("override_ratio", decision_type="loan_application") is None


async def test_gauges_tell_of_lately_so_that_years_of_right_ones_hide_nothing(pool: asyncpg.Pool) -> None:
    store, metrics = Store(pool), Metrics("feedback")

    async def lives(name: str, count: int, wrong: int, day: str) -> None:
        events = []
        for n in range(count):
            placed = record("case.routed", routed(f"{name}-{n}"), time=f"{day}T00:00:00.000000Z")
            events += [placed, record("activity.recorded", judged(f"{name}-{n}", error=n < wrong))]
        await Handler(store)(events)

    async def rate(today: date) -> float | None:
        await set_gauges(store, metrics, today)
        return metrics.registry.get_sample_value("countersign_automation_error_rate", {"tier": "low"})

    await lives("old", 400, 0, "2026-01-02")
    await lives("bad", 40, 20, "2026-06-01")
    assert await rate(date(2026, 6, 2)) == pytest.approx(0.5)
    assert await rate(date(2026, 8, 1)) == pytest.approx(0.5), "the newest that are enough"
    await lives("mended", 40, 0, "2026-07-15")
    assert await rate(date(2026, 7, 16)) == 0.0
    assert await rate(date(2027, 7, 16)) == pytest.approx(20 / 480)
