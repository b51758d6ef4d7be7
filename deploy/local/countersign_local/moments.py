"""Times of records, which whoever writes a record may set."""

from datetime import UTC, datetime

from countersign_shared.clock import rfc3339


def when(timestamp_ms: int) -> str:
    """Return the time of a record as text; one that lies beyond the calendar as it stands, in milliseconds."""
    try:
        return rfc3339(datetime.fromtimestamp(timestamp_ms / 1000, UTC))
    except (OverflowError, ValueError, OSError):
        return f"{timestamp_ms} ms"
