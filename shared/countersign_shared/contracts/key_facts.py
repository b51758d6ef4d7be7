"""Key facts: the fields of a payload as people see them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from countersign_shared.contracts.field_formats import NOT_GIVEN, Format, Formatter, formatter

Fact = Mapping[str, Any]
"""A fact as it stands in events. Facts are shared between calls, so they are for reading and writing out only."""

MAX_FACT_VALUE = 1_000
"""Longest raw text kept beside its formatted form, which says the same."""
KNOWN_VALUES = 256
"""Shares and choices come again and again. Amounts seldom do, and are formatted sooner than they are found; texts and
dates are not remembered, because they may name a person."""


@dataclass(frozen=True, slots=True)
class Field:
    """One payload field: what it is called, and how its values become text or a fact."""

    name: str
    label: str
    format: Format
    unit: str | None
    sensitive: bool
    formatted: Formatter
    fact: Callable[[Any], Fact]


def key_field(
    name: str, label: str, kind: Format, *, unit: str | None, sensitive: bool, choices: dict[str, str]
) -> Field:
    """Make a field of what its decision type says about it."""
    formatted = formatter(kind, unit=unit, choices=choices)
    absent = {"field": name, "label": label, "value": None, "formatted": NOT_GIVEN, "format": kind, "unit": unit,
              "flag": None}  # fmt: skip

    def fact(value: Any) -> Fact:
        if value is None:
            return absent
        long_text = isinstance(value, str) and len(value) > MAX_FACT_VALUE
        return {**absent, "value": None if long_text else value, "formatted": formatted(value)}

    making = fact if kind in {"text", "date", "money"} else _remembering(fact)
    return Field(name, label, kind, unit, sensitive, formatted, making)


def _remembering(fact: Callable[[Any], Fact]) -> Callable[[Any], Fact]:
    # Typed, because 1, 1.0 and true are equal and read differently.
    known = lru_cache(KNOWN_VALUES, typed=True)(fact)

    def remembered(value: Any) -> Fact:
        try:
            return known(value)
        except TypeError:  # objects and lists cannot be looked up
            return fact(value)

    return remembered
