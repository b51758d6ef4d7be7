"""What tables and texts share when models are fitted: calibration, files, the draw of the reference sample."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from countersign_inference.domain.features import Features, Matrix
from countersign_inference.training.definitions import Example

FOLDS = 10
"""Nine tenths of the cases make a model that is nearly the one fitted to all of them."""
REFERENCE_ROWS = 256
"""Enough to place a case among its neighbours, few enough to compare with in a microsecond."""
ORDINARY_ROWS = 1_000
"""A p-value of one in a thousand is as strange as a signal needs to say."""

REGULARISATION = 0.1
"""Inverse strength of the L2 penalty; best of 0.03, 0.1, 0.2, 0.3, 1 and 3 by ten-fold log loss on the data to learn
from."""

Learner = Literal["logistic", "boosting"]
BOOSTING: dict[str, Any] = {"n_estimators": 60, "max_depth": 2, "learning_rate": 0.1, "min_samples_leaf": 20}
"""Stumps of two questions, so that pairs of fields can matter together; the usual step, and few enough of them not to
learn 1,100 cases by heart."""


@dataclass(frozen=True, slots=True)
class Readable:
    """The examples of a slice that have every required input, as the model sees them."""

    values: Matrix
    matrix: Matrix
    positive: Matrix
    rows: tuple[int, ...]

    def at(self, positions: Sequence[int]) -> "Readable":
        """Return some of the examples."""
        rows = tuple(self.rows[at] for at in positions)
        return Readable(self.values[positions], self.matrix[positions], self.positive[positions], rows)


def readable(features: Features, examples: Sequence[Example]) -> Readable:
    """Return the examples that have every required input, as the model sees them."""
    reading = features.read([example.payload for example in examples])
    kept = [index for index in range(len(examples)) if index not in reading.refused]
    values = reading.values[kept]
    positive = np.array([examples[index].positive for index in kept], dtype=np.float64)
    return Readable(values, features.matrix(values), positive, tuple(examples[index].row for index in kept))


def fit_columns(learned: Readable, learner: Learner = "logistic") -> Any:
    """Fit a pipeline to columns: a logistic regression on standardised ones, or boosted trees."""
    from sklearn.ensemble import GradientBoostingClassifier
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    if learner == "boosting":
        # As they are in ONNX: a threshold between two neighbours in float64 may lie on one of them in float32.
        columns = learned.matrix.astype(np.float32)
        trees = GradientBoostingClassifier(random_state=0, **BOOSTING)
        return make_pipeline(trees).fit(columns, learned.positive.astype(np.int64))
    # Newton's method to a tight tolerance: the optimum is unique, so no library version moves the figures.
    classifier = LogisticRegression(C=REGULARISATION, solver="newton-cholesky", tol=1e-10, max_iter=200)
    return make_pipeline(StandardScaler(), classifier).fit(learned.matrix, learned.positive.astype(np.int64))


def folds(count: int) -> list[tuple[list[int], list[int]]]:
    """Return, for each of ten parts, the positions outside and inside it; positions alternate between the parts."""
    places = range(count)
    return [([at for at in places if at % FOLDS != part], list(places[part::FOLDS])) for part in range(FOLDS)]


def out_of_fold(learned: Readable, learner: Learner = "logistic") -> Matrix:
    """Return a probability for every case by a model like the one fitted to all of them, that did not see the case."""
    found = np.empty(len(learned.rows))
    for outside, inside in folds(len(learned.rows)):
        found[inside] = fit_columns(learned.at(outside), learner).predict_proba(learned.matrix[inside])[:, 1]
    return found


def npy(array: Any) -> bytes:
    """Return an array as the bytes of an .npy file, without pickles."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def drawn(decision_type: str, rows: Sequence[int]) -> tuple[list[int], list[int]]:
    """Draw by hash of the row: positions of the reference sample, and of the ordinary cases measured against it."""
    order = sorted(
        range(len(rows)), key=lambda at: hashlib.sha256(f"reference/{decision_type}/{rows[at]}".encode()).digest()
    )
    return order[:REFERENCE_ROWS], order[REFERENCE_ROWS : REFERENCE_ROWS + ORDINARY_ROWS]
