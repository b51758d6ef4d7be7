"""Two people sign what lets the machine decide more: certificates, calibrators, tiers that evidence holds back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from pydantic import TypeAdapter

from countersign_router.controls import proposals
from countersign_router.controls.events import Actor
from countersign_router.controls.intake import ControlIntake
from countersign_router.domain.proposals import Waiting
from countersign_router.store import ControlKey, Store
from countersign_router.store.people import PersonChange
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.activity import ActivityRecorded
from countersign_shared.contracts.events.control import ControlChanged
from countersign_shared.messaging.records import Message
from tests.integration.router.controls import CERTIFIED, MODEL, as_record, calibrator, certificate, tightened, trip
from tests.integration.router.desk import Replica, bodies
from tests.unit.router.cases import scored

pytestmark = pytest.mark.postgres
CONTROL, ACTIVITY = TypeAdapter(ControlChanged), TypeAdapter(ActivityRecorded)
LEAD, APPROVER, OTHER = Actor("p-lars", "lead"), Actor("p-paul", "policy_approver"), Actor("p-lea", "lead")
ACTIVE = ControlKey("certificate.active", "default", "loan_application", "negligible")
CLEARED = ControlKey("trip.cleared", "default", "loan_application", "negligible")


@pytest.fixture
async def certified(replica: Replica) -> Replica:
    await replica.publish(CERTIFIED)
    return replica


async def take(replica: Replica, *messages: Message) -> None:
    await ControlIntake(replica.store, replica.metrics)([as_record(one) for one in messages])


async def level(replica: Replica, case_id: str, **model: Any) -> int:
    body = scored(case_id)
    body["model"] = {**MODEL, **model}
    found: int = bodies(await replica.route(body), "case.routed")[0]["level"]
    return found


async def waits(store: Store) -> Waiting:
    (found,) = await proposals.open_proposals(store, datetime.now(UTC))
    return found.waiting


async def sign(store: Store, actor: Actor, key: ControlKey = ACTIVE, sha256: str | None = None) -> proposals.Signed:
    named = (await waits(store)).sha256 if sha256 is None else sha256
    return await proposals.sign_proposal(
        store, key, sha256=named, reason="looked at the evidence", actor=actor, roles=frozenset({actor.role or ""})
    )


async def test_a_certificate_is_live_with_the_second_signature(certified: Replica, store: Store) -> None:
    await take(certified, certificate())
    assert (await sign(store, LEAD)).control is None
    assert await level(certified, "one-signature") == 3
    signed = await sign(store, APPROVER)
    assert signed.control is not None
    assert [one["pseudonym"] for one in signed.control["signatures"]] == ["p-lars", "p-paul"]
    assert CONTROL.validate_python(signed.control).state.certificate_id == "cert-1"
    assert await level(certified, "live") == 1
    for number, other in enumerate(
        ({"version": "2"}, {"calibrator_version": "platt-2"}, {"artifact_sha256": "0" * 64})
    ):
        assert await level(certified, f"other-{number}", **other) == 3
    assert await proposals.open_proposals(store, datetime.now(UTC)) == []


async def test_another_policy_voids_it(certified: Replica, store: Store) -> None:
    await take(certified, certificate(automation_sha256="0" * 64))
    await sign(store, LEAD)
    await sign(store, APPROVER)
    assert await level(certified, "void") == 3


async def test_nobody_signs_twice(certified: Replica, store: Store) -> None:
    await take(certified, certificate())
    await sign(store, LEAD)
    with pytest.raises(proposals.SamePerson):
        await sign(store, LEAD)
    assert await level(certified, "still") == 3


async def test_a_signature_is_for_one_hash(certified: Replica, store: Store) -> None:
    """The proposal changed between reading and signing, and between the two signatures."""
    await take(certified, certificate(threshold=0.95))
    read = (await waits(store)).sha256
    await sign(store, LEAD)
    await take(certified, certificate("cert-1", revision=2, threshold=0.5))
    with pytest.raises(proposals.NotSignable, match="read it again") as refused:
        await sign(store, APPROVER, sha256=read)
    assert refused.value.code == "hash_mismatch"
    assert (await sign(store, APPROVER)).control is None, "the first signature was for something else"
    assert await level(certified, "unsigned") == 3


async def test_a_proposal_said_again_keeps_its_signatures(certified: Replica, store: Store) -> None:
    await take(certified, certificate())
    await sign(store, LEAD)
    await take(certified, certificate(revision=2))
    assert (await sign(store, APPROVER)).control is not None


async def test_a_role_lost_since_does_not_count(certified: Replica, store: Store) -> None:
    await take(certified, certificate())
    await sign(store, LEAD)
    now = datetime.now(UTC)
    await store.note_people([PersonChange("p-lars", 5, now, roles=("reviewer",))])
    second = await sign(store, APPROVER)
    assert (second.control, second.signatures) == (None, 1)
    with pytest.raises(proposals.NotSignable) as refused:
        await proposals.sign_proposal(
            store, ACTIVE, sha256=(await waits(store)).sha256, reason="mine", actor=Actor("p-mia", "analyst"),
            roles=frozenset({"analyst"}),
        )  # fmt: skip
    assert refused.value.code == "role_missing"
    assert (await sign(store, OTHER)).control is not None


async def test_a_signature_nobody_joins_within_a_day_is_void(
    certified: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    await take(certified, certificate())
    await sign(store, LEAD)
    await pool.execute("UPDATE control_signatures SET signed_at = now() - interval '25 hours'")
    assert (await sign(store, APPROVER)).control is None
    assert (await sign(store, LEAD)).control is not None, "who signed too early may sign again"


async def test_a_refusal_voids_the_signatures_before_it(certified: Replica, store: Store) -> None:
    await take(certified, certificate())
    await sign(store, LEAD)
    read = (await waits(store)).sha256
    await proposals.refuse_proposal(store, ACTIVE, sha256=read, reason="too few labels", actor=OTHER)
    assert (await sign(store, APPROVER)).control is None
    assert (await sign(store, LEAD)).control is not None


async def test_a_stricter_renewal_needs_nobody_and_a_looser_one_does(certified: Replica, store: Store) -> None:
    await take(certified, certificate())
    await sign(store, LEAD)
    await sign(store, APPROVER)
    await take(certified, certificate("cert-2", revision=2, renews="cert-1", threshold=0.98))
    assert orjson.loads(await store.control(ACTIVE) or b"")["state"]["threshold"] == 0.98
    assert await level(certified, "below-the-new-threshold") == 3
    await take(certified, certificate("cert-3", revision=3, renews="cert-2", threshold=0.93))
    assert orjson.loads(await store.control(ACTIVE) or b"")["state"]["threshold"] == 0.98
    assert "lower than 0.98" in (await waits(store)).why


async def test_evidence_takes_a_certificate_back_by_itself(certified: Replica, store: Store) -> None:
    await take(certified, certificate())
    await sign(store, LEAD)
    await sign(store, APPROVER)
    await take(certified, certificate(revision=2, active=False))
    assert await level(certified, "taken-back") == 3
    assert await proposals.open_proposals(store, datetime.now(UTC)) == []


async def test_a_tier_comes_back_by_two_signatures_on_the_trip_they_read(replica: Replica, store: Store) -> None:
    await take(replica, trip())
    await sign(store, LEAD, CLEARED)
    await take(replica, trip("trip-1", revision=2))
    assert (await sign(store, APPROVER, CLEARED)).control is None, "the evidence has grown since the first signature"
    assert await level(replica, "held") == 3
    signed = await sign(store, LEAD, CLEARED)
    assert CONTROL.validate_python(signed.control).state.trip_id == "trip-1"
    assert await level(replica, "lifted") == 1
    await take(replica, trip("trip-1", revision=2))
    assert await level(replica, "said-again") == 1
    await take(replica, trip("trip-2", revision=3))
    assert await level(replica, "tripped-again") == 3


@pytest.mark.parametrize("scope", [{}, {"tier": "*"}, {"body": b"{torn"}], ids=["its tier", "every tier", "unreadable"])
async def test_a_trip_voids_the_certificate_and_lifting_it_brings_nothing_back(
    certified: Replica, store: Store, scope: dict[str, Any]
) -> None:
    await take(certified, certificate())
    await sign(store, LEAD)
    await sign(store, APPROVER)
    assert await level(certified, "live") == 1
    await take(certified, trip(tenant="other"), trip(**scope))
    state = orjson.loads(await store.control(ACTIVE) or b"")["state"]
    assert (state["certificate_id"], state["active"]) == ("cert-1", False)
    lifting = ControlKey("trip.cleared", "default", "loan_application", scope.get("tier", "negligible"))
    (one,) = [
        one.waiting for one in await proposals.open_proposals(store, datetime.now(UTC))
        if one.waiting.becomes == lifting.parts
    ]  # fmt: skip
    await sign(store, LEAD, lifting, one.sha256)
    await sign(store, APPROVER, lifting, one.sha256)
    assert await level(certified, "lifted") == 3
    await take(certified, certificate("cert-2", revision=2, renews="cert-1"))
    assert await level(certified, "a-renewal-renews-nothing") == 3


async def test_tightened_bands_are_relaxed_by_the_signed_switch_or_by_two_people(
    replica: Replica, store: Store
) -> None:
    relaxed = ControlKey("bands.relaxed", "default", "loan_application", "*")
    await take(replica, tightened())
    assert await level(replica, "tightened") == 2
    await sign(store, LEAD, relaxed)
    signed = await sign(store, APPROVER, relaxed)
    assert CONTROL.validate_python(signed.control).state.reason == "looked at the evidence"
    assert await level(replica, "relaxed") == 1
    await take(replica, tightened(revision=2), calibrator())
    assert await level(replica, "tightened-again") == 2
    switch = ControlKey("calibrator.active", "default", "loan_application", "*")
    (found,) = [
        one.waiting for one in await proposals.open_proposals(store, datetime.now(UTC))
        if one.waiting.becomes == switch.parts
    ]  # fmt: skip
    await sign(store, LEAD, switch, found.sha256)
    await sign(store, APPROVER, switch, found.sha256)
    assert await proposals.open_proposals(store, datetime.now(UTC)) == [], "nothing is left to relax"
    assert await level(replica, "under-the-new-one", calibrator_version="platt-2") == 1
    assert await level(replica, "still-under-the-old-one") == 2


async def test_a_feedback_that_forgot_its_revisions_still_trips(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    await take(replica, trip("trip-1", revision=4))
    await sign(store, LEAD, CLEARED)
    await sign(store, APPROVER, CLEARED)
    assert await level(replica, "lifted") == 1
    await take(replica, trip("trip-1", revision=4), trip("trip-9", revision=2))
    assert await level(replica, "again") == 3
    letters = await pool.fetch("SELECT headers FROM outbox WHERE topic = 'countersign.dead-letter'")
    assert [dict(orjson.loads(one["headers"]))["x-reason"] for one in letters] == ["control_conflict"]


async def test_a_calibrator_waits_for_people_too(replica: Replica, store: Store) -> None:
    await take(replica, calibrator())
    key = ControlKey("calibrator.active", "default", "loan_application", "*")
    await sign(store, LEAD, key)
    signed = await sign(store, APPROVER, key)
    assert CONTROL.validate_python(signed.control).state.calibrator_version == "platt-2"


async def test_nothing_waits_where_nothing_was_proposed(replica: Replica, store: Store) -> None:
    for key in (ACTIVE, CLEARED, ControlKey("stop", "*", "*")):
        with pytest.raises(proposals.NothingWaits):
            await sign(store, LEAD, key, sha256="0" * 64)


async def test_every_step_is_on_the_record(certified: Replica, store: Store, pool: asyncpg.Pool) -> None:
    await pool.execute("DELETE FROM outbox")
    await take(certified, certificate())
    await sign(store, LEAD)
    with pytest.raises(proposals.SamePerson):
        await sign(store, LEAD)
    await sign(store, APPROVER)
    rows = await pool.fetch("SELECT topic, key, body FROM outbox ORDER BY id")
    activities = [ACTIVITY.validate_json(row["body"]) for row in rows if row["topic"] == "activity.recorded"]
    assert [(one.kind, one.actor.pseudonym) for one in activities] == [
        ("control.requested", "feedback"), ("control.approved", "p-lars"), ("control.refused", "p-lars"),
        ("control.approved", "p-paul"), ("control.changed", "p-paul"),
    ]  # fmt: skip
    assert [row["key"] for row in rows if row["topic"] == "control.changed"] == ["|".join(ACTIVE.parts).encode()]


async def test_a_certificate_ends_by_itself(certified: Replica, store: Store, pool: asyncpg.Pool) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    await take(certified, certificate(expires_at=ends.isoformat().replace("+00:00", "Z")))
    await sign(store, LEAD)
    await sign(store, APPROVER)
    assert await level(certified, "live") == 1
    await pool.execute(
        "UPDATE controls SET body ="
        " convert_to(replace(convert_from(body, 'UTF8'), $1, '2026-01-01T00:00:00Z'), 'UTF8')",
        ends.isoformat().replace("+00:00", "Z"),
    )
    assert await level(certified, "over") == 3


@pytest.mark.parametrize("behind", [timedelta(hours=2), timedelta(hours=-2)], ids=["router", "database"])
async def test_a_certificate_holds_for_decisions_that_bear_a_time_before_its_end_whichever_clock_is_behind(
    certified: Replica, store: Store, pool: asyncpg.Pool, *, behind: timedelta
) -> None:
    ends = datetime.now(UTC) + timedelta(hours=1)
    await take(certified, certificate(expires_at=rfc3339(ends)))
    await sign(store, LEAD)
    await sign(store, APPROVER)
    # The record shows by itself that the certificate was in force: its end is held against the time on the decision.
    other = Replica(store, clock=lambda: datetime.now(UTC) - behind)
    body = scored("other-clock")
    body["model"] = MODEL
    (decision,) = bodies(await other.route(body), "decision.made")
    assert datetime.fromisoformat(decision["decided_at"]) < min(ends, datetime.now(UTC))
    over = datetime.fromisoformat(decision["decided_at"]) - timedelta(minutes=1)
    await pool.execute(
        "UPDATE controls SET body = convert_to(replace(convert_from(body, 'UTF8'), $1, $2), 'UTF8')",
        rfc3339(ends), rfc3339(over),
    )  # fmt: skip
    assert await level(other, "over") == 3
