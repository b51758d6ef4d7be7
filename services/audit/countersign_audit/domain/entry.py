"""What all entries have in common, whatever they record."""

from datetime import UTC, datetime

CASE_RETENTION = "case"
ACCESS_RETENTION = "access"
GOVERNANCE_RETENTION = "governance"
LOG_RETENTION = "log"
ACCESS_KINDS = ("audit.read", "audit.exported", "user.")
GENESIS = "log.genesis"
UNREADABLE = "log.unreadable"


def moment(text: object) -> datetime | None:
    """Read an RFC 3339 time, or return None for anything else; no calendar has a 30th of February."""
    if not isinstance(text, str) or text[10:11] != "T":
        return None
    try:
        found = datetime.fromisoformat(text)
        return None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def retention(kind: str, *, has_case: bool) -> str:
    """Return the retention class of an entry: how long its payload has a reason to be kept."""
    if kind.startswith(ACCESS_KINDS):
        return ACCESS_RETENTION
    return CASE_RETENTION if has_case else GOVERNANCE_RETENTION
