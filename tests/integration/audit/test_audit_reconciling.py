"""Each day is counted on the record, and an event that never arrived is reported."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path

import orjson

from countersign_audit.reading.published import PublishedLog
from countersign_audit.watching.reconciling import Reconciler, look_at
from countersign_shared.messaging import Record
from countersign_shared.messaging.dead_letters import dead_letter
from tests.integration.audit.log import SteppingClock, open_log
from tests.unit.audit.records import all_examples, one_case, record

DAY = date(2026, 3, 3)


async def test_a_record_taken_off_a_topic_on_purpose_is_reported(database_url: str, tmp_path: Path) -> None:
    clock = SteppingClock()
    clock.now = clock.now.replace(year=2026, month=3, day=4, hour=7)
    time = f"{DAY}T10:00:00Z"
    body = next(body for path, body in all_examples() if path == "activity.recorded/review.claimed.json")
    said = [
        record(
            "activity.recorded", body | {"case_id": case, "sequence": number}, event_id=f"{case}-{number}", time=time
        )
        for case in ("whole", "holed")
        for number in (1, 2, 3, 5, 4)
        if (case, number) != ("holed", 2)
    ]
    async with open_log(database_url, tmp_path / "keys", clock=clock) as log:
        await log.add([*said, *one_case("other")])
        (day,) = await Reconciler(log.pool, log.writer, clock).work()
        assert (day.day, day.counts["review.claimed"]) == (DAY, 9)
        assert [(hole.source, hole.missing) for hole in day.holes] == [("/countersign/test", [2])]
        (row,) = await log.rows("SELECT leaf FROM entries WHERE kind = 'log.reconciled'")
        leaf = orjson.loads(row["leaf"])
        assert (leaf["day"], leaf["holes"], leaf["first_holes"][0]["missing"]) == (DAY.isoformat(), 1, [2])
        assert await Reconciler(log.pool, log.writer, clock).work() == []
        # It was only late: the next look finds no hole.
        missing = body | {"case_id": "holed", "sequence": 2}
        await log.add([record("activity.recorded", missing, event_id="holed-2", time=time)])
        async with log.pool.acquire() as connection:
            assert (await look_at(connection, DAY)).holes == []
        clock.now += timedelta(days=2)
        assert [one.day for one in await Reconciler(log.pool, log.writer, clock).work()] == [
            DAY + timedelta(days=1), DAY + timedelta(days=2),
        ]  # fmt: skip
        report = await log.verify()
        assert report.ok, [str(one) for one in report.findings]


async def test_however_many_numbers_are_missing_the_entry_that_says_so_is_a_leaf(
    database_url: str, tmp_path: Path
) -> None:
    clock = SteppingClock()
    clock.now = clock.now.replace(year=2026, month=3, day=4, hour=7)
    body = next(body for path, body in all_examples() if path.startswith("case.updated/"))
    said = [
        record("case.updated", body | {"sequence": number}, event_id=f"id-{number}", time=f"{DAY}T10:00:00Z")
        for number in range(1, 48_000, 2)
    ]
    async with open_log(database_url, tmp_path / "keys", clock=clock) as log:
        await log.add(said)
        await Reconciler(log.pool, log.writer, clock).work()
        assert [piece async for piece in PublishedLog(log.pool).entries(0, log.writer.size)]
        (row,) = await log.rows("SELECT leaf FROM entries WHERE kind = 'log.reconciled'")
        (hole,) = orjson.loads(row["leaf"])["first_holes"]
        assert (len(hole["missing"]), hole["missing"][:3], hole["missing_count"]) == (20, [2, 4, 6], 23_999)


async def test_days_go_on_being_counted_after_the_clock_ran_ahead(database_url: str, tmp_path: Path) -> None:
    clock = SteppingClock()
    clock.now = clock.now.replace(year=2026, month=3, day=4, hour=7)
    async with open_log(database_url, tmp_path / "keys", clock=clock) as log:
        reconciler = Reconciler(log.pool, log.writer, clock)
        assert [one.day for one in await reconciler.work()] == [DAY]
        right, clock.now = clock.now, clock.now + timedelta(days=10)
        assert len(await reconciler.work()) == 10
        clock.now = right + timedelta(days=1)
        for later in (1, 2):
            assert [one.day for one in await reconciler.work()] == [DAY + timedelta(days=later)]
            clock.now += timedelta(days=1)


async def test_a_producers_last_event_is_missed_where_something_rests_on_it_or_time_has_passed(
    database_url: str, tmp_path: Path
) -> None:
    clock = SteppingClock()
    happened = date(2026, 1, 2)
    all_but = {
        "whole": (), "late": (0,), "scored": (1,), "routed": (2,), "undecided": (3,), "unrouted": (2, 3),
        "unscored": (1, 2, 3), "refused": (1, 2, 3),
    }  # fmt: skip
    async with open_log(database_url, tmp_path / "keys", clock=clock) as log:
        for number, (case, steps) in enumerate(all_but.items()):
            await log.add([one for at, one in enumerate(one_case(case, number=number)) if at not in steps])
        created = one_case("refused", number=len(all_but) - 1)[0]
        letter = dead_letter(created, service="inference", reason="unknown_field", pointer="/x", detail="")
        await log.add([Record(letter.topic, 0, 0, created.timestamp_ms, letter.key, letter.value, letter.headers)])
        names = {log.writer.names.case("default", case).hex(): case for case in all_but}
        async with log.pool.acquire() as connection:
            day = await look_at(connection, happened)
            later = await look_at(connection, happened + timedelta(days=14))
        assert day.holes == []
        missed = {"late": "case.created", "scored": "case.scored", "routed": "case.routed"}
        assert {names[one.case]: one.topic for one in day.absent} == missed
        assert {names[one.case]: one.topic for one in later.absent} == missed | {
            "undecided": "decision.made", "unrouted": "case.routed", "unscored": "case.scored",
        }  # fmt: skip
