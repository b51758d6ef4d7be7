"""What happens to a case while the answer to it can still be taken back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from tests.integration.review.harness import Client, Desk, facts, record, routed, updated

pytestmark = pytest.mark.postgres

WHY = {"reason": "The bureau has corrected its file."}


async def answered(desk: Desk, client: Client) -> str:
    """A case that was decided and can be taken back for a minute; returns the decision's id."""
    await desk.take_in(record("case.routed", routed("c-1", handling={"grace_seconds": 60})))
    decision_id: str = (await client.decide(await client.claimed())).json()["decision_id"]
    return decision_id


async def undo(client: Client, decision_id: str) -> Any:
    return await client.post(f"/decisions/{decision_id}/undo")


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def test_review_a_withdrawal_that_came_before_an_undo_ends_the_case_after_it(desk: Desk) -> None:
    ana = await desk.browser("ana")
    decision_id = await answered(desk, ana)
    await desk.take_in(updated("c-1", "withdrawn", {"reason": "Bought elsewhere."}))
    assert (await undo(ana, decision_id)).json()["state"] == "undone"
    assert (await ana.get("/claims")).json()["items"] == []
    said = await desk.relay_once()
    [made] = facts(said, "decision.made")
    assert (made["closed_as"], made["outcome"], made["reason"]["note"]) == ("withdrawn", None, "Bought elsewhere.")
    assert [fact["body"].get("ended_review_id") is not None for fact in facts(said, "case.withdrawn")] == [True]


async def test_review_a_withdrawal_after_an_answer_follows_its_decision_once_that_has_left(desk: Desk) -> None:
    ana = await desk.browser("ana")
    decision_id = await answered(desk, ana)
    await desk.take_in(updated("c-1", "withdrawn", {"reason": "Bought elsewhere."}))
    await desk.updates.sweep()
    assert facts(await desk.relay_once(), "case.withdrawn") == []
    desk.clock.forward(seconds=61)
    assert [made["decision_id"] for made in facts(await desk.relay_once(), "decision.made")] == [decision_id]
    await desk.updates.sweep()
    assert len(facts(await desk.relay_once(), "case.withdrawn")) == 1
    assert await desk.pool.fetchval("SELECT count(*) FROM updates WHERE applied_at IS NULL") == 0


async def test_review_information_that_came_before_an_undo_is_before_whoever_answers_after_it(desk: Desk) -> None:
    ana = await desk.browser("ana")
    decision_id = await answered(desk, ana)
    told = {"question_id": "q-1", "data": {"employer": "Acme"}}
    await desk.take_in(updated("c-1", "information_provided", told))
    await undo(ana, decision_id)
    [mine] = (await ana.get("/claims")).json()["items"]
    fresh = await ana.read(mine)
    assert "Acme" in str(fresh["context"]["key_facts"])
    assert len(fresh["shown_sha256_all"]) == 2
    assert (await ana.decide(fresh, key="key-2")).status_code == 200


async def test_review_a_decision_that_can_be_taken_back_is_not_opened_again(desk: Desk) -> None:
    ana, dora = await desk.browser("ana"), await desk.browser("dora", "lead")
    decision_id = await answered(desk, ana)
    path = "/cases/default/c-1/reversal"
    assert problem(await dora.post(path, WHY)) == (409, "nothing-to-reverse")
    await desk.take_in(updated("c-1", "contested", {"decision_id": decision_id, "grounds": "No."}))
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews") == 1
    desk.clock.forward(seconds=61)
    # It is due, and the relay has not come round: opened again before it left, it cannot be taken back any more.
    assert (await dora.post(path, WHY)).status_code == 201
    assert problem(await undo(ana, decision_id)) == (409, "already-left")
    [claim] = (await dora.get("/claims")).json()["items"]
    assert (await dora.decide(await dora.read(claim), "decline", key="key-2")).status_code == 200
    desk.clock.forward(seconds=61)
    made = facts(await desk.relay_once(), "decision.made")
    assert [(one["outcome"], one["supersedes"]) for one in made] == [("approve", None), ("decline", decision_id)]


async def test_review_an_opinion_that_new_evidence_voided_can_be_taken_back_as_the_first(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1", handling={"grace_seconds": 60, "reviewers_required": 2})))
    ana = await desk.browser("ana")
    answer = (await ana.decide(await ana.claimed())).json()
    await desk.take_in(updated("c-1", "information_provided", {"question_id": "q-1", "data": {"employer": "Acme"}}))
    assert (await undo(ana, answer["decision_id"])).json()["state"] == "undone"
    assert await desk.pool.fetchval("SELECT stage FROM reviews") == "first"


async def test_review_one_key_for_two_claims_at_once_is_refused_and_no_crash(desk: Desk) -> None:
    both = [record("case.routed", routed(case_id, handling={"grace_seconds": 0})) for case_id in ("c-1", "c-2")]
    await desk.take_in(*both)
    ana = await desk.client("ana")
    claims = [await ana.claimed(), await ana.claimed()]
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("LOCK TABLE answers IN SHARE MODE")
        deciding = []
        for claim in claims:
            deciding.append(asyncio.create_task(ana.decide(claim)))
            await desk.until_waiting(len(deciding))
    answers = await asyncio.gather(*deciding)
    assert sorted(answer.status_code for answer in answers) == [200, 422]
    assert len(facts(await desk.relay_once(), "decision.made")) == 1


async def test_review_a_withdrawal_while_the_answer_is_taken_back_at_the_last_moment_ends_the_case(desk: Desk) -> None:
    ana = await desk.browser("ana")
    decision_id = await answered(desk, ana)
    desk.clock.forward(seconds=59)
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM case_counters FOR UPDATE")
        undoing = asyncio.create_task(undo(ana, decision_id))
        await desk.until_waiting(1)
        # By now the answer could not be taken back any more; the relay has not come round.
        desk.clock.forward(seconds=2)
        told = asyncio.create_task(desk.take_in(updated("c-1", "withdrawn", {"reason": "Bought elsewhere."})))
        await desk.until_waiting(2)
    assert (await undoing).json()["state"] == "undone"
    await told
    assert (await ana.get("/claims")).json()["items"] == []
    [made] = facts(await desk.relay_once(), "decision.made")
    assert (made["closed_as"], made["reason"]["note"]) == ("withdrawn", "Bought elsewhere.")


async def test_review_an_undo_that_had_to_wait_past_its_time_is_too_late(desk: Desk) -> None:
    ana = await desk.browser("ana")
    decision_id = await answered(desk, ana)
    desk.clock.forward(seconds=59)
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM reviews FOR UPDATE")
        undoing = asyncio.create_task(undo(ana, decision_id))
        await desk.until_waiting(1)
        desk.clock.forward(seconds=2)
        told = asyncio.create_task(desk.take_in(updated("c-1", "withdrawn", {"reason": "Bought elsewhere."})))
        both = asyncio.create_task(desk.until_waiting(2))
        await asyncio.wait({told, both}, return_when=asyncio.FIRST_COMPLETED)
        both.cancel()
    assert problem(await undoing) == (409, "already-left")
    await told
    said = await desk.relay_once()
    assert [made["decision_id"] for made in facts(said, "decision.made")] == [decision_id]
    assert len(facts(said, "case.withdrawn")) == 1
