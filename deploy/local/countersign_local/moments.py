"""Times as people read them."""

from datetime import UTC, datetime

from countersign_shared.clock import rfc3339


def minute(text: str) -> str:
    """Return a time as our services write it, to the minute and with the zone that it is of."""
    return f"{text[:16].replace('T', ' ')} UTC"


def when(timestamp_ms: int) -> str:
    """Return the time of a record as text; one that lies beyond the calendar as it stands, in milliseconds.

    Whoever writes a record may set its time.
    """
    try:
        return rfc3339(datetime.fromtimestamp(timestamp_ms / 1000, UTC))
    except (OverflowError, ValueError, OSError):
        return f"{timestamp_ms} ms"
