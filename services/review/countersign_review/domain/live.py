"""What people who look at the desk are told at once: that something changed, never what it says."""

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta

WAITING = "waiting"
TAKEN = "taken"
DECIDED = "decided"
WITHDRAWN = "withdrawn"
CHANGED = "changed"
_CHANGES = {
    "review.waiting": WAITING,
    "review.released": WAITING,
    "review.skipped": WAITING,
    "review.expired": WAITING,
    "review.claimed": TAKEN,
    "review.undone": TAKEN,
    "decision.made": DECIDED,
    # A judgement must not be told from a decision.
    "audit.judged": DECIDED,
    "control.judged": DECIDED,
    "seed.judged": DECIDED,
    "decision.withdrawn": WITHDRAWN,
    "case.withdrawn": WITHDRAWN,
}
GIVEN_UP_AFTER = timedelta(seconds=30)
"""No transaction of this service lasts that long: a number still missing then belongs to one that was rolled back."""
MOST_MISSING = 10_000
"""Numbers waited for at once; past it the oldest are given up, and whoever listens is told to read anew."""


def change_of(kind: str) -> str:
    """Return the change a fact is told as; what has no name of its own is ``changed``."""
    return _CHANGES.get(kind, CHANGED)


class Reading:
    """Reads numbered rows that become visible out of order.

    Numbers are given when a row is written and seen when its transaction commits, so a row can appear behind one that
    was read already. A reader that remembers only the last number loses it; this one also remembers the holes, until
    they fill or must have been rolled back.
    """

    def __init__(self, last: int) -> None:
        self.last = last
        self._missing: dict[int, datetime] = {}

    @property
    def missing(self) -> Collection[int]:
        """The numbers before ``last`` that have not been seen, oldest first."""
        return list(self._missing)

    def seen(self, numbers: Iterable[int], now: datetime) -> bool:
        """Note what was read; False when more holes opened than can be waited for."""
        found = sorted(numbers)
        for number in found:
            self._missing.pop(number, None)
        fresh = [number for number in found if number > self.last]
        kept = True
        if fresh:
            holes = fresh[-1] - self.last - len(fresh)
            kept = len(self._missing) + holes <= MOST_MISSING
            if kept:
                there = set(fresh)
                self._missing |= {number: now for number in range(self.last + 1, fresh[-1]) if number not in there}
            else:
                self._missing.clear()
            self.last = fresh[-1]
        for number in [number for number, since in self._missing.items() if now - since > GIVEN_UP_AFTER]:
            del self._missing[number]
        return kept
