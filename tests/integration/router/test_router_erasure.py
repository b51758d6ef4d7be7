"""What is erased is looked at once more in time, whatever else happens or does not; and nothing of a case stays."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from countersign_router.app import MIGRATIONS
from countersign_router.store import Batch, NewJudgement, NewRouting, Store
from countersign_router.store.routings import Repeats
from countersign_router.store.statements import SQL
from countersign_shared import erasure
from countersign_shared.erasure import AGAIN_AFTER, Erasing, eraser, read_request
from countersign_shared.errors import FatalError, TransientError
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Record
from countersign_shared.postgres import Queries
from countersign_shared.postgres.bodies import Bodies
from tests.integration.router.desk import Replica, record
from tests.unit.router.cases import scored

pytestmark = pytest.mark.postgres
START = datetime(2026, 3, 2, 10, tzinfo=UTC)


class Hand:
    """A clock that is set by hand."""

    now = START

    def __call__(self) -> datetime:
        return self.now


def asked(case_id: str, *, source: str = "/countersign/audit") -> Record:
    body = {
        "tenant": "default", "case_id": case_id, "decision_type": None, "kind": "erasure.requested", "sequence": 1,
        "body": {"erasure_id": f"era-{case_id}", "cases": [case_id], "legal_basis": "x"},
    }  # fmt: skip
    message = write_event(
        "activity.recorded", event_id=f"e-{case_id}", source=source, case_id=case_id,
        time="2026-03-02T10:00:00.000000Z", body=orjson.dumps(body), partition=3,
    )  # fmt: skip
    return Record("activity.recorded", 3, 1, 1, message.key, message.value, message.headers)


@pytest.fixture
def clock() -> Hand:
    return Hand()


@pytest.fixture
def erasing(replica: Replica, pool: asyncpg.Pool, clock: Hand) -> Erasing:
    erase = eraser(MIGRATIONS.with_name("erasure.sql"))
    return Erasing(replica.handler, pool, erase, service="router", clock=clock, guards=True)


async def routed(pool: asyncpg.Pool) -> set[str]:
    return {row["case_id"] for row in await pool.fetch("SELECT case_id FROM routings")}


async def test_it_is_erased_again_in_time_though_no_record_comes(
    erasing: Erasing, replica: Replica, pool: asyncpg.Pool, clock: Hand, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasure, "LOOK_SECONDS", 0.01)
    faults: list[BaseException] = []
    await erasing.erase_again()  # as at a start
    await erasing([asked("gone")])
    await replica.route(scored("gone"), scored("stays"))  # another replica, which had looked just before
    async with erasing.in_time(fail=faults.append):
        await asyncio.sleep(0.05)
        assert await routed(pool) == {"gone", "stays"}, "it is not time yet"
        clock.now += AGAIN_AFTER + timedelta(seconds=1)
        async with asyncio.timeout(20):
            while "gone" in await routed(pool):
                await asyncio.sleep(0.01)
    assert await routed(pool) == {"stays"}
    assert faults == []


async def test_cases_do_not_wait_for_the_second_look_at_many(
    erasing: Erasing, replica: Replica, pool: asyncpg.Pool, clock: Hand
) -> None:
    await erasing([asked("gone")])
    looking = asyncio.Event()

    async def for_ever(*_: Any) -> int:
        looking.set()
        await asyncio.Event().wait()
        return 0

    begun = Erasing(replica.handler, pool, for_ever, service="router", clock=clock, guards=True)
    async with asyncio.timeout(20), begun.in_time(fail=lambda _: None):
        await looking.wait()
        await begun([record(scored("comes"))])
    assert await routed(pool) == {"comes"}


async def test_further_erasures_do_not_put_off_the_second_look(
    erasing: Erasing, replica: Replica, pool: asyncpg.Pool, clock: Hand
) -> None:
    await erasing.erase_again()  # as at a start
    await erasing([asked("gone")])
    await replica.route(scored("gone"))
    for number in range(3):
        clock.now += AGAIN_AFTER * 0.6
        await erasing.erase_again()
        await erasing([asked(f"other-{number}")])
    assert await routed(pool) == set()
    await replica.route(scored("other-2"))
    clock.now += AGAIN_AFTER
    await erasing.erase_again()
    assert await routed(pool) == set(), "the last of them has its second look too"


async def test_a_clock_that_is_put_back_does_not_put_off_the_second_look(
    erasing: Erasing, replica: Replica, pool: asyncpg.Pool, clock: Hand
) -> None:
    clock.now += timedelta(days=30)
    await erasing([asked("gone")])
    clock.now -= timedelta(days=30)
    await replica.route(scored("gone"))
    await erasing.erase_again()
    assert await routed(pool) == set()
    clock.now += AGAIN_AFTER
    await erasing.erase_again()
    await replica.route(scored("gone"))
    await erasing.erase_again()
    assert await routed(pool) == {"gone"}, "and then it is done"


async def test_what_was_judged_of_a_case_goes_with_it(
    erasing: Erasing, replica: Replica, pool: asyncpg.Pool, store: Store
) -> None:
    await replica.route(scored("gone"), scored("stays"))
    judged = [NewJudgement("default", case, "loan_application", True, 0.5, 0.1, START) for case in ("gone", "stays")]
    await store.note_judgements(judged)
    await erasing([asked("gone")])
    assert [row["case_id"] for row in await pool.fetch("SELECT case_id FROM judgements")] == ["stays"]


def test_what_is_not_audits_and_cannot_be_read_stops_nothing() -> None:
    ours = asked("gone")
    assert read_request(ours) is not None
    nameless = tuple(pair for pair in ours.headers if pair[0] not in {"ce_id", "ce_source"})
    assert read_request(ours._replace(headers=nameless)) is None
    assert read_request(ours._replace(value=b"wrote erasure.requested into a file", headers=())) is None
    with pytest.raises(FatalError, match="asks for an erasure and cannot be read"):
        read_request(ours._replace(value=b'{"kind": "erasure.requested"}'))


class Erased:
    """A connection of a batch; what another replica erases goes between the batch's two questions."""

    def __init__(self, connection: Any, pool: asyncpg.Pool) -> None:
        self._connection = connection
        self._pool = pool

    async def fetch(self, query: str, *arguments: Any) -> Any:
        if "routed_headers, routed_body, decision_headers, decision_body\nFROM" in query:
            await self._pool.execute("DELETE FROM routings WHERE case_id = 'gone'")
        return await self._connection.fetch(query, *arguments)


async def test_a_case_that_is_erased_while_it_comes_again_is_not_routed_anew(
    replica: Replica, pool: asyncpg.Pool
) -> None:
    await replica.route(scored("gone"), scored("stays"))
    (row, other) = [
        NewRouting(("default", case), 3, 3, "loan_application", None, None, None, b"h", b"another", None, None)
        for case in ("gone", "stays")
    ]
    async with pool.acquire() as connection:
        batch = Batch(Erased(connection, pool), Queries.load(SQL / "queries.sql"), Bodies(), Repeats())
        with pytest.raises(TransientError, match="erased meanwhile"):
            await batch.keep([row, other], START)
        assert set(await batch.keep([other], START)) == {("default", "stays")}
