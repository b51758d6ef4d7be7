from __future__ import annotations

import asyncio

import pytest

from tests.integration.review.harness import Desk, record, routed, updated

pytestmark = pytest.mark.postgres


async def test_review_a_claim_that_changed_hands_during_the_wait_cannot_decide(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    await desk.client("ben")
    claim = await ana.claimed()
    ben = await desk.pool.fetchval("SELECT pseudonym FROM users WHERE username = 'ben'")
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM reviews FOR UPDATE")
        deciding = asyncio.create_task(ana.decide(claim))
        await desk.until_waiting(1)
        await connection.execute("UPDATE claims SET state = 'expired'")
        await connection.execute(
            "INSERT INTO claims (claim_id, review_id, reviewer, state, claimed_at, lease_expires_at)"
            " VALUES ('other', $1, $2, 'held', now(), now())",
            claim["review_id"], ben,
        )  # fmt: skip
        await connection.execute("UPDATE reviews SET priority = priority + 1")
    answer = await deciding
    assert answer.status_code == 409
    assert answer.json()["type"].endswith("/lease-ended")


async def test_review_two_undos_at_once_are_one(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"grace_seconds": 60})))
    ana = await desk.browser("ana")
    decided = (await ana.decide(await ana.claimed())).json()
    path = f"/decisions/{decided['decision_id']}/undo"
    answers = await asyncio.gather(*(ana.post(path) for _ in range(3)))
    assert [answer.status_code for answer in answers] == [200, 200, 200]
    kinds = [row["kind"] for row in await desk.pool.fetch("SELECT kind FROM events")]
    assert kinds.count("review.undone") == 1


async def test_review_an_undo_while_the_decision_is_leaving_waits_and_is_too_late(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"grace_seconds": 5})))
    ana = await desk.browser("ana")
    decided = (await ana.decide(await ana.claimed())).json()
    # The relay of another instance, whose clock is ahead.
    desk.clock.forward(seconds=6)
    desk.gate.clear()
    desk.at_gate.clear()
    leaving = asyncio.create_task(desk.relay_once())
    await asyncio.wait_for(desk.at_gate.wait(), 20)
    desk.clock.forward(seconds=-2)
    undoing = asyncio.create_task(ana.post(f"/decisions/{decided['decision_id']}/undo"))
    await desk.until_waiting(1)
    desk.gate.set()
    assert "decision.made" in [message.topic for message in await leaving]
    assert (await undoing).json()["type"].endswith("/already-left")
    assert (await ana.get(f"/decisions/{decided['decision_id']}")).json()["state"] == "sent"


async def test_review_the_desk_survives_everybody_doing_everything(desk: Desk) -> None:
    await desk.take_in(*(record("case.routed", routed(f"c-{n}", handling={"grace_seconds": 0})) for n in range(30)))
    people = [await desk.client(f"r{n}") for n in range(8)]

    async def work(number: int) -> None:
        client = people[number]
        for turn in range(40):
            answer = await client.claim()
            if answer.status_code == 204:
                return
            claim = answer.json()
            match (number + turn) % 4:
                case 0:
                    await client.post(f"/claims/{claim['claim_id']}/release")
                case 1:
                    desk.clock.forward(seconds=30)
                    await desk.parts.claims.expire()
                case _:
                    await client.decide(claim, key=f"{number}-{turn}")

    await asyncio.gather(*(work(number) for number in range(8)))
    desk.clock.forward(seconds=700)
    await desk.parts.claims.expire()
    counts = await desk.pool.fetchrow(
        "SELECT (SELECT count(*) FROM decisions) AS decisions,"
        " (SELECT count(*) FROM reviews WHERE state = 'waiting') AS waiting,"
        " (SELECT count(*) FROM reviews WHERE state = 'decided') AS decided,"
        " (SELECT count(*) FROM claims WHERE state = 'held') AS held"
    )
    assert counts["decisions"] == counts["decided"]
    assert counts["waiting"] + counts["decided"] == 30
    assert counts["held"] == 0
    numbers = await desk.pool.fetch("SELECT count(*) AS n, max(sequence) AS top FROM events GROUP BY case_id")
    assert [row for row in numbers if row["n"] != row["top"]] == []


async def test_review_an_update_by_http_and_whoever_applies_an_earlier_one_lock_in_one_order(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1")))
    await desk.take_in(updated("c-1", "contested", {"decision_id": "unknown", "grounds": "No."}))
    dora = await desk.client("dora", "lead")
    told = {"kind": "information_provided", "body": {"question_id": "q-1", "data": {"employer": "Acme"}}}
    async with desk.pool.acquire() as connection, connection.transaction():
        # As the round that applies what waits: the update, then the reviews of its case.
        await connection.execute("SELECT FROM updates FOR UPDATE")
        telling = asyncio.create_task(dora.post("/cases/default/c-1/updates", told))
        await desk.until_waiting(1)
        await connection.execute("SELECT FROM reviews FOR UPDATE NOWAIT")
    assert (await telling).status_code == 202
