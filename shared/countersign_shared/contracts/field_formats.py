"""How a payload field is shown to people. A value that does not fit its format is shown as it is, never hidden."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from math import floor, log10
from typing import Any, Literal

import orjson

from countersign_shared.contracts.money import format_money

Format = Literal["money", "percent", "number", "text", "date", "boolean", "choice"]
Formatter = Callable[[Any], str]

NOT_GIVEN = "not given"
DIGITS = 10
"""Of a fraction, as the router tells a limit: what somebody typed is shown as it was sent, and what a machine computed
without the noise of its last digits."""
LEAST_DECIMALS = 4
"""Shown of a fraction however large it is, should it have as many: cents are not cut from an amount."""
SMALL = 0.001
"""Below it the zeros are counted before the digits."""
MAX_SMALL = 16
"""Letters of a small number, sign included; with more, nobody counts the zeros."""
EXACT_TO = 1e16
"""Beyond it a binary fraction has fewer digits than would be written."""
MAX_FORMATTED = 19_900
"""Longest formatted value, in characters: a long letter. The rest is cut, said within an event's 20,000."""


def formatter(kind: Format, *, unit: str | None, choices: dict[str, str]) -> Formatter:
    """The function that formats values of one field; whatever JSON value it gets, it answers with text."""
    special: dict[str, Formatter] = {
        "money": lambda value: _money(value, unit),
        "percent": lambda value: f"{_number(value)} %",
        "number": (lambda value: f"{_number(value)} {unit}") if unit else _number,
        "date": lambda value: date.fromisoformat(value).strftime("%-d %B %Y"),
        "boolean": _yes_or_no,
        "choice": lambda value: choices[value if isinstance(value, str) else orjson.dumps(value).decode()],
    }
    fitting = special.get(kind, _as_it_is)

    def formatted(value: Any) -> str:
        try:
            return NOT_GIVEN if value is None else fitting(value)
        except (ValueError, TypeError, KeyError):
            return _as_it_is(value)

    return formatted


def _money(value: Any, unit: str | None) -> str:
    if isinstance(value, dict):
        return format_money(value.get("value"), value.get("currency"))
    if isinstance(value, bool):
        raise TypeError("an amount is no truth value")
    return format_money(str(value) if isinstance(value, int) else value, unit)


def _number(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError("not a number")
    if isinstance(value, int):
        return f"{value:,}"
    if value == 0.0:
        return "0"
    size = abs(value)
    if size < SMALL:
        text = format(Decimal(f"{value:.{DIGITS}g}"), "f")
        return text if len(text) <= MAX_SMALL else f"{value:.{DIGITS}g}"
    if size >= EXACT_TO:
        return f"{value:.15g}"
    # Rounded to fewer, a value just past a limit would read as the limit.
    decimals = max(LEAST_DECIMALS, DIGITS - 1 - floor(log10(size)))
    return f"{value:,.{decimals}f}".rstrip("0").rstrip(".")


def _yes_or_no(value: Any) -> str:
    if value is True:
        return "yes"
    if value is False:
        return "no"
    raise ValueError("neither yes nor no")


def _as_it_is(value: Any) -> str:
    text = value if isinstance(value, str) else orjson.dumps(value).decode()
    if len(text) <= MAX_FORMATTED:
        return text
    return f"{text[:MAX_FORMATTED]}… (cut; {len(text)} characters)"
