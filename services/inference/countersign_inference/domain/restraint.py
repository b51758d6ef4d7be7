"""Holding back: whose turn it is, when to stop asking a server that fails, how long to wait before asking again."""

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass


def fair_order(tenants: Sequence[str]) -> list[int]:
    """Return the positions in the order in which they get their turn: tenants alternate, each in its own order.

    Whoever sends ten thousand cases at once delays nobody who sends one by more than one place.
    """
    waiting: dict[str, deque[int]] = defaultdict(deque)
    for position, tenant in enumerate(tenants):
        waiting[tenant].append(position)
    order: list[int] = []
    while waiting:
        for tenant in list(waiting):
            order.append(waiting[tenant].popleft())
            if not waiting[tenant]:
                del waiting[tenant]
    return order


@dataclass(slots=True)
class Breaker:
    """Stops asking after `failures` failures in a row; after `open_seconds` one question tries whether it answers."""

    failures: int
    open_seconds: float
    _in_a_row: int = 0
    _closed_until: float = 0.0
    _trying: bool = False

    def may_ask(self, now: float) -> bool:
        """Tell whether to ask now; a True while the breaker is open is the one trial. `now` is monotonic."""
        if self._in_a_row < self.failures:
            return True
        if now < self._closed_until or self._trying:
            return False
        self._trying = True
        return True

    def answered(self) -> None:
        """Note that the server answered, whatever it said."""
        self._in_a_row, self._trying = 0, False

    def failed(self, now: float) -> None:
        """Note that the server did not answer, or said that it cannot."""
        self._in_a_row, self._trying = self._in_a_row + 1, False
        self._closed_until = now + self.open_seconds

    @property
    def is_open(self) -> bool:
        """Tell whether questions are held back."""
        return self._in_a_row >= self.failures


def pause(attempt: int, asked: str | None, chance: float) -> float:
    """Return how many seconds to wait before the next attempt: what the server asks for, or doubling with jitter.

    `attempt` counts from 0, `chance` is in [0, 1). A wait that is no plain number of seconds counts as none.
    """
    if asked is not None and asked.isascii() and asked.replace(".", "", 1).isdigit():
        return min(float(asked), LONGEST_PAUSE_SECONDS)
    return min(FIRST_PAUSE_SECONDS * 2.0**attempt, LONGEST_PAUSE_SECONDS) * (0.5 + chance / 2.0)


FIRST_PAUSE_SECONDS = 0.25
LONGEST_PAUSE_SECONDS = 20.0
"""Longer than any batch may take, so that a longer one means: not in this batch."""
