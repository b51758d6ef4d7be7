"""Work in pieces: others have a turn after each, and while the log keeps up a rest that is as long as the work."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from countersign_audit.writing import turns
from countersign_audit.writing.drafts import Draft
from countersign_audit.writing.intake import Intake
from countersign_audit.writing.turns import LONGEST_REST_SECONDS, PIECE, in_turns
from tests.unit.audit.records import NAMES, one_case

WORK_SECONDS = 0.004


class Day:
    """A clock that only work and rest move."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self.rests: list[float] = []
        monkeypatch.setattr(turns.time, "perf_counter", lambda: self.now)
        monkeypatch.setattr(turns.asyncio, "sleep", self.rest)

    async def rest(self, seconds: float) -> None:
        self.rests.append(round(seconds, 6))
        self.now += seconds

    async def work(self, drafts: list[Draft], at_ease: Callable[[], bool], *, seconds: float = WORK_SECONDS) -> int:
        done = 0
        async for piece in in_turns(drafts, len(drafts), at_ease):
            done += len(piece)
            self.now += seconds
        return done


@pytest.fixture
def drafts() -> list[Draft]:
    draft = Intake(NAMES).draft(one_case("a")[0])
    return [draft] * (2 * PIECE + 1)


async def test_at_ease_it_rests_as_long_as_it_works_but_not_when_it_is_done(monkeypatch, drafts) -> None:
    day = Day(monkeypatch)
    assert await day.work(drafts, lambda: True) == len(drafts)
    assert day.rests == [WORK_SECONDS, WORK_SECONDS, 0]


async def test_with_another_batch_behind_it_nobody_rests_and_others_have_their_turn(monkeypatch, drafts) -> None:
    day = Day(monkeypatch)
    await day.work(drafts, lambda: len(day.rests) < 1)
    assert day.rests == [WORK_SECONDS, 0, 0]


async def test_a_piece_that_others_kept_from_the_processor_is_no_reason_for_a_long_rest(monkeypatch, drafts) -> None:
    day = Day(monkeypatch)
    await day.work(drafts, lambda: True, seconds=1.0)
    assert day.rests == [LONGEST_REST_SECONDS, LONGEST_REST_SECONDS, 0]


async def test_one_record_is_never_kept_waiting(drafts) -> None:
    async with asyncio.timeout(1):
        assert [piece async for piece in in_turns(drafts[:1], 1, lambda: True)] == [drafts[:1]]
