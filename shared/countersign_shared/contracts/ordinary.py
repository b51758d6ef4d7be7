"""The ordinary envelope of a case, told at a glance.

Nearly every case.created body holds a handful of short texts beside its payload. Those are checked here in a third of
the time that the full model takes. Whatever is not plainly in order is left to the model, which accepts it or says in
words what is wrong; so everything that is ordinary must be acceptable, and not the other way round.
"""

import re
from collections.abc import Mapping
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
DEFAULT_TENANT = "default"


def is_ordinary(body: Mapping[str, Any]) -> bool:
    """Tell whether this body, read from JSON, has an envelope that `CaseCreated` accepts. False means: ask it."""
    given = body.keys()
    if not given >= _REQUIRED or not given.isdisjoint(_LEFT_TO_THE_MODEL) or type(body["payload"]) is not dict:
        return False
    # By name and not over the body: members that nobody knows are kept unread.
    for name, longest in _LINES:
        value = body.get(name)
        if value is None:
            if name in _REQUIRED:
                return False
        elif type(value) is not str or len(value) > longest or not value.isprintable():
            return False
    sequence = body.get("sequence")
    if sequence is not None and (type(sequence) is not int or sequence < 1):
        return False
    return type(body.get("test", False)) is bool and _names_fit(body)


def _names_fit(body: Mapping[str, Any]) -> bool:
    """Tell whether ids, the moment and the amount have their forms: one match for all of them."""
    moment, amount = body["occurred_at"], body.get("amount")
    named = [body["case_id"], body.get("tenant", DEFAULT_TENANT), body["decision_type"], moment]
    form = _FORM
    if amount is not None:
        if type(amount) is not dict:
            return False
        named += (amount.get("value"), amount.get("currency"))
        form = _FORM_WITH_AMOUNT
    try:
        joined = "\n".join(named)
    except TypeError:
        return False
    # fullmatch, because Python's `$` also matches before a newline at the end. No part may hold the newline that parts
    # are joined with, and each form has its number of them, so no part can be taken for two.
    if form.fullmatch(joined) is None or not FIRST_YEAR <= moment[:4] <= LAST_YEAR:
        return False
    try:
        datetime.fromisoformat(moment)
    except ValueError:
        return False
    return True


def _form(*patterns: str) -> re.Pattern[str]:
    return re.compile("\n".join(f"(?:{pattern.removeprefix('^').removesuffix('$')})" for pattern in patterns))


_FORM = _form(CASE_ID_PATTERN, TENANT_PATTERN, DECISION_TYPE_PATTERN, RFC3339)
_FORM_WITH_AMOUNT = _form(
    CASE_ID_PATTERN, TENANT_PATTERN, DECISION_TYPE_PATTERN, RFC3339, DECIMAL_PATTERN, CURRENCY_PATTERN
)
_REQUIRED = {"case_id", "decision_type", "payload", "submitted_by", "occurred_at"}
_LEFT_TO_THE_MODEL = {"attachments", "links", "deadline_at", "proposal", "callback", "language"}
_LINES = (("submitted_by", LONGEST_SHORT_LINE), ("subject_ref", LONGEST_SHORT_LINE), ("title", LONGEST_LINE))
