"""Evidence that may be looked at any time: closed forms against integrals, and what an alarm takes."""

from __future__ import annotations

import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.stats import beta

from countersign_feedback.domain.evidence import (
    audits_to_trip,
    confidence_interval,
    errors_that_trip,
    evidence,
    log_alarm,
    log_safe,
)

counts = st.integers(0, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


def likelihood_ratio(p: float, k: int, n: int, alpha: float) -> float:
    return math.exp(k * math.log(p / alpha) + (n - k) * math.log((1 - p) / (1 - alpha)))


@pytest.mark.parametrize(("k", "n", "alpha"), [(0, 0, 0.05), (3, 20, 0.05), (1, 60, 0.02), (30, 100, 0.25)])
def test_is_the_mixture_it_says(k: int, n: int, alpha: float) -> None:
    prior = beta(0.5, 0.5)
    above, _ = quad(lambda p: prior.pdf(p) * likelihood_ratio(p, k, n, alpha), alpha, 1, limit=200)
    below, _ = quad(lambda p: prior.pdf(p) * likelihood_ratio(p, k, n, alpha), 0, alpha, limit=200)
    assert math.exp(log_alarm(k, n, alpha)) == pytest.approx(above / prior.sf(alpha), rel=1e-6)
    assert math.exp(log_safe(k, n, alpha)) == pytest.approx(below / prior.cdf(alpha), rel=1e-6)


# Few enough that nothing underflows: 0.001^90 is still an ordinary number.
few = st.integers(0, 90).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@given(few, st.floats(0.001, 0.5))
def test_a_fair_bet_at_the_boundary(kn: tuple[int, int], alpha: float) -> None:
    # One more audit at error rate alpha must leave the expected capital where it was: a martingale.
    k, n = kn
    for log_e in (log_alarm, log_safe):
        now = log_e(k, n, alpha)
        wrong, right = log_e(k + 1, n + 1, alpha) - now, log_e(k, n + 1, alpha) - now
        assert alpha * math.exp(wrong) + (1 - alpha) * math.exp(right) == pytest.approx(1.0, rel=1e-6)


@given(counts, st.floats(0.001, 0.5))
def test_underflow_can_only_hide_evidence_that_is_none(kn: tuple[int, int], alpha: float) -> None:
    # The cut part vanishes only when the errors lie far on the other side, where the bet has lost already.
    k, n = kn
    if k <= alpha * n:
        assert log_alarm(k, n, alpha) <= 1e-9
    if k >= alpha * n:
        assert log_safe(k, n, alpha) <= 1e-9


@given(counts, st.floats(0.001, 0.5))
@example((214, 370), 0.01)
def test_an_error_is_evidence_for_the_alarm_and_against_safety(kn: tuple[int, int], alpha: float) -> None:
    k, n = kn
    assert log_alarm(k + 1, n + 1, alpha) >= log_alarm(k, n + 1, alpha)
    assert log_safe(k + 1, n + 1, alpha) <= log_safe(k, n + 1, alpha)


def test_underflow_is_no_evidence() -> None:
    assert log_alarm(0, 10**7, 0.5) == -math.inf
    assert log_safe(10**7, 10**7, 0.01) == -math.inf
    found = evidence(0, 10**7, alpha=0.5, delta=0.05)
    assert not found.tripped
    assert found.safe


def test_nothing_seen_nothing_known() -> None:
    found = evidence(0, 0, alpha=0.02, delta=0.05)
    assert (found.log_alarm, found.log_safe) == pytest.approx((0.0, 0.0), abs=1e-12)
    assert (found.lower, found.upper) == (0.0, 1.0)
    assert not found.tripped
    assert not found.safe
    assert "If the promise held, this line would ever reach 20 in at most 5 % of lives." in found.text
    assert "odds" not in found.text


@given(counts)
@example((20, 20))
@example((0, 20))
def test_interval_holds_the_observed_share_and_shrinks(kn: tuple[int, int]) -> None:
    k, n = kn
    lower, upper = confidence_interval(k, n, 0.05)
    assert 0.0 <= lower <= (k / n if n else 0.5) <= upper <= 1.0
    more = confidence_interval(10 * k, 10 * n, 0.05)
    assert more[1] - more[0] <= upper - lower + 1e-9


def test_interval_is_where_the_bet_has_not_paid() -> None:
    lower, upper = confidence_interval(30, 400, 0.05)
    prior = beta(0.5, 0.5).pdf
    for rate in (lower, upper):
        mixture, _ = quad(lambda p, r=rate: prior(p) * likelihood_ratio(p, 30, 400, r), 0, 1, limit=400)
        assert mixture == pytest.approx(20.0, rel=1e-5)


@pytest.mark.parametrize("alpha", [0.01, 0.02, 0.05])
def test_errors_that_trip_is_the_least_number(alpha: float) -> None:
    for n in (5, 50, 500, 5_000):
        least = errors_that_trip(n, alpha=alpha, delta=0.05)
        assert least is not None
        assert log_alarm(least, n, alpha) >= math.log(20) > log_alarm(least - 1, n, alpha)
    assert errors_that_trip(0, alpha=alpha, delta=0.05) is None


def test_worse_models_are_noticed_sooner() -> None:
    delays = [audits_to_trip(times, alpha=0.02, delta=0.05) for times in (2, 3, 5, 50)]
    assert delays == sorted(delays, reverse=True)
    assert len(set(delays)) == 4
    with pytest.raises(ValueError, match="does not break it"):
        audits_to_trip(1.0, alpha=0.02, delta=0.05)


@pytest.mark.parametrize(("k", "n", "alpha"), [(3, 2, 0.05), (-1, 2, 0.05), (1, 2, 0.0), (1, 2, math.nan)])
def test_refuses_what_cannot_be(k: int, n: int, alpha: float) -> None:
    with pytest.raises(ValueError, match=r"not a count|alpha"):
        log_alarm(k, n, alpha)
    with pytest.raises(ValueError, match=r"not a count|alpha"):
        log_safe(k, n, alpha)
    with pytest.raises(ValueError, match="not a count"):
        confidence_interval(5, 2, 0.05)
