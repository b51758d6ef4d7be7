"""Evidence about a promise that may be looked at after every single audit, as often as anyone likes.

An e-value is a bet against a hypothesis: if the hypothesis holds, the bet's capital ever reaches 1 / delta with
probability at most delta, over all looks together (J. Ville, *Étude critique de la notion de collectif*, 1939;
A. Ramdas, P. Grünwald, V. Vovk and G. Shafer, "Game-theoretic statistics and safe anytime-valid inference",
Statistical Science 38 (2023) 576-601, Ville's inequality). The bets here are mixtures over the error rate with a
Beta(1/2, 1/2) prior, which have closed forms (H. Robbins, "Statistical methods related to the law of the iterated
logarithm", Annals of Mathematical Statistics 41 (1970) 1397-1409; the beta-binomial form in S. R. Howard, A. Ramdas,
J. McAuliffe and J. Sekhon, "Time-uniform, nonparametric, nonasymptotic confidence sequences", Annals of Statistics 49
(2021) 1055-1080).

Audits must come at equal probability (``labels.thin``), each judged blind. Everything is in natural logarithms.
"""

import math
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

PRIOR = 0.5
"""Both parameters of the prior (H. Jeffreys): half an error and half a success seen beforehand."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Where a promise stands after k errors among n audits: for the alarm, for safety, and an always valid interval.

    ``tripped``: were the promise kept, this would happen at any look with probability at most delta. ``safe`` is the
    mirror image: were it broken, evidence this good for it would turn up with probability at most delta.
    """

    k: int
    n: int
    alpha: float
    delta: float
    log_alarm: float
    log_safe: float
    lower: float
    upper: float
    tripped: bool
    safe: bool
    text: str


def evidence(k: int, n: int, *, alpha: float, delta: float) -> Evidence:
    """Return what k errors among n audits say about the promise that at most alpha are wrong."""
    alarm, safe = log_alarm(k, n, alpha), log_safe(k, n, alpha)
    lower, upper = confidence_interval(k, n, delta)
    bar = -math.log(delta)
    return Evidence(
        k=k, n=n, alpha=alpha, delta=delta, log_alarm=alarm, log_safe=safe, lower=lower, upper=upper,
        tripped=alarm >= bar, safe=safe >= bar, text=_sentence(alarm, delta),
    )  # fmt: skip


def log_alarm(k: int, n: int, alpha: float) -> float:
    """Return ln E against "at most alpha are wrong": the prior is cut to error rates above alpha.

    E = B(1/2+k, 1/2+n-k) I_{1-alpha}(1/2+n-k, 1/2+k) / [B(1/2, 1/2) I_{1-alpha}(1/2, 1/2) alpha^k (1-alpha)^(n-k)],
    with I the regularised incomplete beta function. Where that underflows the evidence is nil: minus infinity.
    """
    _check(k, n, alpha)
    return _log_mixture(k, n, alpha) + _log_cut(n - k, k, 1.0 - alpha) - _log_cut(0, 0, 1.0 - alpha)


def log_safe(k: int, n: int, alpha: float) -> float:
    """Return ln E against "more than alpha are wrong": the prior is cut to error rates of alpha or less."""
    _check(k, n, alpha)
    return _log_mixture(k, n, alpha) + _log_cut(k, n - k, alpha) - _log_cut(0, 0, alpha)


@dataclass(frozen=True, slots=True)
class Watched:
    """Where a live promise stands after audits in the order of judgement, whenever it may have been broken.

    ``log_alarm`` is the evidence of the mixture over all beginnings, ``path`` (audits, evidence) on the way to it,
    ``tripped`` as in ``Evidence``. ``since`` is the number of the audit from which the evidence speaks loudest: before
    it the promise last looked kept.
    """

    k: int
    n: int
    alpha: float
    delta: float
    log_alarm: float
    tripped: bool
    since: int
    path: tuple[tuple[int, float], ...]
    text: str


def watch(errors: Sequence[bool], *, alpha: float, delta: float, points: int = 0) -> Watched:
    """Return what audits of a live promise say, in the order of judgement; ``path`` holds up to ``points`` of the way.

    A model can keep its promise for long and then break it. Evidence counted from the first audit on would first have
    to use up all that spoke for the model. So the capital is split beforehand: 1 / ((j + 1) (j + 2)) of it begins to
    bet at audit j, and what has not begun yet lies still. The sum is a bet like any other: were the promise kept, it
    would ever reach 1 / delta with probability at most delta. A change at audit j costs ln((j + 1) (j + 2)) of
    evidence, and no more. (Mixtures over change points: M. Pollak, "Optimal detection of a change in distribution",
    Annals of Statistics 13 (1985) 206-227; detectors that give up the bound over a whole life for a faster alarm: J.
    Shin, A. Ramdas and A. Rinaldo, "E-detectors", New England Journal of Statistics in Data Science 2 (2024) 229-260.)
    """
    wrong = np.asarray(errors, dtype=np.int64)
    totals = np.concatenate([[0], np.cumsum(wrong)])
    n = len(wrong)
    log_e, since = _log_restarted(totals, alpha) if n else (0.0, 0)
    steps = sorted({round(n * part / points) for part in range(1, points + 1)} - {0})
    return Watched(
        k=int(totals[-1]), n=n, alpha=alpha, delta=delta, log_alarm=log_e, tripped=log_e >= -math.log(delta),
        since=since, path=tuple((step, _log_restarted(totals[: step + 1], alpha)[0]) for step in steps),
        text=_sentence(log_e, delta),
    )  # fmt: skip


