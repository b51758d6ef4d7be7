"""The ordinary envelope of a case, told at a glance.

Nearly every case.created body holds a handful of short texts beside its payload. Those are checked here in a third of
the time that the full model takes. Whatever is not plainly in order is left to the model, which accepts it or says in
words what is wrong; so everything that is ordinary must be acceptable, and not the other way round.
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from countersign_shared.contracts.events.fields import (
    CASE_ID_PATTERN,
    CURRENCY_PATTERN,
    DECIMAL_PATTERN,
    DECISION_TYPE_PATTERN,
    RFC3339,
    TENANT_PATTERN,
)

LONGEST_LINE, LONGEST_SHORT_LINE = 500, 200
FIRST_YEAR, LAST_YEAR = "0002", "9998"
"""A zone can take a moment of the years beyond these out of the calendar."""


def is_ordinary(body: Mapping[str, Any]) -> bool:
    """Tell whether this body, read from JSON, has an envelope that `CaseCreated` accepts. False means: ask it."""
    given = body.keys()
    if not given >= _REQUIRED or not given.isdisjoint(_LEFT_TO_THE_MODEL):
        return False
    # By name and not over the body: members that nobody knows are kept unread.
    return all(check(body[name]) for name, check in _CHECKS if name in body)


def _matches(pattern: str) -> Callable[[Any], bool]:
    # fullmatch, because Python's `$` also matches before a newline at the end.
    matched = re.compile(pattern).fullmatch
    return lambda value: type(value) is str and matched(value) is not None


def _line(longest: int) -> Callable[[Any], bool]:
    return lambda value: type(value) is str and len(value) <= longest and value.isprintable()


def _or_null(check: Callable[[Any], bool]) -> Callable[[Any], bool]:
    return lambda value: value is None or check(value)


def _moment(value: Any) -> bool:
    if not _looks_like_a_moment(value) or not FIRST_YEAR <= value[:4] <= LAST_YEAR:
        return False
    try:
        datetime.fromisoformat(value)
    except ValueError:
        return False
    return True


def _amount(value: Any) -> bool:
    return type(value) is dict and _decimal(value.get("value")) and _currency(value.get("currency"))


_looks_like_a_moment, _decimal, _currency = _matches(RFC3339), _matches(DECIMAL_PATTERN), _matches(CURRENCY_PATTERN)
_REQUIRED = {"case_id", "decision_type", "payload", "submitted_by", "occurred_at"}
_LEFT_TO_THE_MODEL = {"attachments", "links", "deadline_at", "proposal", "callback", "language"}
_CHECKS: tuple[tuple[str, Callable[[Any], bool]], ...] = (
    ("case_id", _matches(CASE_ID_PATTERN)),
    ("tenant", _matches(TENANT_PATTERN)),
    ("decision_type", _matches(DECISION_TYPE_PATTERN)),
    ("payload", lambda value: type(value) is dict),
    ("submitted_by", _line(LONGEST_SHORT_LINE)),
    ("subject_ref", _or_null(_line(LONGEST_SHORT_LINE))),
    ("occurred_at", _moment),
    ("amount", _or_null(_amount)),
    ("title", _or_null(_line(LONGEST_LINE))),
    ("sequence", lambda value: value is None or (type(value) is int and value >= 1)),
    ("test", lambda value: type(value) is bool),
)
