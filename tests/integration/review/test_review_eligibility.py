from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any

import pytest

from countersign_review.domain.eligibility import Amount, Demand, Profile, lacks
from countersign_review.store.claimed import demand_of
from countersign_review.store.people import profile_of
from tests.integration.review.harness import Desk

pytestmark = pytest.mark.postgres

NOW = datetime(2026, 3, 2, tzinfo=UTC)
TIERS = ("negligible", "low", "medium", "high", "critical")


def some_user(chance: Random, number: int) -> dict[str, Any]:
    limit = chance.choice([None, Decimal(100), Decimal("99.99")])
    return {
        "username": f"user-{number}", "pseudonym": f"u_{number}", "display_name": "x", "created_at": NOW,
        "roles": chance.choice([["reviewer"], ["lead"], ["reviewer", "lead"]]),
        "tenants": chance.choice([["*"], ["a"], ["a", "b"]]),
        "decision_types": chance.choice([None, [], ["loan"], ["loan", "refund"]]),
        "max_tier_rank": chance.randrange(5), "amount_limit": limit,
        "currency": None if limit is None else chance.choice(["USD", "EUR"]),
        "skills": chance.choice([[], ["mortgage"], ["mortgage", "fraud"]]),
        "languages": chance.choice([None, ["de"], ["de", "fr"]]),
    }  # fmt: skip


def some_review(chance: Random, number: int) -> dict[str, Any]:
    amount = chance.choice([None, Decimal(100), Decimal("100.01")])
    return {
        "review_id": f"r-{number}", "tenant": chance.choice("abc"), "case_id": f"c-{number}",
        "kind": chance.choice(["decision", "audit"]), "state": "waiting", "queue": "q",
        "decision_type": chance.choice(["loan", "refund"]), "title": "t", "reason": "r", "withheld": False, "level": 4,
        "tier_rank": chance.randrange(5), "priority": 0, "amount": amount,
        "currency": None if amount is None else chance.choice(["USD", "EUR"]),
        "skills": chance.choice([[], ["mortgage"], ["fraud"]]), "roles": chance.choice([[], [], ["lead"]]),
        "language": chance.choice([None, "de", "fr"]),
        "submitted_by": chance.choice(["upstream", "user-1", "u_2", "user-3"]), "reviewers_required": 1,
        "created_at": NOW, "due_at": NOW, "at_risk_at": NOW, "due_minute": 0, "payload_sha256": "0", "test": False,
        "escalated": chance.random() < 0.1, "stage": chance.choice(["first", "second", "adjudication"]),
        "excluded": chance.choice([[], [], ["u_1", "u_4"]]), "assigned_to": chance.choice([None, None, None, "u_5"]),
    }  # fmt: skip


async def insert(desk: Desk, table: str, rows: list[dict[str, Any]]) -> None:
    names = list(rows[0])
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    await desk.pool.executemany(
        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", [list(row.values()) for row in rows]
    )


async def test_review_the_database_and_the_rule_in_words_agree(desk: Desk) -> None:
    chance = Random(7)
    users = [some_user(chance, number) for number in range(40)]
    reviews = [some_review(chance, number) for number in range(60)]
    await insert(desk, "users", users)
    await insert(desk, "reviews", reviews)
    rows = await desk.pool.fetch(
        "SELECT u.username, r.review_id, eligible(u, r) AS fits FROM users u CROSS JOIN reviews r"
    )
    fits = {(row["username"], row["review_id"]): row["fits"] for row in rows}
    stored_users = [dict(row) for row in await desk.pool.fetch("SELECT * FROM users")]
    stored_reviews = await desk.pool.fetch("SELECT * FROM reviews")
    agreed = {True: 0, False: 0}
    for user in stored_users:
        profile = profile_of(user, roles=frozenset(user["roles"]), tenants=frozenset(user["tenants"]))
        for review in stored_reviews:
            missing = lacks(profile, demand_of(review))
            fit = fits[user["username"], review["review_id"]]
            assert (missing == []) == fit, (user, dict(review), missing)
            agreed[fit] += 1
    assert agreed[True] > 20
    assert agreed[False] > 1000


async def test_review_nobody_eligible_is_counted(desk: Desk) -> None:
    from countersign_review.store.figures import Figures

    await insert(desk, "reviews", [some_review(Random(1), 1) | {"skills": ["astrology"], "tier_rank": 0}])
    await desk.add_user("ana")
    figures = Figures(desk.pool, desk.parts.types, desk.metrics, desk.clock)
    await figures.measure()
    assert desk.metrics.gauge("review_unassignable_cases")._value.get() == 1
    exposition = desk.metrics.exposition().decode()
    assert 'countersign_review_queue_depth{queue="q"} 1.0' in exposition
    await desk.pool.execute("UPDATE reviews SET state = 'decided'")
    await figures.measure()
    assert "countersign_review_queue_depth{" not in desk.metrics.exposition().decode()


async def test_review_what_is_past_its_deadline_is_counted_before_anybody_decides_it(desk: Desk) -> None:
    from countersign_review.store.figures import Figures

    now = desk.clock()
    dues = [now - timedelta(hours=2), now - timedelta(seconds=1), now + timedelta(seconds=1)]
    await insert(desk, "reviews", [some_review(Random(1), number) | {"due_at": due} for number, due in enumerate(dues)])
    figures = Figures(desk.pool, desk.parts.types, desk.metrics, desk.clock)
    await figures.measure()
    assert 'countersign_review_overdue{queue="q"} 2.0' in desk.metrics.exposition().decode()
    await desk.pool.execute("UPDATE reviews SET state = 'decided'")
    await figures.measure()
    assert "countersign_review_overdue{" not in desk.metrics.exposition().decode()


async def test_review_upstream_cannot_invent_series_of_metrics(desk: Desk) -> None:
    from countersign_review.store.figures import Figures
    from tests.integration.review.harness import record, routed

    invented = [f"invented-{number}" for number in range(3)]
    await desk.take_in(*(record("case.routed", routed(name, decision_type=name)) for name in invented))
    figures, ana = Figures(desk.pool, desk.parts.types, desk.metrics, desk.clock), await desk.client("ana")
    await figures.measure()
    assert 'open_cases{decision_type="unknown",state="waiting"} 3.0' in desk.metrics.exposition().decode()
    assert (await ana.decide(await ana.claimed())).status_code == 200
    exposition = desk.metrics.exposition().decode()
    assert 'decisions_total{decision_type="unknown",mode="human_with_ai",' in exposition
    assert 'time_to_decision_seconds_count{decision_type="unknown",level="4"} 1.0' in exposition
    assert "invented" not in exposition


def test_review_profiles_and_demands_can_be_compared() -> None:
    demand = Demand("a", "loan", 0, amount=Amount(Decimal("1.0"), "USD"))
    profile = Profile("n", "p", frozenset(), frozenset("a"), None, "low", Amount(Decimal(1), "USD"), frozenset(), None)
    assert lacks(profile, demand) == []
