"""The few fields that feedback reads of each event, and how they become facts.

A routed case holds up to 768 KiB, of which a dozen small fields matter here. A decoder that knows them skips the rest
without building it: 7 us instead of 27 us for a 9 KB case, and a field that is missing or of another type is named.
"""

from datetime import date, datetime
from typing import Any

import msgspec
from pydantic import TypeAdapter, ValidationError

from countersign_feedback.domain.facts import (
    UNKNOWN,
    Answer,
    Cell,
    Drawn,
    Gathered,
    Outcome,
    Purpose,
    Truth,
    conclusion,
)
from countersign_feedback.domain.rubber_stamps import reading_floor_seconds
from countersign_shared.contracts.events import CaseUpdated
from countersign_shared.contracts.events.case import CaseOutcomeReported, CaseUpdate
from countersign_shared.contracts.wording import in_words
from countersign_shared.messaging.cloudevents import Event, Unreadable

OUTCOMES = "case.updated"
"""The one topic here that strangers write to."""
HIGHEST_AUTOMATIC_LEVEL = 2


class _Part(msgspec.Struct, gc=False):
    """What all parts have in common: never in a cycle, so the garbage collector need not look at them."""


class _Case(_Part):
    test: bool = False


class _Proposal(_Part):
    confidence: float


class _Consequence(_Part):
    tier: str


class _Reason(_Part):
    code: str


class _Model(_Part):
    name: str
    version: str
    calibrator_version: str | None = None
    artifact_sha256: str | None = None


class _Policy(_Part):
    automation_sha256: str
    sha256: str = ""


class _Certificate(_Part):
    status: str
    id: str | None = None


class _Routed(_Part):
    tenant: str
    case_id: str
    decision_type: str
    case: _Case
    proposal: _Proposal | None
    level: int
    would_automate: bool
    consequence: _Consequence | None
    band: str | None
    reasons: list[_Reason]
    policy: _Policy | None
    # Looked into for drawn cases only, which are few: kept as bytes it costs the others next to nothing.
    sampling: msgspec.Raw
    signals: msgspec.Raw = msgspec.Raw()
    model: _Model | None = None
    certificate: _Certificate | None = None


class _Decider(_Part):
    blind: bool
    pseudonym: str
    outcome: str | None = None


class _Told(_Part):
    proposed: str | None = None


class _Decided(_Part):
    tenant: str
    case_id: str
    closed_as: str
    mode: str
    relation: str
    deciders: list[_Decider]
    decision_type: str = UNKNOWN
    outcome: str | None = None
    supersedes: str | None = None
    test: bool = False
    routing: _Told | None = None


class _Recorded(_Part):
    kind: str
    tenant: str
    case_id: str | None = None
    decision_type: str | None = None
    body: msgspec.Raw = msgspec.Raw()


class _Draw(_Part):
    probability: float
    selected: bool


class _Sampling(_Part):
    audit: _Draw
    blind: _Draw
    human_only: _Draw


class _Routing(_Part):
    sampling: _Sampling
    proposed: str | None = None


class _Detail(_Part):
    base_confidence: float | None = None


class _Signal(_Part):
    detail: _Detail | None = None


class _Signals(_Part):
    probability: _Signal | None = None


class _JudgementAnswer(_Part):
    pseudonym: str
    outcome: str


class _Judgement(_Part):
    error: bool
    routing: _Routing
    final_outcome: str | None = None
    answers: list[_JudgementAnswer] = []


class _Times(_Part):
    active_seconds: float | None = None
    words_shown: int | None = None


class _Sitting(_Part):
    review_id: str
    claim_id: str | None = None
    reviewer: str | None = None
    times: _Times | None = None


SETTLED = 2
"""More deciders than that: two answered differently, and a third settled it."""

_routed = msgspec.json.Decoder(_Routed)
_sampling = msgspec.json.Decoder(_Sampling)
_signals = msgspec.json.Decoder(_Signals)
_decided = msgspec.json.Decoder(_Decided)
_recorded = msgspec.json.Decoder(_Recorded)
_judgement = msgspec.json.Decoder(_Judgement)
_sitting = msgspec.json.Decoder(_Sitting)
_update: TypeAdapter[CaseUpdate] = TypeAdapter(CaseUpdated)


