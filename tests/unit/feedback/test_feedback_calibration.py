"""Calibrators and their scores: against what made the data, and at the edges."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats import binomtest

from countersign_feedback.domain.calibration import IDENTITY, fit
from countersign_feedback.domain.reliability import reliability

RNG = np.random.default_rng(20260103)
SCORES = np.clip(RNG.beta(5, 1.5, 6_000), 0.02, 0.98)
RIGHT = (RNG.random(6_000) < expit(0.6 * logit(SCORES) - 0.4)).astype(float)


def test_platt_finds_what_made_the_labels() -> None:
    found = fit("platt", SCORES, RIGHT)
    assert found.parameters["a"] == pytest.approx(0.6, abs=0.1)
    assert found.parameters["c"] == pytest.approx(-0.4, abs=0.15)
    assert np.abs(found.apply(SCORES) - expit(0.6 * logit(SCORES) - 0.4)).max() < 0.03


def test_beta_never_falls_with_rising_confidence() -> None:
    upside_down = fit("beta", SCORES, 1 - RIGHT)
    values = upside_down.apply(np.linspace(0, 1, 101))
    assert (np.diff(values) >= 0).all()
    assert values.mean() == pytest.approx((1 - RIGHT).mean(), abs=0.02)


def test_isotonic_wants_five_thousand_labels() -> None:
    with pytest.raises(ValueError, match="needs 5,000 labels, there are 4,999"):
        fit("isotonic", SCORES[:4_999], RIGHT[:4_999])


def test_identity_changes_nothing() -> None:
    assert IDENTITY.apply([0.0, 0.4, 1.0]).tolist() == [0.0, 0.4, 1.0]
    assert fit("identity", SCORES, RIGHT) == IDENTITY


@pytest.mark.parametrize("method", ["platt", "beta"])
def test_certain_confidences_stay_finite(method: str) -> None:
    found = fit(method, [0.0, 1.0, 0.5, 1.0], [0, 1, 1, 0])  # type: ignore[arg-type]
    assert np.isfinite(found.apply([0.0, 1.0])).all()


@pytest.mark.parametrize(
    ("confidence", "right"),
    [
        ([], []),
        ([0.5, 0.9], [1, 1]),
        ([0.5, math.nan], [0, 1]),
        ([0.5, 1.2], [0, 1]),
        ([0.5, 0.6], [0, 0.5]),
        ([0.5], [0, 1]),
    ],
)
def test_labels_no_calibrator_can_be_fitted_to(confidence: list[float], right: list[float]) -> None:
    with pytest.raises(ValueError, match=r"every label needs|labels of both kinds"):
        fit("platt", confidence, right)


def test_bins_carry_exact_intervals_and_say_where_they_misfit() -> None:
    found = reliability([0.9] * 100, [1] * 50 + [0] * 50)
    assert found is not None
    (only,) = found.bins
    theirs = binomtest(50, 100).proportion_ci(0.95, method="exact")
    assert (only.lower, only.upper) == pytest.approx((theirs.low, theirs.high))
    assert (only.said, only.was, only.fits, found.misfits) == (pytest.approx(0.9), 0.5, False, 1)
    assert found.ece == pytest.approx(0.4)


def test_a_refit_is_better_on_labels_it_has_not_seen() -> None:
    fitted = fit("platt", SCORES[:3_000], RIGHT[:3_000])
    before, after = reliability(SCORES[3_000:], RIGHT[3_000:]), reliability(fitted.apply(SCORES[3_000:]), RIGHT[3_000:])
    assert before is not None
    assert after is not None
    assert after.ece < before.ece / 2
    assert after.log_loss < before.log_loss
    assert after.misfits < before.misfits


def test_no_labels_no_reliability() -> None:
    assert reliability([], []) is None
    with pytest.raises(ValueError, match="every label needs"):
        reliability([math.nan], [1])
    ends = reliability([0.0, 1.0], [0, 1])
    assert ends is not None
    assert [(one.low, one.high) for one in ends.bins] == [(0.0, 1 / 15), (14 / 15, 1.0)]
    assert ends.ece == 0.0
