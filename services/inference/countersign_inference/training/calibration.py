"""Fitting a calibrator: as near to no calibration as the labels let it be."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from countersign_inference.domain.calibrators import EDGE
from countersign_inference.domain.features import Matrix
from countersign_inference.domain.linear import sigmoid
from countersign_inference.manifest import CalibratorEntry, digest_of

PARTS = 10
DIGITS = 9
DOUBT = 0.3
"""How far, as a standard deviation, each number of a beta calibrator is expected to lie from where it changes nothing.
Compared in worlds with known truth, see docs/adr/0091: what it costs where nothing is to be mended cannot be told from
nothing, and what it mends elsewhere is kept."""
LEAST_DOUBT = 0.001
"""Isotonic steps end here: a step whose labels all agree would be sure of what it has seen some hundred times."""
LEAST_LABELS = 500
"""Steps need as many labels of the rarer outcome: with fewer they follow chance (Niculescu-Mizil and Caruana, 2005),
and their jumps drown what an explanation could measure."""
NEWTON_STEPS, SETTLED = 100, 1e-12
Parameters = Mapping[str, Any]


def fit_calibrator(raw: Matrix, positive: Matrix) -> CalibratorEntry:
    """Fit a beta calibrator that is drawn to doing nothing, or steps where labels say that its shape is wrong.

    `raw` are a model's own probabilities of cases that it did not see. Steps are taken where they are better on labels
    that neither was fitted to, by more than one standard error of the difference in log loss (ten-fold
    cross-validation). The version names the fit.
    """
    method = "isotonic" if _asks_for_steps(raw, positive) else "beta"
    return _entry(method, METHODS[method](raw, positive))


def _asks_for_steps(raw: Matrix, positive: Matrix) -> bool:
    if min(positive.sum(), (1.0 - positive).sum()) < LEAST_LABELS:
        return False
    behind = _left_out_losses("beta", raw, positive) - _left_out_losses("isotonic", raw, positive)
    return float(behind.mean()) > float(behind.std(ddof=1)) / math.sqrt(len(behind))


def _entry(method: str, parameters: Parameters) -> CalibratorEntry:
    version = f"{method}-{digest_of(dict(parameters))[:8]}"
    return CalibratorEntry.model_validate({"version": version, "method": method, **parameters})


def _beta(raw: Matrix, positive: Matrix) -> Parameters:
    """Fit sigmoid(a ln p - b ln(1 - p) + c), a and b >= 0 (Kull, Silva Filho and Flach, 2017), to its likeliest values.

    Beforehand a and b are normal around 1, and what is added at even odds around 0, with a standard deviation of
    ``DOUBT``: few labels leave a model as it is, many are followed.
    """
    held = np.clip(raw, EDGE, 1.0 - EDGE)
    sides = np.column_stack([np.log(held), -np.log1p(-held)])
    even = np.array([math.log(0.5), -math.log(0.5)])
    slopes, c = _likeliest(sides, even, positive)
    if slopes.min() < 0.0:
        kept = int(slopes.argmax())
        slopes[1 - kept] = 0.0
        slopes[kept : kept + 1], c = _likeliest(sides[:, kept : kept + 1], even[kept : kept + 1], positive)
    a, b = (round(max(float(slope), 0.0), DIGITS) for slope in slopes)
    return {"a": a, "b": b, "c": round(c, DIGITS)}


def _likeliest(sides: Matrix, even: Matrix, positive: Matrix) -> tuple[Matrix, float]:
    """Return the slopes, and the intercept, of greatest posterior density; `even` are the sides at even odds.

    Newton's method: the density is concave, so its optimum is unique, and halving a step that leads downwards is all
    the care it needs.
    """
    design = np.column_stack([sides - even, np.ones(len(sides))])
    expected = np.array([*(1.0 for _ in even), float(even.sum())])
    found = expected.copy()
    for _ in range(NEWTON_STEPS):
        chance = sigmoid(design @ found)
        uphill = design.T @ (positive - chance) - (found - expected) / DOUBT**2
        bend = (design * (chance * (1.0 - chance))[:, None]).T @ design + np.eye(len(found)) / DOUBT**2
        step = np.linalg.solve(bend, uphill)
        here = _density(design, positive, found, expected)
        while _density(design, positive, found + step, expected) < here and np.abs(step).max() > SETTLED:
            step /= 2.0
        found = found + step
        if np.abs(step).max() <= SETTLED:
            break
    slopes = found[:-1]
    return slopes, float(found[-1] - slopes @ even)


def _density(design: Matrix, positive: Matrix, found: Matrix, expected: Matrix) -> float:
    log_odds = design @ found
    likelihood = positive @ log_odds - np.logaddexp(0.0, log_odds).sum()
    return float(likelihood - ((found - expected) ** 2).sum() / (2.0 * DOUBT**2))


def _isotonic(raw: Matrix, positive: Matrix) -> Parameters:
    """Fit the best steps that never fall, and lines between them (Ayer et al., 1955)."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=LEAST_DOUBT, y_max=1.0 - LEAST_DOUBT).fit(raw, positive)
    x, first = np.unique(fitted.X_thresholds_.round(DIGITS), return_index=True)
    return {"x": x.tolist(), "y": fitted.y_thresholds_[first].round(DIGITS).tolist()}


METHODS: Mapping[str, Callable[[Matrix, Matrix], Parameters]] = {"beta": _beta, "isotonic": _isotonic}


def _left_out_losses(method: str, raw: Matrix, positive: Matrix) -> Matrix:
    """Return the log loss on each label, by a fit that did not see it; labels alternate between the parts."""
    place, losses = np.arange(len(raw)) % PARTS, np.empty(len(raw))
    for part in range(PARTS):
        inside, outside = place == part, place != part
        entry = _entry(method, METHODS[method](raw[outside], positive[outside]))
        log_odds = entry.serving().calibrated_logit(raw[inside])
        losses[inside] = np.logaddexp(0.0, np.where(positive[inside] == 1.0, -log_odds, log_odds))
    return losses
