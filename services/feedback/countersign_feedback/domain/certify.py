"""Which confidence is high enough: a threshold above which, with confidence 1 - delta, at most alpha are wrong.

Thresholds of a grid that was fixed before any label was seen are tested from strict to loose. The hypothesis at a
threshold t is "more than alpha of the cases with a score of t or more are wrong"; its exact p-value is the
probability of k or fewer errors among n when exactly alpha are wrong, BinomCDF(k; n, alpha).

Sources: A. N. Angelopoulos, S. Bates, E. J. Candès, M. I. Jordan and L. Lei, "Learn then Test: calibrating predictive
algorithms to achieve risk control", 2021, Theorem 1 (any procedure that controls the family-wise error gives a valid
set of thresholds) and its section on fixed sequences; B. L. Wiens, "A fixed sequence Bonferroni procedure for testing
multiple endpoints", Pharmaceutical Statistics 2 (2003) 211-215 (a passed hypothesis hands its share of delta on).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from countersign_feedback.domain.intervals import clopper_pearson_upper

STARTS_WITHOUT_TRAFFIC = 4
"""Places to begin at, evenly over the grid, when nothing says how many labels to expect above each threshold."""
FIRST_START = 0.4
"""Share of delta at the first start; the rest is spread over later ones, for scores that do not rank well."""
GRID = tuple(round(1.0 - 0.5 * 2.0 ** (-step / 4.0), 4) for step in range(40, -1, -1))
"""The thresholds tried: 0.9995 down to 0.5, four for each halving of the distance to 1."""


@dataclass(frozen=True, slots=True)
class Step:
    """One threshold's test: k errors among the n labelled cases at or above it.

    ``level`` is the part of delta it was given. It ``passed`` when the hypothesis that more than alpha are wrong was
    rejected: 0 < level and p_value <= level. Without labels or a level nothing passes.
    """

    threshold: float
    n: int
    k: int
    p_value: float
    level: float
    passed: bool


@dataclass(frozen=True, slots=True)
class Certificate:
    """With confidence 1 - delta, at most alpha of the cases with a score of ``threshold`` or more are wrong.

    ``errors`` (k) of ``labels`` (n) were wrong. ``upper_bound`` is the exact bound on the true share at the part of
    delta that this threshold's test was given (``level``); it never exceeds alpha.
    """

    threshold: float
    alpha: float
    delta: float
    errors: int
    labels: int
    p_value: float
    level: float
    upper_bound: float
    labels_in_all: int
    grid_sha256: str
    text: str
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class NoCertificate:
    """Nothing may be automated, and why: a code for programs, a sentence for people."""

    code: str
    text: str
    steps: tuple[Step, ...] = ()


def certify(
    scores: ArrayLike,
    errors: ArrayLike,
    *,
    alpha: float,
    delta: float,
    grid: Sequence[float] = GRID,
    n_expected: Sequence[float] | None = None,
) -> Certificate | NoCertificate:
    """Return the loosest threshold whose promise the labels support, or why there is none.

    ``errors`` holds 1 where the blind, adjudicated answer differs from the proposal; the labelled cases must be an
    equal-probability sample (see ``labels.thin``). ``grid`` and ``n_expected`` (labels expected at or above each
    threshold, from traffic without its labels) must not depend on the labels. The chance that the true share of errors
    above the returned threshold exceeds alpha is at most ``delta``, whatever the scores are worth.

    A grid that is not strictly decreasing within [0, 1], or alpha or delta outside (0, 1), is a ``ValueError``: the
    caller's mistake. Labels that support nothing are an answer.
    """
    checked, least = check_grid(grid), least_labels(alpha, delta)
    s, e = np.asarray(scores, dtype=np.float64), np.asarray(errors, dtype=np.float64)
    if refusal := _refuse(s, e, least, alpha, delta):
        return refusal
    n, k = counts_above(s, e, checked)
    return certify_counts(
        n.tolist(), k.tolist(), labels=len(s), alpha=alpha, delta=delta, grid=checked, n_expected=n_expected
    )


def certify_counts(
    n: Sequence[int],
    k: Sequence[int],
    *,
    labels: int,
    alpha: float,
    delta: float,
    grid: Sequence[float] = GRID,
    n_expected: Sequence[float] | None = None,
) -> Certificate | NoCertificate:
    """Do the same from counts alone: ``n`` labelled cases and ``k`` errors at or above each threshold of the grid.

    This is all that a certificate rests on, so an export of these counts is enough to redo it. Counts that cannot be
    are a ``ValueError``.
    """
    checked, least = check_grid(grid), least_labels(alpha, delta)
    _check_counts(n, k, labels, checked)
    if labels < least:
        return _too_few(labels, least, alpha, delta)
    steps = walk(n, k, alpha=alpha, delta=delta, grid=checked, shares=starting_shares(checked, least, n_expected))
    passed = [step for step in steps if step.passed]
    if not passed:
        return NoCertificate("not_supported", _nearest(steps, alpha), steps)
    # The strictest with the same labels: where nobody was judged, a looser threshold would be passed by silence.
    last = next(step for step in passed if step.n == passed[-1].n)
    return Certificate(
        threshold=last.threshold, alpha=alpha, delta=delta, errors=last.k, labels=last.n, p_value=last.p_value,
        level=last.level, upper_bound=clopper_pearson_upper(last.k, last.n, last.level), labels_in_all=labels,
        grid_sha256=grid_sha256(checked), text=_sentence(last, alpha, delta), steps=steps,
    )  # fmt: skip


def walk(
    n: Sequence[int],
    k: Sequence[int],
    *,
    alpha: float,
    delta: float,
    grid: Sequence[float],
    shares: Sequence[float],
) -> tuple[Step, ...]:
    """Test every threshold, strict to loose, at its own share of delta and what the one before it handed on.

    Wiens (2003): the level at threshold j is delta * shares[j], plus the whole level of j - 1 if that passed. With all
    of delta at one threshold it is the fixed-sequence test, which stops at the first failure.
    """
    p_values = binomial_p_values(np.asarray(k), np.asarray(n), alpha)
    steps: list[Step] = []
    handed_on = 0.0
    for threshold, count, wrong, p_value, share in zip(grid, n, k, p_values.tolist(), shares, strict=True):
        level = min(delta * share + handed_on, delta)
        passed = count > 0 and level > 0.0 and p_value <= level
        handed_on = level if passed else 0.0
        steps.append(Step(threshold, count, wrong, p_value, level, passed))
    return tuple(steps)


def counts_above(
    scores: NDArray[np.float64], errors: NDArray[np.float64], grid: Sequence[float]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, per threshold, how many cases have that score or more, and how many of those are errors."""
    order = np.argsort(scores, kind="stable")
    wrong_below = np.concatenate([[0], np.cumsum(errors[order], dtype=np.int64)])
    below = np.searchsorted(scores[order], np.asarray(grid), side="left")
    return len(scores) - below, wrong_below[-1] - wrong_below[below]


