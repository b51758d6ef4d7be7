"""Reasons: every contribution to a level, in a code and in plain words, with the values it read."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any, NotRequired, TypedDict

LOWEST_LEVEL = 1
MAX_TEXT_SHOWN = 500
MAX_ITEMS_SHOWN = 20
"""A hundred rules that each quoted a letter would make an event that no topic takes."""


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

    def note(self, code: str, text: str, read: dict[str, Any], rule_id: str | None = None) -> None:
        """Add something worth saying that asks for no level."""
        reason: Reason = {"code": code, "text": text, "values_read": read}
        if rule_id is not None:
            reason["rule_id"] = rule_id
        self.listed.append(reason)

    def ask(self, level: int, code: str, text: str, read: dict[str, Any], rule_id: str | None = None) -> None:
        """Add a contribution that asks for a level at least."""
        reason: Reason = {"code": code, "text": text, "level": level, "values_read": read}
        if rule_id is not None:
            reason["rule_id"] = rule_id
        self.listed.append(reason)
        self.level = max(self.level, level)


def values_read(names: Iterable[str], variables: Mapping[str, object]) -> dict[str, Any]:
    """Return what was read, by name; a variable that was not there is null, a long text or list is cut.

    The whole of it is in the event already, in the case.
    """
    read: dict[str, Any] = {}
    for name in names:
        value: Any = variables.get(name)
        kind = value.__class__
        if kind is str and len(value) > MAX_TEXT_SHOWN:
            value = f"{value[: MAX_TEXT_SHOWN - 1]}…"
        elif kind is list:
            value = [one if len(one) <= MAX_TEXT_SHOWN else f"{one[: MAX_TEXT_SHOWN - 1]}…"
                     for one in value[:MAX_ITEMS_SHOWN]]  # fmt: skip
        elif kind is timedelta:
            # JSON has no durations; this is how expressions write them.
            value = f"{int(value.total_seconds())}s"
        read[name] = value
    return read
