"""Where delivery jumps, and what that says of records that are not there any more."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from countersign_audit.watching.missing import Jump, MissingRecords, Offsets
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import system_clock
from countersign_shared.errors import TransientError
from countersign_shared.messaging import Record
from countersign_shared.messaging.positions import Position
from countersign_shared.observability import Metrics


def at(*offsets: int, partition: int = 0, topic: str = "case.created") -> list[Record]:
    return [Record(topic, partition, offset, 0, None, None, ()) for offset in offsets]


def test_the_first_delivery_of_a_partition_is_no_jump_and_order_within_each_is_what_counts() -> None:
    seen = Offsets()
    assert seen.jumps([*at(7, 8), *at(3, partition=1), *at(9)]) == []
    assert seen.jumps([*at(12), *at(4, 6, partition=1)]) == [
        Jump("case.created", 0, 10, 12), Jump("case.created", 1, 5, 6),
    ]  # fmt: skip


def test_what_comes_again_and_a_topic_made_anew_are_no_jumps() -> None:
    seen = Offsets()
    assert seen.jumps(at(7, 8, 9)) == []
    assert seen.jumps(at(8, 9, 10)) == []
    assert seen.jumps(at(0, 1)) == []
    assert seen.jumps(at(3)) == [Jump("case.created", 0, 2, 3)]


class Put:
    """The writer and its database, as far as stretches of offsets go."""

    def __init__(self) -> None:
        self.busy = False
        self.stretches: list[tuple[str, int, int, int]] = []
        self.kinds: set[str] = set()
        self.recreated: list[str] = []

    async def fetchval(self, _: str, topic: str, *place: int) -> int | bool | None:
        if not place:  # whether the log has an entry of this kind
            return topic in self.kinds
        partition, first, beyond = place
        said = [(begin, end) for *place, begin, end in self.stretches if place == [topic, partition] and end <= beyond]
        ends = [end for begin, end in said if begin <= first < end]
        return max(ends, default=None)

    async def execute(self, _: str, topic: str, partition: int, first: int, beyond: int, __: object) -> None:
        self.stretches.append((topic, partition, first, beyond))

    async def append_own(
        self, leaf: bytes, *_: object, within: Callable[[object], Awaitable[None]] | None = None
    ) -> int:
        if within is None:
            self.recreated.append(json.loads(leaf)["recreated"])
        else:
            await within(self)
        return 0


def looking(put: Put, *positions: Position) -> tuple[MissingRecords, list[Position]]:
    now = list(positions)

    async def read() -> list[Position]:
        return list(now)

    return MissingRecords(cast("LogWriter", put), read, system_clock, Metrics("audit")), now


async def test_only_what_the_group_had_still_to_read_was_removed_unread() -> None:
    positions = [Position("case.created", number, committed, 8) for number, committed in enumerate((5, 8, 9, None))]
    put = Put()
    missing, _ = looking(put, *positions, Position("control.changed", 0, 5, 8))
    assert await missing.look(put) == [Jump("case.created", 0, 5, 8)]
    assert await missing.look(put) == []


async def test_what_was_removed_at_the_end_is_said_once_though_nothing_follows_it() -> None:
    put = Put()
    missing, now = looking(put, Position("decision.made", 1, 7, 0))
    assert await missing.look(put) == []
    now[:] = [Position("decision.made", 1, 7, 8)]
    put.busy = True
    assert [await missing.look_again(put) for _ in range(2)] == [[], []]
    put.busy = False
    # Seen once it may have been read, and be on its way into the log.
    assert await missing.look_again(put) == []
    assert await missing.look_again(put) == [Jump("decision.made", 1, 7, 8)]
    assert await missing.look_again(put) == []
    # The group still stands there, and the next ones are removed as well: only those are new.
    now[:] = [Position("decision.made", 1, 7, 10)]
    assert await missing.look_again(put) == [Jump("decision.made", 1, 8, 10)]
    assert put.stretches == [("decision.made", 1, 7, 8), ("decision.made", 1, 8, 10)]


async def test_what_was_delivered_meanwhile_is_not_missing_though_it_is_not_committed_yet() -> None:
    put = Put()
    missing, _ = looking(put, Position("decision.made", 0, 7, 9))
    assert await missing.look_again(put) == []
    await missing.follow(put, at(7, 8, topic="decision.made"))
    assert await missing.look_again(put) == []
    assert await missing.look_again(put) == []


async def test_a_partition_that_was_never_committed_begins_where_it_was_found() -> None:
    put = Put()
    missing, now = looking(put, Position("decision.made", 0, None, 3))
    assert await missing.look(put) == []
    now[:] = [Position("decision.made", 0, None, 4)]
    assert [await missing.look_again(put) for _ in range(2)] == [[], [Jump("decision.made", 0, 3, 4)]]


async def test_a_broker_that_is_away_does_not_end_the_looking() -> None:
    async def away() -> list[Position]:
        raise TransientError("away")

    put = Put()
    assert await MissingRecords(cast("LogWriter", put), away, system_clock, Metrics("audit")).look_again(put) == []


async def test_a_jump_in_a_partition_that_the_broker_does_not_name_is_no_reason_to_end() -> None:
    put = Put()
    missing, _ = looking(put)
    await missing.follow(put, at(7))
    assert await missing.follow(put, at(9)) == []
    assert await missing.follow(put, at(10)) == []


async def test_what_delivery_jumped_over_is_said_though_the_first_attempt_failed() -> None:
    put = Put()
    positions, answers = [Position("case.created", 0, 8, 12)], [TransientError("away"), TransientError("away"), None]

    async def read() -> list[Position]:
        answer = answers.pop(0)
        if answer is not None:
            raise answer
        return positions

    missing = MissingRecords(cast("LogWriter", put), read, system_clock, Metrics("audit"))
    await missing.follow(put, at(7))
    for _ in range(2):
        with pytest.raises(TransientError):
            await missing.follow(put, at(12, 13))
    assert await missing.follow(put, at(12, 13)) == [Jump("case.created", 0, 8, 12)]
    assert await missing.follow(put, at(12, 13)) == []


async def test_a_topic_made_anew_is_said_though_the_first_attempt_failed() -> None:
    class Away(Put):
        async def append_own(self, *given: Any, **more: Any) -> int:
            self.append_own = super().append_own  # type: ignore[method-assign]
            raise TransientError("away")

    put = Away()
    missing, now = looking(put, Position("case.created", 0, 5, 0))
    await missing.look(put)
    now[:] = [Position("case.created", 0, None, 0)]
    await missing.look_again(put)
    await missing.look_again(put)
    await missing.look_again(put)
    assert put.recreated == ["case.created"]


async def test_a_topic_made_anew_is_said_once_however_it_shows() -> None:
    put = Put()
    missing, now = looking(put, Position("case.created", 0, 5, 0), Position("decision.made", 0, 2, 0))
    await missing.look(put)
    now[0] = Position("case.created", 0, None, 0)  # the group stands nowhere any more
    for _ in range(2):
        await missing.look_again(put)
    now[:] = [Position("case.created", 0, 1, 0), Position("decision.made", 0, 1, 0)]  # it stands further back
    for _ in range(2):
        await missing.look_again(put)
    assert put.recreated == ["case.created", "decision.made"]
    await missing.follow(put, at(0))  # it has stood beyond what comes now
    await missing.follow(put, at(0, 1))
    assert put.recreated == ["case.created", "decision.made", "case.created"]


async def test_a_topic_made_anew_is_said_once_though_the_broker_forgets_its_places_one_by_one() -> None:
    put = Put()
    missing, now = looking(put, Position("case.created", 0, 5, 0), Position("case.created", 1, 5, 0))
    await missing.look(put)
    now[0] = Position("case.created", 0, None, 0)
    await missing.look_again(put)
    now[1] = Position("case.created", 1, None, 0)
    await missing.look_again(put)
    await missing.follow(put, at(0, partition=1))
    assert put.recreated == ["case.created"]


async def test_a_topic_made_anew_while_audit_was_stopped_is_one_that_the_log_knows_and_the_group_does_not() -> None:
    put = Put()
    put.kinds = {"case.created"}
    places = [Position(topic, part, None, 0) for topic in ("case.created", "case.scored") for part in (0, 1)]
    # A group that stands nowhere at all was forgotten by the broker, or reads another one.
    for positions in ([*places], [Position("case.created", 2, 1, 0), *places]):
        missing, _ = looking(put, *positions)
        await missing.look(put)
    assert put.recreated == []
    missing, _ = looking(put, Position("decision.made", 0, 1, 0), *places)
    await missing.look(put)
    assert put.recreated == ["case.created"]
