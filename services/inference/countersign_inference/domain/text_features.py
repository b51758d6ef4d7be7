"""From a text and a few categories to the terms a linear text model reads; training and serving share this code."""

import itertools
import math
import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from countersign_inference.domain.features import Matrix

LONGEST_TEXT = 20_000
"""Characters of a text that are read, all of them. A longer one is for a person: what nobody judged might be what
matters."""
_WORD = re.compile(r"https?://\S+|www\.\S+|[@#]\w+|\w+(?:'\w+)?")
_NUMBER = re.compile(r"\d[\d.,]*")


def terms_of(text: str) -> list[str]:
    """Return the words of a text, folded, and the pairs of neighbours; addresses, names and numbers by their kind."""
    words = [_kind(word) for word in _WORD.findall(_folded(text[:LONGEST_TEXT]))]
    return [*words, *(f"{first} {second}" for first, second in itertools.pairwise(words))]


def _folded(text: str) -> str:
    if text.isascii():
        return text.lower()
    wide = unicodedata.normalize("NFKC", text)
    return "".join(letter for letter in wide if unicodedata.category(letter) != "Cf").lower()


def _kind(word: str) -> str:
    if word.startswith(("http://", "https://", "www.")):
        return "<link>"
    if word.startswith("@"):
        return "<mention>"
    if word.startswith("#"):
        return "<hashtag>"
    return "<number>" if _NUMBER.fullmatch(word) else word


@dataclass(frozen=True, slots=True)
class TextFeatures:
    """What a text model reads: one text field, and categories that count as a term of their own, `field=value`.

    `terms` is the vocabulary, `weight_of_rarity` the inverse document frequency of each (smoothed; Spärck Jones, 1972).
    """

    text_field: str
    category_fields: tuple[str, ...]
    terms: tuple[str, ...]
    rarity: Matrix
    _place: Mapping[str, int]

    @staticmethod
    def of(text_field: str, category_fields: Sequence[str], terms: Sequence[str], rarity: Matrix) -> "TextFeatures":
        """Put features together; `rarity` has one positive number per term."""
        place = {term: index for index, term in enumerate(terms)}
        return TextFeatures(text_field, tuple(category_fields), tuple(terms), rarity, place)

    @property
    def reads(self) -> tuple[str, ...]:
        """Return the payload fields that enter."""
        return (self.text_field, *self.category_fields)

    def refused(self, payload: Mapping[str, Any]) -> tuple[str, tuple[str, ...]] | None:
        """Return why a payload cannot be read, ("missing_input" | "invalid_input" | "too_large", fields), or None.

        A text without a word is as none: the categories alone say nothing about it.
        """
        missing = tuple(name for name in self.reads if payload.get(name) is None)
        if missing:
            return "missing_input", missing
        invalid = tuple(name for name in self.reads if type(payload[name]) is not str)
        if invalid:
            return "invalid_input", invalid
        text = payload[self.text_field]
        if len(text) > LONGEST_TEXT:
            return "too_large", (self.text_field,)
        return None if _WORD.search(_folded(text)) else ("missing_input", (self.text_field,))

    def all_terms(self, payload: Mapping[str, Any]) -> list[str]:
        """Return every term of a readable payload, known or not."""
        own = [f"{name}={payload[name]}" for name in self.category_fields]
        return [*terms_of(payload[self.text_field]), *own]

    def vector(self, payload: Mapping[str, Any]) -> "Terms":
        """Return the known terms of a readable payload with their values; the squares of all values sum to at most 1.

        Value = (1 + ln count) x rarity, divided by the length of the whole vector. A term that no training text had
        counts towards the length with the greatest rarity, so a text of strange words is far from every other.
        """
        counts = Counter(self.all_terms(payload))
        known: list[tuple[int, float]] = []
        strange = 0
        for term, count in counts.most_common():
            place = self._place.get(term)
            if place is None:
                # Pairs are strange more often than not; only a strange word says something.
                strange += " " not in term
            else:
                known.append((place, (1.0 + math.log(count)) * float(self.rarity[place])))
        greatest = float(self.rarity.max()) if self.rarity.size else 1.0
        length = math.sqrt(sum(value * value for _, value in known) + strange * greatest * greatest) or 1.0
        places = np.array([place for place, _ in known], dtype=np.int64)
        return Terms(places, np.array([value / length for _, value in known]), strange)


@dataclass(frozen=True, slots=True)
class Terms:
    """One text as places in the vocabulary and their values; `strange` counts words that are not in it."""

    places: np.ndarray[Any, np.dtype[np.int64]]
    values: Matrix
    strange: int
