"""Fitting a linear text model: vocabulary, weights, calibrator and reference sample, the same every time."""

import hashlib
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import orjson

from countersign_inference.domain.features import Matrix
from countersign_inference.domain.linear import sigmoid
from countersign_inference.domain.text_features import TextFeatures
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
from countersign_inference.training.fitting import drawn, folds, npy
from countersign_inference.training.text_table import TextTable

REGULARISATION = 4.0
"""Inverse strength of the L2 penalty; best of 0.5, 1, 2, 4, 8, 16 by ten-fold log loss on the development slice."""
DIGITS = 9
TextFit = tuple[TextFeatures, Matrix, float]
"""Features, weights and bias."""


def fit_texts(
    definition: Definition, development: Sequence[Example], progress: Callable[[str, float], None]
) -> tuple[TextLinear, dict[str, bytes]]:
    """Fit the model of a decision type whose cases are texts."""
    recipe = definition.text
    if recipe is None:
        raise ValueError(f"{definition.decision_type} has no text")
    learned = TextTable.of(recipe, readable_texts(recipe, development))
    progress(f"fitting on {len(learned.examples)} texts", 0.2)
    features, weight, bias = fit(learned)
    progress("calibrating on what models say of texts that they did not see", 0.4)
    calibrator = fit_calibrator(texts_out_of_fold(learned), labels_of(learned.examples))
    files = {
        TERMS: orjson.dumps(list(features.terms), option=orjson.OPT_APPEND_NEWLINE),
        WEIGHTS: npy(np.column_stack([weight, features.rarity])),
        **_reference(definition.decision_type, features, learned.examples),
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


def fit(learned: TextTable) -> TextFit:
    """Return features, weights and bias learned from texts."""
    from sklearn.linear_model import LogisticRegression

    features = learned.features()
    # Newton's method on the sparse matrix: ten times as fast as a quasi-Newton method, and nearer to the optimum.
    classifier = LogisticRegression(C=REGULARISATION, solver="newton-cg", tol=1e-10, max_iter=200)
    classifier.fit(learned.vectors(features), labels_of(learned.examples).astype(np.int64))
    return features, classifier.coef_[0].round(DIGITS), round(float(classifier.intercept_[0]), DIGITS)


def texts_out_of_fold(learned: TextTable) -> Matrix:
    """Return a probability for every text by a model like the one fitted to all of them, as for tables."""
    found = np.empty(len(learned.examples))
    for outside, inside in folds(len(found)):
        features, weight, bias = fit(learned.at(outside))
        found[inside] = sigmoid(learned.at(inside).vectors(features) @ weight + bias)
    return found


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


def _reference(decision_type: str, features: TextFeatures, learned: Sequence[Example]) -> dict[str, bytes]:
    """Draw the sample, and measure how far other texts of the same slice lie from it."""
    sampled, others = drawn(decision_type, [example.row for example in learned])
    rows: list[tuple[float, float, float]] = []
    points: Any = np.zeros((len(features.terms), len(sampled)))
    for sample, at in enumerate(sampled):
        terms = features.vector(learned[at].payload)
        values = terms.values.astype(np.float32).astype(np.float64)
        points[terms.places, sample] = values
        rows += [(sample, place, value) for place, value in zip(terms.places.tolist(), values.tolist(), strict=True)]
    reference = TextReference(points, np.empty(0))
    distances = [reference.distance(features.vector(learned[at].payload)) for at in others]
    return {REFERENCE: npy(np.array(rows, dtype=np.float32)), ORDINARY: npy(np.sort(distances).round(DIGITS))}
