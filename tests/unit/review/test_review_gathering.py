"""Requests of the same moment are served together, and nobody pays for somebody else."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from countersign_review.store.gathering import Gathering


class Work:
    """Doubles numbers; remembers which came together, and waits where it is told to."""

    def __init__(self) -> None:
        self.groups: list[list[int]] = []
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self, numbers: Sequence[int]) -> Sequence[int | Exception]:
        self.groups.append(list(numbers))
        await self.gate.wait()
        if 13 in numbers:
            raise ValueError("unlucky")
        return [LookupError("nothing") if number == 0 else 2 * number for number in numbers]


async def test_one_alone_is_served_at_once_and_the_rest_together_after_it() -> None:
    work = Work()
    work.gate.clear()
    gathering = Gathering(work, most=3, side_by_side=1)
    asked = [asyncio.create_task(gathering.ask(number)) for number in range(1, 6)]
    await asyncio.sleep(0)
    work.gate.set()
    assert await asyncio.gather(*asked) == [2, 4, 6, 8, 10]
    assert [len(group) for group in work.groups] == [3, 2]


async def test_whoever_asks_after_the_last_was_served_is_served_too() -> None:
    work = Work()
    gathering = Gathering(work, most=3, side_by_side=1)
    assert [await gathering.ask(number) for number in (1, 2, 3)] == [2, 4, 6]
    assert work.groups == [[1], [2], [3]]


async def test_one_refusal_or_fault_is_nobody_elses() -> None:
    work = Work()
    gathering = Gathering(work, most=9, side_by_side=2)
    answers = await asyncio.gather(*(gathering.ask(number) for number in (1, 0, 13, 4)), return_exceptions=True)
    assert answers[0] == 2
    assert isinstance(answers[1], LookupError)
    assert isinstance(answers[2], ValueError)
    assert answers[3] == 8
    assert work.groups == [[1, 0, 13, 4], [1], [0], [13], [4]]


async def test_two_requests_of_one_key_are_never_in_two_groups_at_a_time() -> None:
    work = Work()
    work.gate.clear()
    gathering = Gathering(work, most=2, side_by_side=2, key=lambda number: number % 10)
    asked = [asyncio.create_task(gathering.ask(number)) for number in (1, 2, 11, 3, 21, 5)]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert work.groups == [[1, 2], [3, 5]]
    work.gate.set()
    assert await asyncio.gather(*asked) == [2, 4, 22, 6, 42, 10]
    assert sorted(work.groups[2:]) == [[11, 21]]


async def test_whoever_has_gone_is_not_served() -> None:
    work = Work()
    work.gate.clear()
    gathering = Gathering(work, most=1, side_by_side=1)
    first = asyncio.create_task(gathering.ask(1))
    gone = asyncio.create_task(gathering.ask(2))
    await asyncio.sleep(0)
    gone.cancel()
    with pytest.raises(asyncio.CancelledError):
        await gone
    work.gate.set()
    assert await first == 2
    assert await gathering.ask(3) == 6
    assert work.groups == [[1], [3]]
