"""What tables and texts share when models are fitted: calibration, files, the draw of the reference sample."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from countersign_inference.domain.features import Features, Matrix
from countersign_inference.training.definitions import Example

FOLDS = 5
REFERENCE_ROWS = 256
"""Enough to place a case among its neighbours, few enough to compare with in a microsecond."""


REGULARISATION = 0.1
"""Inverse strength of the L2 penalty; best of 0.01, 0.03, 0.1, 0.3, 1, 3 by ten-fold log loss on the training slice."""

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
    """Return, for each of five parts, the positions outside and inside it; positions alternate between the parts."""
    places = range(count)
    return [([at for at in places if at % FOLDS != part], list(places[part::FOLDS])) for part in range(FOLDS)]


def columns_to_calibrate_on(
    learned: Readable, held_out: Readable, pipeline: Any, learner: Learner = "logistic"
) -> tuple[Matrix, Matrix]:
    """Return the model's own probabilities and the labels of cases that it, or a model like it, did not see.

    All of the calibration slice, and the training slice by five models that each left a fifth of it out: what Platt
    proposed (1999). Three times as many labels make the calibrator that much less a matter of chance.
    """
    raw, truth = [np.asarray(pipeline.predict_proba(held_out.matrix)[:, 1])], [held_out.positive]
    for outside, inside in folds(len(learned.rows)):
        part = fit_columns(learned.at(outside), learner)
        raw.append(np.asarray(part.predict_proba(learned.matrix[inside])[:, 1]))
        truth.append(learned.positive[inside])
    return np.concatenate(raw), np.concatenate(truth)


def npy(array: Any) -> bytes:
    """Return an array as the bytes of an .npy file, without pickles."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def reference_order(decision_type: str, row: int) -> bytes:
    """Return the place of a row in the draw of the reference sample."""
    return hashlib.sha256(f"reference/{decision_type}/{row}".encode()).digest()
