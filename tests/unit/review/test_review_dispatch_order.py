from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from countersign_review.domain.dispatch import Pace, Place, overloaded, overtakes

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)


def due(*hours_and_counts: tuple[float, int]) -> list[tuple[datetime, int]]:
    return [(NOW + timedelta(hours=hours), count) for hours, count in hours_and_counts]


@pytest.mark.parametrize(
    ("waiting", "pace", "expected"),
    [
        ([], Pace(0, 0), False),
        # One can always be answered by somebody who begins now.
        (due((0.1, 1)), Pace(0, 0), False),
        (due((0.1, 2)), Pace(0, 0), True),
        (due((1, 10)), Pace(10, 0), False),
        (due((1, 12)), Pace(10, 1), True),
        # An early wave breaks the promise although all of them together could be kept.
        (due((0.5, 8), (10, 1)), Pace(10, 0), True),
        # One that is late does not turn the order of all the others around; a row of them does.
        (due((-2, 1), (5, 3)), Pace(10, 1), False),
        (due((-2, 3), (5, 3)), Pace(10, 1), True),
    ],
)
def test_review_when_deadlines_cannot_all_be_met(
    waiting: list[tuple[datetime, int]], pace: Pace, expected: bool
) -> None:
    assert overloaded(waiting, pace, NOW) is expected


@given(st.lists(st.tuples(st.floats(0, 48), st.integers(1, 20)), max_size=6), st.floats(0, 50), st.integers(0, 5))
def test_review_more_people_or_faster_ones_never_make_an_overload(
    waves: list[tuple[float, int]], pace: float, held: int
) -> None:
    waiting = due(*sorted(waves))
    if not overloaded(waiting, Pace(pace, held), NOW):
        assert not overloaded(waiting, Pace(pace + 1, held), NOW)
        assert not overloaded(waiting, Pace(pace, held + 1), NOW)


def test_review_what_comes_first() -> None:
    early, worse = Place(10, 1, 0, "a"), Place(20, 4, 0, "b")
    assert overtakes(early, worse, overload=False)
    assert overtakes(worse, early, overload=True)
    assert overtakes(Place(10, 2, 0, "c"), early, overload=False)
    assert overtakes(Place(10, 1, 5, "d"), early, overload=False)
    # The same in everything that counts: what was fetched first stays first.
    assert not overtakes(Place(10, 1, 0, "0"), early, overload=False)
