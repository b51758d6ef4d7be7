"""What follows from labels and controls, on a real PostgreSQL: proposals, renewals, trips, calibrators; once each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from pydantic import TypeAdapter

from countersign_feedback.app import MIGRATIONS
from countersign_feedback.handlers import Handler
from countersign_feedback.promising.following import ControlIntake
from countersign_feedback.promising.keeper import Keeper
from countersign_feedback.promising.look_back import everything
from countersign_feedback.promising.looking import Lasting, tiers_of
from countersign_feedback.promising.standing import Stage, Standing, read_seen, standing
from countersign_feedback.store import SCHEMA, Store
from countersign_feedback.store.controls import ControlKey, OwnControl
from countersign_router.controls.records import Claim, read_control
from countersign_router.domain.controls import read_controls
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.control import ControlChanged, control_key
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Record
from countersign_shared.observability import Metrics
from countersign_shared.postgres import migrate, open_pool
from tests.integration.feedback.test_feedback_store import record
from tests.unit.feedback.events import decided, judged, routed

pytestmark = pytest.mark.postgres

START = datetime(2026, 1, 1, tzinfo=UTC)
ROUTER, FEEDBACK = "/countersign/router", "/countersign/feedback"
PROPOSED = ControlKey("certificate.proposed", "default", "loan_application", "low")
TRIP = ControlKey("trip", "default", "loan_application", "low")
BANDS = ControlKey("bands.tightened", "default", "loan_application", "*")
CALIBRATOR = ControlKey("calibrator.proposed", "default", "loan_application", "*")


def control(
    kind: str, state: dict[str, Any], *, revision: int = 1, tier: str = "*", at: datetime = START, source: str = ROUTER
) -> Record:
    name = control_key(kind, "default", "loan_application", tier)
    body = {
        "kind": kind, "tenant": "default", "decision_type": "loan_application", "tier": tier, "revision": revision,
        "changed_at": rfc3339(at), "changed_by": "p-1", "signatures": [], "state": state,
    }  # fmt: skip
    message = write_event(
        "control.changed", event_id=f"{name.decode()}-{revision}", source=source, case_id=name.decode(),
        time=rfc3339(at), body=orjson.dumps(body), partition=None, key=name,
    )  # fmt: skip
    return Record("control.changed", 0, 0, 0, message.key, message.value, message.headers)


def policy(revision: int = 1, *, sha: str = "a" * 64, alpha: float = 0.25, audit: float = 0.5) -> Record:
    terms = {
        "certificate": "required", "delta": 0.1, "tiers": {"low": {"alpha": alpha, "audit_probability": audit}}
    }  # fmt: skip
    state = {
        "id": "p", "version": revision, "sha256": "c" * 64, "automation_sha256": sha,
        "published_at": rfc3339(START), "automation": terms,
    }  # fmt: skip
    return control("policy", state, revision=revision)


class Scene:
    """A feedback service without Kafka, a clock to set, and cases to judge."""

    def __init__(self, pool: asyncpg.Pool, lasting: Lasting | None = None) -> None:
        self.store = Store(pool)
        self.now = START
        self.metrics = Metrics("feedback")
        self.keeper = Keeper(self.store, self.metrics, lambda: self.now, lasting or Lasting())
        self.take = ControlIntake(self.store, self.keeper.controlled)
        self.number = 0

    async def cases(
        self, count: int, *, wrong: Callable[[int], bool] = lambda _: False, certificate: str | None = None,
        confidence: Callable[[int], float] = lambda n: 0.92 + 0.0007 * (n * 37 % 100), base: bool = False,
        sha: str = "a" * 64, judge: bool = True, model: str = "3",
    ) -> None:  # fmt: skip
        """Cases that were drawn, blind where nothing is certified, each judged an hour later."""
        found = []
        for _ in range(count):
            self.number += 1
            self.now += timedelta(minutes=1)
            case_id, level = f"case-{self.number:05}", 2 if certificate else 3
            body = routed(case_id, level=level) | {"would_automate": True}
            body["sampling"] = {
                name: {"probability": 0.5 if mine else 0.0, "selected": mine}
                for name, mine in (("audit", level == 2), ("blind", level == 3), ("human_only", False))
            } | {"key_id": "k"}
            body["proposal"]["confidence"] = confidence(self.number)
            body["policy"] |= {"automation_sha256": sha, "sha256": "c" * 64}
            body["model"] |= {"artifact_sha256": "d" * 64, "version": model}
            body["certificate"] = {"status": "live", "id": certificate} if certificate else None
            if base:
                detail = {"margin": 0.5, "base_confidence": confidence(self.number)}
                body["signals"] = {"probability": {"value": 0.9, "detail": detail}}
            found.append(record("case.routed", body, time=rfc3339(self.now)))
            if judge:
                answer = judged(
                    case_id, kind="audit.judged" if level == 2 else "control.judged", error=wrong(self.number)
                )
                answer["body"]["routing"]["sampling"] = body["sampling"]
                found.append(record("activity.recorded", answer, time=rfc3339(self.now + timedelta(minutes=1))))
        self.now += timedelta(minutes=2)
        await Handler(self.store, self.keeper.judged)(found)

    async def own(self, key: ControlKey) -> OwnControl | None:
        await self.keeper.look()
        return await self.store.own_control(key)

    async def sign(self, proposed: OwnControl, revision: int) -> None:
        await self.take(
            [control("certificate.active", dict(proposed.state), revision=revision, tier="low", at=self.now)]
        )

    async def standing(self) -> Standing:
        known = {one.key: one for one in await self.store.known_controls()}
        own = {one.key: one for one in await self.store.own_controls()}
        (tier,) = await tiers_of(self.store, "default", "loan_application", known, own)
        return standing(*await read_seen(self.store, tier), self.now)

    def evidence(self) -> float | None:
        return self.metrics.registry.get_sample_value("countersign_automation_evalue", {"tier": "low"})


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(database_url, schema=SCHEMA) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        yield pool


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


async def test_confidences_that_promise_too_much_bring_a_calibrator_fitted_to_what_the_model_said(
    pool: asyncpg.Pool,
) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    # Sure of 0.90 to 0.99, right in three of four.
    await scene.cases(460, wrong=lambda n: n % 4 == 0, confidence=lambda n: 0.9 + 0.0009 * (n * 37 % 100), base=True)
    proposed = await scene.own(CALIBRATOR)
    assert proposed is not None
    TypeAdapter(ControlChanged).validate_json(proposed.message.value)
    state = proposed.state
    assert (state["method"], state["model_version"], state["artifact_sha256"]) == ("platt", "3", "d" * 64)
    assert state["evidence"]["log_loss_after"] < state["evidence"]["log_loss_before"]
    assert state["evidence"]["labels"] == 450
    raised = await scene.store.own_control(BANDS)
    assert raised is not None
    sent = Record("control.changed", 0, 0, 0, raised.message.key, raised.message.value, raised.message.headers)
    claim = read_control(sent)
    assert isinstance(claim, Claim), "the router believes it"
    (held,) = read_controls([claim.body]).raised_bands["default", "loan_application", "*"]
    (limits,) = raised.state["limits"]
    assert (held.model_version, held.calibrator_version, held.high) == ("3", limits["calibrator_version"], 0.1)
    assert (limits["model_name"], limits["model_version"]) == (state["model_name"], "3")
    assert limits["calibrator_version"] == state["evidence"]["replaces"]
    assert (limits["high"], limits["medium"]) == (0.1, 0.0)
    assert state["calibrator_version"] in raised.state["reason"]
    told = await scene.standing()
    assert told.tightened is not None
    assert (told.tightened.high, told.tightened.text) == (0.1, raised.state["reason"])
    order = await pool.fetch("SELECT key FROM outbox WHERE topic = 'control.changed' ORDER BY id")
    assert [row["key"].split(b"|")[0] for row in order][-2:] == [b"bands.tightened", b"calibrator.proposed"]
    scene.keeper.controlled()
    same = await scene.own(CALIBRATOR)
    assert same is not None
    assert same.revision == 1
    # People relaxed what they had read; a later look finds the same, and holds again.
    relaxed = {"tightening_id": raised.state["tightening_id"], "reason": "r", "evidence": {"revision": 1}}
    await scene.take([control("bands.relaxed", relaxed)])
    assert (await scene.standing()).tightened is None
    await scene.cases(230, wrong=lambda n: n % 4 == 0, confidence=lambda n: 0.9 + 0.0009 * (n * 37 % 100), base=True)
    again = await scene.own(BANDS)
    assert again is not None
    assert (again.revision, len(again.state["limits"])) == (2, 1)


async def test_a_model_with_more_labels_than_are_read_at_once_is_still_looked_at(
    pool: asyncpg.Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("countersign_feedback.store.labels.MAX_CALIBRATION", 400)
    scene = Scene(pool)
    await scene.take([policy()])
    seen = []
    for count in (460, 60, 160):
        await scene.cases(
            count, wrong=lambda n: n % 4 == 0, confidence=lambda n: 0.9 + 0.0009 * (n * 37 % 100), base=True
        )
        proposed = await scene.own(CALIBRATOR)
        assert proposed is not None
        evidence = proposed.state["evidence"]
        seen.append((proposed.revision, evidence["labels"], evidence["labels_in_all"]))
    # Looked at 450 and 675; at 520 nothing is new. Of them all the newest 400 are read.
    assert seen == [(1, 400, 450), (1, 400, 450), (2, 400, 675)]


async def test_confidences_that_are_true_bring_no_calibrator(pool: asyncpg.Pool) -> None:
    scene = Scene(pool)
    await scene.take([policy()])
    await scene.cases(460, wrong=lambda n: n % 20 == 0, confidence=lambda n: 0.9 + 0.0009 * (n * 37 % 100))
    assert await scene.own(CALIBRATOR) is None
