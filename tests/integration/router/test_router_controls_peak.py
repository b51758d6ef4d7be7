"""Busy periods, previews, gauges and the past of controls."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import asyncpg
import orjson
import pytest
from pydantic import TypeAdapter

from countersign_router.controls import peaks, stops
from countersign_router.controls.events import Actor
from countersign_router.controls.gauges import show_automation
from countersign_router.controls.intake import ControlIntake
from countersign_router.controls.stop_preview import preview
from countersign_router.domain.controls import read_controls
from countersign_router.policy_shelf import PolicyShelf
from countersign_router.store import ControlKey, Store
from countersign_shared.contracts.events.activity import ActivityRecorded
from tests.integration.router.controls import CERTIFIED, as_record, trip
from tests.integration.router.desk import Replica, bodies
from tests.unit.router.cases import bent, decision_types, scored

pytestmark = pytest.mark.postgres
ACTIVITY = TypeAdapter(ActivityRecorded)
LEAD, ANNA = Actor("p-lars", "lead"), Actor("p-anna", "operator")
PEAK = ControlKey("peak", "default", "*")
BUSY = bent(
    version=2, adjust=[{"id": "peak", "when": "controls.peak", "bands": {"high": -0.02}, "only_tiers": ["negligible"]}]
)


def now() -> datetime:
    return datetime.now(UTC)


async def peak(store: Store, until: datetime) -> None:
    await peaks.set_peak(store, tenant="default", decision_type="*", reason="spring sale", until=until, actor=LEAD)


async def test_a_peak_is_seen_in_events_and_ends_by_its_moment(replica: Replica, store: Store) -> None:
    await replica.publish(BUSY)
    until = now() + timedelta(hours=1)
    await peak(store, until)
    (during,) = bodies(await replica.route(scored("during", confidence=0.89)), "case.routed")
    assert (during["level"], during["band"]) == (1, "high")
    assert [one["id"] for one in during["thresholds"]["adjustments"]] == ["peak"]
    assert any(reason["values_read"].get("controls.peak") is True for reason in during["reasons"])
    # Nobody has ended it on the record yet; the batch's own moment decides.
    later = Replica(store, clock=lambda: until)
    async with store.batch() as batch:
        held = await batch.hold_controls()
        controls = read_controls([orjson.loads(body) for body in held.bodies])
    assert controls.peak("default", "loan_application", until - timedelta(seconds=1))
    assert not controls.peak("default", "loan_application", until)
    assert later.store is store


async def test_its_end_is_recorded_once(store: Store, replica: Replica, pool: asyncpg.Pool) -> None:
    await peak(store, now() + timedelta(minutes=5))
    assert await peaks.end_expired(store, now()) == 0
    await pool.execute(
        'UPDATE controls SET body = convert_to(regexp_replace(convert_from(body, \'UTF8\'), \'"expires_at":"[^"]*"\','
        " '\"expires_at\":\"2026-01-01T00:00:00Z\"'), 'UTF8') WHERE kind = 'peak'"
    )
    assert await peaks.end_expired(store, now()) == 1
    assert await peaks.end_expired(store, now()) == 0
    rows = await pool.fetch("SELECT body FROM outbox WHERE topic = 'activity.recorded' ORDER BY id")
    kinds = [ACTIVITY.validate_json(row["body"]).kind for row in rows]
    assert kinds[-2:] == ["control.changed", "control.expired"]
    assert not orjson.loads(await store.control(PEAK) or b"")["state"]["active"]


async def test_a_peak_is_short_and_lies_ahead(store: Store, replica: Replica) -> None:
    with pytest.raises(peaks.PeakOver):
        await peak(store, now() - timedelta(seconds=1))
    with pytest.raises(peaks.PeakTooLong):
        await peak(store, now() + timedelta(days=15))
    with pytest.raises(peaks.NoPeak):
        await peaks.clear_peak(store, tenant="default", decision_type="*", reason="over", actor=LEAD)


async def test_what_a_control_was_is_kept(store: Store, replica: Replica) -> None:
    await peak(store, now() + timedelta(hours=1))
    await peak(store, now() + timedelta(hours=2))
    await peaks.clear_peak(store, tenant="default", decision_type="*", reason="it is over", actor=LEAD)
    past = [orjson.loads(body) for body in await store.control_history(PEAK, before=10, limit=10)]
    assert [(one["revision"], one["state"]["active"]) for one in past] == [(3, False), (2, True), (1, True)]
    assert await store.control_history(PEAK, before=2, limit=10) == [orjson.dumps(past[2])]


async def test_a_preview_counts_by_queue_and_hour(store: Store, replica: Replica) -> None:
    await replica.route(*(scored(f"now-{number}") for number in range(6)), scored("to-people", outcome="decline"))
    earlier = Replica(store, clock=lambda: now() - timedelta(minutes=90))
    await earlier.route(*(scored(f"earlier-{number}") for number in range(3)))
    await earlier.route(scored("elsewhere", tenant="other"))
    shelf = PolicyShelf(decision_types())
    controls = read_controls([orjson.loads(body) for _, _, body in await store.controls()])
    await shelf.fetch(set(controls.policies.values()), store.policy_document)

    async def load(**scope: str):
        asked = {"tenant": "*", "decision_type": "*", **scope}
        return await preview(store, shelf, controls, **asked, hours=4, now=now() + timedelta(seconds=1))

    everything = await load()
    (queue,) = everything.queues
    assert (everything.hours, everything.automatic, everything.automatic_per_hour) == (2, 10, 5.0)
    assert (queue.queue, queue.cases, queue.busiest_hour) == ("underwriting", 10, 6)
    assert everything.people_per_hour == 0.5
    assert (await load(tenant="other")).automatic == 1
    assert (await load(decision_type="refund")).queues == ()


async def test_the_gauges_tell_the_truth(store: Store, replica: Replica) -> None:
    async def shown() -> dict[str, str]:
        controls = read_controls([orjson.loads(body) for _, _, body in await store.controls()])
        shelf = PolicyShelf(decision_types())
        await shelf.fetch(set(controls.policies.values()), store.policy_document)
        show_automation(replica.metrics, controls, shelf, now())
        lines = replica.metrics.exposition().decode().splitlines()
        found = [line.removeprefix("countersign_automation_") for line in lines if "countersign_automation_" in line]
        return dict(line.rsplit(" ", 1) for line in found if not line.startswith("#"))

    before = await shown()
    assert (before['enabled{tier="negligible"}'], before['enabled{tier="critical"}']) == ("1.0", "0.0")
    assert before['stopped{scope="all"}'] == "0.0"
    intake = ControlIntake(store, replica.metrics)
    await intake([as_record(trip(decision_type="*"))])
    assert (await shown())['enabled{tier="negligible"}'] == "0.0"
    assert (await shown())['tripped{decision_type="all",tier="negligible"}'] == "1.0"
    await stops.stop(store, tenant="*", decision_type="*", reason="wrong rates", actor=ANNA)
    assert (await shown())['stopped{scope="all"}'] == "1.0"


async def test_a_tier_without_its_certificate_is_not_enabled(store: Store, replica: Replica) -> None:
    await replica.publish(CERTIFIED)
    await replica.publish(bent("refund", version=2, automation={"certificate": "required"}))
    controls = read_controls([orjson.loads(body) for _, _, body in await store.controls()])
    shelf = PolicyShelf(decision_types())
    await shelf.fetch(set(controls.policies.values()), store.policy_document)
    show_automation(replica.metrics, controls, shelf, now())
    assert b'automation_enabled{tier="negligible"} 0.0' in replica.metrics.exposition()
