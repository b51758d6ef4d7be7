"""The live alarm: looked at after every audit it is false as rarely as promised, and it is quick when it must be."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import binom

from countersign_feedback.domain.drift import detect_rise
from countersign_feedback.domain.evidence import audits_to_trip, log_alarm, log_safe, watch
from tests.statistics.feedback.tables import show

RUNS, LOOKS, DELTA = 1_000, 20_000, 0.05
ALPHAS = (0.05, 0.02, 0.005)
BAR = math.log(1 / DELTA)


def alarm_line(alpha: float) -> NDArray[np.int64]:
    """The least number of errors that trips after each of 1 to LOOKS audits; it never falls."""
    line, k = np.empty(LOOKS, dtype=np.int64), 1
    for n in range(1, LOOKS + 1):
        while k <= n and log_alarm(k, n, alpha) < BAR:
            k += 1
        line[n - 1] = k
    return line


def first_alarms(rate: float, lines: list[NDArray[np.int64]], seed: int) -> NDArray[np.int64]:
    """After how many audits each of RUNS runs trips each line; LOOKS + 1 if never."""
    chance = np.random.default_rng(seed)
    found = []
    for _ in range(RUNS // 50):
        errors = (chance.random((50, LOOKS), dtype=np.float32) < rate).cumsum(axis=1, dtype=np.int32)
        hits = [errors >= line for line in lines]
        found.append([np.where(hit.any(axis=1), hit.argmax(axis=1) + 1, LOOKS + 1) for hit in hits])
    return np.concatenate(found, axis=1)


@pytest.fixture(scope="module")
def lines() -> dict[float, NDArray[np.int64]]:
    return {alpha: alarm_line(alpha) for alpha in ALPHAS}


def test_false_trips_over_a_whole_life_of_looks(lines: dict[float, NDArray[np.int64]]) -> None:
    rows = []
    for alpha in ALPHAS:
        each_look = binom.isf(DELTA, np.arange(1, LOOKS + 1), alpha).astype(np.int64) + 1
        ours, naive = (first_alarms(alpha, [lines[alpha], each_look], seed=20260120) <= LOOKS).mean(axis=1)
        rows.append([f"{100 * alpha:g} %", f"{ours:.3f}", f"{naive:.3f}"])
        assert ours <= DELTA
        assert naive > 0.3, "the test that is valid for one look is not for twenty thousand"
    show("false alarms", ["promise, exactly kept", "e-value, 20,000 looks", "5 % test at each look"], rows)


def test_delays_when_the_promise_is_broken(lines: dict[float, NDArray[np.int64]]) -> None:
    rows = []
    for alpha in ALPHAS:
        cells = []
        for times in (2, 3, 5):
            delays = first_alarms(times * alpha, [lines[alpha]], seed=20260121)[0]
            assert (delays <= LOOKS).all(), "a broken promise that is never noticed"
            planned, median = audits_to_trip(times, alpha=alpha, delta=DELTA), float(np.median(delays))
            cells.append(f"{median:,.0f} ({np.quantile(delays, 0.9):,.0f}); planned {planned:,}")
            assert 0.5 * planned <= median <= 1.5 * planned
        rows.append([f"{100 * alpha:g} %", *cells])
    show("delays", ["promise", "2 times as many wrong", "3 times", "5 times"], rows)


def test_evidence_for_safety_is_as_honest() -> None:
    # At the edge of a broken promise: how often does proof of safety ever turn up in 20,000 looks?
    alpha, chance = 0.05, np.random.default_rng(20260122)
    line, k = np.empty(LOOKS, dtype=np.int64), -1
    for n in range(1, LOOKS + 1):
        while log_safe(k + 1, n, alpha) >= BAR:
            k += 1
        line[n - 1] = k
    fooled = 0
    for _ in range(RUNS // 50):
        errors = (chance.random((50, LOOKS), dtype=np.float32) < alpha).cumsum(axis=1, dtype=np.int32)
        fooled += int((errors <= line).any(axis=1).sum())
    assert 0 < fooled / RUNS <= DELTA


def test_drift_alarms_are_as_far_apart_as_promised() -> None:
    chance, mean_days, horizon = np.random.default_rng(20260123), 40.0, 160
    lives = []
    for _ in range(200):
        counts = chance.binomial(40, 0.1, horizon).tolist()
        alarm = detect_rise([(k, 40) for k in counts], baseline=0.1, mean_days=mean_days).alarm_day
        lives.append(horizon if alarm is None else alarm + 1)
    # Cut off at the horizon, so the true mean is longer still.
    assert np.mean(lives) >= mean_days


LIFE, LIVES, GOOD = 400, 300, (0, 50, 200)
MOST = 500.0
"""Evidence that is beyond all doubt; more would not fit a number."""


def bets(alpha: float) -> NDArray[np.float64]:
    """E of one bet by (errors, audits since it began): the live evidence is made of nothing else."""
    return np.array(
        [
            [math.exp(min(log_alarm(k, n, alpha), MOST)) if k <= n else 0.0 for n in range(LIFE + 1)]
            for k in range(LIFE + 1)
        ]
    )


def live_evidence(errors: NDArray[np.bool_], table: NDArray[np.float64]) -> NDArray[np.float64]:
    """The evidence of ``watch`` after each audit of one life."""
    totals = np.concatenate([[0], np.cumsum(errors)])
    begin = np.arange(len(errors))
    share = 1.0 / ((begin + 1.0) * (begin + 2.0))
    return np.array(
        [
            (share[:n] * table[totals[n] - totals[:n], n - begin[:n]]).sum() + 1.0 / (n + 1.0)
            for n in range(1, len(errors) + 1)
        ]
    )


def test_a_promise_that_breaks_late_is_noticed_soon_and_a_kept_one_is_left_alone() -> None:
    rows = []
    for alpha in (0.2, 0.05):
        table, chance = bets(alpha), np.random.default_rng(20260128)
        life = chance.random(LIFE) < alpha
        watched = watch(life.tolist(), alpha=alpha, delta=DELTA, points=LIFE)
        assert np.exp([log_e for _, log_e in watched.path]) == pytest.approx(live_evidence(life, table))
        false = np.mean([
            (live_evidence(chance.random(LIFE) < alpha, table) >= 1 / DELTA).any() for _ in range(LIVES)
        ])  # fmt: skip
        assert false <= DELTA
        cells = [f"{false:.3f}"]
        for good in GOOD:
            delays = []
            for _ in range(LIVES // 4):
                rate = np.where(np.arange(LIFE) < good, alpha / 2, 3 * alpha)
                errors = chance.random(LIFE) < rate
                totals = np.cumsum(errors)
                both = live_evidence(errors, table), table[totals, np.arange(1, LIFE + 1)]
                delays.append([first(line, good) for line in both])
            ours, anchored = np.median(delays, axis=0)
            cells.append(f"{ours:,.0f}; {anchored:,.0f}")
            assert ours <= 1.5 * anchored
        rows.append([f"{100 * alpha:g} %", *cells])
    show("breaking later", ["promise", "false trips", *(f"after {good} good audits" for good in GOOD)], rows)


def first(line: NDArray[np.float64], good: int) -> int:
    """After how many audits since the promise broke the alarm is raised; the whole life if never."""
    hits = np.flatnonzero(line[good:] >= 1 / DELTA)
    return int(hits[0]) + 1 if len(hits) else LIFE
