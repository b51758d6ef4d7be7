"""What follows from labels and controls, on a real PostgreSQL: proposals, renewals, trips; once each."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

import asyncpg
import pytest
from pydantic import TypeAdapter

from countersign_feedback.handlers import Handler
from countersign_feedback.promising.look_back import everything
from countersign_feedback.promising.looking import Lasting
from countersign_feedback.promising.standing import Stage
from countersign_feedback.store.controls import OwnControl
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.control import ControlChanged
from countersign_shared.messaging.records import Record
from tests.integration.feedback.scene import (
    FEEDBACK,
    PROPOSED,
    ROUTER,
    TRIP,
    Scene,
    control,
    policy,
)
from tests.integration.feedback.test_feedback_store import record
from tests.unit.feedback.events import decided

pytestmark = pytest.mark.postgres


async def certified(scene: Scene, revision: int = 1) -> OwnControl:
    await scene.cases(60)
    proposed = await scene.own(PROPOSED)
    assert proposed is not None
    await scene.sign(proposed, revision)
    return proposed


async def test_nothing_is_proposed_without_a_policy_that_asks_for_it(pool: asyncpg.Pool) -> None:
    scene = Scene(pool)
    await scene.cases(60)
    assert await scene.own(PROPOSED) is None
    await scene.take([policy(audit=0.0)])
    assert await scene.own(PROPOSED) is None
    assert (await scene.standing()).stage is Stage.NO_AUDITS
    await scene.take([policy(2)])
    assert (await scene.standing()).stage is Stage.COLLECTING
    assert await scene.own(PROPOSED) is not None
    assert (await scene.standing()).stage is Stage.PROPOSED


async def test_replicas_that_look_at_once_propose_once_and_say_it_once(pool: asyncpg.Pool) -> None:
    scenes = [Scene(pool) for _ in range(4)]
    await scenes[0].take([policy()])
    await scenes[0].cases(60)
    for scene in scenes:
        scene.now = scenes[0].now
    await asyncio.gather(*(scene.keeper.look() for scene in scenes))
    proposed = await scenes[0].own(PROPOSED)
    assert proposed is not None
    assert proposed.revision == 1
    rows = await pool.fetch("SELECT body FROM outbox WHERE topic = 'control.changed'")
    assert [TypeAdapter(ControlChanged).validate_json(row["body"]).kind for row in rows] == ["certificate.proposed"]
    attempts = await pool.fetchval("SELECT count(*) FROM attempts")
    for scene in scenes:
        scene.keeper.controlled()
        await scene.keeper.look()
    assert await pool.fetchval("SELECT count(*) FROM attempts") == attempts


async def test_a_certificate_is_renewed_in_time_by_fresh_labels_and_never_looser(pool: asyncpg.Pool) -> None:
    scene = Scene(pool, Lasting(days=90, renewal_days=30))
    await scene.take([policy()])
    first = await certified(scene)
    certificate = first.state["certificate_id"]
    await scene.cases(60, certificate=certificate)
    assert (await scene.own(PROPOSED)) == await scene.store.own_control(PROPOSED)
    still = await scene.own(PROPOSED)
    assert still is not None
    assert still.revision == 1, "too early to renew"
    scene.now += timedelta(days=31)
    scene.keeper.controlled()
    renewal = await scene.own(PROPOSED)
    assert renewal is not None
    assert (renewal.revision, renewal.state["renews"]) == (2, certificate)
    assert renewal.state["threshold"] >= first.state["threshold"]
    assert renewal.state["evidence"]["purposes"] == {"audit": renewal.state["evidence"]["labels"]}
    scene.keeper.controlled()
    again = await scene.own(PROPOSED)
    assert again is not None
    assert again.revision == 2, "sent already"
    await scene.sign(renewal, 2)
    new, old = await scene.store.certificates(decision_type="loan_application")
    assert (new.certificate_id, new.ended_at) == (renewal.state["certificate_id"], None)
    assert old.ended_at == new.activated_at


async def test_a_broken_promise_trips_once_takes_the_certificate_back_and_uses_old_labels_no_more(
    pool: asyncpg.Pool,
) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    first = await certified(scene)
    await scene.cases(20, certificate=first.state["certificate_id"])
    await scene.keeper.look()
    assert scene.evidence() is not None
    assert (await scene.standing()).stage is Stage.LIVE
    await scene.cases(20, certificate=first.state["certificate_id"], wrong=lambda _: True)
    trip = await scene.own(TRIP)
    assert trip is not None
    assert trip.state["certificate_id"] == first.state["certificate_id"]
    withdrawn = await scene.store.own_control(PROPOSED)
    assert withdrawn is not None
    assert (withdrawn.state["active"], withdrawn.revision) == (False, 2)
    assert (await scene.standing()).stage is Stage.TRIPPED
    await scene.cases(5, certificate=first.state["certificate_id"], wrong=lambda _: True)
    twice = await scene.own(TRIP)
    assert twice is not None
    assert twice.revision == 1
    told = await scene.standing()
    assert told.watching is not None
    # The router took it back; labels since then carry the next one.
    await scene.take([control("certificate.active", {**first.state, "active": False}, revision=2, tier="low")])
    broken = await scene.standing()
    assert (broken.certificate, broken.stage) == (None, Stage.TRIPPED)
    assert broken.watching is not None
    assert broken.watching.path[-1].log_evidence >= broken.watching.log_bar, "what broke it is still to be seen"
    await scene.cases(20)
    assert (await scene.store.own_control(PROPOSED)) == withdrawn
    await scene.cases(100)
    again = await scene.own(PROPOSED)
    assert again is not None
    assert again.state["active"]
    assert again.state["renews"] is None
    assert datetime.fromisoformat(again.state["evidence"]["since"]) >= trip.changed_at


async def test_a_proposal_that_nobody_signed_is_taken_back_when_the_policy_changes(pool: asyncpg.Pool) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    await scene.cases(60)
    assert await scene.own(PROPOSED) is not None
    await scene.take([policy(2, sha="b" * 64)])
    withdrawn = await scene.own(PROPOSED)
    assert withdrawn is not None
    assert withdrawn.state["active"] is False
    assert (await scene.standing()).stage is Stage.NO_CASES
    await scene.cases(60, sha="b" * 64)
    fresh = await scene.own(PROPOSED)
    assert fresh is not None
    assert fresh.state["automation_sha256"] == "b" * 64


async def test_a_proposal_waits_on_while_two_models_take_turns_and_is_taken_back_when_its_own_is_gone(
    pool: asyncpg.Pool,
) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    await scene.cases(60)
    first = await scene.own(PROPOSED)
    assert first is not None
    for model in ("4", "3", "4"):
        await scene.cases(3, model=model)
        assert await scene.own(PROPOSED) == first, "whoever read it can still sign it"
    scene.now += timedelta(hours=2)
    await scene.cases(3, model="4")
    gone = await scene.own(PROPOSED)
    assert gone is not None
    assert (gone.revision, gone.state["active"]) == (2, False)


async def test_a_certificate_for_another_model_or_promise_is_void_and_labels_are_collected_anew(
    pool: asyncpg.Pool,
) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    await certified(scene)
    await scene.take([policy(2, alpha=0.2)])
    void = await scene.standing()
    assert void.stage is Stage.VOID
    assert void.text.startswith("The policy asks for a stricter promise")
    await scene.take([policy(3)])
    scene.now += timedelta(days=91)
    assert (await scene.standing()).stage is Stage.EXPIRED


async def test_drawn_cases_that_nobody_judged_prove_nothing(pool: asyncpg.Pool) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    await scene.cases(60, judge=False)
    scene.keeper.controlled()
    assert await scene.own(PROPOSED) is None
    told = await scene.standing()
    assert told.text == "No case has been judged blind yet, so nothing is known about the errors."
    assert told.progress is not None
    assert (told.progress.drawn, told.progress.judged) == (60, 0)


async def test_what_was_said_before_the_tables_were_lost_is_learned_from_the_topic(pool: asyncpg.Pool) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    proposed = await certified(scene)
    await pool.execute("TRUNCATE controls, outbox")
    body = {**dict(proposed.state)}
    await scene.take([control("certificate.proposed", body, revision=7, tier="low", source=FEEDBACK)])
    known = await scene.store.own_control(PROPOSED)
    assert known is not None
    assert known.revision == 7
    await scene.take([control("trip", {}, tier="low", source=ROUTER)])
    assert await scene.store.own_control(TRIP) is None, "nobody else speaks for us"


@pytest.mark.parametrize("tripped", [False, True])
async def test_what_a_lost_certificate_rested_on_stays_used_up_and_what_broke_can_be_looked_back_at(
    pool: asyncpg.Pool, *, tripped: bool
) -> None:
    scene = Scene(pool, Lasting(days=90, renewal_days=1))
    await scene.take([policy()])
    state = dict((await certified(scene)).state)
    await scene.cases(12, certificate=state["certificate_id"], wrong=lambda _: tripped)
    decided_ = [record("decision.made", decided(f"case-{n:05}"), time=rfc3339(scene.now)) for n in range(scene.number)]
    await Handler(scene.store)(decided_)
    assert (await scene.own(TRIP) is not None) is tripped
    told = await scene.store.own_controls()
    # Only what other services hold, and what can be derived, is left.
    await pool.execute("TRUNCATE controls, known_controls, certificates, attempts, outbox")
    again = Scene(pool, Lasting(days=90, renewal_days=1))
    again.now, again.number = scene.now + timedelta(days=2), scene.number
    active = control("certificate.active", state | {"active": not tripped}, tier="low", at=scene.now, revision=2)
    own = [Record("control.changed", 0, 0, 0, one.message.key, one.message.value, one.message.headers) for one in told]
    await again.take([policy(), active, *own])
    await again.keeper.look()
    assert [one.activated_at for one in await again.store.certificates(tier="low")] == [scene.now]
    assert await pool.fetchval("SELECT count(*) FROM attempts") == 0, "those labels are used up"
    if tripped:
        trip = await again.store.own_control(TRIP)
        assert trip is not None
        assert [one.case_id async for one in everything(again.store, trip)][-1] == f"case-{again.number - 1:05}"
