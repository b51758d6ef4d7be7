"""Counting what waits, for whoever asks."""

from __future__ import annotations

import random
from decimal import Decimal

import pytest

from countersign_review.domain.eligibility import Amount
from countersign_review.store import claims
from tests.integration.review.harness import Client, Desk, record, routed

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


async def test_review_whoever_sees_several_tenants_may_work_for_one_and_nobody_sees_more_than_theirs(
    desk: Desk,
) -> None:
    for case_id, tenant, tier in (("n-1", "north", "high"), ("n-2", "north", "high"), ("s-1", "south", "low")):
        case = routed(case_id, tenant=tenant, consequence={"tier": tier, "factors": {}})
        await desk.take_in(record("case.routed", case))
    both, north = await desk.client("ana"), await desk.client("ben", tenants=("north", "nowhere"))

    async def seen(who: Client, tenant: str) -> tuple[int, list[str]]:
        depths = [one["depth"] for one in (await who.get(f"/queues?tenant={tenant}")).json()["items"]]
        items = (await who.get(f"/queues/senior/items?tenant={tenant}")).json()["items"]
        return sum(depths), sorted(one["case_id"] for one in items)

    assert [(await who.get("/tenants")).json()["items"] for who in (both, north)] == [["north", "south"], ["north"]]
    assert await seen(both, "*") == (3, ["n-1", "n-2", "s-1"])
    assert await seen(both, "south") == (1, ["s-1"])
    assert await seen(north, "*") == await seen(north, "north") == (2, ["n-1", "n-2"])
    assert await seen(north, "south") == (0, [])
    assert (await north.post("/queues/senior/claims?tenant=south")).status_code == 204
    assert (await both.post("/queues/senior/claims?tenant=%20")).status_code == 422
    taken = await both.post("/queues/senior/claims?tenant=south")
    assert (taken.status_code, taken.json()["context"]["decision_required"]["case_id"]) == (201, "s-1")
    # What is more urgent elsewhere does not call away from the tenant that was chosen.
    opened = f"/claims/{taken.json()['claim_id']}/opened"
    assert (await both.post(f"{opened}?tenant=south")).json()["overtaken_by"] is None
    assert (await both.decide(taken.json())).status_code in {200, 201}
