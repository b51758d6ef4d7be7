"""Certificates, plans, calibration and reviewers for people: tables for a terminal.

Works on the same values that the API answers, so that the command line needs no database.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter

from countersign_feedback.domain.agreement import cohen_kappa, krippendorff_alpha
from countersign_feedback.domain.assessment import Assessment
from countersign_feedback.domain.evidence import audits_to_trip, errors_that_trip
from countersign_feedback.domain.planning import NoPlan, Plan
from countersign_feedback.domain.reliability import Reliability
from countersign_feedback.domain.reviewer_privacy import Desk
from countersign_feedback.domain.rubber_stamps import Finding, Share
from countersign_feedback.report import Sheet
from countersign_shared.shares import percent

TIMES_WORSE = (2, 3, 5)


def read_assessments(answer: Mapping[str, Any]) -> tuple[Assessment, ...]:
    """Return the assessments of a JSON answer; one of another shape is a pydantic ``ValidationError``."""
    return TypeAdapter(tuple[Assessment, ...]).validate_python(answer["assessments"])


def read_plan(answer: Mapping[str, Any]) -> Plan | NoPlan:
    """Return the plan of a JSON answer, or why there is none."""
    return TypeAdapter(Plan | NoPlan).validate_python(dict(answer))


def read_desk(answer: Mapping[str, Any]) -> Desk:
    """Return what a JSON answer shows of a desk of reviewers."""
    return TypeAdapter(Desk).validate_python(dict(answer))


def read_finding(answer: Mapping[str, Any]) -> Finding:
    """Return what a JSON answer says of one reviewer."""
    return TypeAdapter(Finding).validate_python(dict(answer))


def headline(found: Assessment) -> str:
    """Return what an assessment is about, in one line."""
    who = found.population
    return (
        f"{who.tenant} / {who.decision_type} / {who.tier}: model {who.model_name} {who.model_version}, calibrator "
        f"{who.calibrator_version}, policy {who.automation_sha256[:12]}"
    )


def assessment_sheets(found: Assessment) -> Iterator[Sheet]:
    """Return an assessment's tables: the thresholds, then the calibration."""
    yield _thresholds(found)
    if found.reliability is not None:
        yield calibration_sheet(found.reliability, "Was it right as often as it said?")


def assessment_lines(found: Assessment) -> Iterator[str]:
    """Return the sentences around the tables."""
    yield found.text
    if found.estimate.share is not None:
        low, high = percent(found.estimate.lower), percent(found.estimate.upper)
        yield (
            f"Error of all cases that would be automated, each label weighted by 1 / probability: "
            f"{percent(found.estimate.share)} [{low}, {high}]."
        )
    if found.watch is not None:
        trips = errors_that_trip(found.watch.n, alpha=found.alpha, delta=found.delta)
        yield found.watch.text + ("" if trips is None else f" With {found.watch.n:,} audits it takes {trips:,} errors.")
    yield refit_line(found)
    if found.drift is not None:
        yield found.drift.text


def refit_line(found: Assessment) -> str:
    """Return whether a fitted calibrator did better on labels that it had not seen."""
    refit = found.refit
    if refit is None:
        return "Too few labels of both kinds to fit a calibrator on one half and judge it on the other."
    verb = "would help" if refit.better else "would not help"
    return (
        f"A {refit.method} refit {verb}: log loss {refit.before.log_loss:.4f} -> {refit.after.log_loss:.4f} and "
        f"{refit.before.misfits} -> {refit.after.misfits} bins off, on labels it was not fitted on."
    )


def calibration_sheet(found: Reliability, title: str) -> Sheet:
    """Return the reliability diagram as a table."""
    rows = tuple(
        (f"{one.low:.2f}-{one.high:.2f}", f"{one.n:,}", f"{one.said:.3f}", f"{one.was:.3f}",
         f"[{one.lower:.3f}, {one.upper:.3f}]", "yes" if one.fits else "no")
        for one in found.bins
    )  # fmt: skip
    note = f"ECE {found.ece:.4f}, Brier {found.brier:.4f}, log loss {found.log_loss:.4f}, n = {found.n:,}."
    return Sheet(title, ("confidence", "n", "said", "was", "95 %", "fits"), rows, note)


def plan_sheet(*, alpha: float, delta: float) -> Sheet:
    """Return how soon the live alarm would notice a broken promise, which is the other half of a plan."""
    rows = tuple(
        (f"{times} times", percent(min(times * alpha, 1.0)), f"{audits_to_trip(times, alpha=alpha, delta=delta):,}")
        for times in TIMES_WORSE
        if times * alpha <= 1.0
    )
    note = "Audits until the alarm, when errors come as often as expected."
    return Sheet("When the promise is broken", ("error", "share wrong", "audits to the alarm"), rows, note)


def desk_sheet(desk: Desk) -> Sheet:
    """Return what may be shown of a desk of reviewers."""
    shown = [*([desk.team] if desk.team else []), *desk.findings]
    columns = ("", "assisted", "blind", "caught", "too fast", "discrimination", "worth a talk")
    return Sheet("Do reviewers decide?", columns, tuple(_reviewer(one) for one in shown), desk.text)


def agreement_line(answers: Sequence[Sequence[str]]) -> str:
    """Return how much people who judged the same case agree, beyond chance."""
    alpha = krippendorff_alpha(answers)
    pairs = [(unit[0], unit[1]) for unit in answers if len(unit) > 1]
    kappa = cohen_kappa(pairs)
    if alpha is None or kappa is None:
        return "No two people judged the same case differently enough to measure agreement."
    return f"Agreement beyond chance over {len(pairs):,} doubled cases: Krippendorff {alpha:.3f}, Cohen {kappa:.3f}."


def _thresholds(found: Assessment) -> Sheet:
    steps = {step.threshold: step for step in found.outcome.steps}
    rows = []
    for point in found.curve:
        if not point.n:
            continue
        step = steps.get(point.threshold)
        tested = step is not None and step.level > 0.0
        rows.append(
            (
                f"{point.threshold:g}", f"{point.n:,}", f"{point.k:,}", percent(point.risk or 0.0),
                f"[{percent(point.lower)}, {percent(point.upper)}]", percent(point.coverage),
                f"{step.p_value:.3g}" if step and tested else "", f"{step.level:.3g}" if step and tested else "",
                ("yes" if step.passed else "no") if step and tested else "",
            )
        )  # fmt: skip
    note = (
        f"{found.labels:,} labels, {found.kept:,} kept at equal probability, {found.cases:,} cases. The band holds for "
        "all thresholds together; p is compared with the part of delta that the threshold was given."
    )
    columns = ("from", "n", "wrong", "share", "band", "coverage", "p", "delta", "passed")
    return Sheet("Thresholds", columns, tuple(rows), note)


def _reviewer(one: Finding) -> tuple[str, ...]:
    shares = tuple(_share(each) for each in (one.assisted, one.blind, one.caught, one.too_fast))
    apart = "" if one.discrimination is None else f"{one.discrimination:.2f}"
    return (one.reviewer, *shares, apart, "yes" if one.flagged else "")


def _share(share: Share) -> str:
    if not share.n:
        return "-"
    return f"{percent(share.k / share.n)} [{percent(share.lower)}, {percent(share.upper)}] of {share.n:,}"
