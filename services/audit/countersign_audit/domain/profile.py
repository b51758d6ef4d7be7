"""The leaf profile: what the bytes of an entry may look like, and words that fit it.

A leaf is at most 65,535 bytes of ASCII: a JSON object with sorted keys, without white space, without fractions
and without integers that JavaScript cannot hold exactly. Nothing ever has to be written again to check it.
"""

import itertools
import json
import re
from typing import Any

MAX_LEAF_BYTES = 65_535
"""The tiled log's bundles carry lengths of sixteen bits."""
MAX_INTEGER = 2**53 - 1
"""The largest integer every JSON reader holds exactly."""
MILLION = 1_000_000
LEAF_SCHEMA = "countersign.audit.leaf/1"

LEAF_BYTES = b'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._:/|*+=-~{}[],"'
"""All that a leaf of words and integers is made of; anything else means that some text is no word."""

_WORD = re.compile(r"~?[A-Za-z0-9._:/|*+=-]{1,128}")


def is_word(text: str) -> bool:
    """Tell whether a text may stand in a leaf as it is: an identifier or a code, at most 128 characters."""
    return _WORD.fullmatch(text) is not None


def per_million(value: object) -> int | None:
    """Return a number scaled to whole millionths, or None when it is no number or out of range."""
    if value.__class__ is not float and value.__class__ is not int:
        return None
    millionths: float = value * MILLION
    return round(millionths) if -MAX_INTEGER < millionths < MAX_INTEGER else None


def leaf_problem(leaf: bytes) -> str | None:
    """Say in which way bytes break the profile, or None when they keep it."""
    if len(leaf) > MAX_LEAF_BYTES:
        return f"longer than {MAX_LEAF_BYTES} bytes"
    if not leaf.isascii():
        return "not ASCII"
    try:
        value = json.loads(leaf, object_pairs_hook=_sorted_object, parse_float=_refuse, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        return str(error)
    if not isinstance(value, dict):
        return "not a JSON object"
    if value.get("schema") != LEAF_SCHEMA:
        return f"its schema is not {LEAF_SCHEMA}"
    return _large_integer(value)


def _sorted_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    if any(earlier >= later for earlier, later in itertools.pairwise(names)):
        raise ValueError("keys are not sorted, or one comes twice")
    return dict(pairs)


def _refuse(text: str) -> Any:
    raise ValueError(f"{text[:40]} is not an integer")


def _large_integer(value: Any) -> str | None:
    if isinstance(value, dict):
        return next((found for item in value.values() if (found := _large_integer(item))), None)
    if isinstance(value, list):
        return next((found for item in value if (found := _large_integer(item))), None)
    if isinstance(value, int) and not -MAX_INTEGER <= value <= MAX_INTEGER:
        return "an integer is too large to be exact everywhere"
    return None
