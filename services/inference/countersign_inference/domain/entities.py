"""What a text names: found by pattern, or claimed by a model and checked against the text.

Spans count characters (code points) of the field's text, `end` excluded: `text[start:end]` is the entity.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

MOST_ENTITIES = 100
"""More than a reader could look at; each travels four topics."""
LONGEST_TEXT = 20_000
"""Characters of a text that are searched."""
LONGEST_ENTITY = 300

# Each pattern is linear in the length of the text: no repetition within a repetition.
PATTERNS: Mapping[str, re.Pattern[str]] = {
    "url": re.compile(r"(?:https?://|www\.)[^\s<>\"'\])},;]{3,290}", re.IGNORECASE),
    "email": re.compile(r"\b[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9.-]{1,190}\.[A-Za-z]{2,24}\b"),
    "money": re.compile(
        r"(?:[$€£]\s?\d[\d,]{0,14}(?:\.\d{1,2})?)|(?:\b\d[\d,]{0,14}(?:\.\d{1,2})?\s?(?:USD|EUR|GBP)\b)"
    ),
    "date": re.compile(r"\b\d{4}-\d{2}-\d{2}\b|\b\d{1,2}/\d{1,2}/\d{2,4}\b"),
    "phone": re.compile(r"(?<![\w+])\+?\d{1,3}[\s.-]\(?\d{2,4}\)?[\s.-]\d{3,4}(?:[\s.-]\d{2,4})?\b"),
    "mention": re.compile(r"(?<![\w@.])@\w{2,50}"),
    "hashtag": re.compile(r"(?<![\w#&])#\w{2,50}"),
}
"""In the order in which they win where two overlap."""


def extractor(fields: Sequence[str], types: Sequence[str]) -> Callable[[Mapping[str, Any]], list[dict[str, Any]]]:
    """Return a function that finds entities of these types in these text fields of a payload, in reading order."""
    patterns = [(name, PATTERNS[name]) for name in PATTERNS if name in types]

    def extract(payload: Mapping[str, Any]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        for field in fields:
            text = payload.get(field)
            if type(text) is str:
                found.extend(_found(field, text[:LONGEST_TEXT], patterns))
        return found

    return extract


def _found(field: str, text: str, patterns: Iterable[tuple[str, re.Pattern[str]]]) -> list[dict[str, Any]]:
    taken: list[tuple[int, int, str]] = []
    for name, pattern in patterns:
        for match in pattern.finditer(text):
            start, end = match.span()
            end -= len(match[0]) - len(match[0].rstrip(".!?:"))
            if all(end <= other_start or start >= other_end for other_start, other_end, _ in taken):
                taken.append((start, end, name))
            if len(taken) > 2 * MOST_ENTITIES:
                break
    return [
        {"type": name, "text": text[start:end], "start": start, "end": end, "confidence": 1.0, "field": field}
        for start, end, name in sorted(taken)
    ]


def verified(
    claimed: Sequence[Mapping[str, Any]], payload: Mapping[str, Any], *, confidence: float
) -> tuple[list[dict[str, Any]], int]:
    """Return the claimed entities that really are in the text, with their spans, and how many are not.

    A claim is `{type, field, text}`; of equal claims the first names the first place, the second the next, and so on.
    """
    found: list[dict[str, Any]] = []
    seen: dict[tuple[str, str], int] = {}
    for claim in claimed:
        field, said = claim["field"], claim["text"]
        text = payload.get(field)
        start = text.find(said, seen.get((field, said), 0)) if type(text) is str and said else -1
        if start >= 0 and len(said) <= LONGEST_ENTITY:
            end = start + len(said)
            seen[field, said] = end
            found.append({
                "type": claim["type"], "text": said, "start": start, "end": end, "confidence": confidence,
                "field": field,
            })  # fmt: skip
    return found, len(claimed) - len(found)


def fitting(entities: Sequence[Mapping[str, Any]]) -> tuple[list[Mapping[str, Any]], bool]:
    """Return as many entities as an event carries, and whether some were cut."""
    return list(entities[:MOST_ENTITIES]), len(entities) > MOST_ENTITIES
