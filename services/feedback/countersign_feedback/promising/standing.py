"""Where the promise of a tier stands, for people: what it waits for, rests on, what was proposed, what broke."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

from countersign_feedback.domain.attempts import Judged, next_size
from countersign_feedback.domain.drawn import DrawnCase, of_one_chance
from countersign_feedback.domain.evidence import evidence, watch
from countersign_feedback.domain.judged import Population
from countersign_feedback.domain.promises import State, binds, expired, lifted
from countersign_feedback.domain.raised_bands import holds, still_holds
from countersign_feedback.promising.looking import Seen, Tier, gather, judge_all, watched_audits

POINTS = 120
"""Points of a line that is drawn some hundred pixels wide."""
RATE_DAYS = 14
ANSWERS, MINUTES = 2.1, 4.0
"""What a label takes unless somebody knows better, as in ``planning``."""


class Stage(StrEnum):
    """Where the promise of a tier stands."""

    UNASKED = "unasked"
    NO_CASES = "no_cases"
    NO_AUDITS = "no_audits"
    COLLECTING = "collecting"
    PROPOSED = "proposed"
    LIVE = "live"
    TRIPPED = "tripped"
    EXPIRED = "expired"
    VOID = "void"


@dataclass(frozen=True, slots=True)
class Try:
    """One attempt: on how many labels it rests, how many of those are there, and what it says."""

    number: int
    size: int
    labels: int
    unjudged: int
    delta: float
    certified: float | None
    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Progress:
    """Labels of the population that is decided now: ``drawn`` cases, ``judged`` ones, and when the next try is due.

    ``kept`` of the drawn count after thinning; ``needed`` of them open the next try. ``expected_on`` supposes that
    cases keep being drawn as in the last two weeks; ``reviewer_hours`` is what the missing answers take.
    """

    drawn: int
    judged: int
    kept: int
    needed: int | None
    expected_on: date | None
    reviewer_hours: float | None
    tries: tuple[Try, ...]


@dataclass(frozen=True, slots=True)
class Point:
    """The evidence against a promise (natural logarithm) after so many audits."""

    audits: int
    log_evidence: float


@dataclass(frozen=True, slots=True)
class Watching:
    """The audits of a live promise: ``k`` of ``n`` wrong, the evidence against it, and what it takes to trip.

    ``lower`` and ``upper`` hold at every look together, as a 1 - delta confidence sequence.
    """

    certificate_id: str
    k: int
    n: int
    alpha: float
    delta: float
    log_evidence: float
    log_bar: float
    lower: float
    upper: float
    path: tuple[Point, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Trip:
    """A broken promise; ``lifted`` once people signed that the tier may be automated again."""

    trip_id: str
    tripped_at: datetime
    lifted: bool
    look_back_from: datetime | None
    text: str


@dataclass(frozen=True, slots=True)
class TightenedBands:
    """By how much more confidence the population's model must have, because what it said was too high."""

    high: float
    medium: float
    since: datetime
    text: str


@dataclass(frozen=True, slots=True)
class Standing:
    """Everything about the promise of one tier. ``certificate`` and ``proposal`` are states of ``control.changed``."""

    tenant: str
    decision_type: str
    tier: str
    stage: Stage
    text: str
    alpha: float | None
    delta: float | None
    certificate_required: bool | None
    policy_version: int | None
    population: Population | None
    progress: Progress | None
    certificate: Mapping[str, Any] | None
    proposal: Mapping[str, Any] | None
    watching: Watching | None
    trip: Trip | None
    tightened: TightenedBands | None = None


async def read_seen(reads: Any, tier: Tier) -> tuple[Seen, list[DrawnCase]]:
    """Read what a standing is made of: the tier's drawn cases and attempts, and the audits it is watched by."""
    seen = Seen(tier, promise=tier.certificate or await _broken(reads, tier))
    await gather(reads, seen)
    audits = [] if seen.promise is None else await watched_audits(reads, tier, seen.promise)
    return seen, audits


async def _broken(reads: Any, tier: Tier) -> State | None:
    """Return the certificate whose promise broke, while its trip holds: what speaks against it is still to be seen."""
    trip = _trip(tier)
    if tier.trip is None or trip is None or trip.lifted or tier.trip.state.get("certificate_id") is None:
        return None
    found = await reads.certificates(certificate_id=tier.trip.state["certificate_id"])
    return found[0].state if found else None


def standing(seen: Seen, audits: Sequence[DrawnCase], now: datetime) -> Standing:
    """Return where a tier stands; takes tens of milliseconds with many labels."""
    judge_all(seen, now)
    tier, terms = seen.tier, seen.tier.terms
    progress = _progress(seen, now)
    stage, text = _stage(tier, progress, now)
    waiting = _waiting(tier)
    return Standing(
        tenant=tier.tenant, decision_type=tier.decision_type, tier=tier.tier, stage=stage, text=text,
        alpha=None if terms is None else terms.alpha, delta=None if terms is None else terms.delta,
        certificate_required=None if terms is None else terms.required,
        policy_version=None if terms is None else terms.policy_version, population=tier.population,
        progress=progress, certificate=tier.certificate, proposal=waiting,
        watching=None if seen.promise is None else _watching(seen.promise, audits), trip=_trip(tier),
        tightened=_tightened(tier),
    )  # fmt: skip


