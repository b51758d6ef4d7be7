"""When a calibrator is proposed: surely better on labels it has not seen, fitted to what the model itself says."""

from __future__ import annotations

import numpy as np
import pytest

from countersign_feedback.domain.calibration import IDENTITY, Calibrator
from countersign_feedback.domain.refits import BaseLabel, looked_at, refit


def labels(count: int, *, slope: float, seed: int = 1, now: Calibrator = IDENTITY) -> list[BaseLabel]:
    """A model whose log-odds are ``slope`` times what they should be: 1 is honest, 2 promises too much."""
    chance = np.random.default_rng(seed)
    base = chance.uniform(0.7, 0.995, count)
    truth = 1 / (1 + np.exp(-np.log(base / (1 - base)) / slope))
    wrong = chance.random(count) > truth
    said = now.apply(base)
    return [BaseLabel(f"c-{n}", float(base[n]), float(said[n]), bool(wrong[n])) for n in range(count)]


def test_a_model_that_promises_too_much_gets_a_calibrator() -> None:
    found = refit(labels(1_000, slope=2.5), tenant="default")
    assert found is not None
    assert found.calibrator.method == "platt"
    assert found.calibrator.parameters["a"] == pytest.approx(1 / 2.5, abs=0.12)
    assert found.after.ece < found.before.ece
    assert found.fitted_on + found.judged_on == 1_000
    assert found.sure >= 3.0


def test_an_honest_model_gets_none() -> None:
    assert sum(refit(labels(1_000, slope=1.0, seed=seed), tenant="t") is not None for seed in range(40)) == 0


def test_a_calibrator_that_mends_it_already_is_left_alone() -> None:
    mended = Calibrator("platt", {"a": 1 / 2.5, "b": 1 / 2.5, "c": 0.0})
    assert refit(labels(1_000, slope=2.5, now=mended), tenant="default") is None


def test_it_is_fitted_to_what_the_model_says_and_not_to_another_calibrators_output() -> None:
    worse = Calibrator("platt", {"a": 3.0, "b": 3.0, "c": 0.0})
    found = refit(labels(2_000, slope=1.0, now=worse), tenant="default")
    assert found is not None
    assert found.calibrator.parameters["a"] == pytest.approx(1.0, abs=0.15)


def test_few_labels_or_labels_of_one_kind_fit_nothing() -> None:
    assert refit(labels(199, slope=2.5), tenant="default") is None
    assert refit([BaseLabel(f"c-{n}", 0.9, 0.9, False) for n in range(500)], tenant="default") is None


def test_looks_are_few_and_between_them_nothing_changes() -> None:
    assert [looked_at(n) for n in (0, 199, 200, 299, 300, 449, 450, 10_000)] == [0, 0, 200, 200, 300, 300, 450, 7_688]
