"""Counting what waits, for whoever asks."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from countersign_review.domain.eligibility import Amount
from countersign_review.store import claims
from tests.integration.review.harness import Desk, record, routed

pytestmark = pytest.mark.postgres


async def test_review_counts_only_what_somebody_can_reach_and_says_when_there_may_be_more(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(3)
    for number in range(40):
        await desk.take_in(record("case.routed", routed(
            f"c-{number}", tenant=chance.choice(["a", "b"]), queue=chance.choice(["junior", "senior", "third"]),
            consequence={"tier": chance.choice(["low", "high"]), "factors": {}},
            handling={"skills": chance.choice([[], ["german"]]), "authority": None},
            case={"amount": {"value": str(chance.choice([10, 1000])), "currency": "USD"}},
        )))  # fmt: skip
    people = {
        "ana": {"tenants": ("a",)}, "ben": {"max_tier": "low"}, "eve": {"skills": ["german"]},
        "kim": {"amount_limit": Amount(Decimal(50), "USD")}, "zoe": {"tenants": ("nowhere",)},
    }  # fmt: skip
    for name, held in people.items():
        client = await desk.client(name, **held)
        counted = {one["queue"]: one["depth"] for one in (await client.get("/queues")).json()["items"]}
        rows = await desk.pool.fetch(
            "SELECT r.queue, count(*) AS n FROM users u JOIN reviews r ON eligible(u, r) WHERE u.username = $1 "
            "GROUP BY r.queue", name,
        )  # fmt: skip
        assert counted == {row["queue"]: row["n"] for row in rows}
        monkeypatch.setattr(claims, "MOST_COUNTED", 2)
        few = {one["queue"]: (one["depth"], one["more"]) for one in (await client.get("/queues")).json()["items"]}
        assert few.keys() == counted.keys()
        assert all(0 < depth <= 2 and more for depth, more in few.values())
        monkeypatch.undo()
