"""In which order work is given out, and when the ordinary order cannot hold."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

SECONDS_PER_HOUR = 3600.0


@dataclass(frozen=True, slots=True)
class Pace:
    """How a queue is worked: answers in the last hour, and how many reviews people hold in this moment."""

    answers_per_hour: float
    held: int


def overloaded(waiting: Iterable[tuple[datetime, int]], pace: Pace, now: datetime) -> bool:
    """Tell whether the deadlines of a queue cannot all be met at the present pace.

    ``waiting`` are (deadline, how many), earliest first. By each deadline as many must be answered as fall due until
    then; people answer at their pace, and finish what they hold. Earliest deadline first meets every deadline that can
    be met (Jackson 1955), so where it fails one must choose, and consequence is the choice.
    """
    due = 0
    for deadline, count in waiting:
        due += count
        hours = max((deadline - now).total_seconds(), 0.0) / SECONDS_PER_HOUR
        if due > pace.answers_per_hour * hours + max(pace.held, 1):
            return True
    return False


@dataclass(frozen=True, slots=True)
class Place:
    """What a review's turn depends on."""

    due_minute: int
    tier_rank: int
    priority: int
    review_id: str

    def key(self, *, overload: bool) -> tuple[int, int, int]:
        """Return the sort key: earliest deadline, or in overload worst consequence, first."""
        first = (self.due_minute, -self.tier_rank)
        return (*(reversed(first) if overload else first), -self.priority)


def overtakes(waiting: Place, held: Place, *, overload: bool) -> bool:
    """Tell whether a waiting review comes strictly before one that was fetched ahead."""
    return waiting.key(overload=overload) < held.key(overload=overload)
