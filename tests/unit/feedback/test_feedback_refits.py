"""When a calibrator is proposed: surely better on labels it has not seen, fitted to what the model itself says."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from countersign_feedback.domain.calibration import IDENTITY, Calibrator
from countersign_feedback.domain.facts import UNKNOWN
from countersign_feedback.domain.judged import Population
from countersign_feedback.domain.raised_bands import MOST_LIMITS, Raise, holds, raise_for, still_holds, tightened
from countersign_feedback.domain.refits import BaseLabel, Speaker, looked_at, refit


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


@pytest.mark.parametrize("slope", [1.6, 2.5])
def test_raised_bands_mean_what_the_policy_says_by_the_proposed_calibrator(slope: float) -> None:
    found = refit(labels(2_000, slope=slope), tenant="default")
    assert found is not None
    by = raise_for(found, labels(2_000, slope=slope), high=0.9, medium=0.7)
    assert by.medium > 0.0
    base = np.linspace(0.7, 0.995, 500)
    honest = found.calibrator.apply(base)
    assert all(honest[base > 0.9 + by.high] > 0.9)
    assert all(honest[base >= 0.7 + by.medium] >= 0.7)
    # And no more than that: half a percent below it the confidence would have been too high.
    assert by.high == pytest.approx(0.1) or not all(honest[base > 0.9 + by.high - 0.005] > 0.9)


def test_bands_rise_above_a_confidence_that_the_calibrator_in_force_gives_to_good_and_bad_alike() -> None:
    # Of a calibrator in steps: whatever the model says below 0.9, 0.8 is made of it.
    alike = [replace(one, confidence=0.8 if one.base < 0.9 else 0.95) for one in labels(2_000, slope=2.5)]
    found = refit(alike, tenant="default")
    assert found is not None
    by = raise_for(found, alike, high=0.9, medium=0.7)
    honest = found.calibrator.apply([one.base for one in alike])
    medium = [true for one, true in zip(alike, honest, strict=True) if (one.confidence or 0.0) >= 0.7 + by.medium]
    assert medium
    assert min(medium) >= 0.7


def test_a_confidence_that_is_none_is_no_label() -> None:
    odd = [replace(one, confidence=1.5) if n % 10 == 0 else one for n, one in enumerate(labels(1_000, slope=2.5))]
    found = refit(odd, tenant="default")
    assert found is not None
    assert found.fitted_on + found.judged_on == 900


def test_a_model_that_promises_too_little_raises_nothing() -> None:
    shy = labels(2_000, slope=0.5)
    found = refit(shy, tenant="default")
    assert found is not None
    assert not raise_for(found, shy)


MODEL = Speaker("loan", "3", "platt-1", "d" * 64)


def test_limits_only_ever_rise_and_those_of_other_models_stay() -> None:
    (first,) = tightened([], MODEL, Raise(0.05, 0.1))
    assert first["calibrator_version"] == "platt-1"
    alone = Speaker("loan", "3", "unknown", "d" * 64)
    assert tightened([], alone, Raise(0.05, 0.1))[0]["calibrator_version"] is None, "it speaks without one"
    (again,) = tightened([first], MODEL, Raise(0.02, 0.2))
    assert (again["high"], again["medium"]) == (0.05, 0.2)
    other = Speaker("loan", "new", "platt-1", "e" * 64)
    assert tightened([first], other, Raise(0.01, 0.0))[0] == first
    many = [{**first, "model_version": str(n), "high": n / 1_000} for n in range(MOST_LIMITS)]
    assert len(tightened(many[1:], other, Raise(0.01, 0.0))) == MOST_LIMITS
    assert tightened(many, other, Raise(0.01, 0.0)) == [
        {"model_name": None, "model_version": None, "calibrator_version": None, "high": 0.099, "medium": 0.1}
    ]


def test_raised_bands_hold_for_what_one_model_says_under_one_calibrator() -> None:
    (limits,) = tightened([], MODEL, Raise(0.05, 0.1))
    who = Population("default", "loan_application", "low", "loan", "3", "platt-1", "a" * 64)
    assert holds(limits, who)
    for name in ("model_name", "model_version", "calibrator_version"):
        assert not holds(limits, replace(who, **{name: "other"}))
    bare = replace(who, calibrator_version=UNKNOWN)
    assert not holds(limits, bare)
    assert holds({**limits, "calibrator_version": None}, bare)
    assert holds(dict.fromkeys(limits), bare), "too many to be told apart hold for all"
    assert [bool(Raise(*by)) for by in ((0.0, 0.0), (0.1, 0.0), (0.0, 0.1))] == [False, True, True]


def test_people_relax_what_they_have_read() -> None:
    state = {"tightening_id": "b-2"}
    assert still_holds((2, state), None)
    assert still_holds((2, state), {"tightening_id": "b-1", "evidence": {"revision": 9}})
    assert still_holds((2, state), {"tightening_id": "b-2", "evidence": {"revision": 1}})
    assert not still_holds((2, state), {"tightening_id": "b-2", "evidence": {"revision": 2}})
    assert not still_holds((2, state), {"tightening_id": "b-2", "evidence": None})
