"""What audits found reaches the router, and shows in each cell of the matrix with what it rests on."""

from __future__ import annotations

from typing import Any

import asyncpg
import orjson
import pytest

from countersign_router.activities import ActivityIntake
from countersign_router.api.models.matrix import AuditedError
from countersign_router.replaying.estimates import interval
from countersign_router.store import Store
from countersign_shared.errors import FatalError
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Record
from tests.architecture.sources import ROOT
from tests.contract.fits import misfits
from tests.integration.router.desk import Replica
from tests.integration.router.door import desk_of
from tests.unit.router.cases import DRAWS, scored

pytestmark = pytest.mark.postgres
EXAMPLE = ROOT / "shared/contracts/examples/activity.recorded/audit.judged.json"
CHANCE = 0.05
"""The shipped policy's least chance of an audit at level 1."""


def judged(case_id: str, *, error: bool = False, chance: float = CHANCE, selected: bool = True, **given: Any) -> Record:
    """An audit's result as review writes it."""
    body = orjson.loads(EXAMPLE.read_bytes())
    body |= {"case_id": case_id, "kind": given.get("kind", "audit.judged")}
    body["body"]["error"] = error
    body["body"]["routing"]["sampling"]["audit"] = {"probability": chance, "selected": selected}
    assert misfits("activity.recorded", body) == []
    message = write_event(
        "activity.recorded", event_id=f"judged-{case_id}", source=given.get("source", "/countersign/review"),
        case_id=case_id, time="2026-03-04T10:00:00.000000Z", body=orjson.dumps(body), partition=2,
    )  # fmt: skip
    return Record("activity.recorded", 2, 0, 1_768_000_000_000, message.key, message.value, message.headers)


async def cell(store: Store, tier: str = "negligible", band: str = "high") -> AuditedError:
    desk = desk_of(store)
    view = await desk.matrix("loan_application", None, 24)
    (found,) = [one for one in view.cells if (one.tier, one.band) == (tier, band)]
    return found.audited


async def test_a_cell_shows_how_often_the_machine_was_wrong_and_how_sure_that_is(
    replica: Replica, store: Store
) -> None:
    intake = ActivityIntake(store, DRAWS, replica.handler)
    await replica.route(*(scored(f"case-{number}") for number in range(60)))
    nothing = await cell(store)
    assert (nothing.judged, nothing.rate, nothing.lower, nothing.upper) == (0, None, 0.0, 1.0)
    await intake([judged(f"case-{number}", error=number == 7) for number in range(20)])
    few = await cell(store)
    assert (few.judged, few.errors, few.rate, few.kept) == (20, 1, None, 20)
    assert (few.lower, few.upper) == interval(1, 20)
    more = [judged(f"case-{number}", error=number == 7) for number in range(40)]
    assert await intake(more) == ()
    found = await cell(store)
    assert (found.judged, found.errors, found.rate, found.kept) == (40, 1, pytest.approx(1 / 40), 40)
    assert (found.lower, found.upper) == interval(1, 40)
    assert (await cell(store, "low", "high")).judged == 0


async def test_unequal_chances_weigh_the_rate_and_thin_the_interval(replica: Replica, store: Store) -> None:
    await replica.route(*(scored(f"case-{number}") for number in range(400)))
    sure = [judged(f"case-{number}", error=number < 10) for number in range(100)]
    doubtful = [judged(f"case-{number}", error=number < 250, chance=4 * CHANCE) for number in range(200, 400)]
    await ActivityIntake(store, DRAWS, replica.handler)(sure + doubtful)
    found = await cell(store)
    assert (found.judged, found.errors) == (300, 60)
    # 10 of 100 that stand for 20 decisions each, 50 of 200 that stand for 5 each.
    assert found.rate == pytest.approx((10 * 20 + 50 * 5) / (100 * 20 + 200 * 5))
    kept = [number for number in range(200, 400) if DRAWS("thin", "default", f"case-{number}") < 1 / 4]
    assert (found.kept, found.kept_errors) == (100 + len(kept), 10 + sum(number < 250 for number in kept))
    assert 0 < len(kept) < 100
    assert (found.lower, found.upper) == interval(found.kept_errors, found.kept)


async def test_only_what_chance_drew_and_review_says_counts_and_once(
    replica: Replica, store: Store, pool: asyncpg.Pool
) -> None:
    intake = ActivityIntake(store, DRAWS, replica.handler)
    await replica.route(*(scored(f"case-{number}") for number in range(4)))
    await intake([
        judged("case-0", error=True), judged("case-0"), judged("case-1", selected=False),
        judged("case-2", source="/somebody/else"), judged("case-3", kind="seed.judged"),
    ])  # fmt: skip
    await intake([judged("case-0")])
    assert await pool.fetchval("SELECT count(*) FROM judgements") == 1
    found = await cell(store)
    assert (found.judged, found.errors) == (1, 1)


async def test_a_judgement_that_cannot_be_read_stops_the_service(replica: Replica, store: Store) -> None:
    broken = judged("case-0")._replace(value=b'{"kind":"audit.judged"}')
    with pytest.raises(FatalError, match=r"activity\.recorded\[2\]@0"):
        await ActivityIntake(store, DRAWS, replica.handler)([broken])
