"""What feedback writes on control.changed, taken into the table: believed, ignored, refused."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncpg
import orjson
import pytest
from pydantic import TypeAdapter

from countersign_router.controls import stops
from countersign_router.controls.events import Actor
from countersign_router.controls.intake import ControlIntake
from countersign_router.store import ControlKey, Store
from countersign_shared.contracts.events.activity import ActivityRecorded
from countersign_shared.contracts.events.routed import CaseRouted
from countersign_shared.messaging.records import Message
from tests.integration.router.controls import (
    CERTIFIED,
    as_record,
    calibrator,
    certificate,
    certificate_state,
    control,
    tightened,
    trip,
)
from tests.integration.router.desk import Replica, bodies
from tests.unit.router.cases import scored

pytestmark = pytest.mark.postgres
ACTIVITY, CASE_ROUTED = TypeAdapter(ActivityRecorded), TypeAdapter(CaseRouted)
ANNA = Actor("p-anna", "operator")


@pytest.fixture
def intake(store: Store, replica: Replica) -> ControlIntake:
    return ControlIntake(store, replica.metrics)


async def take(intake: ControlIntake, *messages: Message) -> None:
    await intake([as_record(message, number) for number, message in enumerate(messages)])


async def level(replica: Replica, case_id: str, **change: Any) -> int:
    found: int = bodies(await replica.route(scored(case_id, **change)), "case.routed")[0]["level"]
    return found


async def letters(pool: asyncpg.Pool) -> list[str]:
    rows = await pool.fetch("SELECT headers FROM outbox WHERE topic = 'countersign.dead-letter' ORDER BY id")
    return [dict(orjson.loads(row["headers"]))["x-reason"] for row in rows]


async def facts(pool: asyncpg.Pool) -> list[tuple[str, str]]:
    rows = await pool.fetch("SELECT body FROM outbox WHERE topic = 'activity.recorded' ORDER BY id")
    read = [ACTIVITY.validate_json(row["body"]) for row in rows]
    return [(one.kind, one.body.control) for one in read if one.kind.startswith("control.")]


async def test_a_trip_acts_at_once_on_its_scope(intake: ControlIntake, replica: Replica, pool: asyncpg.Pool) -> None:
    assert await level(replica, "before") == 1
    await take(intake, trip())
    assert await level(replica, "after") == 3
    assert await level(replica, "elsewhere", tenant="other") == 1
    assert await facts(pool) == [("control.changed", "trip")]
    assert await letters(pool) == []


async def test_a_trip_waits_for_the_batch_in_flight(intake: ControlIntake, store: Store) -> None:
    async with store.batch() as batch:
        await batch.hold_controls()
        taking = asyncio.create_task(take(intake, trip()))
        await asyncio.sleep(0.2)
        assert not taking.done()
    await taking


async def test_reading_the_topic_again_changes_nothing_and_waits_for_nobody(
    intake: ControlIntake, store: Store, pool: asyncpg.Pool
) -> None:
    history = [trip("trip-1", revision=1), trip("trip-2", revision=2), certificate(), calibrator()]
    await take(intake, *history)
    before = await pool.fetch("SELECT * FROM controls ORDER BY kind")
    async with store.batch() as batch:
        await batch.hold_controls()
        await asyncio.wait_for(take(intake, *history), 30)
    assert await pool.fetch("SELECT * FROM controls ORDER BY kind") == before
    assert await letters(pool) == []


async def test_a_replica_that_lags_cannot_go_back(intake: ControlIntake, store: Store, replica: Replica) -> None:
    behind = ControlIntake(store, replica.metrics)
    await take(intake, trip("trip-1", revision=1), trip("trip-2", revision=2))
    await take(behind, trip("trip-1", revision=1))
    assert orjson.loads(await store.control(ControlKey("trip", "default", "loan_application", "negligible")) or b"")[
        "revision"
    ] == 2  # fmt: skip


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (trip(source="/somebody/else"), "foreign_control"),
        (certificate(source="/countersign/router"), "foreign_control"),
        (control("certificate.active", {"certificate_id": "x"}, source="/countersign/router"), "invalid_control"),
        (control("trip", {"trip_id": "t"}, source="/somebody/else"), "invalid_control"),
        (control("stop", {"active": False, "reason": "now"}), "foreign_control"),
        (control("autopilot", {}), "unknown_kind"),
        (trip(key=b"trip|default|loan_application|low"), "wrong_key"),
        (certificate(model={"name": "loan"}), "invalid_control"),
        (control("certificate.proposed", certificate_state(), tenant="*"), "invalid_control"),
        (control("certificate.proposed", certificate_state(), tier="*"), "invalid_control"),
        (control("certificate.proposed", {}, body=b"{not json"), "malformed_json"),
        (control("certificate.proposed", {}, revision=2**60, body=b"[]"), "wrong_type"),
        (trip()._replace(value=None), "empty_body"),  # type: ignore[arg-type]
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_what_is_malformed_or_foreign_is_reported_once_and_automates_nothing(
    intake: ControlIntake, store: Store, replica: Replica, pool: asyncpg.Pool, message: Message, reason: str
) -> None:
    await replica.publish(CERTIFIED)
    await take(intake, message)
    await take(ControlIntake(store, replica.metrics), message)
    assert await letters(pool) == [reason]
    assert f'reason="{reason}",service="router"}} 1.0'.encode() in replica.metrics.exposition()
    kinds = {row["kind"] for row in await pool.fetch("SELECT kind FROM controls")}
    # What feedback says under the key of a trip holds, readable or not; a stranger's trip does not.
    held = message.key.startswith(b"trip|") and reason != "foreign_control" and b"feedback" in message.headers[3][1]
    assert kinds == ({"policy", "trip"} if held else {"policy"})
    assert await level(replica, "case") == 3


async def test_a_trip_that_cannot_be_read_holds_all_the_same(
    intake: ControlIntake, replica: Replica, pool: asyncpg.Pool
) -> None:
    await take(intake, trip(body=b"{torn"))
    assert (await level(replica, "held"), await letters(pool)) == (3, ["malformed_json"])


async def test_bands_are_tightened_at_once_for_the_model_that_drifted(
    intake: ControlIntake, replica: Replica, pool: asyncpg.Pool
) -> None:
    assert await level(replica, "before") == 1
    await take(intake, tightened())
    (after,) = bodies(await replica.route(scored("after")), "case.routed")
    assert (after["level"], after["band"], after["would_automate"]) == (2, "medium", True)
    assert CASE_ROUTED.validate_python(after).thresholds.bands.high == 0.98
    assert [(one["id"], one["bands"]) for one in after["thresholds"]["adjustments"]] == [
        ("bands.tightened", {"high": 0.08, "medium": 0.1})
    ]
    (why,) = [one for one in after["reasons"] if one["code"] == "bands_tightened"]
    assert why["text"] == (
        "The bands are tightened: high above 0.98, medium from 0.8, so the confidence counts as medium. "
        "Right less often than it says."
    )
    assert await level(replica, "sure", confidence=0.99) == 1
    other = {**scored("other"), "model": {**scored()["model"], "calibrator_version": "platt-2"}}
    assert bodies(await replica.route(other), "case.routed")[0]["level"] == 1
    assert await facts(pool) == [("control.changed", "bands.tightened")]


async def test_evidence_cannot_loosen_the_bands_again(
    intake: ControlIntake, replica: Replica, pool: asyncpg.Pool
) -> None:
    await take(intake, tightened(), tightened(0.01, revision=2), tightened(0.09, revision=3))
    assert await letters(pool) == ["loosened_control"]
    assert await level(replica, "still", confidence=0.985) == 2


async def test_tightened_bands_that_cannot_be_read_hold_all_the_same(
    intake: ControlIntake, replica: Replica, pool: asyncpg.Pool
) -> None:
    await take(intake, tightened(body=b"{torn"))
    assert (await level(replica, "held", confidence=1.0), await letters(pool)) == (2, ["malformed_json"])


async def test_a_certificate_waits_for_people(intake: ControlIntake, replica: Replica, pool: asyncpg.Pool) -> None:
    await replica.publish(CERTIFIED)
    await take(intake, certificate(), calibrator())
    assert await level(replica, "unsigned") == 3
    assert await facts(pool) == [("control.requested", "certificate.proposed"),
                                 ("control.requested", "calibrator.proposed")]  # fmt: skip


async def test_a_topic_that_is_ahead_of_the_table_is_answered_with_the_table(
    intake: ControlIntake, replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    """A backup of the database was restored: automation that people had stopped since stays stopped."""
    router = "/countersign/router"
    await stops.stop(store, tenant="*", decision_type="*", reason="wrong rates", actor=ANNA)
    off, on = (
        {"active": False, "reason": "go", "expires_at": None},
        {"active": True, "reason": "no", "expires_at": None},
    )
    everywhere = {"tenant": "*", "decision_type": "*", "tier": "*", "source": router}
    await take(intake, control("stop", off, revision=7, **everywhere))
    assert await level(replica, "still") == 3
    refund = {**everywhere, "decision_type": "refund"}
    await take(intake, control("stop", on, revision=3, **refund))
    known = {key: orjson.loads(body) for key, _, body in await store.controls()}
    assert known[ControlKey("stop", "*", "*")]["revision"] == 8
    assert known[ControlKey("stop", "*", "*")]["state"]["active"]
    assert known[ControlKey("stop", "*", "refund")]["state"]["active"]
    assert await letters(pool) == ["ahead_of_table", "ahead_of_table"]
