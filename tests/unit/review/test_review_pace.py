from __future__ import annotations

from datetime import UTC, datetime, timedelta

from countersign_review.api.pace import AT_ONCE, MOST_CALLERS, WRITES_PER_SECOND, Pace

NOW = datetime(2026, 3, 2, tzinfo=UTC)


def test_a_caller_may_write_a_burst_and_then_so_many_a_second() -> None:
    pace = Pace()
    allowed = [pace.wait_seconds("ana", NOW) for _ in range(int(AT_ONCE))]
    assert allowed == [0.0] * int(AT_ONCE)
    wait = pace.wait_seconds("ana", NOW)
    assert 0 < wait <= 1 / WRITES_PER_SECOND
    assert pace.wait_seconds("ben", NOW) == 0.0
    second = NOW + timedelta(seconds=1)
    again = [pace.wait_seconds("ana", second) for _ in range(int(WRITES_PER_SECOND) + 1)]
    assert [wait > 0 for wait in again] == [False] * int(WRITES_PER_SECOND) + [True]


def test_a_clock_set_back_takes_nothing_from_anybody() -> None:
    pace = Pace()
    pace.wait_seconds("ana", NOW)
    assert pace.wait_seconds("ana", NOW - timedelta(hours=1)) == 0.0


def test_invented_callers_fill_no_memory() -> None:
    pace = Pace()
    for number in range(MOST_CALLERS + 10):
        pace.wait_seconds(str(number), NOW)
    assert len(pace._used) == MOST_CALLERS