def binomial_p_values(k: NDArray[np.int64], n: NDArray[np.int64], alpha: float) -> NDArray[np.float64]:
    """Return BinomCDF(k; n, alpha): how probable so few errors are if alpha are wrong. 1 where n is 0."""
    from scipy.special import bdtr

    return np.asarray(np.where(n > 0, bdtr(k, np.maximum(n, 1), alpha), 1.0), dtype=np.float64)


def starting_shares(grid: Sequence[float], least: int, n_expected: Sequence[float] | None) -> tuple[float, ...]:
    """Return which share of delta each threshold starts with; they sum to 1 and depend on no label.

    With expected counts, the walk begins where twice the least number of labels is expected, because a test on fewer
    would fail by bad luck and end it; smaller shares wait wherever that number has doubled again. Without, it has four
    evenly spaced places to begin at.
    """
    if n_expected is None:
        starts = sorted({part * len(grid) // STARTS_WITHOUT_TRAFFIC for part in range(STARTS_WITHOUT_TRAFFIC)})
        return tuple(1.0 / len(starts) if place in starts else 0.0 for place in range(len(grid)))
    if len(n_expected) != len(grid) or not all(math.isfinite(count) and count >= 0 for count in n_expected):
        raise ValueError(f"n_expected must hold one count for each of the {len(grid)} thresholds")
    starts = _doublings(n_expected, 2 * least)
    rest = (1.0 - FIRST_START) / len(starts)
    return tuple(FIRST_START * (place == starts[0]) + rest * (place in starts) for place in range(len(grid)))


def _doublings(n_expected: Sequence[float], wanted: float) -> list[int]:
    starts: list[int] = []
    for place, count in enumerate(n_expected):
        if count >= wanted:
            starts.append(place)
            wanted = 2 * count
    return starts or [len(n_expected) - 1]


def expected_counts(traffic: ArrayLike, labels: int, grid: Sequence[float] = GRID) -> tuple[float, ...]:
    """Return how many of so many labels are expected at or above each threshold, from the scores of all traffic."""
    seen = np.asarray(traffic, dtype=np.float64)
    n, _ = counts_above(seen, np.zeros(len(seen)), grid)
    return tuple(float(labels * count / max(len(seen), 1)) for count in n)


def least_labels(alpha: float, delta: float) -> int:
    """Return how many labels without one error first support alpha: the least n with (1 - alpha)^n <= delta."""
    _check_share("alpha", alpha)
    _check_share("delta", delta)
    least = math.log(delta) / math.log1p(-alpha)
    if math.isinf(least):
        raise ValueError(f"alpha is {alpha}: no number of labels proves that")
    return math.ceil(least)


def spent(delta: float, attempt: int) -> float:
    """Return the delta that the given attempt (1, 2, 3, ...) at one certificate may use: delta / (i (i + 1)).

    Looking again after each new label and stopping when it passes is many tests, not one. The shares of all attempts,
    however many there will be, sum to delta. (sum of 1 / (i (i + 1)) = 1; the union bound.)
    """
    if attempt < 1:
        raise ValueError(f"attempts are counted from 1, got {attempt}")
    _check_share("delta", delta)
    return delta / (attempt * (attempt + 1))


def grid_sha256(grid: Sequence[float]) -> str:
    """Return the SHA-256 of the thresholds, strict to loose, each as its shortest decimal, joined by commas."""
    return sha256(",".join(repr(float(threshold)) for threshold in grid).encode()).hexdigest()


def check_grid(grid: Sequence[float]) -> tuple[float, ...]:
    """Return the grid; one that is empty, not strictly decreasing or not within [0, 1] is a ``ValueError``."""
    thresholds = tuple(float(threshold) for threshold in grid)
    falls = all(left > right for left, right in pairwise(thresholds))
    if not thresholds or not falls or not 0.0 <= thresholds[-1] <= thresholds[0] <= 1.0:
        raise ValueError("the grid must be thresholds between 0 and 1, the strictest first, none twice")
    return thresholds


def sureness(delta: float) -> str:
    """Write 1 - delta with four digits, or with as many more as keep it apart from certainty."""
    digits = max(4, -math.floor(math.log10(delta)))
    return f"{1 - delta:.{digits}g}"


def _check_share(name: str, value: float) -> None:
    if not 0.0 < value < 1.0:
        raise ValueError(f"{name} must lie strictly between 0 and 1, got {value}")


def _refuse(
    scores: NDArray[np.float64], errors: NDArray[np.float64], least: int, alpha: float, delta: float
) -> NoCertificate | None:
    if scores.ndim != 1 or scores.shape != errors.shape:
        raise ValueError("scores and errors must be two lists of the same length")
    if not len(scores):
        return NoCertificate("no_labels", "No case has been judged blind yet, so nothing is known about the errors.")
    if not np.all((scores >= 0.0) & (scores <= 1.0)):
        bad = int(np.count_nonzero(~((scores >= 0.0) & (scores <= 1.0))))
        return NoCertificate(
            "bad_scores",
            f"{bad:,} of {len(scores):,} labelled cases have no confidence between 0 and 1; see why first.",
        )
    if not np.all((errors == 0.0) | (errors == 1.0)):
        return NoCertificate(
            "bad_labels", "A label is neither right nor wrong. Every judged case must be one of the two."
        )
    if len(scores) < least:
        return _too_few(len(scores), least, alpha, delta)
    if scores.min() == scores.max():
        return NoCertificate(
            "one_score", f"All {len(scores):,} labelled cases have the confidence {scores[0]:.4g}: it ranks nothing."
        )
    return None


def _sentence(last: Step, alpha: float, delta: float) -> str:
    return (
        f"With confidence {sureness(delta)}, at most {100 * alpha:.4g} % of the cases with a confidence of "
        f"{last.threshold:.4g} or more are decided wrongly: {last.k:,} of {last.n:,} blind labels were."
    )


def _too_few(labels: int, least: int, alpha: float, delta: float) -> NoCertificate:
    return NoCertificate(
        "too_few_labels",
        f"{labels:,} blind labels so far. To promise at most {100 * alpha:.4g} % with confidence {sureness(delta)} it "
        f"takes at least {least:,}, and more if one of them is an error.",
    )


def _check_counts(n: Sequence[int], k: Sequence[int], labels: int, grid: Sequence[float]) -> None:
    if not len(n) == len(k) == len(grid):
        raise ValueError(f"n and k must hold one count for each of the {len(grid)} thresholds")
    grows = all(left <= right for counts in ([0, *n, labels], [0, *k]) for left, right in pairwise(counts))
    if not grows or any(wrong > count for wrong, count in zip(k, n, strict=True)):
        raise ValueError(
            "counts at or above a threshold cannot fall as the threshold does, nor k exceed n or n the labels"
        )


def _nearest(steps: tuple[Step, ...], alpha: float) -> str:
    # By what a reader understands: the threshold that came closest to its bar.
    tested = [step for step in steps if step.level > 0 and step.n > 0]
    if not tested:
        return "No labelled case reaches a threshold that is tested. Labels must come from cases of high confidence."
    best = min(tested, key=lambda step: step.p_value / step.level)
    return (
        f"No threshold keeps at most {100 * alpha:.4g} % wrong with the confidence asked for. The nearest was "
        f"{best.threshold:.4g}: {best.k:,} of {best.n:,} labels wrong. If {100 * alpha:.4g} % were wrong, so few would "
        f"turn up with probability {best.p_value:.2g}; it must be {best.level:.2g} or less."
    )
