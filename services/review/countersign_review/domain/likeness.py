"""How alike two cases are, from their own facts alone.

A case becomes a set of tokens: a number becomes the few steps of a logarithmic scale around it, so that near numbers
share most of them; a choice becomes one that nothing else shares; a text becomes its words. The likeness of two cases
is the share of tokens that they have in common (Jaccard). MinHash with one permutation, its empty bins filled from
their neighbours (Shrivastava and Li 2014), turns the set into a few numbers that agree as often as the sets are alike;
sorted by several such prefixes, alike cases lie beside each other (LSH forest, Bawa et al. 2005), so that an ordinary
index finds them without looking at the others. What the AI said of a case enters nowhere: the list must not tell it.
"""

import math
import zlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.contracts.key_facts import Field

STEPS_PER_OCTAVE = 4
WIDTH = 6
"""Tokens a fact is worth, and the steps after which two numbers share nothing: a factor of 2.8."""
MOST_WORDS = 40
SHORTEST_WORD = 4
"""Shorter ones are mostly grammar."""
MOST_CHOICE_WORDS = 3
"""A text of more words is read as words, a shorter one as a choice."""
TREES = 6
DEPTH = 6
BITS = 10
"""Each tree sorts by six numbers of ten bits: one signed 64-bit integer."""
CODE_BITS = 512
MOST_KEPT = 4_096
"""Steps of numbers kept at hand, some 1.5 MB."""
EMPTY = 2**32
_SPREAD = 0x9E3779B97F4A7C15
Token = int
"""64 bits, spread evenly; the same in every process."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A case as likeness sees it: ``keys`` are its places, one a tree; ``code`` is its tokens, folded into bits."""

    keys: tuple[int, ...]
    code: bytes


def signature(payload: Mapping[str, Any], known: DecisionType) -> Signature | None:
    """Return a case's signature from the fields its decision type shows; None when it says nothing."""
    tokens = [token for facts in facts_as_tokens(payload, known).values() for token in facts]
    if not tokens:
        return None
    bins = _minimums(tokens)
    keys = tuple(
        sum((bins[tree * DEPTH + place] % 2**BITS) << (BITS * (DEPTH - 1 - place)) for place in range(DEPTH))
        for tree in range(TREES)
    )
    code = 0
    for token in tokens:
        code |= 1 << ((token >> 40) % CODE_BITS)
    return Signature(keys, code.to_bytes(CODE_BITS // 8, "big"))


def likeness(code: bytes, other: bytes) -> float:
    """Return about which share of their tokens two cases have in common, 0 to 1."""
    left, right = int.from_bytes(code, "big"), int.from_bytes(other, "big")
    either = (left | right).bit_count()
    return (left & right).bit_count() / either if either else 0.0


def facts_as_tokens(payload: Mapping[str, Any], known: DecisionType) -> dict[str, Sequence[Token]]:
    """Return the tokens of each field that people are shown and that the payload has; protected ones are among none."""
    found = {}
    for field in known.fields:
        value = payload.get(field.name)
        if value is not None and field.name not in known.protected_fields:
            found[field.name] = _tokens(field, value)
    return found


def compare(payload: Mapping[str, Any], other: Mapping[str, Any], known: DecisionType) -> tuple[list[str], list[str]]:
    """Return the labels of the facts in which two cases are alike (most tokens shared), and of those that differ."""
    mine, theirs = facts_as_tokens(payload, known), facts_as_tokens(other, known)
    alike: list[str] = []
    differ: list[str] = []
    for field in known.fields:
        left, right = set(mine.get(field.name, ())), set(theirs.get(field.name, ()))
        if not left and not right:
            continue
        (alike if 2 * len(left & right) > len(left | right) else differ).append(field.label)
    return alike, differ


def _tokens(field: Field, value: Any) -> Sequence[Token]:
    if field.format in {"money", "percent", "number"} and (amount := _amount(value)) is not None:
        scaled = math.copysign(math.log2(1 + abs(amount)) * STEPS_PER_OCTAVE, amount)
        return _steps_of_number(f"{field.name}#", round(scaled))
    if field.format == "date" and (day := _day(value)) is not None:
        # Quarters: what lies within half a year shares most.
        return _steps_of_number(f"{field.name}@", day.toordinal() // 91)
    if isinstance(value, str) and len(words := value.casefold().split()) > MOST_CHOICE_WORDS:
        plain = ("".join(letter for letter in word if letter.isalnum()) for word in words)
        seen = dict.fromkeys(word for word in plain if len(word) >= SHORTEST_WORD)
        return [token for word in list(seen)[:MOST_WORDS] for token in _steps(f"{field.name}:{word}", 0, 1)]
    return _steps(f"{field.name}={value!r}", 0)


@lru_cache(maxsize=MOST_KEPT)
def _steps_of_number(name: str, first: int) -> tuple[Token, ...]:
    # Of numbers alone: they fall on few steps, which say of nobody what was written.
    return tuple(_steps(name, first))


def _steps(name: str, first: int, count: int = WIDTH) -> list[Token]:
    # A checksum, because Python's own hash differs between processes; multiplied out to 64 bits that look random.
    base = zlib.crc32(name.encode(errors="replace")) << 24
    found = []
    for step in range(first, first + count):
        mixed = (base + step) * _SPREAD % 2**64
        mixed = (mixed ^ (mixed >> 29)) * _SPREAD % 2**64
        found.append(mixed ^ (mixed >> 32))
    return found


def _amount(value: Any) -> float | None:
    if isinstance(value, Mapping):
        value = value.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = float(Decimal(str(value)))
    except (InvalidOperation, ValueError, OverflowError):
        return None
    return amount if math.isfinite(amount) else None


def _day(value: Any) -> date | None:
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        return None


def _minimums(tokens: Iterable[Token]) -> list[int]:
    count = TREES * DEPTH
    bins = [EMPTY] * count
    for token in tokens:
        place, value = token % count, (token >> 16) % 2**32
        bins[place] = min(bins[place], value)
    filled = list(bins)
    for place in range(count):
        if filled[place] == EMPTY:
            # The next bin that has something lends it, marked with the distance.
            for distance in range(1, count):
                if (lent := bins[(place + distance) % count]) != EMPTY:
                    filled[place] = lent + distance * 0x9E37
                    break
    return filled
