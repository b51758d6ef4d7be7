"""Literals that mean nothing, or something else than they look like: told when a policy is saved, not by a case."""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import NamedTuple

from countersign_router.language.expression_rules import Finding, Variable
from countersign_router.language.expression_tree import Node, walk
from countersign_shared.contracts.money import decimal_places, format_money

Fails = Callable[[str], bool]
"""Tells whether an expression without variables gives an error."""


class Written(NamedTuple):
    """A money helper as it stands in the text: where, its currency, and the text."""

    offset: int
    currency: str
    text: str


Helper = Callable[[int], Written | None]
"""Gives the money helper that covers an offset, if one does."""

_CONVERSIONS = {
    "timestamp": "timestamp", "duration": "duration", "int": "integer", "double": "number", "bool": "true or false",
}  # fmt: skip
_CALENDAR = {
    "getMonth": (0, "0, January,", 11), "getDayOfMonth": (0, "0", 30), "getDate": (1, "1", 31),
    "getDayOfWeek": (0, "0, Sunday,", 6), "getDayOfYear": (0, "0", 365), "getHours": (0, "0", 23),
    "getMinutes": (0, "0", 59), "getSeconds": (0, "0", 59), "getMilliseconds": (0, "0", 999),
}  # fmt: skip
"""What the parts of a moment count from, in words, and to."""
_CALENDAR_HINTS = {
    "getMonth": "months are 0 to 11: write one less", "getDayOfMonth": "getDate() counts from 1",
}  # fmt: skip
_EQUALITIES = frozenset({"_==_", "_!=_", "@in"})
_COMPARISONS = _EQUALITIES | {"_<_", "_<=_", "_>_", "_>=_"}
_DAYS = {"d": 24, "w": 168}
_LONG = re.compile(r"(\d{1,5})\s*(d|w|days?|weeks?)")


def meaningless(tree: Node, fails: Fails) -> Iterator[Finding]:
    """Find literals that every case would fail on, and parts of a moment that no moment has."""
    for node in walk(tree):
        if node.kind != "call":
            continue
        if node.name in _CONVERSIONS and (literal := node.children[0]).text is not None:
            if fails(f"{node.name}({json.dumps(literal.text)})"):
                yield Finding(literal, f"{literal.text!r} is no {_CONVERSIONS[node.name]}", _hint(node.name, literal))
        elif node.name.startswith("get") and len(node.children) > 1 and (zone := node.children[1]).text is not None:
            if fails(f"timestamp('2026-01-31T00:00:00Z').getHours({json.dumps(zone.text)})"):
                hint = f"for example now.{node.name}('Europe/Rome')"
                yield Finding(zone, f"{zone.text!r} is no time zone", hint)
        elif node.name in _EQUALITIES:
            yield from _never(node)


def odd_money(tree: Node, variables: Mapping[str, Variable], helper: Helper) -> Iterator[Finding]:
    """Find money that is compared with a bare number, which counts its smallest unit, or with other money."""
    for node in walk(tree):
        if node.kind == "call" and node.name in _COMPARISONS:
            for one, other in (node.children, node.children[::-1]):
                variable = variables.get(one.name) if one.kind == "variable" else None
                if variable is not None and variable.currency is not None:
                    yield from _against(variable.currency, other, variables, helper)
                    break


def _against(
    currency: str, other: Node, variables: Mapping[str, Variable], helper: Helper
) -> Iterator[Finding]:  # fmt: skip
    if other.kind == "list":
        for child in other.children:
            yield from _against(currency, child, variables, helper)
    elif other.kind == "variable":
        theirs = variables[other.name].currency if other.name in variables else None
        if theirs is not None and theirs != currency:
            yield Finding(other, f"compares {currency} with {other.name}, which is {theirs}", "nothing is converted")
    elif other.number is not None:
        written = helper(other.offset)
        if written is None and other.number:
            yield _bare(currency, other, other.number)
        elif written is not None and written.currency != currency:
            place = replace(other, offset=written.offset)
            yield Finding(place, f"compares {currency} with {written.text}", "nothing is converted")


def _bare(currency: str, literal: Node, number: int) -> Finding:
    amount = Decimal(number).scaleb(-decimal_places(currency))
    plain = f"{amount:f}" if amount != amount.to_integral_value() else f"{amount:.0f}"
    try:
        said = f", {format_money(plain, currency)}"
    except ValueError:  # More than any amount.
        said = ""
    written = [f"{currency.lower()}({plain})", f"{currency.lower()}({number})"]
    hint = f"write {', or '.join(dict.fromkeys(written))}" if number > 0 and said else None
    return Finding(literal, f"compares {currency} with {number} of its smallest unit{said}", hint)


def _never(node: Node) -> Iterator[Finding]:
    for one, other in (node.children, node.children[::-1]):
        if one.kind == "call" and one.name in _CALENDAR:
            first, begins, last = _CALENDAR[one.name]
            for literal in other.children if other.kind == "list" else (other,):
                if literal.number is not None and not first <= literal.number <= last:
                    message = f"{one.name}() is never {literal.number}: it counts from {begins} to {last}"
                    yield Finding(literal, message, _CALENDAR_HINTS.get(one.name))


def _hint(function: str, literal: Node) -> str | None:
    text = literal.text or ""
    if function == "duration":
        long = _LONG.fullmatch(text)
        if long is None:
            return "for example duration('24h')"
        return f"write hours, minutes or seconds: duration('{int(long[1]) * _DAYS[long[2][0]]}h')"
    if function == "timestamp":
        return f"write its time and zone: timestamp('{_day(text)}T00:00:00Z')"
    return None


def _day(text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        return "2026-01-31"
