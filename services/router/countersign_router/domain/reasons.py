"""Reasons: every contribution to a level, in a code and in plain words, with the values it read."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NotRequired, TypedDict


class Reason(TypedDict):
    """One contribution as it stands in case.routed; ``level`` is the least level it asks for."""

    code: str
    text: str
    level: NotRequired[int]
    rule_id: NotRequired[str]
    values_read: dict[str, Any]


def values_read(names: Iterable[str], variables: Mapping[str, object]) -> dict[str, Any]:
    """Return what was read, by name; a variable that was not there is null."""
    read = {name: variables.get(name) for name in names}
    age = read.get("policy.age")
    # JSON has no durations; this is how expressions write them.
    return {**read, "policy.age": f"{int(age.total_seconds())}s"} if isinstance(age, timedelta) else read
