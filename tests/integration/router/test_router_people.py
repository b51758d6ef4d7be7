"""What review says of people reaches the router in the batches it reads, and nothing else does."""

from __future__ import annotations

from datetime import datetime, timedelta

import asyncpg
import orjson
import pytest

from countersign_router.activities import ActivityIntake
from countersign_router.domain.signatures import Standing
from countersign_router.store import Store
from countersign_shared.clock import rfc3339
from countersign_shared.errors import FatalError
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Record
from tests.contract.fits import misfits
from tests.integration.router.desk import Replica, record
from tests.integration.router.life import PETRA, Way, activities, everything_to_people, in_force, refusals
from tests.unit.router.cases import NEVER_DRAWN, scored

pytestmark = pytest.mark.postgres
REVIEW = "/countersign/review"


def told(
    kind: str, sequence: int, *, user: str = "u_petra", source: str = REVIEW, at: str = "2026-01-15T12:00:00.000000Z",
    **fact,
) -> Record:  # fmt: skip
    """An activity about a person as review writes it."""
    body = {
        "tenant": "default", "case_id": None, "entity_id": user, "sequence": sequence, "kind": kind,
        "occurred_at": at, "actor": {"kind": "person", "pseudonym": "u_admin"},
        "body": {"user": user, **fact},
    }  # fmt: skip
    assert misfits("activity.recorded", body) == []
    message = write_event(
        "activity.recorded", event_id=f"{user}-{sequence}", source=source, case_id=user,
        time="2026-01-15T12:00:00.000000Z", body=orjson.dumps(body), partition=2,
    )  # fmt: skip
    return Record("activity.recorded", 2, sequence, 1_768_000_000_000, message.key, message.value, message.headers)


async def standing(store: Store, user: str = "u_petra") -> Standing | None:
    return (await store.standings([user])).get(user)


async def test_roles_and_disabled_accounts_are_taken_in(store: Store, replica: Replica) -> None:
    intake = ActivityIntake(store, NEVER_DRAWN, replica.handler)
    assert await standing(store) is None
    assert await intake([told("user.added", 1, roles=["policy_approver"], tenants=["*"])]) == ()
    assert await standing(store) == Standing(frozenset({"policy_approver"}), frozenset({"*"}), disabled=False)
    await intake([told("user.signed_in", 2), told("user.disabled", 3)])
    assert await standing(store) == Standing(frozenset({"policy_approver"}), frozenset({"*"}), disabled=True)
    await intake([told("user.enabled", 4), told("user.changed", 5, roles=["reviewer"])])
    assert await standing(store) == Standing(frozenset({"reviewer"}), frozenset({"*"}), disabled=False)


async def test_repeats_and_late_ones_change_nothing(store: Store, replica: Replica) -> None:
    intake = ActivityIntake(store, NEVER_DRAWN, replica.handler)
    batch = [told("user.disabled", 7), told("user.added", 1, roles=["lead"])]
    for _ in range(2):
        await intake(batch)
        assert await standing(store) == Standing(frozenset({"lead"}), None, disabled=True)
    await intake([told("user.added", 1, roles=["admin"])])
    assert await standing(store) == Standing(frozenset({"lead"}), None, disabled=True)


async def test_only_review_speaks_for_people(store: Store, replica: Replica) -> None:
    intake = ActivityIntake(store, NEVER_DRAWN, replica.handler)
    await intake([told("user.added", 1, roles=["policy_approver"], source="/somebody/else")])
    assert await standing(store) is None


async def test_cases_in_the_same_batch_are_routed(store: Store, replica: Replica) -> None:
    intake = ActivityIntake(store, NEVER_DRAWN, replica.handler)
    other = told("user.signed_in", 1)
    noise = other._replace(value=b"not json at all")
    # A stranger's, which only mentions what we look for.
    foreign = other._replace(value=b'"user.disabled" was said', headers=())
    messages = await intake([
        other, record(scored("a")), noise, foreign, told("user.disabled", 2), record(scored("b")),
    ])  # fmt: skip
    assert [one.key for one in messages if one.topic == "case.routed"] == [b"a", b"b"]
    found = await standing(store)
    assert found is not None
    assert found.disabled


async def test_what_cannot_be_read_about_a_person_stops_the_service(store: Store, replica: Replica) -> None:
    broken = told("user.disabled", 1)._replace(value=b'{"kind":"user.disabled"}')
    with pytest.raises(FatalError, match=r"activity\.recorded\[2\]@1"):
        await ActivityIntake(store, NEVER_DRAWN, replica.handler)([record(scored("a")), broken])


async def test_a_loss_that_is_heard_of_too_late_is_put_on_the_record(
    store: Store, replica: Replica, pool: asyncpg.Pool
) -> None:
    """The approver had lost the role before the publishing, and review's word came after it."""
    intake = ActivityIntake(store, NEVER_DRAWN, replica.handler)
    await (await Way.approved(store, everything_to_people())).publish()
    (control,) = [orjson.loads(body) for key, _, body in await store.controls() if key.decision_type != "refund"]
    later = rfc3339(datetime.fromisoformat(control["changed_at"]) + timedelta(seconds=1))
    keeps = told("user.changed", 2, user=PETRA.pseudonym, roles=["policy_approver"], tenants=["*"])
    await intake([keeps, told("user.changed", 1, user="p-somebody", roles=["lead"])])
    assert await refusals(pool) == []
    lost = told("user.changed", 3, user=PETRA.pseudonym, roles=["policy_author"])
    for _ in range(2):
        await intake([lost])
    assert await refusals(pool) == [("router", "known_later", "role_lost")]
    told_of = [one for one in await activities(pool) if one["kind"] == "control.refused"]
    assert "p-petra signed as policy_approver and had lost that at 2026-01-15T12" in told_of[0]["body"]["reason"]
    assert (await in_force(pool))["state"]["version"] == 2, "it stands"
    assert (await standing(store, PETRA.pseudonym)) == Standing(
        frozenset({"policy_author"}), frozenset({"*"}), disabled=False
    )
    # What was signed and in force while the role was held is nobody's fault.
    await intake([told("user.disabled", 4, user=PETRA.pseudonym, at=later)])
    assert len(await refusals(pool)) == 1
