"""A case that is kept for one person is everybody's as soon as that person cannot take it any more."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from countersign_review.store.people import Authority, Change
from tests.integration.review.harness import BY, Client, Desk, record, routed, updated

pytestmark = pytest.mark.postgres

WHY = {"reason": "Somebody else knows more of this."}


async def leaves(desk: Desk, username: str) -> None:
    await desk.parts.departures.disable(username, by=BY)


async def loses_the_tier(desk: Desk, username: str) -> None:
    await becomes(desk, username, "reviewer", max_tier="negligible")


async def becomes(desk: Desk, username: str, *roles: str, **authority: Any) -> None:
    version = await desk.pool.fetchval("SELECT version FROM users WHERE username = $1", username)
    change = Change(username.title(), roles, ["*"], Authority(**{"max_tier": "critical", **authority}), version)
    await desk.parts.departures.change(username, change, by=BY)


async def asked(desk: Desk) -> Client:
    """A case about which ana has asked upstream."""
    await desk.take_in(record("case.routed", routed("c-1")))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    answer = await ana.post(f"/claims/{claim['claim_id']}/information", {"question": "Which employer?"})
    assert answer.status_code == 200
    return ana


async def answer_comes(desk: Desk) -> None:
    question_id = await desk.pool.fetchval("SELECT question_id FROM questions")
    told = {"question_id": question_id, "data": {"employer": "Acme"}}
    await desk.take_in(updated("c-1", "information_provided", told))


@pytest.mark.parametrize("gone", [leaves, loses_the_tier])
async def test_review_an_answer_for_somebody_who_cannot_take_the_case_any_more_is_for_everybody(
    desk: Desk, gone: Any
) -> None:
    await asked(desk)
    ben = await desk.client("ben")
    await gone(desk, "ana")
    await answer_comes(desk)
    assert (await ben.claim()).status_code == 201


async def test_review_an_answer_is_still_kept_for_whoever_asked(desk: Desk) -> None:
    ana = await asked(desk)
    ben = await desk.client("ben")
    await answer_comes(desk)
    await desk.parts.claims.free_late()
    assert (await ben.claim()).status_code == 204
    assert (await ana.claim()).status_code == 201


@pytest.mark.parametrize("how", ["role", "training", "tier"])
async def test_review_a_case_kept_for_a_lead_who_is_none_any_more_is_for_the_others(desk: Desk, how: str) -> None:
    await desk.take_in(record("case.routed", routed("c-1")))
    ana, _, eve = await desk.client("ana"), await desk.client("dora", "lead"), await desk.client("eve", "lead")
    claim = await ana.claimed()
    handed = await ana.post(f"/claims/{claim['claim_id']}/escalate", {**WHY, "to": "dora"})
    assert handed.status_code == 204
    await desk.parts.claims.free_late()
    assert (await eve.claim()).status_code == 204
    yesterday = (desk.clock() - timedelta(days=1)).date()
    changed = {"role": ("reviewer", {}), "training": ("lead", {"training_valid_until": yesterday}),
               "tier": ("lead", {"max_tier": "negligible"})}  # fmt: skip
    role, authority = changed[how]
    await becomes(desk, "dora", role, **authority)
    await desk.parts.claims.free_late()
    assert (await eve.claim()).status_code == 201


async def test_review_a_case_handed_to_somebody_who_leaves_in_that_moment_is_for_everybody(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1")))
    ana, _, eve = await desk.client("ana"), await desk.client("ben"), await desk.client("eve")
    claim = await ana.claimed()
    async with desk.pool.acquire() as connection, connection.transaction():
        await connection.execute("SELECT FROM case_counters FOR UPDATE")
        handing = asyncio.create_task(ana.post(f"/claims/{claim['claim_id']}/delegate", {**WHY, "to": "ben"}))
        await desk.until_waiting(1)
        await leaves(desk, "ben")
    assert (await handing).status_code == 204
    await desk.parts.claims.free_late()
    assert (await eve.claim()).status_code == 201
