"""Looking at one decision type: what its evidence says of every tier, and what follows."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from countersign_feedback.domain.attempts import Attempt, Judged, due, judge
from countersign_feedback.domain.certify import Certificate, Step
from countersign_feedback.domain.drawn import DrawnCase
from countersign_feedback.domain.evidence import Watched, watch
from countersign_feedback.domain.facts import UNKNOWN
from countersign_feedback.domain.judged import Population
from countersign_feedback.domain.promises import (
    State,
    Terms,
    audit_floor,
    binds,
    certificate_state,
    certified_at,
    expired,
    keeps,
    reaches,
    terms_of,
    trip_state,
)
from countersign_feedback.domain.summary import TIERS
from countersign_feedback.promising.following import policy_of
from countersign_feedback.promising.writing import named, next_revision, write
from countersign_feedback.store.controls import ControlChange, ControlKey, KnownControl, OwnControl

BEGINNING = datetime(2000, 1, 1, tzinfo=UTC)
"""Where labels begin that belong to no earlier certificate."""
TAKING_TURNS = timedelta(hours=1)
"""How long after its newest drawn case another model's cases do not yet mean that a population is given up."""


@dataclass(frozen=True, slots=True)
class Lasting:
    """How long certificates live, and after how much of it they may be renewed by fresh labels."""

    days: float = 90.0
    renewal_days: float = 30.0


@dataclass(frozen=True, slots=True)
class Tier:
    """One tier of a decision type, with everything in force about it."""

    tenant: str
    decision_type: str
    tier: str
    terms: Terms | None
    population: Population | None
    cells: Mapping[Population, list[int]]
    newest: Mapping[Population, datetime]
    live: KnownControl | None
    proposed: OwnControl | None
    trip: OwnControl | None
    cleared: KnownControl | None
    bands: OwnControl | None = None
    relaxed: KnownControl | None = None

    def key(self, kind: str) -> ControlKey:
        """Return the key of a control of this tier."""
        return ControlKey(kind, self.tenant, self.decision_type, self.tier)

    @property
    def certificate(self) -> State | None:
        """The certificate in force, whatever it speaks of; None when there is none or it was taken back."""
        return self.live.state if self.live is not None and self.live.state.get("active", True) else None

    def covered(self, now: datetime) -> bool:
        """Tell whether the certificate in force speaks of what is decided now."""
        found = self.certificate
        return (
            found is not None and self.population is not None and self.terms is not None
            and not expired(found, now) and binds(found, self.population) and keeps(found, self.terms)
        )  # fmt: skip

    def speaks(self, certificate: State) -> bool:
        """Tell whether a certificate speaks of what is decided now, or was until lately.

        While replicas are replaced, or a model is tried on some of the cases, two populations take turns at being the
        one drawn from last. What waits for signatures must not be taken back at every turn.
        """
        if self.population is None or self.terms is None:
            return False
        last = self.newest.get(self.population)
        lately = [
            who for who, newest in self.newest.items()
            if _under(who, self.terms) and last is not None and newest >= last - TAKING_TURNS
        ]  # fmt: skip
        return any(binds(certificate, who) for who in (self.population, *lately))

    def cells_of(self, certificate: State) -> list[int]:
        """Return the cells of the population that a certificate speaks of."""
        return [cell for who, cells in self.cells.items() if binds(certificate, who) for cell in cells]


@dataclass(slots=True)
class Seen:
    """What a look at a tier found."""

    tier: Tier
    since: datetime = BEGINNING
    drawn: Sequence[DrawnCase] = ()
    traffic: Sequence[float] = ()
    attempts: list[Attempt] = field(default_factory=list)
    judged: list[Judged] = field(default_factory=list)
    watched: Watched | None = None
    promise: State | None = None
    """The certificate in force or, for people to look at, the one that a trip has broken."""


