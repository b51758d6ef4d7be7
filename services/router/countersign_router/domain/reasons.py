"""Reasons: every contribution to a level, in a code and in plain words, with the values it read."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, NotRequired, TypedDict

from countersign_router.domain.policy import Expression


class Reason(TypedDict):
    """One contribution as it stands in case.routed; ``level`` is the least level it asks for."""

    code: str
    text: str
    level: NotRequired[int]
    rule_id: NotRequired[str]
    values_read: dict[str, Any]


def values_read(expression: Expression, variables: Mapping[str, object]) -> dict[str, Any]:
    """Return what an expression read, by name; a variable that was not there is null."""
    return {name: _plain(variables.get(name)) for name in expression.reads}


def _plain(value: object) -> object:
    return f"{int(value.total_seconds())}s" if isinstance(value, timedelta) else value
