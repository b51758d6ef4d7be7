"""Everything that the labels of one population say: certificate or why not, risk, error, calibration, drift."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
from numpy.typing import ArrayLike, NDArray

from countersign_feedback.domain.calibration import LEAST_ISOTONIC, Calibrator, Method, fit
from countersign_feedback.domain.certify import Certificate, NoCertificate, certify, expected_counts, spent
from countersign_feedback.domain.drift import Drift, detect_rise
from countersign_feedback.domain.evidence import Evidence, evidence
from countersign_feedback.domain.judged import JudgedCase, Population, unfit
from countersign_feedback.domain.labels import Estimate, draws_for, horvitz_thompson, keyed_draw, thin
from countersign_feedback.domain.reliability import Reliability, reliability
from countersign_feedback.domain.risk_coverage import RiskPoint, risk_coverage

Floats = NDArray[np.float64]
LEAST_TRAFFIC = 200
"""Cases below which their confidences do not tell where the labels will lie."""
UNLIKE = math.sqrt(-math.log(1e-4 / 2) / 2)
"""How far labels may lie from traffic: the two-sample distance that chance exceeds once in 10,000 (N. V. Smirnov,
"Table for estimating the goodness of fit of empirical distributions", Annals of Mathematical Statistics 19 (1948))."""
LEAST_REFIT = 200
"""Labels below which half of them fit nothing."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What is to be proven: with confidence 1 - delta at most alpha wrong. ``attempt`` counts tries; None: only one."""

    alpha: float
    delta: float
    attempt: int | None = None

    @property
    def level(self) -> float:
        """The delta that this attempt may use."""
        return self.delta if self.attempt is None else spent(self.delta, self.attempt)


@dataclass(frozen=True, slots=True)
class Refit:
    """A calibrator fitted on one half of the labels, and both calibrations judged on the other half."""

    method: Method
    parameters: dict[str, float | list[float]]
    fitted_on: int
    before: Reliability
    after: Reliability
    better: bool


@dataclass(frozen=True, slots=True)
class Assessment:
    """What is known about one population.

    ``cases`` belong to it; ``labels`` of them were drawn by chance and judged, ``kept`` of those after
    thinning to the least probability ``floor``. ``estimate`` is the error of all. ``watch`` and ``drift`` hold the
    labels above a live certificate's threshold against its promise; they are None where none is given, because labels
    that chose a threshold cannot also watch it. ``not_compared`` says why nothing tells whether the labels were drawn
    as logged (``unlike``); None where that was looked at, or there are no labels. ``unjudged`` cases were
    drawn and have no answer yet: here they are left out, where a certificate is proposed they count as wrong.
    """

    population: Population
    alpha: float
    delta: float
    attempt: int | None
    cases: int
    labels: int
    kept: int
    floor: float | None
    outcome: Certificate | NoCertificate
    curve: tuple[RiskPoint, ...]
    estimate: Estimate
    watch: Evidence | None
    reliability: Reliability | None
    refit: Refit | None
    drift: Drift | None
    not_compared: str | None = None
    unjudged: int = 0

    @property
    def text(self) -> str:
        """What comes of it, and what it leaves out."""
        told = [self.outcome.text]
        if self.not_compared is not None:
            told.append(
                f"Labels were not compared with traffic: {self.not_compared}. Coverage is theirs, not traffic's."
            )
        if self.unjudged:
            cases, verb, it = (
                ("case has", "counts", "it is") if self.unjudged == 1 else ("cases have", "count", "they are")
            )
            told.append(
                f"{self.unjudged:,} drawn {cases} no answer yet: {it} left out here, and {verb} as wrong where a "
                "certificate is proposed."
            )
        return " ".join(told)