def gather(gathered: Gathered, topic: str, data: bytes, moment: datetime, event_id: str) -> None:
    """Add what an event's body says; a body of another shape is a ``ValueError`` that names the field.

    ``moment`` is the event's own time.
    """
    if topic == "case.routed":
        _routing(gathered, _routed.decode(data), moment)
    elif topic == "decision.made":
        _decision(gathered, _decided.decode(data), moment, event_id)
    else:
        _activity(gathered, _recorded.decode(data), moment, event_id)


def _routing(gathered: Gathered, event: _Routed, moment: datetime) -> None:
    confidence = event.proposal.confidence if event.proposal else None
    cell = _cell(event)
    gathered.place(event.case_id, cell, moment, confidence)
    if event.proposal is None or b"true" not in bytes(event.sampling):
        return
    found = _draw(_sampling.decode(event.sampling), event.level)
    if found is not None:
        purpose, probability = found
        live = event.certificate if event.certificate and event.certificate.status == "live" else None
        gathered.label(event.tenant, event.case_id, event.decision_type).drawn = Drawn(
            purpose, cell, moment, confidence, probability, live.id if live else None,
            event.policy.sha256 if event.policy else UNKNOWN, _base(event.signals, confidence),
            event.model.artifact_sha256 if event.model else None,
        )  # fmt: skip


def _base(signals: msgspec.Raw, confidence: float | None) -> float | None:
    """Return the confidence as the model was trained to say it: under a later calibrator the signals have it."""
    if b"base_confidence" not in bytes(signals):
        return confidence
    probability = _signals.decode(signals).probability
    said = None if probability is None or probability.detail is None else probability.detail.base_confidence
    return confidence if said is None else said


def _draw(sampling: _Sampling, level: int) -> tuple[Purpose, float] | None:
    """Return why a case was drawn to be judged blind and by what chance; None when it was not."""
    if level <= HIGHEST_AUTOMATIC_LEVEL:
        candidates = [(Purpose.AUDIT, sampling.audit)]
    else:
        candidates = [(Purpose.HUMAN_ONLY, sampling.human_only), (Purpose.BLIND, sampling.blind)]
    drawn = ((purpose, draw.probability) for purpose, draw in candidates if draw.selected and draw.probability > 0.0)
    return next(drawn, None)


def _decision(gathered: Gathered, event: _Decided, moment: datetime, event_id: str) -> None:
    by_people = event.closed_as == "decided" and event.mode != "automatic" and not event.test
    # Whoever looked again, or settled what two had answered differently, says whether the proposal was right.
    settled = len(event.deciders) > SETTLED
    if by_people and event.relation != "no_proposal" and (event.supersedes or settled):
        wrong = event.relation == "overrode"
        gathered.truth(Truth(event.tenant, event.case_id, event.decision_type, wrong, moment, event_id))
    if event.supersedes:
        gathered.reverse(event.tenant, event.case_id)
        return
    blind = any(decider.blind for decider in event.deciders)
    ended = conclusion(closed_as=event.closed_as, mode=event.mode, relation=event.relation, blind=blind)
    gathered.conclude(event.tenant, event.case_id, ended)
    if event.test or event.closed_as != "decided" or event.relation == "no_proposal":
        return
    wrong, day = event.relation == "overrode", moment.date()
    proposed = None if event.routing is None else event.routing.proposed
    for decider in event.deciders:
        agreed = _agreed(decider.outcome, final=event.outcome, wrong=wrong, proposed=proposed)
        if agreed is None:
            continue
        what = "blind" if decider.blind else "assisted"
        # Nobody is measured by a truth that they have found themselves: the last of several has settled it.
        measured = not decider.blind and not (settled and decider is event.deciders[-1])
        counts: dict[str, Any] = {what: 1, f"{what}_agreed": int(agreed), "agreed": agreed if measured else None}
        answer = Answer(event.tenant, event.case_id, decider.pseudonym, what, event.decision_type, day, **counts)
        gathered.answer(answer)


def _agreed(outcome: str | None, *, final: str | None, wrong: bool, proposed: str | None) -> bool | None:
    """Tell whether an answer has the proposal's outcome; ``wrong``: the final one has not.

    None where that cannot be known: events of earlier releases do not name the proposal, and whoever differs from an
    outcome that overrode it may have agreed with it or not. Nobody is measured by a guess.
    """
    if proposed is not None:
        return outcome == proposed
    if outcome == final:
        return not wrong
    return None if wrong else False


