"""What each field adds, for models that nobody can see inside: measured by exchanging fields, within a fixed budget.

Shapley values by sampling (E. Strumbelj and I. Kononenko, Explaining prediction models and individual predictions with
feature contributions, 2014): starting from a training case, the fields of the case in question are put in one after
the other, in a random order, and each step's change of the log-odds belongs to the field that was put in. Averaged over
orders and training cases this is what each field adds; the steps of every order sum to exactly the whole difference.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from countersign_inference.domain.explanations import LEAST_EFFECT
from countersign_inference.domain.features import Features, Matrix

LEAST_PAIRS = 4
"""Fewer orders say nothing about how far they differ."""
MOST_PAIRS = 32
CERTAIN_ERRORS = 2.0
"""A field whose effect is less than two standard errors from zero may work in either direction: it is not named."""
CHUNK_ROWS = 4_096
"""Rows of one question to the model: the longest step between two looks at the clock."""

Ask = Callable[[Matrix], Matrix]
"""From the model's columns to calibrated log-odds of the positive outcome."""
Now = Callable[[], float]
"""Monotonic seconds."""


@dataclass(frozen=True, slots=True)
class Budget:
    """What explanations may cost: `rows` asked of the model per case, `batch_seconds` over all cases of a batch."""

    rows: int
    batch_seconds: float


class Effects(NamedTuple):
    """What each input adds to the calibrated log-odds of the positive outcome, (cases, inputs), starting from `base`.

    `certain` tells which effects have a direction that is known; `explained` in which cases there is something to say:
    which fields count, or that all are known to count for little.
    """

    values: Matrix
    base: float
    certain: np.ndarray
    explained: np.ndarray


class Exchange:
    """Explains one model. Orders and training cases are drawn once, so a case is explained the same every time."""

    def __init__(self, features: Features, background: Matrix, ask: Ask, budget: Budget, *, seed: str) -> None:
        """`background` are training cases as the model's columns; `seed` is the model's digest."""
        inputs = len(features.inputs)
        pairs = min(budget.rows // (2 * max(inputs - 1, 1)), MOST_PAIRS)
        self._pairs = pairs if pairs >= LEAST_PAIRS else 0
        self._ask = ask
        self._seconds = budget.batch_seconds
        self._inputs = inputs
        if self._pairs == 0:
            return
        rng = np.random.default_rng(int.from_bytes(hashlib.sha256(seed.encode()).digest()[:8], "big"))
        orders = np.array([rng.permutation(inputs) for _ in range(self._pairs)])
        # Each order also backwards, from the same training case: what one overstates the other understates.
        self._orders = np.concatenate([orders, orders[:, ::-1]])
        # One from each part of the training cases in the order of what the model says: they are all kinds, by no luck.
        parts = np.array_split(np.argsort(ask(background), kind="stable"), min(self._pairs, len(background)))
        drawn = background[rng.permutation([rng.choice(part) for part in parts])]
        self._starts = np.concatenate([drawn[np.arange(self._pairs) % len(drawn)]] * 2)
        ranks = np.argsort(self._orders, axis=1)[:, np.array(features.column_inputs)]
        # (orders, steps, columns): which columns come from the case after each step but the last.
        self._taken = ranks[:, None, :] < np.arange(1, inputs)[None, :, None]
        self._first = ask(self._starts)

    def effects(self, matrix: Matrix, log_odds: Matrix, now: Now) -> Effects:
        """Explain as many cases as the budget allows, in order; `log_odds` are what the model says of each."""
        count = len(matrix)
        values, certain = np.zeros((count, self._inputs)), np.zeros((count, self._inputs), dtype=bool)
        explained = np.zeros(count, dtype=bool)
        if self._pairs == 0:
            return Effects(values, 0.0, certain, explained)
        at_once = max(1, CHUNK_ROWS // (len(self._orders) * max(self._inputs - 1, 1)))
        begun, longest = now(), 0.0
        ends = begun + self._seconds
        for start in range(0, count, at_once):
            # A chunk that would end too late is not begun: nothing waits longer than the budget says.
            if begun + longest >= ends:
                break
            rows = slice(start, start + at_once)
            values[rows], certain[rows], explained[rows] = self._chunk(matrix[rows], log_odds[rows])
            longest, begun = max(longest, now() - begun), now()
        return Effects(values, float(self._first.mean()), certain, explained)

    def _chunk(self, matrix: Matrix, log_odds: Matrix) -> tuple[Matrix, np.ndarray, np.ndarray]:
        count, (orders, steps, columns) = len(matrix), self._taken.shape
        mixed = np.where(self._taken, matrix[:, None, None, :], self._starts[None, :, None, :])
        between = self._ask(mixed.reshape(-1, columns)).reshape(count, orders, steps)
        first = np.broadcast_to(self._first[None, :, None], (count, orders, 1))
        last = np.broadcast_to(log_odds[:, None, None], (count, orders, 1))
        added = np.diff(np.concatenate([first, between, last], axis=2), axis=2)
        per_input = np.take_along_axis(added, np.argsort(self._orders, axis=1)[None, :, :], axis=2)
        pairs = (per_input[:, : self._pairs] + per_input[:, self._pairs :]) / 2.0
        values, doubt = pairs.mean(axis=1), CERTAIN_ERRORS * pairs.std(axis=1, ddof=1) / np.sqrt(self._pairs)
        sizes = np.abs(values)
        certain = sizes >= doubt
        # There is something to say where a field counts, or none does: one without effect says nothing of the others.
        named, slight = certain & (sizes >= LEAST_EFFECT), sizes + doubt < LEAST_EFFECT
        return values, certain, named.any(axis=1) | slight.all(axis=1)
