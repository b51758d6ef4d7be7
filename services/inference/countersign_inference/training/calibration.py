"""Fitting a calibrator: four methods, and which of them the labels ask for."""

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from countersign_inference.domain.calibrators import EDGE
from countersign_inference.domain.features import Matrix
from countersign_inference.domain.linear import logit
from countersign_inference.manifest import CalibratorEntry, digest_of

PARTS = 10
DIGITS = 9
LEAST_DOUBT = 0.001
"""Isotonic steps end here: a step whose labels all agree would be sure of what it has seen some hundred times."""
Parameters = Mapping[str, Any]


def fit_calibrator(raw: Matrix, positive: Matrix) -> CalibratorEntry:
    """Fit the simplest method that labels it was not fitted to do not tell from the best; the version names the fit.

    `raw` are a model's own probabilities of cases that it did not see. Each method is fitted ten times, each time to
    nine tenths of the labels, and judged by the log loss on the tenth. Of those within one standard error of the best
    the first is taken (Breiman, Friedman, Olshen and Stone, 1984): a calibrator that mends nothing only adds chance.
    """
    losses = {method: _left_out_losses(method, raw, positive) for method in METHODS}
    best = min(losses.values(), key=lambda found: round(float(found.mean()), DIGITS))
    chosen = next(method for method, found in losses.items() if _no_worse(found - best))
    return entry_of(chosen, METHODS[chosen](raw, positive))


def _no_worse(behind: Matrix) -> bool:
    return float(behind.mean()) <= float(behind.std(ddof=1)) / math.sqrt(len(behind))


def entry_of(method: str, parameters: Parameters) -> CalibratorEntry:
    """Return a calibrator as model files hold it."""
    version = "identity" if method == "identity" else f"{method}-{digest_of(dict(parameters))[:8]}"
    return CalibratorEntry.model_validate({"version": version, "method": method, **parameters})


def _identity(raw: Matrix, positive: Matrix) -> Parameters:
    """Change nothing: a logistic regression is calibrated by the way it is fitted."""
    del raw, positive
    return {}


def _platt(raw: Matrix, positive: Matrix) -> Parameters:
    """Fit sigmoid(slope logit(p) + intercept) by maximum likelihood (Platt, 1999)."""
    (slope,), intercept = _logistic(logit(raw)[:, None], positive)
    return {"slope": max(slope, EDGE), "intercept": intercept}


def _beta(raw: Matrix, positive: Matrix) -> Parameters:
    """Fit sigmoid(a ln p - b ln(1 - p) + c), a and b >= 0 (Kull, Silva Filho and Flach, 2017)."""
    held = np.clip(raw, EDGE, 1.0 - EDGE)
    sides = np.column_stack([np.log(held), -np.log1p(-held)])
    (a, b), c = _logistic(sides, positive)
    if a < 0.0:
        (b,), c = _logistic(sides[:, 1:], positive)
        a = 0.0
    elif b < 0.0:
        (a,), c = _logistic(sides[:, :1], positive)
        b = 0.0
    return {"a": max(a, 0.0), "b": max(b, 0.0), "c": c}


def _isotonic(raw: Matrix, positive: Matrix) -> Parameters:
    """Fit the best steps that never fall, and lines between them (Ayer et al., 1955)."""
    from sklearn.isotonic import IsotonicRegression

    fitted = IsotonicRegression(y_min=LEAST_DOUBT, y_max=1.0 - LEAST_DOUBT).fit(raw, positive)
    x, first = np.unique(fitted.X_thresholds_.round(DIGITS), return_index=True)
    return {"x": x.tolist(), "y": fitted.y_thresholds_[first].round(DIGITS).tolist()}


METHODS: Mapping[str, Callable[[Matrix, Matrix], Parameters]] = {
    "identity": _identity, "platt": _platt, "beta": _beta, "isotonic": _isotonic,
}  # fmt: skip
"""In the order of what they can bend."""


def _logistic(columns: Matrix, positive: Matrix) -> tuple[list[float], float]:
    from sklearn.linear_model import LogisticRegression

    # Newton's method to a tight tolerance: the optimum is unique, so no library version moves the figures.
    fitted = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=200)
    fitted.fit(columns, positive.astype(np.int64))
    return [round(float(one), DIGITS) for one in fitted.coef_[0]], round(float(fitted.intercept_[0]), DIGITS)


def _left_out_losses(method: str, raw: Matrix, positive: Matrix) -> Matrix:
    """Return the log loss on each label, by a fit that did not see it; labels alternate between the parts."""
    place, losses = np.arange(len(raw)) % PARTS, np.empty(len(raw))
    for part in range(PARTS):
        inside, outside = place == part, place != part
        entry = entry_of(method, METHODS[method](raw[outside], positive[outside]))
        log_odds = entry.serving().calibrated_logit(raw[inside])
        losses[inside] = np.logaddexp(0.0, np.where(positive[inside] == 1.0, -log_odds, log_odds))
    return losses
