"""Standing in for somebody who is away: work is handed over, never authority."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from countersign_review.domain.administration import narrowed
from countersign_review.domain.answer import Fault

LONGEST = timedelta(days=366)
MOST_HOPS = 5
"""Who stands in may be away too; a longer chain is a mistake, or a ring."""
AT_THE_DESK = frozenset({"reviewer", "lead"})


@dataclass(frozen=True, slots=True)
class Wish:
    """Who shall stand in for whom, from when until when."""

    username: str
    delegate: str
    starts_at: datetime
    ends_at: datetime


def delegation_faults(
    wish: Wish, person: Mapping[str, Any] | None, delegate: Mapping[str, Any] | None, *, now: datetime
) -> list[Fault]:
    """Return everything wrong with a delegation; ``person`` and ``delegate`` are users in force, or None."""
    found = []
    if person is None:
        found.append(Fault("/username", "There is no such user, or they are disabled."))
    if delegate is None:
        found.append(Fault("/delegate", "There is no such user, or they are disabled."))
    elif not AT_THE_DESK & set(delegate["roles"]):
        found.append(Fault("/delegate", "They have no work at the desk: neither reviewer nor lead."))
    elif person is not None and not may_hand_to(wish.delegate, person["delegates"]):
        found.append(Fault("/delegate", "Not among the people they may delegate to."))
    elif person is not None and not narrowed(frozenset(person["tenants"]), frozenset(delegate["tenants"])):
        found.append(Fault("/delegate", "They act for none of the same tenants."))
    if wish.username == wish.delegate:
        found.append(Fault("/delegate", "Nobody stands in for themselves."))
    if wish.ends_at <= wish.starts_at:
        found.append(Fault("/ends_at", "It would end before it begins."))
    elif wish.ends_at <= now:
        found.append(Fault("/ends_at", "That is over already."))
    elif wish.ends_at - wish.starts_at > LONGEST:
        found.append(Fault("/ends_at", f"At most {LONGEST.days} days."))
    return found


def may_hand_to(delegate: str, delegates: Collection[str] | None) -> bool:
    """Tell whether somebody may hand work to a colleague; ``delegates`` are whom they may, None is everybody."""
    return delegates is None or delegate in delegates
