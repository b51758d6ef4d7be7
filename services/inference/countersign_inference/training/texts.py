"""Fitting a linear text model: vocabulary, weights, calibrator and reference sample, the same every time."""

import hashlib
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import orjson

from countersign_inference.domain.features import Matrix
from countersign_inference.domain.text_features import Terms, TextFeatures
from countersign_inference.domain.text_model import TextReference, raw_probabilities
from countersign_inference.manifest import (
    ORDINARY,
    REFERENCE,
    TERMS,
    WEIGHTS,
    EntitiesEntry,
    TextLinear,
    digest_of,
)
from countersign_inference.training.calibration import fit_calibrator
from countersign_inference.training.definitions import Definition, Example, TextRecipe
from countersign_inference.training.fitting import REFERENCE_ROWS, folds, npy, reference_order
from countersign_inference.training.slices import Slice

MOST_TERMS = 1_200
LEAST_TEXTS = 4
"""A term of fewer texts says more about them than about its meaning."""
REGULARISATION = 4.0
"""Inverse strength of the L2 penalty; best of 0.5, 1, 2, 4, 8, 16 by five-fold log loss on the training slice."""
DIGITS = 9
TextFit = tuple[TextFeatures, Matrix, float]
"""Features, weights and bias."""


def fit_texts(
    definition: Definition, slices: Mapping[Slice, Sequence[Example]], progress: Callable[[str, float], None]
) -> tuple[TextLinear, dict[str, bytes]]:
    """Fit the model of a decision type whose cases are texts."""
    recipe = definition.text
    if recipe is None:
        raise ValueError(f"{definition.decision_type} has no text")
    learned = readable_texts(recipe, slices["train"])
    held_out = readable_texts(recipe, slices["calibration"])
    progress(f"fitting on {len(learned)} texts", 0.2)
    features, weight, bias = fit(recipe, learned)
    progress(f"calibrating on {len(held_out)} texts", 0.6)
    vectors = [features.vector(example.payload) for example in held_out]
    model = features, weight, bias
    calibrator = fit_calibrator(*texts_to_calibrate_on(recipe, learned, held_out, model))
    files = {
        TERMS: orjson.dumps(list(features.terms), option=orjson.OPT_APPEND_NEWLINE),
        WEIGHTS: npy(np.column_stack([weight, features.rarity])),
        **_reference(definition.decision_type, features, learned, vectors),
    }
    digests = {name: hashlib.sha256(data).hexdigest() for name, data in files.items()}
    manifest = TextLinear(
        scorer="text", decision_type=definition.decision_type, name=definition.name, brought=recipe.brought,
        version=f"{definition.release}-{digest_of([digests, bias])[:8]}",
        negative=definition.negative, positive=definition.positive, files=digests,
        made_with={name: version(name) for name in ("scikit-learn", "numpy")},
        text_field=recipe.text_field, category_fields=list(recipe.category_fields), labels=dict(recipe.labels),
        bias=bias, calibrator=calibrator,
        entities=EntitiesEntry(fields=[recipe.text_field], types=list(recipe.entity_types)),
    )  # fmt: skip
    return manifest, files


def fit(recipe: TextRecipe, learned: Sequence[Example]) -> TextFit:
    """Return features, weights and bias learned from readable examples."""
    from scipy.sparse import csr_matrix
    from sklearn.linear_model import LogisticRegression

    features = _vocabulary(recipe, learned)
    vectors = [features.vector(example.payload) for example in learned]
    starts = np.cumsum([0, *(len(one.places) for one in vectors)])
    matrix = csr_matrix(
        (np.concatenate([one.values for one in vectors]), np.concatenate([one.places for one in vectors]), starts),
        shape=(len(vectors), len(features.terms)),
    )
    classifier = LogisticRegression(C=REGULARISATION, solver="lbfgs", tol=1e-10, max_iter=5_000)
    classifier.fit(matrix, labels_of(learned).astype(np.int64))
    return features, classifier.coef_[0].round(DIGITS), round(float(classifier.intercept_[0]), DIGITS)


def texts_to_calibrate_on(
    recipe: TextRecipe, learned: Sequence[Example], held_out: Sequence[Example], model: TextFit
) -> tuple[Matrix, Matrix]:
    """Return the model's own probabilities and the labels of texts it did not see, as for tables."""
    raw, truth = [probabilities(model, held_out)], [labels_of(held_out)]
    for outside, inside in folds(len(learned)):
        kept = [learned[at] for at in inside]
        raw.append(probabilities(fit(recipe, [learned[at] for at in outside]), kept))
        truth.append(labels_of(kept))
    return np.concatenate(raw), np.concatenate(truth)


def probabilities(model: TextFit, examples: Sequence[Example]) -> Matrix:
    """Return a model's own probabilities of the positive outcome for readable examples."""
    features, weight, bias = model
    return raw_probabilities([features.vector(example.payload) for example in examples], weight, bias)


def labels_of(examples: Sequence[Example]) -> Matrix:
    """Return 1 for the positive outcome, 0 for the other."""
    return np.array([example.positive for example in examples], dtype=np.float64)


def readable_texts(recipe: TextRecipe, examples: Sequence[Example]) -> list[Example]:
    """Return the examples that the model can read."""
    empty = TextFeatures.of(recipe.text_field, recipe.category_fields, (), np.empty(0))
    return [example for example in examples if empty.refused(example.payload) is None]


def _vocabulary(recipe: TextRecipe, learned: Sequence[Example]) -> TextFeatures:
    empty = TextFeatures.of(recipe.text_field, recipe.category_fields, (), np.empty(0))
    texts_with = Counter(term for example in learned for term in set(empty.all_terms(example.payload)))
    frequent = [(count, term) for term, count in texts_with.items() if count >= LEAST_TEXTS]
    kept = sorted(term for _, term in sorted(frequent, key=lambda item: (-item[0], item[1]))[:MOST_TERMS])
    rarity = [math.log((1 + len(learned)) / (1 + texts_with[term])) + 1.0 for term in kept]
    return TextFeatures.of(recipe.text_field, recipe.category_fields, kept, np.array(rarity).round(DIGITS))


def _reference(
    decision_type: str, features: TextFeatures, learned: Sequence[Example], ordinary: Sequence[Terms]
) -> dict[str, bytes]:
    """Draw the sample by hash of the row, and measure how far the calibration slice lies from it."""
    drawn = sorted(learned, key=lambda example: reference_order(decision_type, example.row))[:REFERENCE_ROWS]
    rows: list[tuple[float, float, float]] = []
    points: Any = np.zeros((len(features.terms), len(drawn)))
    for sample, example in enumerate(drawn):
        terms = features.vector(example.payload)
        values = terms.values.astype(np.float32).astype(np.float64)
        points[terms.places, sample] = values
        rows += [(sample, place, value) for place, value in zip(terms.places.tolist(), values.tolist(), strict=True)]
    reference = TextReference(points, np.empty(0))
    distances = np.sort([reference.distance(terms) for terms in ordinary]).round(DIGITS)
    return {REFERENCE: npy(np.array(rows, dtype=np.float32)), ORDINARY: npy(distances)}