def assess(
    cases: Sequence[JudgedCase],
    *,
    population: Population,
    promise: Promise,
    now: datetime,
    traffic: Sequence[float] = (),
    watched: float | None = None,
    floor: float | None = None,
    method: Method = "platt",
    number: int | None = None,
    unjudged: int = 0,
) -> Assessment:
    """Return what the cases of one population say.

    ``traffic`` are confidences of all its cases or of a fair sample of them; without, they are those of ``cases``.
    ``watched`` is the threshold of a live certificate, to whose promise these later labels are held; ``floor`` the
    least probability that any case had of being drawn (the policy's, absent: the least seen); ``method`` the kind of
    calibrator that is fitted; ``number`` how many cases there are, where ``cases`` are some of them; ``unjudged`` how
    many were drawn besides, and have no answer yet. A label below the floor is a ``ValueError``.
    """
    labels = [case for case in cases if case.label]
    problem = unfit(cases, population=population, now=now) or _without_chance(cases) or _without_confidence(labels)
    kept = [] if problem else _kept(labels, floor)
    scores, errors = _columns(kept)
    seen = _shares(traffic or [case.confidence for case in cases])
    alone = not traffic and len(seen) <= len(labels)
    unknown = "no confidences known but their own" if alone else uncompared(len(seen))
    enough = unknown is None
    reach = reachable(seen, scores)
    problem = problem or (unlike(scores, reach) if enough else None)
    expected = expected_counts(reach, len(kept)) if enough else None
    outcome = problem or certify(scores, errors, alpha=promise.alpha, delta=promise.level, n_expected=expected)
    right = 1.0 - errors
    return Assessment(
        population=population, alpha=promise.alpha, delta=promise.delta, attempt=promise.attempt,
        cases=(len(traffic) or len(cases)) if number is None else number, labels=len(labels), kept=len(kept),
        floor=min((case.probability for case in labels if case.probability), default=None) if floor is None else floor,
        outcome=outcome, curve=risk_coverage(scores, errors, delta=promise.delta, traffic=seen if enough else None),
        estimate=_estimate([] if problem else labels, promise.delta),
        watch=None if watched is None else _watch(scores, errors, watched, promise),
        reliability=reliability(scores, right) if len(kept) else None,
        refit=None if problem else _refit(kept, method),
        drift=None if watched is None else _drift(kept, watched, promise.alpha),
        not_compared=unknown if kept else None,
        unjudged=unjudged,
    )  # fmt: skip


def uncompared(known: int) -> str | None:
    """Return why labels are not compared with so many confidences of all cases; None where they are."""
    return None if known >= LEAST_TRAFFIC else f"{known:,} of {LEAST_TRAFFIC} confidences known"


def _without_chance(cases: Sequence[JudgedCase]) -> NoCertificate | None:
    judged = sum(case.error is not None for case in cases)
    if not judged or any(case.label for case in cases):
        return None
    return NoCertificate(
        "no_labels",
        f"Of {judged:,} judged cases none was drawn by a logged chance, so nothing is known about the others. "
        "Labels need their `probability`.",
    )


def _without_confidence(labels: Sequence[JudgedCase]) -> NoCertificate | None:
    bad = sum(case.confidence is None or not 0.0 <= case.confidence <= 1.0 for case in labels)
    text = f"{bad:,} of {len(labels):,} labelled cases have no confidence between 0 and 1; see why first."
    return NoCertificate("bad_scores", text) if bad else None


def _shares(values: Sequence[float | None]) -> Floats:
    seen = np.array([value for value in values if value is not None], dtype=np.float64)
    return seen[(seen >= 0.0) & (seen <= 1.0)]


def reachable(traffic: ArrayLike, scores: ArrayLike) -> Floats:
    """Return the confidences of traffic that can be labelled at all: those at or above the lowest labelled one.

    Below a live threshold nothing is automated, so nothing is audited.
    """
    seen = np.asarray(traffic, dtype=np.float64)
    lowest = float(np.asarray(scores, dtype=np.float64).min(initial=1.0))
    return np.asarray(seen[seen >= lowest])


