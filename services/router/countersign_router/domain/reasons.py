"""Reasons: every contribution to a level, in a code and in plain words, with the values it read."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NotRequired, TypedDict

LOWEST_LEVEL = 1


class Reason(TypedDict):
    """One contribution as it stands in case.routed; ``level`` is the least level it asks for."""

    code: str
    text: str
    level: NotRequired[int]
    rule_id: NotRequired[str]
    values_read: dict[str, Any]


class Reasons:
    """The contributions to one case's level, in the order they were found; ``level`` is the highest so far.

    There is no way to lower it.
    """

    __slots__ = ("level", "listed")

    def __init__(self) -> None:
        self.level = LOWEST_LEVEL
        self.listed: list[Reason] = []

    def note(self, code: str, text: str, read: dict[str, Any]) -> None:
        """Add something worth saying that asks for no level."""
        self.listed.append({"code": code, "text": text, "values_read": read})

    def ask(self, level: int, code: str, text: str, read: dict[str, Any], rule_id: str | None = None) -> None:
        """Add a contribution that asks for a level at least."""
        reason: Reason = {"code": code, "text": text, "level": level, "values_read": read}
        if rule_id is not None:
            reason["rule_id"] = rule_id
        self.listed.append(reason)
        self.level = max(self.level, level)


def values_read(names: Iterable[str], variables: Mapping[str, object]) -> dict[str, Any]:
    """Return what was read, by name; a variable that was not there is null."""
    read = {name: variables.get(name) for name in names}
    age = read.get("policy.age")
    # JSON has no durations; this is how expressions write them.
    return {**read, "policy.age": f"{int(age.total_seconds())}s"} if isinstance(age, timedelta) else read