def _log_restarted(totals: NDArray[np.int64], alpha: float) -> tuple[float, int]:
    """Return ln of the mixture over beginnings, and the beginning with the most capital."""
    from scipy.special import betainc, betaln, logsumexp

    n = len(totals) - 1
    begin = np.arange(n)
    k = (totals[-1] - totals[:-1]).astype(np.float64)
    m = (n - begin).astype(np.float64)
    with np.errstate(divide="ignore"):
        cut = np.log(betainc(PRIOR + m - k, PRIOR + k, 1.0 - alpha)) - _log_cut(0, 0, 1.0 - alpha)
    mixture = (
        betaln(PRIOR + k, PRIOR + m - k) - betaln(PRIOR, PRIOR) - k * math.log(alpha) - (m - k) * math.log1p(-alpha)
    )
    bets = mixture + cut - np.log((begin + 1.0) * (begin + 2.0))
    return float(logsumexp([*bets, -math.log(n + 1.0)])), int(np.argmax(bets))


def confidence_interval(k: int, n: int, delta: float) -> tuple[float, float]:
    """Return the error rates against which the uncut mixture never held 1 / delta: a confidence sequence.

    All intervals of a whole life of looks contain the true rate together with probability 1 - delta. The set where
    ln E < ln(1 / delta) is an interval around k / n because the likelihood has one peak there.
    """
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a count of errors among audits")
    from scipy.optimize import brentq

    bar, peak, tiny = -math.log(delta), (k + PRIOR) / (n + 2 * PRIOR), 1e-12

    def excess(rate: float) -> float:
        return _log_mixture(k, n, rate) - bar

    if n == 0 or excess(peak) >= 0:
        return 0.0, 1.0
    lower = brentq(excess, tiny, peak, xtol=1e-12) if k and excess(tiny) > 0 else 0.0
    upper = brentq(excess, peak, 1 - tiny, xtol=1e-12) if k < n and excess(1 - tiny) > 0 else 1.0
    return float(lower), float(upper)


def errors_that_trip(n: int, *, alpha: float, delta: float) -> int | None:
    """Return how many errors among n audits raise the alarm; None where even n of n would not."""
    bar = -math.log(delta)
    if log_alarm(n, n, alpha) < bar:
        return None
    low, high = math.floor(alpha * n), n  # below alpha n the alarm cannot have been raised
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if log_alarm(middle, n, alpha) >= bar else (middle + 1, high)
    return high


def audits_to_trip(times: float, *, alpha: float, delta: float) -> int:
    """Return after about how many audits the alarm is raised when ``times`` alpha of them are wrong.

    The count at which errors that come exactly as often as expected raise it; a real run scatters around it.
    """
    rate = min(times * alpha, 1.0)
    if rate <= alpha:
        raise ValueError(f"an error rate of {times} times the promise does not break it")
    low, high = 1, 1
    while _log_alarm_at(rate, high, alpha) < -math.log(delta):
        low, high = high, 2 * high
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if _log_alarm_at(rate, middle, alpha) >= -math.log(delta) else (middle + 1, high)
    return high


def _log_alarm_at(rate: float, n: int, alpha: float) -> float:
    return log_alarm(math.floor(rate * n), n, alpha)


def _log_mixture(k: int, n: int, rate: float) -> float:
    from scipy.special import betaln

    likelihood = k * math.log(rate) + (n - k) * math.log1p(-rate)
    return float(betaln(PRIOR + k, PRIOR + n - k) - betaln(PRIOR, PRIOR)) - likelihood


def _log_cut(below: int, above: int, share: float) -> float:
    from scipy.special import betainc

    part = float(betainc(PRIOR + below, PRIOR + above, share))
    # Smaller ones have lost digits: their logarithm would rise and fall at random.
    return math.log(part) if part >= sys.float_info.min else -math.inf


def _check(k: int, n: int, alpha: float) -> None:
    if not 0 <= k <= n:
        raise ValueError(f"{k} of {n} is not a count of errors among audits")
    if not 0.0 < alpha < 1.0:
        raise ValueError(f"alpha must lie strictly between 0 and 1, got {alpha}")


def _sentence(alarm: float, delta: float) -> str:
    reached = f"{math.exp(alarm):.3g}" if alarm < math.log(1e6) else "more than a million"
    return (
        f"The evidence against the promise stands at {reached}. If the promise held, this line would ever reach "
        f"{1 / delta:.4g} in at most {100 * delta:.4g} % of lives."
    )
