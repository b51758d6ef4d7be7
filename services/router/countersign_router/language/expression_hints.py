"""What to write instead: hints for the mistakes that people make with expressions."""

import difflib
import re
from collections.abc import Iterable

_UNDECLARED = re.compile(r"undeclared reference to '([^']*)'")
_NO_OVERLOAD = re.compile(r"does not take \((.*)\)")
_FUNCTION_NAMES = ("has", "size", "matches", "contains", "startsWith", "endsWith", "duration", "timestamp")


def hint_for(message: str, names: Iterable[str], currencies: Iterable[str]) -> str | None:
    """Return what probably helps against a message of the compiler, None when nothing is known.

    ``names`` are the variables there are, ``currencies`` the codes that have a money helper.
    """
    if (undeclared := _UNDECLARED.search(message)) is not None:
        return _meant(undeclared[1], sorted(names), sorted(currencies))
    if (overload := _NO_OVERLOAD.search(message)) is not None:
        return _types(overload[1].split(", "))
    if "token recognition error at: '=" in message:
        return "equality is `==`"
    if "mismatched input 'and'" in message or "mismatched input 'or'" in message or "extraneous input 'and'" in message:
        return "write `&&` for and, `||` for or, `!` for not"
    return None


def _meant(name: str, names: list[str], currencies: list[str]) -> str:
    helpers = [code.lower() for code in currencies]
    if name in helpers:
        return f"{name}() takes a plain number that is not negative, with no more decimals than the currency has"
    close = difflib.get_close_matches(name, [*names, *helpers, *_FUNCTION_NAMES], n=1, cutoff=0.7)
    if close:
        return f"did you mean {close[0]}?"
    if re.fullmatch(r"[a-z]{3}", name):
        known = f"; there are {', '.join(helpers)}" if helpers else "; no input is money"
        return f"a money helper needs an input in that currency{known}"
    if name in {"and", "or", "not"}:
        return "write `&&` for and, `||` for or, `!` for not"
    if f"case.{name}" in names:
        return f"inputs are read as case.{name}"
    declared = [one for one in names if one.startswith("case.")]
    return f"declare it under `inputs`; there are {', '.join(declared) or 'none yet'}"


def _types(types: list[str]) -> str | None:
    pair = set(types)
    if pair == {"integer", "number"}:
        return "a `number` is compared with 5.0, an `integer` with 5, money with usd(5): they do not mix"
    if "timestamp" in pair and "duration" not in pair:
        return "write a moment as timestamp('2026-01-31T00:00:00Z') and a time span as duration('24h')"
    if "text" in pair and pair & {"integer", "number", "true or false"}:
        return "a text is compared with a text: put it between quotes"
    return None