def _stage(tier: Tier, progress: Progress | None, now: datetime) -> tuple[Stage, str]:  # noqa: PLR0911 - one per stage
    trip, terms = _trip(tier), tier.terms
    if trip is not None and not trip.lifted:
        return Stage.TRIPPED, f"The tier is with people: {trip.text}"
    if terms is None:
        return Stage.UNASKED, "The policy in force names no alpha for this tier, so nothing is promised or proposed."
    if tier.covered(now) and tier.certificate is not None:
        return Stage.LIVE, f"Decided automatically from a confidence of {tier.certificate['threshold']:.4g} on."
    if _waiting(tier) is not None:
        return Stage.PROPOSED, "A certificate is proposed. It acts once two people have signed it."
    if tier.population is None:
        return Stage.NO_CASES, "No case that would be automated has come under the policy in force yet."
    if not terms.audit_probability:
        return Stage.NO_AUDITS, "The policy audits no decision of this tier, so a promise could never be watched."
    ended = _ended(tier, now)
    return ended if ended is not None else (Stage.COLLECTING, _collecting(progress))


def _ended(tier: Tier, now: datetime) -> tuple[Stage, str] | None:
    found, who = tier.certificate, tier.population
    if found is None or who is None:
        return None
    if expired(found, now):
        return Stage.EXPIRED, "The certificate has expired. Fresh labels are being collected for the next one."
    what = "The policy asks for a stricter promise" if binds(found, who) else _changed(found, who)
    return Stage.VOID, f"{what} than the certificate speaks of, so it is void. Labels are being collected anew."


def _changed(found: State, who: Population) -> str:
    if found["automation_sha256"] != who.automation_sha256:
        return "The policy decides otherwise about automation"
    if found["model"].get("version") != who.model_version or found["model"].get("name") not in {None, who.model_name}:
        return "Another model decides"
    return "Another calibrator gives the confidences"


def _collecting(progress: Progress | None) -> str:
    if progress is None or not progress.judged:
        return "No case has been judged blind yet, so nothing is known about the errors."
    if not progress.tries:
        return (
            f"{progress.kept:,} of the {progress.needed or 0:,} drawn cases that the first try rests on, "
            f"{progress.judged:,} of them judged."
        )
    return progress.tries[-1].text


def _progress(seen: Seen, now: datetime) -> Progress | None:
    terms = seen.tier.terms
    if seen.tier.population is None or terms is None:
        return None
    cases = of_one_chance(seen.drawn)
    floor = min((case.probability for case in cases), default=1.0)
    kept = [case for case in cases if case.kept(floor)]
    needed = next_size(len(seen.attempts), alpha=terms.alpha, delta=terms.delta)
    recent = sum(case.routed_at > now - timedelta(days=RATE_DAYS) for case in kept)
    missing = None if needed is None else max(needed - len(kept), 0)
    first = min((case.routed_at for case in kept), default=now)
    days = min(max((now - first).total_seconds() / 86_400, 1 / 24), RATE_DAYS)
    unjudged = sum(case.error is None for case in cases)
    return Progress(
        drawn=len(cases), judged=len(cases) - unjudged, kept=len(kept), needed=needed,
        expected_on=_date(now, missing, recent / days),
        reviewer_hours=None if missing is None else round((missing + unjudged) * ANSWERS * MINUTES / 60, 1),
        tries=tuple(_try(judged) for judged in seen.judged),
    )  # fmt: skip


def _date(now: datetime, missing: int | None, a_day: float) -> date | None:
    if missing is None or not a_day or missing / a_day > 3650:  # noqa: PLR2004 - ten years are never
        return None
    return (now + timedelta(days=missing / a_day)).date()


def _try(judged: Judged) -> Try:
    outcome = judged.outcome
    return Try(
        number=judged.attempt.number, size=judged.attempt.size, labels=judged.labels, unjudged=judged.unjudged,
        delta=judged.level, certified=getattr(outcome, "threshold", None), code=getattr(outcome, "code", "certified"),
        text=outcome.text,
    )  # fmt: skip


def _watching(certificate: State, audits: Sequence[DrawnCase]) -> Watching:
    alpha, delta = certificate["alpha"], certificate["delta"]
    found = watch([bool(audit.error) for audit in audits], alpha=alpha, delta=delta, points=POINTS)
    interval = evidence(found.k, found.n, alpha=alpha, delta=delta)
    return Watching(
        certificate_id=certificate["certificate_id"], k=found.k, n=found.n, alpha=alpha, delta=delta,
        log_evidence=found.log_alarm, log_bar=-math.log(delta), lower=interval.lower, upper=interval.upper,
        path=tuple(Point(audits_, log_e) for audits_, log_e in found.path), text=found.text,
    )  # fmt: skip


def _waiting(tier: Tier) -> State | None:
    proposed = tier.proposed
    if proposed is None or not proposed.state.get("active", True):
        return None
    live = tier.live
    return (
        None
        if live is not None and live.state["certificate_id"] == proposed.state["certificate_id"]
        else proposed.state
    )


def _tightened(tier: Tier) -> TightenedBands | None:
    who, bands = tier.population, tier.bands
    relaxed = None if tier.relaxed is None else tier.relaxed.state
    if who is None or bands is None or not still_holds((bands.revision, bands.state), relaxed):
        return None
    found = [one for one in bands.state["limits"] if holds(one, who)]
    if not found:
        return None
    return TightenedBands(
        high=max(one["high"] for one in found), medium=max(one["medium"] for one in found), since=bands.changed_at,
        text=bands.state["reason"],
    )  # fmt: skip


def _trip(tier: Tier) -> Trip | None:
    trip = tier.trip
    if trip is None:
        return None
    begins = trip.state.get("look_back_from")
    return Trip(
        trip_id=trip.state["trip_id"], tripped_at=trip.changed_at,
        lifted=lifted(trip.state, trip.revision, None if tier.cleared is None else tier.cleared.state),
        look_back_from=None if begins is None else datetime.fromisoformat(begins), text=trip.state["reason"],
    )  # fmt: skip
