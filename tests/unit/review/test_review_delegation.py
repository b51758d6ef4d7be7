from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from countersign_review.domain.delegation import LONGEST, Wish, delegation_faults

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DAY = timedelta(days=1)
ANA: dict[str, Any] = {"roles": ["reviewer"], "tenants": ["north", "west"], "delegates": None}
BEN: dict[str, Any] = {"roles": ["lead"], "tenants": ["north", "south"], "delegates": []}


def wish(starts: timedelta = DAY, ends: timedelta = 3 * DAY, delegate: str = "ben") -> Wish:
    return Wish("ana", delegate, NOW + starts, NOW + ends)


def test_a_colleague_may_stand_in() -> None:
    assert delegation_faults(wish(), ANA, BEN, now=NOW) == []
    assert delegation_faults(wish(ends=LONGEST + DAY), ANA, BEN, now=NOW) == []
    assert delegation_faults(wish(), {**ANA, "delegates": ["ben"]}, BEN, now=NOW) == []


@pytest.mark.parametrize(
    ("asked", "person", "delegate", "pointer"),
    [
        (wish(), None, BEN, "/username"),
        (wish(), ANA, None, "/delegate"),
        (wish(), ANA, {"roles": ["auditor"], "delegates": None}, "/delegate"),
        (wish(), {**ANA, "delegates": ["eve"]}, BEN, "/delegate"),
        (wish(), ANA, {**BEN, "tenants": ["south"]}, "/delegate"),
        (wish(delegate="ana"), ANA, ANA, "/delegate"),
        (wish(ends=DAY), ANA, BEN, "/ends_at"),
        (wish(starts=-3 * DAY, ends=0 * DAY), ANA, BEN, "/ends_at"),
        (wish(ends=LONGEST + 2 * DAY), ANA, BEN, "/ends_at"),
    ],
)
def test_what_is_wrong_with_a_delegation_is_named_with_its_place(
    asked: Wish, person: dict[str, Any] | None, delegate: dict[str, Any] | None, pointer: str
) -> None:
    assert [fault.pointer for fault in delegation_faults(asked, person, delegate, now=NOW)] == [pointer]
