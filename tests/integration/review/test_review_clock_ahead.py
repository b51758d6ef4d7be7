"""A machine's clock ran half a day ahead, and was put back: nothing at the desk waits until that time has come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.integration.review.harness import API, Desk, audited, automatic_decision, record, routed, updated

pytestmark = pytest.mark.postgres

WHY = {"reason": "You know them better."}


@contextmanager
def half_a_day_ahead(desk: Desk) -> Iterator[None]:
    desk.clock.forward(hours=12)
    yield
    desk.clock.forward(hours=-12)


async def test_review_a_claim_of_then_holds_no_longer_than_any_other(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1")))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    with half_a_day_ahead(desk):
        claim = await ana.claimed()
        await ana.post(f"/claims/{claim['claim_id']}/opened")
    # Whoever is still at it keeps it.
    assert await desk.parts.claims.expire() == 0
    assert (await ana.decide(claim, key="no", version=9)).json()["type"].endswith("/stale-version")
    desk.clock.forward(seconds=601)
    assert await desk.parts.claims.expire() == 1
    assert (await ben.claim()).status_code == 201


async def test_review_a_claim_whose_lease_another_replica_has_just_extended_keeps_its_end(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1")))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    desk.clock.forward(seconds=30)
    await ana.post(f"/claims/{claim['claim_id']}/opened")
    until = await desk.pool.fetchval("SELECT lease_expires_at FROM claims")
    desk.clock.forward(seconds=-30)
    assert await desk.parts.claims.expire() == 0
    assert await desk.pool.fetchval("SELECT lease_expires_at FROM claims") == until


async def test_review_what_was_kept_for_somebody_then_is_everybodys(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1")))
    ana, _, cleo = [await desk.client(name) for name in ("ana", "ben", "cleo")]
    with half_a_day_ahead(desk):
        claim = await ana.claimed()
        handed = await ana.post(f"/claims/{claim['claim_id']}/delegate", {**WHY, "to": "ben"})
        assert handed.status_code == 204
    await desk.parts.claims.free_late()
    assert (await cleo.claim()).status_code == 201


async def test_review_an_objection_that_came_then_is_looked_at_with_the_next_round(desk: Desk) -> None:
    body = routed("c-1", level=2)
    decision = automatic_decision(body)
    with half_a_day_ahead(desk):
        await desk.take_in(record("case.routed", body))
        objection = {"decision_id": decision["decision_id"], "grounds": "No."}
        await desk.take_in(updated("c-1", "contested", objection))
    await desk.take_in(record("decision.made", decision))
    await desk.updates.sweep()
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews WHERE kind = 'reversal'") == 1


async def test_review_a_judgement_of_then_has_its_consequence_once_it_has_left(desk: Desk) -> None:
    body = audited("c-1", handling={"grace_seconds": 5})
    await desk.take_in(record("case.routed", body), record("decision.made", automatic_decision(body)))
    with half_a_day_ahead(desk):
        ana = await desk.browser("ana")
        assert (await ana.decide(await ana.claimed(), "decline")).status_code == 200
    await desk.relay_once()
    assert await desk.parts.reversals.follow() == 1
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews WHERE kind = 'reversal'") == 1


async def test_review_whoever_mistyped_then_need_not_wait_until_then_to_sign_in(desk: Desk) -> None:
    root = await desk.client("root", "admin")
    made = await root.post("/users", {"username": "ana", "display_name": "Ana", "roles": ["reviewer"]})
    right, web = {"username": "ana", "password": made.json()["password"]}, desk.anonymous()
    with half_a_day_ahead(desk):
        for n in range(5):
            assert (await web.post(f"{API}/session", json={**right, "password": f"no-{n}"})).status_code == 401
        assert (await web.post(f"{API}/session", json=right)).status_code == 429
    # Guessing stays slow all the same: a clock that is put back is no reason to try more.
    early = await web.post(f"{API}/session", json=right)
    assert (early.status_code, int(early.headers["retry-after"])) == (429, 61)
    desk.clock.forward(seconds=61)
    assert (await web.post(f"{API}/session", json=right)).status_code == 200


async def test_review_a_case_skipped_then_comes_back_and_one_skipped_now_does_not(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1")))
    ana = await desk.client("ana")
    with half_a_day_ahead(desk):
        claim = await ana.claimed()
        assert (await ana.post(f"/claims/{claim['claim_id']}/skip")).status_code == 204
    await desk.parts.claims.free_late()
    claim = await ana.claimed()
    assert (await ana.post(f"/claims/{claim['claim_id']}/skip")).status_code == 204
    await desk.parts.claims.free_late()
    assert (await ana.claim()).status_code != 201
