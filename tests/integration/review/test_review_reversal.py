from __future__ import annotations

import asyncio
from typing import Any

import pytest

from countersign_shared.ids import derived_event_id
from tests.integration.review.harness import Desk, audited, automatic_decision, facts, record, routed, updated

pytestmark = pytest.mark.postgres

WHY = {"reason": "The bureau has corrected its file."}


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def automatic(desk: Desk, case_id: str = "c-1") -> str:
    """A case that was approved without a person; returns the decision's id."""
    case = routed(case_id, level=1, queue=None, handling={"grace_seconds": 0})
    await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    return derived_event_id("default", case_id, "decided")


async def test_review_a_lead_reverses_an_automatic_decision(desk: Desk) -> None:
    first = await automatic(desk)
    ana, dora = await desk.client("ana"), await desk.client("dora", "lead")
    path = "/cases/default/c-1/reversal"
    assert problem(await ana.post(path, WHY)) == (403, "not-for-you")
    opened, again = [await dora.post(path, WHY, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert opened.status_code == 201, opened.text
    claim = opened.json()
    assert again.json()["claim_id"] == claim["claim_id"]
    standing = claim["context"]["dispute"]["standing"]
    assert (standing["decision_id"], standing["outcome"], standing["automatic"]) == (first, "approve", True)
    assert problem(await dora.post(path, WHY)) == (409, "review-open")
    assert (await dora.decide(claim, "decline")).status_code == 200
    said = await desk.relay_once()
    [made] = facts(said, "decision.made")
    assert (made["outcome"], made["supersedes"], made["closed_as"]) == ("decline", first, "decided")
    assert "replaces an earlier decision" in made["disclosure"]
    assert [fact["body"]["reason"] for fact in facts(said, "review.reopened")] == [WHY["reason"]]
    page = (await dora.get("/cases/default/c-1")).json()
    assert (page["outcome"], len(page["decisions"]), page["decided_by"]) == ("decline", 2, "person")
    # The one that replaced it can be replaced as well; the chain has one end.
    third = (await dora.post(path, WHY)).json()
    assert (await dora.decide(third, "decline", key="k2")).status_code == 200
    said = await desk.relay_once()
    assert facts(said, "decision.made") == []
    assert [fact["body"]["decision_id"] for fact in facts(said, "review.upheld")] == [made["decision_id"]]


async def test_review_whoever_decided_can_open_their_own_decision_again(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1", handling={"grace_seconds": 0})))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    assert problem(await ana.post("/cases/default/c-1/reversal", WHY)) == (409, "nothing-to-reverse")
    decided = (await ana.decide(await ana.claimed(), "decline")).json()
    assert problem(await ben.post("/cases/default/c-1/reversal", WHY)) == (403, "not-for-you")
    claim = (await ana.post("/cases/default/c-1/reversal", WHY)).json()
    assert (await ana.decide(claim, "approve", key="k2")).status_code == 200
    made = facts(await desk.relay_once(), "decision.made")
    assert [(body["outcome"], body["supersedes"]) for body in made] == [
        ("decline", None), ("approve", decided["decision_id"]),
    ]  # fmt: skip


async def test_review_authority_is_needed_to_reverse_as_well(desk: Desk) -> None:
    await automatic(desk)
    dora = await desk.client("dora", "lead", max_tier="negligible")
    assert (await dora.post("/cases/default/c-1/reversal", WHY)).json()["lacks"] == ["tier"]
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews") == 0


async def test_review_an_objection_is_weighed_unseen_by_somebody_else(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1", handling={"grace_seconds": 0})))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    first = (await ana.decide(await ana.claimed(), "decline")).json()["decision_id"]
    body = {"decision_id": first, "grounds": "It was my namesake."}
    await desk.take_in(updated("c-1", "contested", body))
    assert (await ana.claim()).status_code == 204
    claim = await ben.claimed()
    assert claim["context"]["dispute"]["objections"][0]["grounds"] == "It was my namesake."
    assert (claim["context"]["dispute"]["standing"], claim["context"]["recommendation"]) == (None, None)
    page = (await ben.get("/cases/default/c-1")).json()
    assert (page["state"], page["outcome"], page["decisions"]) == ("human_review", None, [])
    assert "decision.made" not in str(page["history"])
    # A further objection is put before whoever looks.
    more = {"decision_id": first, "grounds": "Here is the letter."}
    await desk.take_in(updated("c-1", "contested", more, event_id="u-2"))
    fresh = await ben.read(claim)
    assert len(fresh["context"]["dispute"]["objections"]) == 2
    assert (await ben.decide(fresh, "approve")).status_code == 200
    made = facts(await desk.relay_once(), "decision.made")
    assert [(one["outcome"], one["supersedes"], one["mode"]) for one in made][1] == ("approve", first, "human")


async def test_review_an_objection_may_come_before_its_decision_and_may_be_too_late(desk: Desk) -> None:
    await desk.client("ana")
    case = routed("c-1", level=1, queue=None)
    decided = derived_event_id("default", "c-1", "decided")
    await desk.take_in(record("case.routed", case))
    await desk.take_in(updated("c-1", "contested", {"decision_id": decided, "grounds": "No."}))
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews") == 0
    await desk.take_in(record("decision.made", automatic_decision(case)))
    await desk.updates.sweep()
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews") == 0
    desk.clock.forward(seconds=31)
    await desk.updates.sweep()
    assert await desk.pool.fetchval("SELECT kind FROM reviews") == "reversal"
    # One about a decision that never was is kept, and given up after a day.
    await desk.take_in(updated("c-1", "contested", {"decision_id": "none", "grounds": "No."}, event_id="u-2"))
    desk.clock.forward(hours=25)
    await desk.updates.sweep()
    assert await desk.pool.fetchval("SELECT count(*) FROM updates WHERE applied_at IS NULL") == 0
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews") == 1


async def test_review_a_judgement_that_differs_opens_the_decision_for_somebody_else(desk: Desk) -> None:
    case = audited("c-1", handling={"grace_seconds": 5})
    await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    ana, ben = await desk.browser("ana"), await desk.browser("ben")
    first = (await ana.decide(await ana.claimed(), "decline")).json()
    # Not before it has left: an answer that is taken back has no consequences.
    assert await desk.parts.reversals.follow() == 0
    await ana.post(f"/decisions/{first['decision_id']}/undo")
    [mine] = (await ana.get("/claims")).json()["items"]
    await ana.decide(await ana.read(mine), "decline", key="k2")
    desk.clock.forward(seconds=6)
    assert await desk.parts.reversals.follow() == 1
    assert await desk.parts.reversals.follow() == 0
    assert (await ana.claim()).status_code == 204
    claim = await ben.claimed()
    assert (claim["context"]["recommendation"], claim["context"]["dispute"]) == (None, None)
    assert (await ben.decide(claim, "decline")).status_code == 200
    desk.clock.forward(seconds=6)
    said = await desk.relay_once()
    assert [made["supersedes"] for made in facts(said, "decision.made")] == [
        derived_event_id("default", "c-1", "decided")
    ]
    assert len(facts(desk.sent, "audit.judged")) == 1


async def test_review_a_judgement_waits_for_the_decision_that_it_is_about(desk: Desk) -> None:
    case = audited("c-1", handling={"grace_seconds": 5})
    await desk.take_in(record("case.routed", case))
    ana, ben = await desk.browser("ana"), await desk.browser("ben")
    await ana.decide(await ana.claimed(), "decline")
    desk.clock.forward(seconds=6)
    assert await desk.parts.reversals.follow() == 0
    # The topics are read apart, and that of decisions was behind.
    await desk.take_in(record("decision.made", automatic_decision(case)))
    assert await desk.parts.reversals.follow() == 1
    assert (await ben.claimed())["context"]["decision_required"]["case_id"] == "c-1"


async def test_review_a_judgement_does_not_open_what_a_person_has_decided_since(desk: Desk) -> None:
    case = audited("c-1", handling={"grace_seconds": 5})
    await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    ana, ben, dora = await desk.browser("ana"), await desk.browser("ben"), await desk.browser("dora", "lead")
    await ana.decide(await ana.claimed(), "decline")
    desk.clock.forward(seconds=3)
    opened = await dora.post("/cases/default/c-1/reversal", WHY)
    assert opened.status_code == 201, opened.text
    [held] = (await dora.get("/claims")).json()["items"]
    assert (await dora.decide(await dora.read(held), "decline")).status_code == 200
    desk.clock.forward(seconds=3)
    assert await desk.parts.reversals.follow() == 0, "it can still be taken back"
    desk.clock.forward(seconds=3)
    assert await desk.parts.reversals.follow() == 2, "that of the audit, and that of the lead"
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews WHERE kind = 'reversal'") == 1
    assert (await ben.claim()).status_code == 204


async def test_review_of_two_leads_who_open_a_decision_at_once_one_does(desk: Desk) -> None:
    await automatic(desk)
    leads = [await desk.client("dora", "lead"), await desk.client("eve", "lead")]
    async with desk.pool.acquire() as connection, connection.transaction():
        # Both have looked whether anybody is at it before either can say that they are.
        await connection.execute("LOCK TABLE case_counters IN SHARE ROW EXCLUSIVE MODE")
        opening = [asyncio.create_task(lead.post("/cases/default/c-1/reversal", WHY)) for lead in leads]
        await desk.until_waiting(len(opening))
    answers = await asyncio.gather(*opening)
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews") == 1
    assert len(facts(await desk.relay_once(), "review.reopened")) == 1