def _activity(gathered: Gathered, event: _Recorded, moment: datetime, event_id: str) -> None:
    # Every other kind says nothing that is counted here.
    if event.kind in {"audit.judged", "control.judged", "seed.judged"}:
        if event.case_id is None:
            raise ValueError(f"{event.kind} without a case_id")
        _judged(gathered, event, event.case_id, _judgement.decode(event.body), moment)
    elif event.kind == "review.timed" and event.case_id is not None:
        _timed(gathered, event, event.case_id, _sitting.decode(event.body), moment)
    elif event.kind == "review.upheld" and event.case_id is not None:
        told = Truth(event.tenant, event.case_id, event.decision_type or UNKNOWN, None, moment, event_id)
        gathered.truth(told)


def _judged(gathered: Gathered, event: _Recorded, case_id: str, judged: _Judgement, moment: datetime) -> None:
    tenant, decision_type = event.tenant, event.decision_type or UNKNOWN
    sampling = judged.routing.sampling
    by_chance = sampling.blind.selected or sampling.human_only.selected
    if event.kind == "audit.judged":
        draw = sampling.audit
        gathered.audit(tenant, case_id, error=judged.error, selected=draw.selected, probability=draw.probability)
        by_chance = draw.selected
    elif event.kind == "control.judged":
        gathered.control(tenant, case_id, error=judged.error)
    _answers(gathered, event, case_id, judged, moment.date())
    # A check for cause was not drawn by chance: it is no label. Neither is a seed, whose answer was known.
    if by_chance and event.kind != "seed.judged":
        label = gathered.label(tenant, case_id, decision_type)
        if label.error is None:
            label.error, label.judged_at = judged.error, moment


def _answers(gathered: Gathered, event: _Recorded, case_id: str, judged: _Judgement, day: date) -> None:
    what = "seeded" if event.kind == "seed.judged" else "blind"
    for answer in judged.answers:
        agreed = _agreed(
            answer.outcome, final=judged.final_outcome, wrong=judged.error, proposed=judged.routing.proposed
        )
        if agreed is None:
            continue
        good, sign = ("caught", not agreed) if what == "seeded" else ("blind_agreed", agreed)
        counts: dict[str, Any] = {what: 1, good: int(sign)}
        gathered.answer(
            Answer(event.tenant, case_id, answer.pseudonym, what, event.decision_type or UNKNOWN, day, **counts)
        )


def _timed(gathered: Gathered, event: _Recorded, case_id: str, sitting: _Sitting, moment: datetime) -> None:
    times = sitting.times
    if sitting.reviewer is None or times is None or times.active_seconds is None or not times.words_shown:
        return
    too_fast = times.active_seconds < reading_floor_seconds(times.words_shown)
    gathered.answer(
        Answer(
            event.tenant, case_id, sitting.reviewer, f"timed {sitting.claim_id or sitting.review_id}",
            event.decision_type or UNKNOWN, moment.date(), timed=1, too_fast=int(too_fast),
        )
    )  # fmt: skip


def report(gathered: Gathered, event: Event) -> None:
    """Add what upstream reports of a case, if it does; ``Unreadable`` for what the contract does not allow.

    Our own services keep to the contract. A stranger's number that is too large for its column, or a NUL, would fail
    the batch each time that it is tried.
    """
    try:
        update = _update.validate_python(event.body)
    except ValidationError as error:
        # Never with what was given: it may be anybody's.
        first = error.errors(include_url=False, include_input=False)[0]
        pointer = "".join(f"/{step}" for step in first["loc"][1:])
        raise Unreadable("invalid_value", pointer, in_words(first)) from error
    if isinstance(update, CaseOutcomeReported):
        told = update.body
        gathered.report(
            Outcome(
                event.id, update.tenant, update.case_id, update.decision_type, told.kind, told.severity,
                date.fromisoformat(told.date), told.source, event.source,
            )
        )  # fmt: skip


def _cell(event: _Routed) -> Cell:
    model, reasons = event.model, event.reasons
    codes = (reasons[0].code,) if len(reasons) == 1 else tuple(sorted({reason.code for reason in reasons}))
    # By position, because this runs for every case; the order is that of Cell.
    return Cell(
        event.tenant,
        event.decision_type,
        event.consequence.tier if event.consequence else UNKNOWN,
        event.band or UNKNOWN,
        event.level,
        event.would_automate,
        codes,
        model.name if model else UNKNOWN,
        model.version if model else UNKNOWN,
        (model.calibrator_version if model else None) or UNKNOWN,
        event.policy.automation_sha256 if event.policy else UNKNOWN,
        event.case.test,
    )
