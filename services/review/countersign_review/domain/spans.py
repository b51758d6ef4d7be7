"""Which parts of a shown text name something: what inference found, where the shown text still has it."""

from collections.abc import Mapping, Sequence
from typing import Any


def spans_of(fact: Mapping[str, Any], entities: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the spans to mark in a fact's formatted text, in reading order and without overlap.

    Characters are code points, the end excluded. An entity that the formatted text does not have in its place, because
    it was cut or set otherwise, is left out.
    """
    shown, found, end = fact["formatted"], [], 0
    for entity in sorted(entities, key=lambda one: (one["start"], -one["end"])):
        start, after = entity["start"], entity["end"]
        if entity.get("field") == fact["field"] and start >= end and shown[start:after] == entity["text"]:
            found.append({"type": entity["type"], "start": start, "end": after})
            end = after
    return found


def factor_value(factor: Mapping[str, Any], fact: Mapping[str, Any] | None) -> str:
    """Return what a factor is about, as people see it: the fact, or of a text the words that speak."""
    value = factor.get("value")
    if fact is None:
        return str(value)
    formatted: str = fact["formatted"]
    is_part = fact.get("format") == "text" and isinstance(value, str) and value != fact.get("value")
    return str(value) if is_part else formatted
