"""Many texts at once, cut into terms a single time: what serving computes text by text, as sparse matrices."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from countersign_inference.domain.features import Matrix
from countersign_inference.domain.text_features import TextFeatures
from countersign_inference.training.definitions import Example, TextRecipe

MOST_TERMS = 1_200
LEAST_TEXTS = 4
"""A term of fewer texts says more about them than about its meaning."""
DIGITS = 9


@dataclass(frozen=True, slots=True, eq=False)
class TextTable:
    """Readable texts as rows and every term of any of them as columns, (texts, terms); `weighed` has 1 + ln count.

    `is_word` tells words from pairs of words: only a strange word says something.
    """

    recipe: TextRecipe
    examples: Sequence[Example]
    terms: Sequence[str]
    is_word: Matrix
    weighed: Any

    @staticmethod
    def of(recipe: TextRecipe, examples: Sequence[Example]) -> "TextTable":
        """Cut readable texts into terms."""
        from scipy.sparse import csr_matrix

        place: dict[str, int] = {}
        columns: list[int] = []
        values: list[float] = []
        starts = [0]
        empty = TextFeatures.of(recipe.text_field, recipe.category_fields, (), np.empty(0))
        for example in examples:
            for term, count in Counter(empty.all_terms(example.payload)).most_common():
                columns.append(place.setdefault(term, len(place)))
                values.append(1.0 + math.log(count))
            starts.append(len(columns))
        is_word = np.array([" " not in term for term in place], dtype=np.float64)
        return TextTable(
            recipe, examples, tuple(place), is_word, csr_matrix((values, columns, starts), (len(examples), len(place)))
        )

    def at(self, positions: Sequence[int]) -> "TextTable":
        """Return some of the texts."""
        return TextTable(
            self.recipe, [self.examples[at] for at in positions], self.terms, self.is_word, self.weighed[positions]
        )

    def features(self) -> TextFeatures:
        """Return the vocabulary that these texts give a model, with the rarity of each term among them."""
        texts_with = np.bincount(self.weighed.indices, minlength=len(self.terms))
        counted = zip(texts_with.tolist(), self.terms, strict=True)
        frequent = [(-count, term) for count, term in counted if count >= LEAST_TEXTS]
        kept = sorted((term, -count) for count, term in sorted(frequent)[:MOST_TERMS])
        rarity = [math.log((1 + len(self.examples)) / (1 + count)) + 1.0 for _, count in kept]
        return TextFeatures.of(
            self.recipe.text_field, self.recipe.category_fields, [term for term, _ in kept],
            np.array(rarity).round(DIGITS),
        )  # fmt: skip

    def vectors(self, features: TextFeatures) -> Any:
        """Return what `TextFeatures.vector` does of each text, as rows of one sparse matrix (texts, vocabulary)."""
        from scipy.sparse import diags

        place = {term: at for at, term in enumerate(self.terms)}
        at = np.array([place.get(term, -1) for term in features.terms], dtype=np.int64)
        if (at < 0).any():
            raise ValueError("a term of the vocabulary is in no text of the table")
        known = self.weighed[:, at] @ diags(features.rarity)
        strange_word = self.is_word.copy()
        strange_word[at] = 0.0
        strange = (self.weighed > 0.0) @ strange_word
        greatest = float(features.rarity.max()) if features.rarity.size else 1.0
        length = np.sqrt(np.asarray(known.multiply(known).sum(axis=1)).ravel() + strange * greatest**2)
        return (diags(1.0 / np.where(length > 0.0, length, 1.0)) @ known).tocsr()
