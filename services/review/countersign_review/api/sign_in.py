"""How often somebody may try to sign in."""

import asyncio
from collections import deque
from datetime import datetime, timedelta

MOST_FAILURES = 5
WINDOW = timedelta(minutes=1)
MOST_NAMES = 10_000
"""Names and addresses remembered at once; a flood of invented ones forgets the oldest, not the machine's memory."""


AT_ONCE = 2
"""Attempts looked at in one moment: as many passwords are compared at once. So many more than ``MOST_FAILURES`` can be
tried before the first of them has counted."""


class Attempts:
    """Counts failures per name and per address within the last minute, in this process.

    Whoever asks ``wait_seconds`` holds a ``turn`` until the attempt has counted: else a thousand that come at once
    would all find that nobody has failed yet.
    """

    def __init__(self) -> None:
        self.turn = asyncio.Semaphore(AT_ONCE)
        self._failures: dict[str, deque[datetime]] = {}

    def wait_seconds(self, who: tuple[str, ...], now: datetime) -> int:
        """Return how long the caller has to wait, 0 when they may try."""
        waits = [0]
        for name in who:
            failures = self._failures.get(name)
            if failures is None:
                continue
            # What is still to come was counted under a clock that ran ahead, and is over a minute after now.
            recent = [min(at, now) for at in failures if at > now - WINDOW]
            failures.clear()
            failures.extend(recent)
            if len(failures) >= MOST_FAILURES:
                waits.append(int((failures[0] + WINDOW - now).total_seconds()) + 1)
        return max(waits)

    def failed(self, who: tuple[str, ...], now: datetime) -> None:
        """Count a failure."""
        for name in who:
            self._failures.setdefault(name, deque(maxlen=MOST_FAILURES)).append(now)
        while len(self._failures) > MOST_NAMES:
            del self._failures[next(iter(self._failures))]

    def succeeded(self, who: tuple[str, ...]) -> None:
        """Forget the failures of whoever got in."""
        for name in who:
            self._failures.pop(name, None)