async def tiers_of(
    reads: Any, tenant: str, decision_type: str, known: Mapping[ControlKey, KnownControl],
    own: Mapping[ControlKey, OwnControl],
) -> list[Tier]:  # fmt: skip
    """Return the tiers of a decision type that a promise is asked for, or that a certificate speaks of."""
    policy = policy_of(known, tenant, decision_type)
    populations = await reads.automated_populations(tenant, decision_type)
    found = []
    for tier in TIERS:
        terms = None if policy is None else terms_of(policy.state, tier)
        live = known.get(ControlKey("certificate.active", tenant, decision_type, tier))
        if terms is None and live is None:
            continue
        mine = [one for one in populations if one[0].tier == tier and one[0].model_name != UNKNOWN]
        cells = {who: numbers for who, numbers, _ in mine}
        found.append(
            Tier(
                tenant, decision_type, tier, terms,
                population=next((who for who in cells if terms and _under(who, terms)), None),
                cells=cells, newest={who: newest for who, _, newest in mine if newest is not None}, live=live,
                proposed=own.get(ControlKey("certificate.proposed", tenant, decision_type, tier)),
                trip=own.get(ControlKey("trip", tenant, decision_type, tier)),
                cleared=known.get(ControlKey("trip.cleared", tenant, decision_type, tier)),
                bands=own.get(ControlKey("bands.tightened", tenant, decision_type, "*")),
                relaxed=known.get(ControlKey("bands.relaxed", tenant, decision_type, "*")),
            )
        )  # fmt: skip
    return found


def _under(who: Population, terms: Terms) -> bool:
    return who.automation_sha256 == terms.automation_sha256


async def look(change: ControlChange, tier: Tier, lasting: Lasting, now: datetime) -> Seen:
    """Look at a tier: trip it, withdraw or propose a certificate where the evidence says so."""
    seen = Seen(tier)
    if tier.certificate is not None and await _alarm(change, seen, tier.certificate, now):
        return seen
    if await _outdated(change, tier, now):
        return seen
    await gather(change, seen)
    await _open(change, seen, now)
    await asyncio.to_thread(_judge, seen, now)
    await _propose(change, seen, lasting, now)
    return seen


async def watched_audits(reads: Any, tier: Tier, certificate: State) -> list[DrawnCase]:
    """Return the audits that a certificate is watched by, thinned to one chance, in the order of judgement."""
    floor = audit_floor(certificate, tier.terms)
    found = await reads.certified(tier.cells_of(certificate), certificate["certificate_id"])
    return [audit for audit in found if audit.kept(floor)]


async def _alarm(change: ControlChange, seen: Seen, certificate: State, now: datetime) -> bool:
    tier = seen.tier
    audits = await watched_audits(change, tier, certificate)
    errors = [bool(audit.error) for audit in audits]
    seen.watched = await asyncio.to_thread(watch, errors, alpha=certificate["alpha"], delta=certificate["delta"])
    said = tier.trip is not None and tier.trip.state.get("certificate_id") == certificate["certificate_id"]
    if not seen.watched.tripped or said or tier.live is None:
        return False
    key = tier.key("trip")
    revision = next_revision(tier.trip)
    state = trip_state(
        seen.watched, audits, certificate=certificate, trip_id=named(key, revision, "trip"),
        activated_at=tier.live.changed_at,
    )  # fmt: skip
    await write(change, key, state, revision=revision, moment=now)
    # The promise is broken, and no signature mends it: new evidence must carry a new one.
    await _withdraw(change, tier, certificate, now)
    return True


async def _withdraw(change: ControlChange, tier: Tier, certificate: State, now: datetime) -> None:
    await write(
        change, tier.key("certificate.proposed"), {**certificate, "active": False},
        revision=next_revision(tier.proposed), moment=now,
    )  # fmt: skip


async def _outdated(change: ControlChange, tier: Tier, now: datetime) -> bool:
    """Take back a proposal that nobody has signed and that no longer speaks of what is decided."""
    proposed = tier.proposed
    if proposed is None or not proposed.state.get("active", True) or _acts(tier, proposed.state):
        return False
    fits = tier.terms is not None and tier.speaks(proposed.state) and keeps(proposed.state, tier.terms)
    if fits and not expired(proposed.state, now):
        return False
    await _withdraw(change, tier, proposed.state, now)
    return True


def _acts(tier: Tier, state: State) -> bool:
    return tier.live is not None and tier.live.state["certificate_id"] == state["certificate_id"]


async def gather(reads: Any, seen: Seen) -> None:
    """Read the drawn cases that a certificate of the tier's population may rest on now, and the attempts so far."""
    who = seen.tier.population
    if who is None or seen.tier.terms is None:
        return
    cells = seen.tier.cells[who]
    seen.since = await _since(reads, seen.tier, who)
    seen.drawn = await reads.drawn(cells, seen.since)
    seen.traffic = await reads.traffic(cells)
    seen.attempts = await reads.attempts(who, seen.since)