def unlike(scores: ArrayLike, reach: Floats) -> NoCertificate | None:
    """Return why labels are no equal-probability sample of the traffic at or above the lowest of them, if they are not.

    Their confidences must be spread as those of all cases are. It looks at no answer, so it costs no delta.
    """
    there, at = np.sort(reach), np.sort(np.asarray(scores, dtype=np.float64))
    if not len(at):
        return None
    every = np.concatenate([there, at])
    shares = [np.searchsorted(each, every, side="right") / max(len(each), 1) for each in (there, at)]
    apart = np.abs(shares[0] - shares[1])
    limit = UNLIKE * math.sqrt((len(at) + len(there)) / (len(at) * max(len(there), 1)))
    if not len(there) or apart.max() > limit:
        return NoCertificate(
            "labels_unlike_traffic",
            "The confidences of the labelled cases are not spread like those of all cases, so the logged probabilities "
            "cannot be the whole truth of how they were drawn. Find out which cases are not judged.",
        )
    return None


def _kept(labels: Sequence[JudgedCase], floor: float | None) -> list[JudgedCase]:
    if not labels:
        return []
    # The policy's hash as salt: another policy draws anew, and nobody can choose a case id for the outcome.
    salt = labels[0].population.automation_sha256
    draws = draws_for(salt, [(case.population.tenant, case.case_id) for case in labels])
    keep = thin([case.probability or 0.0 for case in labels], draws, floor=floor)
    return [case for case, kept in zip(labels, keep.tolist(), strict=True) if kept]


def _columns(labels: Sequence[JudgedCase]) -> tuple[Floats, Floats]:
    scores = np.array([case.confidence for case in labels], dtype=np.float64)
    return scores, np.array([case.error for case in labels], dtype=np.float64)


def _estimate(labels: Sequence[JudgedCase], delta: float) -> Estimate:
    _, errors = _columns(labels)
    return horvitz_thompson(errors, [case.probability or 0.0 for case in labels], delta=delta)


def _watch(scores: Floats, errors: Floats, threshold: float, promise: Promise) -> Evidence:
    above = scores >= threshold
    return evidence(int(errors[above].sum()), int(above.sum()), alpha=promise.alpha, delta=promise.delta)


def _refit(labels: Sequence[JudgedCase], method: Method) -> Refit | None:
    """Fit on one half, judge on the other; which half a case belongs to is drawn from its id."""
    first = [keyed_draw("refit", case.population.tenant, case.case_id) < 0.5 for case in labels]  # noqa: PLR2004 - half
    halves = [[case for case, mine in zip(labels, first, strict=True) if mine is half] for half in (True, False)]
    (fit_scores, fit_errors), (scores, errors) = _columns(halves[0]), _columns(halves[1])
    if len(labels) < LEAST_REFIT or not 0 < fit_errors.sum() < len(fit_errors):
        return None
    if method == "isotonic" and len(fit_scores) < LEAST_ISOTONIC:
        return None
    fitted: Calibrator = fit(method, fit_scores, 1.0 - fit_errors)
    before, after = reliability(scores, 1.0 - errors), reliability(fitted.apply(scores), 1.0 - errors)
    if before is None or after is None:
        return None
    better = after.log_loss < before.log_loss and after.misfits <= before.misfits
    return Refit(fitted.method, dict(fitted.parameters), len(fit_scores), before, after, better)


def _drift(labels: Sequence[JudgedCase], threshold: float, alpha: float) -> Drift | None:
    """Hold the errors of each day of judgement against the promise; None where no times are known."""
    wrong, judged = Counter[date](), Counter[date]()
    for case in labels:
        if case.judged_at is not None and (case.confidence or 0.0) >= threshold:
            judged[case.judged_at.date()] += 1
            wrong[case.judged_at.date()] += bool(case.error)
    return detect_rise([(wrong[day], judged[day]) for day in sorted(judged)], baseline=alpha) if judged else None
