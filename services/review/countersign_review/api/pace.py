"""How fast one caller may write."""

from datetime import datetime, timedelta

WRITES_PER_SECOND = 50.0
"""A person presses a few keys a second, and a program at the desk works through some dozens of cases."""
AT_ONCE = 250.0
"""Whoever was quiet for a while may catch up, and a page may send what it had waiting."""
MOST_CALLERS = 10_000
"""Callers remembered at once; whoever is forgotten begins with a full allowance."""


class Pace:
    """Allows each caller so many writes a second, in this process: a leaky bucket by name."""

    def __init__(self) -> None:
        self._used: dict[str, tuple[float, datetime]] = {}

    def wait_seconds(self, who: str, now: datetime) -> float:
        """Count a write; returns how long to wait before the next try when it is one too many, else 0."""
        used, at = self._used.pop(who, (0.0, now))
        used = max(used - max((now - at) / timedelta(seconds=1), 0.0) * WRITES_PER_SECOND, 0.0)
        allowed = used + 1.0 <= AT_ONCE
        # Put at the end: the ones that wrote least lately come first, and are forgotten first.
        self._used[who] = (used + 1.0 if allowed else used, now)
        while len(self._used) > MOST_CALLERS:
            del self._used[next(iter(self._used))]
        return 0.0 if allowed else (used + 1.0 - AT_ONCE) / WRITES_PER_SECOND
