from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from countersign_review.api.hub import MOST_PER_PERSON, MOST_WAITING, Hub
from countersign_review.domain.live import GIVEN_UP_AFTER, MOST_MISSING, Reading, change_of

NOW = datetime(2026, 3, 2, tzinfo=UTC)


@given(st.permutations(range(1, 30)), st.data())
def test_no_row_is_lost_in_whatever_order_transactions_commit(order: list[int], data: st.DataObject) -> None:
    reading, visible, read = Reading(0), set[int](), list[int]()
    while order or len(read) < len(visible):
        step = data.draw(st.integers(0, len(order)))
        visible |= set(order[:step])
        order = order[step:]
        found = sorted(number for number in visible if number > reading.last or number in reading.missing)
        read += found
        assert reading.seen(found, NOW)
        if not step and not found and order:
            visible.add(order.pop(0))
    assert sorted(read) == list(range(1, 30))


def test_a_number_of_a_transaction_that_was_rolled_back_is_given_up() -> None:
    reading = Reading(0)
    reading.seen([3], NOW)
    assert list(reading.missing) == [1, 2]
    reading.seen([2], NOW + timedelta(seconds=1))
    assert list(reading.missing) == [1]
    reading.seen([], NOW + GIVEN_UP_AFTER + timedelta(seconds=1))
    assert list(reading.missing) == []


def test_more_holes_than_can_be_waited_for_are_said() -> None:
    reading = Reading(0)
    assert not reading.seen([MOST_MISSING + 2], NOW)
    assert (list(reading.missing), reading.last) == ([], MOST_MISSING + 2)


def test_a_judgement_is_told_as_a_decision_is() -> None:
    assert {change_of(kind) for kind in ("decision.made", "audit.judged", "control.judged", "seed.judged")} == {
        "decided"
    }
    assert change_of("review.something_new") == "changed"


def row(tenant: str = "a", case_id: str = "c") -> dict[str, object]:
    return {"kind": "review.claimed", "tenant": tenant, "case_id": case_id, "queue": "q", "review_id": "r", "secret": 1}


async def test_a_listener_hears_of_its_tenants_and_of_nothing_but_ids() -> None:
    hub = Hub()
    one, all_of_them = hub.join("ana", frozenset({"a"})), hub.join("ben", frozenset({"*"}))
    assert one
    assert all_of_them
    hub.publish([row("a"), row("b")])
    told = {"kind": "taken", "tenant": "a", "case_id": "c", "queue": "q", "review_id": "r"}
    assert await one.wait(1) == (False, [told])
    assert await all_of_them.wait(1) == (False, [told, {**told, "tenant": "b"}])


async def test_a_slow_listener_is_told_to_read_anew_and_holds_no_memory() -> None:
    hub = Hub()
    slow = hub.join("ana", frozenset({"*"}))
    assert slow
    for number in range(MOST_WAITING + 10):
        hub.publish([row(case_id=str(number))])
    assert await slow.wait(1) == (True, [])
    hub.publish([row()])
    assert (await slow.wait(1))[1] != []


async def test_nobody_has_more_streams_than_a_person_needs() -> None:
    hub = Hub()
    streams = [hub.join("ana", frozenset()) for _ in range(MOST_PER_PERSON + 1)]
    assert streams[-1] is None
    assert streams[0]
    hub.leave(streams[0])
    assert hub.join("ana", frozenset()) is not None
    assert hub.join("ben", frozenset()) is not None


async def test_streams_end_when_the_instance_stops_and_so_do_those_that_come_late() -> None:
    hub = Hub()
    early = hub.join("ana", frozenset())
    hub.close()
    late = hub.join("ana", frozenset())
    for listener in (early, late):
        assert listener
        await listener.wait(1)
        assert listener.ended == "stopping"
    await asyncio.sleep(0)