async def _since(reads: Any, tier: Tier, who: Population) -> datetime:
    """Return from when on labels are fresh: a certificate or a trip before has used up what there was."""
    certificates = await reads.certificates(tenants=(tier.tenant,), decision_type=tier.decision_type, tier=tier.tier)
    moments = [one.activated_at for one in certificates if one.population == who and one.activated_at is not None]
    if tier.trip is not None and who.model_version == (tier.trip.state.get("model") or {}).get("version"):
        moments.append(tier.trip.changed_at)
    return max(moments, default=BEGINNING)


async def _open(change: ControlChange, seen: Seen, now: datetime) -> None:
    who, terms = seen.tier.population, seen.tier.terms
    if who is None or terms is None:
        return
    for attempt in due(seen.drawn, seen.attempts, alpha=terms.alpha, delta=terms.delta, traffic=seen.traffic):
        await change.add_attempt(who, seen.since, attempt, now)
        seen.attempts.append(attempt)


def _judge(seen: Seen, now: datetime) -> None:
    who, terms = seen.tier.population, seen.tier.terms
    if who is None or terms is None:
        return
    seen.judged = [
        judge(
            attempt, seen.drawn, population=who, alpha=terms.alpha, delta=terms.delta, now=now, traffic=seen.traffic
        )
        for attempt in seen.attempts
    ]  # fmt: skip


def judge_all(seen: Seen, now: datetime) -> None:
    """Judge the attempts of a tier that ``gather`` has read."""
    _judge(seen, now)


async def _propose(change: ControlChange, seen: Seen, lasting: Lasting, now: datetime) -> None:
    tier, who, terms = seen.tier, seen.tier.population, seen.tier.terms
    if who is None or terms is None or not terms.audit_probability:
        return
    live = tier.certificate if tier.covered(now) else None
    renewable = live is not None and tier.live is not None and _renewable(tier.live, lasting, now)
    if _waits(tier) and not renewable:
        return
    for judged in seen.judged:
        step = _step(judged, live, renewable=renewable)
        if step is not None and not (renewable and _renewal_waits(tier, live)):
            await _write_proposal(change, seen, judged, step, live, lasting, now)
            return


def _step(judged: Judged, live: State | None, *, renewable: bool) -> Step | None:
    """Return the threshold to propose: with a live certificate only a looser one, or at its time a renewal."""
    outcome = judged.outcome
    if not isinstance(outcome, Certificate):
        return None
    if live is None:
        return certified_at(outcome, None)
    if renewable:
        return certified_at(outcome, live) if reaches(outcome, live) else None
    return certified_at(outcome, None) if outcome.threshold < live["threshold"] else None


async def _write_proposal(
    change: ControlChange, seen: Seen, judged: Judged, step: Step, live: State | None, lasting: Lasting, now: datetime
) -> None:
    tier, who, terms = seen.tier, seen.tier.population, seen.tier.terms
    if who is None or terms is None:
        return
    key = tier.key("certificate.proposed")
    revision = next_revision(tier.proposed)
    state = certificate_state(
        judged, step, population=who, terms=terms, certificate_id=named(key, revision, "certificate"),
        since=seen.since, renews=None if live is None else live["certificate_id"],
        expires_at=now + timedelta(days=lasting.days),
    )  # fmt: skip
    await change.add_certificate(who, state, now)
    await write(change, key, state, revision=revision, moment=now)


def _waits(tier: Tier) -> bool:
    """Tell whether a proposal waits for people already."""
    proposed = tier.proposed
    return proposed is not None and bool(proposed.state.get("active", True)) and not _acts(tier, proposed.state)


def _renewal_waits(tier: Tier, live: State | None) -> bool:
    """Tell whether a renewal has been sent already and only its acceptance has not come back."""
    proposed = tier.proposed
    return (
        _waits(tier) and proposed is not None and live is not None
        and proposed.state.get("renews") == live["certificate_id"]
        and proposed.state["threshold"] >= live["threshold"]
    )  # fmt: skip


def _renewable(live: KnownControl, lasting: Lasting, now: datetime) -> bool:
    return now >= live.changed_at + timedelta(days=lasting.renewal_days)
