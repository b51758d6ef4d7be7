from __future__ import annotations

from typing import Any

import pytest

from tests.integration.review.harness import Desk, record, routed

pytestmark = pytest.mark.postgres


def sla(due_at: str) -> dict[str, Any]:
    return {"class": "standard", "due_at": due_at, "at_risk_at": due_at}


def case(case_id: str, tier: str, due_at: str, tenant: str = "default") -> dict[str, Any]:
    body = routed(case_id, tenant=tenant, handling={"sla": sla(due_at), "grace_seconds": 0})
    return {**body, "consequence": {**body["consequence"], "tier": tier}}


async def order(desk: Desk, client: Any, count: int) -> list[str]:
    """Take and answer the next ones."""
    seen = []
    for _ in range(count):
        claim = await client.claimed()
        seen.append(claim["context"]["decision_required"]["case_id"])
        assert (await client.decide(claim, key=claim["claim_id"])).status_code == 200
    return seen


async def test_review_in_overload_the_worst_consequence_comes_first(desk: Desk) -> None:
    for case_id, tier, at in (("soon", "low", "10:00"), ("later", "high", "11:00"), ("worst", "critical", "12:00")):
        await desk.take_in(record("case.routed", case(case_id, tier, f"2026-03-02T{at}:00Z")))
    ana = await desk.client("ana")
    await desk.parts.dispatch.measure()
    # Nobody has answered anything within the hour: three deadlines are more than one person's.
    assert desk.parts.dispatch.in_overload("senior")
    assert await order(desk, ana, 3) == ["worst", "later", "soon"]


async def test_review_at_a_good_pace_the_earliest_deadline_comes_first(desk: Desk) -> None:
    ana = await desk.client("ana")
    for number in range(8):
        await desk.take_in(record("case.routed", case(f"done-{number}", "low", "2026-03-03T09:00:00Z")))
    await order(desk, ana, 8)
    for case_id, tier, at in (("soon", "low", "10:00"), ("later", "high", "11:00"), ("worst", "critical", "12:00")):
        await desk.take_in(record("case.routed", case(case_id, tier, f"2026-03-02T{at}:00Z")))
    await desk.parts.dispatch.measure()
    assert not desk.parts.dispatch.in_overload("senior")
    assert await order(desk, ana, 3) == ["soon", "later", "worst"]


async def test_review_in_overload_a_flood_of_one_tenant_holds_up_no_other(desk: Desk) -> None:
    for number in range(12):
        await desk.take_in(record("case.routed", case(f"a-{number:02}", "high", "2026-03-02T10:00:00Z", "flood")))
    for number in range(3):
        await desk.take_in(record("case.routed", case(f"b-{number}", "high", "2026-03-02T11:00:00Z", "quiet")))
    await desk.parts.dispatch.measure()
    assert desk.parts.dispatch.in_overload("senior")
    tenants = []
    for number in range(3):
        client = await desk.client(f"r{number}")
        tenants += [(await client.claimed())["context"]["decision_required"]["tenant"] for _ in range(2)]
    assert sorted(tenants) == ["flood"] * 3 + ["quiet"] * 3


async def test_review_what_was_fetched_ahead_is_looked_at_again_when_it_is_opened(desk: Desk) -> None:
    await desk.take_in(record("case.routed", case("c-1", "low", "2026-03-02T15:00:00Z")))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    await desk.take_in(record("case.routed", case("c-2", "low", "2026-03-02T18:00:00Z")))
    await desk.take_in(record("case.routed", case("c-3", "low", "2026-03-02T10:00:00Z")))
    opened = (await ana.post(f"/claims/{claim['claim_id']}/opened")).json()
    assert opened["overtaken_by"]["due_at"] == "2026-03-02T10:00:00Z"
    await ana.post(f"/claims/{claim['claim_id']}/release")
    first = await ana.claimed()
    assert first["context"]["decision_required"]["case_id"] == "c-3"
    assert (await ana.post(f"/claims/{first['claim_id']}/opened")).json()["overtaken_by"] is None
