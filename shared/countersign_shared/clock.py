"""Time as an argument: who needs the time is given a clock."""

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]
"""Returns the present moment, aware, in UTC."""


def system_clock() -> datetime:
    """Return the machine's present moment in UTC."""
    return datetime.now(UTC)


def rfc3339(moment: datetime) -> str:
    """Write a moment as RFC 3339 with microseconds and ``Z``; a naive moment is a ``ValueError``."""
    if moment.tzinfo is None:
        raise ValueError("a naive time has no place in a record: give it a zone")
    # Not strftime: it writes the year 999 with three digits.
    return moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def parse_rfc3339(text: str) -> datetime:
    """Read an RFC 3339 time into UTC; anything without a zone is a ``ValueError``."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no zone")
    return moment.astimezone(UTC)
