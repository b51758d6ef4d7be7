"""Which stored cases a policy is replayed against, as people write it."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime

MOST_CASES = 1_000_000
HOW = "write last:100000 (the newest cases) or since:2026-01-31 (cases routed from then on, UTC)"
_LAST = re.compile(r"last:(\d{1,7})")
_SINCE = re.compile(r"since:(\S+)")


@dataclass(frozen=True, slots=True)
class Against:
    """The newest ``last`` cases, or all ``since`` a moment."""

    text: str
    last: int | None = None
    since: datetime | None = None

    def __str__(self) -> str:
        return self.text


def read_against(text: str) -> Against:
    """Read ``last:N`` or ``since:DATE``; a ``ValueError`` says how it is written."""
    if match := _LAST.fullmatch(text):
        count = int(match[1])
        if not 1 <= count <= MOST_CASES:
            raise ValueError(f"last: takes 1 to {MOST_CASES:,} cases")
        return Against(text, last=count)
    if match := _SINCE.fullmatch(text):
        try:
            moment = datetime.fromisoformat(match[1])
            # Taken out of the calendar by its zone, it is no date either.
            moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
        except (ValueError, OverflowError):
            raise ValueError(f"{match[1]!r} is no date; {HOW}") from None
        return Against(text, since=moment)
    raise ValueError(f"{text!r} is not understood; {HOW}")
