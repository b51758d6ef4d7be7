from __future__ import annotations

from typing import Any

import pytest

from tests.integration.review.harness import Desk, audited, automatic_decision, content, facts, record, routed

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


async def known_wrong(desk: Desk, case_id: str) -> None:
    """An automatic decision that two people, asked afterwards, found wrong; then reversed by a third."""
    body = audited(case_id, handling={"reviewers_required": 2, "grace_seconds": 0})
    await desk.take_in(record("case.routed", body), record("decision.made", automatic_decision(body)))
    for name in ("judge-one", "judge-two"):
        client = await desk.client(f"{name}-{case_id}")
        assert (await client.decide(await client.claimed(), "decline")).status_code == 200


async def test_review_a_seed_looks_like_any_case_and_never_leaves(desk: Desk) -> None:
    await known_wrong(desk, "old")
    host = routed("new", sampling={"seed": {"probability": 0.05, "selected": True}}, handling={"grace_seconds": 0})
    await desk.take_in(record("case.routed", host))
    await desk.take_in(record("case.routed", host))
    assert await desk.parts.seeds.plant() == 1
    assert await desk.parts.seeds.plant() == 0
    await desk.relay_once()
    ana = await desk.client("ana")
    claims = [await ana.claimed(), await ana.claimed()]
    seed = next(claim for claim in claims if claim["context"]["decision_required"]["case_id"] == "old")
    context = seed["context"]
    # The wrong proposal is shown like any other, and the case does not give away that it was decided.
    assert (context["recommendation"]["outcome"], context["withheld"], context["dispute"]) == ("approve", False, None)
    page = (await ana.get("/cases/default/old")).json()
    assert (page["state"], page["decisions"]) == ("human_review", [])
    assert "seed" not in str(seed).replace("seed_", "")
    assert "audit" not in str(page)
    assert (await ana.decide(seed, "decline", key="seed")).status_code == 200
    said = await desk.relay_once()
    [judged] = facts(said, "seed.judged")
    assert (judged["body"]["final_outcome"], judged["body"]["error"]) == ("decline", True)
    assert judged["body"]["answers"][0]["blind"] is False
    assert facts(said, "decision.made") == []
    assert await desk.pool.fetchval("SELECT count(*) FROM decisions WHERE case_id = 'old'") == 1


async def test_review_nobody_outside_is_asked_about_a_seed(desk: Desk) -> None:
    await known_wrong(desk, "old")
    await desk.take_in(record("case.routed", routed("new", sampling={"seed": {"probability": 1.0, "selected": True}})))
    await desk.parts.seeds.plant()
    await desk.relay_once()
    ana = await desk.client("ana")
    claims = [await ana.claimed(), await ana.claimed()]
    seed = next(claim for claim in claims if claim["context"]["decision_required"]["case_id"] == "old")
    asked = await ana.post(f"/claims/{seed['claim_id']}/information", {"question": "Which account?"})
    assert asked.status_code == 200
    assert "Which account?" not in str([content(message) for message in await desk.relay_once()])


async def test_review_a_draw_without_a_fitting_case_plants_nothing(desk: Desk) -> None:
    drawn = {"seed": {"probability": 1.0, "selected": True}}
    await desk.take_in(record("case.routed", routed("new", sampling=drawn)))
    assert await desk.parts.seeds.plant() == 0
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews WHERE kind = 'seed'") == 0
    assert await desk.pool.fetchval("SELECT count(*) FROM seeds WHERE planted_at IS NULL") == 0
