"""Where delivery jumps, and what that says of records that are not there any more."""

from __future__ import annotations

from countersign_audit.missing import Jump, Offsets
from countersign_shared.messaging import Record
from countersign_shared.messaging.positions import Position


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


def test_only_what_the_group_had_still_to_read_was_removed_unread() -> None:
    assert list(Position("t", 0, 5, 8).removed) == [5, 6, 7]
    assert not Position("t", 0, 8, 8).removed
    assert not Position("t", 0, 9, 8).removed
    assert not Position("t", 0, None, 8).removed
