"""What tables and texts share when models are fitted: calibration, files, the draw of the reference sample."""

import hashlib
import io
from typing import Any

import numpy as np

from countersign_inference.domain.features import Matrix
from countersign_inference.domain.linear import logit
from countersign_inference.manifest import CalibratorEntry

REFERENCE_ROWS = 256
"""Enough to place a case among its neighbours, few enough to compare with in a microsecond."""


def platt(raw: Matrix, positive: Matrix) -> CalibratorEntry:
    """Fit Platt scaling to a slice that the model never saw; the version names the fit."""
    from sklearn.linear_model import LogisticRegression

    platt = LogisticRegression(C=np.inf, solver="newton-cholesky", tol=1e-10, max_iter=200)
    platt.fit(logit(raw)[:, None], positive.astype(np.int64))
    slope, intercept = round(float(platt.coef_[0, 0]), 9), round(float(platt.intercept_[0]), 9)
    digest = hashlib.sha256(f"{slope}/{intercept}".encode()).hexdigest()
    return CalibratorEntry(version=f"platt-{digest[:8]}", method="platt", slope=slope, intercept=intercept)


def npy(array: Any) -> bytes:
    """Return an array as the bytes of an .npy file, without pickles."""
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    return buffer.getvalue()


def reference_order(decision_type: str, row: int) -> bytes:
    """Return the place of a row in the draw of the reference sample."""
    return hashlib.sha256(f"reference/{decision_type}/{row}".encode()).digest()
