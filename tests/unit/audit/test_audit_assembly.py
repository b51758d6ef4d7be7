"""Batches made ahead: in order, for the log as it will be, and made anew when it turns out otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest

from countersign_audit.domain.tiles import Edge
from countersign_audit.domain.tree import leaf_hash
from countersign_audit.store import RepeatedRecordError
from countersign_audit.writing.assembly import Assembly, Begun
from countersign_audit.writing.intake import Intake
from countersign_audit.writing.sealing import KeyWrap
from countersign_audit.writing.turns import PIECE, PIECE_BYTES
from countersign_shared.messaging import Record
from tests.unit.audit.records import NAMES, one_case, zeros

WRAP = KeyWrap({1: b"e" * 32})
ONE = Edge().grown([leaf_hash(b"genesis")])[0]
TWO = ONE.grown([leaf_hash(b"about the log")])[0]


class Cases:
    """The log, as far as cases are looked up in it."""

    def __init__(self) -> None:
        self.asked = 0
        self.fails: Exception | None = None

    async def __call__(self, scopes: Sequence[bytes]) -> list[Any]:
        self.asked += len(scopes)
        await asyncio.sleep(0)
        if self.fails is not None:
            raise self.fails
        return []


@asynccontextmanager
async def assembling(cases: Cases) -> AsyncIterator[Assembly]:
    assembly = Assembly(cases, WRAP, NAMES, zeros)
    assembly.restart(ONE)
    try:
        yield assembly
    finally:
        await assembly.close()


def begin(assembly: Assembly, *records: Record) -> Begun:
    intake = Intake(NAMES)
    return assembly.begin(len(records), map(intake.draft, records))


async def test_batches_are_made_in_their_order_each_where_the_last_one_ends() -> None:
    async with assembling(Cases()) as assembly:
        batches = [begin(assembly, *one_case(f"c{number}", number=number)) for number in range(5)]
        assembly.go_ahead(True)
        # The last one is asked for first.
        last = await assembly.ready(batches[-1])
        made = [await assembly.ready(one) for one in batches]
    assert [one.before for one in made] == [1, 5, 9, 13, 17]
    assert last is made[-1]
    assert last.edge.size == 21


async def test_what_was_made_ahead_is_made_anew_when_an_entry_comes_in_between() -> None:
    cases = Cases()
    async with assembling(cases) as assembly:
        assembly.go_ahead(True)
        first, second = begin(assembly, *one_case("a")[:2]), begin(assembly, *one_case("a")[2:])
        assert (await assembly.ready(second)).before == 3
        other = ONE.grown([leaf_hash(b"own")])[0]
        assembly.moved(other)
        assert [(await assembly.ready(one)).before for one in (first, second)] == [2, 4]
        # What was known of the case had rested on entries that were never written.
        assert cases.asked == 2
        assembly.written(first, (await assembly.ready(first)).edge)
        assembly.written(second, (await assembly.ready(second)).edge)
        # Nothing is in the making now, so the case stays at hand.
        assembly.moved((await assembly.ready(second)).edge.grown([leaf_hash(b"own")])[0])
        assert assembly.cases_at_hand == 1


async def test_a_batch_that_never_becomes_due_takes_with_it_what_was_made_on_it() -> None:
    async with assembling(Cases()) as assembly:
        assembly.go_ahead(True)
        given_up, due = begin(assembly, *one_case("a")), begin(assembly, *one_case("b"))
        await assembly.ready(due)
        assembly.due(due)
        assert not assembly.stands
        assert given_up.made is not None
        assembly.restart(ONE)
        assert (await assembly.ready(due)).before == 1


async def test_a_fault_ahead_is_raised_when_its_batch_is_due_and_gone_with_a_new_line() -> None:
    cases = Cases()
    async with assembling(cases) as assembly:
        cases.fails = ConnectionError("lost")
        assembly.go_ahead(True)
        begun = begin(assembly, *one_case("a"))
        with pytest.raises(ConnectionError, match="lost"):
            await assembly.ready(begun)
        cases.fails = None
        assembly.restart(ONE)
        assert (await assembly.ready(begun)).edge.size == 5


async def test_an_id_twice_in_a_batch_is_left_to_those_who_look() -> None:
    async with assembling(Cases()) as assembly:
        record = one_case("a")[0]
        begun = begin(assembly, record, record)
        with pytest.raises(RepeatedRecordError):
            await assembly.ready(begun)
        assert assembly.stands


async def test_a_batch_that_is_given_up_while_its_cases_are_looked_up_takes_no_key_with_it() -> None:
    """An entry of the log's own comes in between: the keys of the batch that is made anew must be among its rows."""

    class Slow(Cases):
        def __init__(self) -> None:
            super().__init__()
            self.looking, self.go_on = asyncio.Event(), asyncio.Event()

        async def __call__(self, scopes: Sequence[bytes]) -> list[Any]:
            self.looking.set()
            await self.go_on.wait()
            return await super().__call__(scopes)

    cases = Slow()
    async with assembling(cases) as assembly:
        batch = begin(assembly, *one_case("c1", number=1))
        assembly.go_ahead(True)
        await cases.looking.wait()
        assembly.moved(TWO)
        cases.go_on.set()
        made = await assembly.ready(batch)
    assert made.before == TWO.size
    assert made.copies.data_keys


async def test_nor_does_one_that_is_given_up_while_it_is_read() -> None:
    cases = [one_case(f"c{number}", number=number) for number in range(PIECE)]
    async with assembling(Cases()) as assembly:
        batch = begin(assembly, *(record for case in cases for record in case))
        assembly.go_ahead(True)
        # Until the work ahead waits for what is read, which takes four turns.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert not batch.drafts.done()
        assembly.moved(TWO)
        made = await assembly.ready(batch)
    assert made.before == TWO.size
    assert made.copies.data_keys


async def test_others_have_their_turn_while_a_batch_is_read_and_made() -> None:
    cases = [one_case(f"c{number}", number=number) for number in range(PIECE)]
    turns = 0
    async with assembling(Cases()) as assembly:
        batch = begin(assembly, *(record for case in cases for record in case))
        made = asyncio.create_task(assembly.ready(batch))
        while not made.done():
            turns += 1
            await asyncio.sleep(0)
        assert (await made).edge.size == 1 + 4 * PIECE
    # Four pieces to read and four to make.
    assert turns >= 8


async def test_large_records_take_a_turn_each() -> None:
    large = [one._replace(value=(one.value or b"")[:-1] + b" " * PIECE_BYTES + b"}") for one in one_case("a")]
    turns = 0
    async with assembling(Cases()) as assembly:
        batch = begin(assembly, *large)
        while not batch.drafts.done():
            turns += 1
            await asyncio.sleep(0)
    assert turns >= len(large)
