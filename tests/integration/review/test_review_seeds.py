"""Seeds: proposals known to be wrong, put before people in the guise of any other case."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.review.harness import Client, Desk, audited, automatic_decision, content, facts, record, routed

pytestmark = pytest.mark.postgres
DRAWN = {"seed": {"probability": 1.0, "selected": True}}


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
    await desk.take_in(record("case.routed", routed("new", sampling=DRAWN)))
    await desk.parts.seeds.plant()
    await desk.relay_once()
    ana = await desk.client("ana")
    claims = [await ana.claimed(), await ana.claimed()]
    seed = next(claim for claim in claims if claim["context"]["decision_required"]["case_id"] == "old")
    asked = await ana.post(f"/claims/{seed['claim_id']}/information", {"question": "Which account?"})
    assert asked.status_code == 200
    assert "Which account?" not in str([content(message) for message in await desk.relay_once()])


async def test_review_a_draw_without_a_fitting_case_plants_nothing(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("new", sampling=DRAWN)))
    assert await desk.parts.seeds.plant() == 0
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews WHERE kind = 'seed'") == 0
    assert await desk.pool.fetchval("SELECT count(*) FROM seeds WHERE planted_at IS NULL") == 0


async def beside_a_seed(desk: Desk) -> tuple[Client, dict[str, Any], dict[str, Any]]:
    """Hold a seed and the case that brought it along; returns the client, the seed's claim and the other."""
    await known_wrong(desk, "old")
    await desk.take_in(record("case.routed", routed("new", level=3, sampling=DRAWN)))
    assert await desk.parts.seeds.plant() == 1
    ana = await desk.client("ana")
    claims = {claim["context"]["decision_required"]["case_id"]: claim for claim in await held(ana, 2)}
    return ana, claims["old"], claims["new"]


async def held(client: Client, count: int) -> list[dict[str, Any]]:
    return [await client.claimed() for _ in range(count)]


async def test_review_a_seed_cannot_be_told_by_what_comes_to_the_desk(desk: Desk) -> None:
    _, seed, other = await beside_a_seed(desk)
    matrix = seed["context"]["matrix"]
    assert (matrix["level"], matrix["level_name"]) == (3, "automation_with_review")
    codes = {flag["code"] for flag in seed["context"]["flags"]}
    assert codes.isdisjoint({"matrix", "audit_sample"}), codes
    assert seed.keys() == other.keys()
    for name, part in seed["context"].items():
        assert isinstance(part, dict) == isinstance(other["context"][name], dict), name
        if isinstance(part, dict):
            assert part.keys() == other["context"][name].keys(), name


async def test_review_a_seed_cannot_be_told_by_its_case(desk: Desk) -> None:
    ana, _, _ = await beside_a_seed(desk)
    pages = [(await ana.get(f"/cases/default/{name}")).json() for name in ("old", "new")]
    for page in pages:
        assert page["withheld"]
        assert {page[name] for name in ("level", "level_name", "tier", "outcome", "decided_by")} == {None}
        assert page["state"] == "human_review"
    assert pages[0].keys() == pages[1].keys()
    for name in ("old", "new"):
        refused = await ana.get(f"/cases/default/{name}/timeline")
        assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[-1]) == (403, "answer-outstanding")
    listed = (await ana.get("/cases")).json()["items"]
    assert {(row["level"], row["tier"], row["state"]) for row in listed} == {(None, None, "human_review")}
    assert (await ana.get("/cases?level=2&level=3")).json()["items"] == []
    # Who does not answer sees both whole.
    olga = await desk.client("olga", "auditor")
    assert [(await olga.get(f"/cases/default/{name}")).json()["level"] for name in ("old", "new")] == [2, 3]


async def test_review_where_no_seeds_are_in_use_an_open_case_keeps_nothing_back(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1", level=3)))
    await desk.take_in(record("case.routed", routed("c-2", level=3, tenant="other", sampling=DRAWN)))
    assert await desk.parts.seeds.plant() == 0
    ana = await desk.client("ana")
    page = (await ana.get("/cases/default/c-1")).json()
    assert (page["withheld"], page["level"]) == (False, 3)


async def test_review_what_two_people_decided_against_the_proposal_becomes_a_seed_first(desk: Desk) -> None:
    for number in range(3):
        await known_wrong(desk, f"automatic-{number}")
    two = {"reviewers_required": 2, "grace_seconds": 0}
    proposed = routed()["proposal"]["outcome"]
    other = next(outcome for outcome in ("approve", "decline") if outcome != proposed)
    for case_id, outcome in (("overridden", other), ("agreed", proposed)):
        await desk.take_in(record("case.routed", routed(case_id, handling=two)))
        for name in ("first", "second"):
            client = await desk.client(f"{name}-{case_id}")
            assert (await client.decide(await client.claimed(), outcome)).status_code == 200
    await desk.take_in(record("case.routed", routed("one", handling={"grace_seconds": 0})))
    alone = await desk.client("alone")
    assert (await alone.decide(await alone.claimed(), other)).status_code == 200
    for number in range(2):
        await desk.take_in(record("case.routed", routed(f"new-{number}", sampling=DRAWN)))
    assert await desk.parts.seeds.plant() == 2
    planted = [row["case_id"] for row in await desk.pool.fetch("SELECT case_id FROM reviews WHERE kind = 'seed'")]
    # Three automatic ones are known as well; what one person thought is not, nor what two agreed with.
    assert planted[0] == "overridden"
    assert planted[1].startswith("automatic-")


async def test_review_a_decision_taken_back_makes_no_seed(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("old", handling={"reviewers_required": 2, "grace_seconds": 60})))
    for name in ("first", "second"):
        client = await desk.browser(name)
        answer = await client.decide(await client.claimed(), "decline")
    assert await desk.pool.fetchval("SELECT kind FROM judgements") == "decision"
    assert (await client.post(f"/decisions/{answer.json()['decision_id']}/undo")).status_code == 200
    assert await desk.pool.fetchval("SELECT count(*) FROM judgements") == 0
