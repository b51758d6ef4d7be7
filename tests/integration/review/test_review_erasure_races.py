"""A case is erased in the moment in which somebody at the desk, or upstream, is at it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from countersign_review.store.redaction import case_eraser
from countersign_shared.erasure import Erasing
from tests.integration.review.harness import API, Client, Desk, record, routed, updated
from tests.integration.review.test_review_erasure import found, request
from tests.integration.review.test_review_seeds import DRAWN, known_wrong

pytestmark = pytest.mark.postgres

Act = Callable[[Client, dict[str, Any]], Awaitable[Any]]
DRAFT = {"draft": {"note": "so far"}}


def erasing(desk: Desk) -> Erasing:
    erase = case_eraser(desk.clock)
    return Erasing(desk.handler, desk.pool, erase, service="review", clock=desk.clock, guards=True)


async def draft(client: Client, claim: dict[str, Any]) -> Any:
    return await client.http.put(f"{API}/claims/{claim['claim_id']}/draft", json=DRAFT)


async def skip(client: Client, claim: dict[str, Any]) -> Any:
    return await client.post(f"/claims/{claim['claim_id']}/skip")


@pytest.mark.parametrize("act", [Client.decide, skip], ids=["answered", "skipped"])
async def test_review_a_case_that_somebody_is_at_is_erased_once_they_are_done(desk: Desk, act: Act) -> None:
    await desk.take_in(record("case.routed", routed("gone")))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    await draft(ana, claim)
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM case_counters FOR UPDATE")
        acting = asyncio.ensure_future(act(ana, claim))
        await desk.until_waiting(1)
        erased = asyncio.create_task(erasing(desk)([request("gone")]))
        await desk.until_waiting(2)
    assert len(await erased) == 1
    assert (await acting).status_code in {200, 204}
    assert await found(desk, "gone") - {"live", "outbox"} == {"erasures"}


async def test_review_a_case_that_is_being_taken_is_erased_once_it_is(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("gone")))
    ana = await desk.client("ana")
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM case_counters FOR UPDATE")
        taking = asyncio.create_task(ana.claim())
        await desk.until_waiting(1)
        erased = asyncio.create_task(erasing(desk)([request("gone")]))
        await desk.until_waiting(2)
    assert len(await erased) == 1
    assert (await taking).status_code == 201
    assert await found(desk, "gone") - {"live", "outbox"} == {"erasures"}


async def test_review_what_waits_to_be_applied_and_an_erasure_are_locked_in_one_order(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("gone")))
    await desk.take_in(updated("gone", "contested", {"decision_id": "unknown", "grounds": "No."}))
    async with desk.pool.acquire() as connection, connection.transaction():
        # As whoever applies it: the update, then the reviews of its case.
        await connection.execute("SELECT FROM updates FOR UPDATE")
        erased = asyncio.create_task(erasing(desk)([request("gone")]))
        await desk.until_waiting(1)
        await connection.execute("SELECT FROM reviews FOR UPDATE NOWAIT")
    assert len(await erased) == 1


async def test_review_a_draft_that_is_saved_while_its_case_is_erased_finds_no_claim(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("gone")))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    async with desk.pool.acquire() as connection:
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SELECT FROM reviews FOR UPDATE")
        saving = asyncio.create_task(draft(ana, claim))
        await desk.until_waiting(1)
        await case_eraser(desk.clock)(connection, "default", "gone")
        await transaction.commit()
    answer = await saving
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (404, "not-found")


async def test_review_a_remark_on_a_case_that_is_erased_in_that_moment_finds_no_case(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("gone")))
    ana = await desk.client("ana")
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM case_counters FOR UPDATE")
        saying = asyncio.create_task(ana.post("/cases/default/gone/comments", {"comment": "Look here."}))
        await desk.until_waiting(1)
        await case_eraser(desk.clock)(connection, "default", "gone")
    answer = await saying
    assert (answer.status_code, answer.json()["type"].rsplit("/", 1)[1]) == (404, "not-found")


async def test_review_a_case_that_is_erased_in_that_moment_is_planted_nowhere(desk: Desk) -> None:
    await known_wrong(desk, "gone")
    await desk.take_in(record("case.routed", routed("new", sampling=DRAWN)))
    async with desk.pool.acquire() as connection, connection.transaction():
        await case_eraser(desk.clock)(connection, "default", "gone")
        planting = asyncio.create_task(desk.parts.seeds.plant())
        await desk.until_waiting(1)
    assert await planting == 0
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews WHERE case_id = 'gone'") == 0
    ana = await desk.client("ana")
    assert (await ana.claimed())["context"]["decision_required"]["case_id"] == "new"
    # Nothing is there that could not be claimed.
    assert (await ana.claim()).status_code == 204
