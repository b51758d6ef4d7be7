"""The look-back list: automatic decisions of a tier since its promise last looked kept, to be looked at by people."""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from countersign_feedback.domain.promises import binds
from countersign_feedback.store.controls import ControlKey, OwnControl
from countersign_shared.ids import derived_event_id

PAGE = 200


@dataclass(frozen=True, slots=True)
class LookedBack:
    """One automatic decision; ``audit_error`` where it was judged already, ``reversed`` where people replaced it."""

    case_id: str
    decision_id: str
    decided_at: datetime
    confidence: float | None
    audit_error: bool | None
    reversed: bool


@dataclass(frozen=True, slots=True)
class LookBack:
    """A page of the list that a trip calls for, by case id; ``next_cursor`` None on the last one."""

    trip_id: str
    tenant: str
    decision_type: str
    tier: str
    since: datetime
    until: datetime
    items: tuple[LookedBack, ...]
    next_cursor: str | None


async def page(reads: Any, trip: OwnControl, *, after: str = "", limit: int = PAGE) -> LookBack:
    """Return a page of a trip's list.

    It holds what was decided under the model, calibrator and policy of the tripped certificate, certified or not, from
    the moment that the evidence begins with until now: what slipped through while the trip was on its way, too.
    """
    key, begins = trip.key, trip.state.get("look_back_from")
    since = trip.changed_at if begins is None else datetime.fromisoformat(begins)
    until = await reads.moment()
    rows = await reads.decided_automatically(await _cells(reads, trip), since, until, after, limit + 1)
    items = tuple(_item(key, row) for row in rows[:limit])
    cursor = items[-1].case_id if len(rows) > limit else None
    return LookBack(trip.state["trip_id"], key.tenant, key.decision_type, key.tier, since, until, items, cursor)


async def everything(reads: Any, trip: OwnControl) -> AsyncIterator[LookedBack]:
    """Yield the whole list, page by page."""
    after: str | None = ""
    while after is not None:
        found = await page(reads, trip, after=after)
        for item in found.items:
            yield item
        after = found.next_cursor


async def _cells(reads: Any, trip: OwnControl) -> list[int]:
    key = trip.key
    certificates = await reads.certificates(certificate_id=trip.state.get("certificate_id"))
    found = []
    for who, cells, _ in await reads.automated_populations(key.tenant, key.decision_type):
        if who.tier == key.tier and any(binds(one.state, who) for one in certificates):
            found += cells
    return found


def _item(key: ControlKey, row: Mapping[str, Any]) -> LookedBack:
    return LookedBack(
        case_id=row["case_id"], decision_id=derived_event_id(key.tenant, row["case_id"], "decided"),
        decided_at=row["routed_at"], confidence=row["confidence"], audit_error=row["audit_error"],
        reversed=row["reversed"],
    )  # fmt: skip
