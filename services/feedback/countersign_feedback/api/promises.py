"""What is promised per tier, what it rests on, whether it still looks kept, and what to look back at if not."""

import asyncio
import csv
import io
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Path, Query
from fastapi.responses import StreamingResponse

from countersign_feedback.api.evidence import Desk, OneType, Tier
from countersign_feedback.api.scope import reader, whose
from countersign_feedback.domain.promises import expired
from countersign_feedback.domain.summary import Scope
from countersign_feedback.promising.look_back import LookBack, everything, page
from countersign_feedback.promising.looking import tiers_of
from countersign_feedback.promising.standing import Standing, read_seen, standing
from countersign_feedback.store import Store
from countersign_feedback.store.controls import ControlKey, OwnControl, StoredCertificate
from countersign_feedback.store.reviewers import ReportedOutcome
from countersign_shared.http import Principal, Problem

RECIPE = (
    ("n[i] blind answers lie at or above thresholds[i]; k[i] of them found the proposal wrong. A drawn case that "
    "nobody had judged counts as wrong."),
    ('A drawn case with probability q counts if u q < floor, where u is the first 53 bits of SHA-256("thin", '
    "automation_sha256, tenant, case id, joined by zero bytes) / 2^53. The cases are those of the population routed "
    "after `since` up to (`last_routed_at`, `last_case_id`)."),
    ("p[i] = P(X <= k[i]) for X ~ Binomial(n[i], alpha): =BINOM.DIST(k;n;alpha;TRUE). A threshold passes if "
    "p[i] <= levels[i]."),
    ("Where a threshold passes, the next one's level includes its whole level. The levels that begin anew sum to "
    "attempt_delta = delta / (attempt (attempt + 1)) at most; over all attempts that is delta."),
    ("The loosest threshold that passed is certified, and of those with the same n the strictest; a renewal never "
    "goes below the threshold that it renews."),
    ("The cases' confidences were compared with those of `traffic` cases of the population, which looks at no answer; "
    "`not_compared` says why not, where it was not."),
    "upper_bound is the p with P(X <= errors) = its level for X ~ Binomial(labels, p) (Clopper and Pearson).",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Promises:
    """The promises of a decision type, one per tenant and tier."""

    promises: tuple[Standing, ...]


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """A certificate that was proposed, and what became of it; ``state`` as on ``control.changed``.

    ``ended_at`` is when it was taken back or followed by another, or expired if that was sooner; null before.
    """

    certificate_id: str
    tenant: str
    decision_type: str
    tier: str
    proposed_at: datetime
    activated_at: datetime | None
    ended_at: datetime | None
    state: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Certificates:
    """Certificates, the newest first."""

    certificates: tuple[CertificateEntry, ...]


@dataclass(frozen=True, slots=True)
class Recomputable:
    """A certificate with its counts and how to redo it from them by hand: `state.evidence` holds what is named."""

    recipe: tuple[str, ...]
    certificate: CertificateEntry


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of decisions in the world, as upstream reported it; the most frequent first."""

    outcomes: tuple[ReportedOutcome, ...]


def routes(desk: Desk) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/feedback/v1", tags=["promises"], dependencies=[reader])
    _standing(router, desk)
    _certificates(router, desk)
    _look_back(router, desk)
    _outcomes(router, desk)
    return router


def _standing(router: APIRouter, desk: Desk) -> None:
    @router.get("/promises", summary="What is promised, and does it still hold?")
    async def get_promises(scope: OneType, tier: Tier = None) -> Promises:
        """Per tier: what is asked for, labels so far, tries, the certificate, the evidence against it, trips."""
        store, clock = desk()
        known = {one.key: one for one in await store.known_controls()}
        own = {one.key: one for one in await store.own_controls()}
        found = []
        for tenant in await _tenants(store, scope):
            for one in await tiers_of(store, tenant, scope.decision_type or "", known, own):
                if tier is None or tier == one.tier:
                    seen, audits = await read_seen(store, one)
                    found.append(await asyncio.to_thread(standing, seen, audits, clock()))
        return Promises(tuple(found))


def _certificates(router: APIRouter, desk: Desk) -> None:
    @router.get("/certificates", summary="Which certificates were proposed, and what became of them?")
    async def get_certificates(scope: OneType, tier: Tier = None) -> Certificates:
        """The newest 200, each with the counts that it rests on."""
        store, clock = desk()
        found = await store.certificates(tenants=scope.tenants, decision_type=scope.decision_type, tier=tier)
        return Certificates(tuple(entry(one, clock()) for one in found))

    @router.get("/certificates/{certificate_id}", summary="Recompute it: the counts and the recipe")
    async def get_certificate(
        principal: Annotated[Principal, reader], certificate_id: Annotated[str, Path(max_length=200)]
    ) -> Recomputable:
        """Everything that is needed to redo a certificate with a spreadsheet."""
        store, clock = desk()
        found = await store.certificates(certificate_id=certificate_id)
        if not found or not principal.sees(found[0].population.tenant):
            raise Problem(404, "not-found", "No such certificate", f"Nothing was proposed as {certificate_id}.")
        return Recomputable(RECIPE, entry(found[0], clock()))


def _look_back(router: APIRouter, desk: Desk) -> None:
    @router.get("/look-back", summary="What was decided automatically since the promise last looked kept?")
    async def get_look_back(
        trip: Annotated[OwnControl, Depends(_trip_of(desk))],
        cursor: Annotated[str, Query(max_length=128, description="`next_cursor` of the page before.")] = "",
        limit: Annotated[int, Query(ge=1, le=200)] = 200,
    ) -> LookBack:
        """The list that the tier's latest trip calls for, by case id."""
        store, _ = desk()
        return await page(store, trip, after=cursor, limit=limit)

    @router.get(
        "/look-back.csv",
        summary="The whole list as a file",
        response_class=StreamingResponse,
        responses={200: {"content": {"text/csv": {}}, "description": "One decision a line."}},
    )
    async def get_look_back_file(trip: Annotated[OwnControl, Depends(_trip_of(desk))]) -> StreamingResponse:
        """Case, decision, time, confidence, what an audit found, whether it was reversed since."""
        store, _ = desk()
        named = f"look-back-{trip.key.decision_type}-{trip.key.tier}.csv"
        headers = {"Content-Disposition": f'attachment; filename="{named}"'}
        return StreamingResponse(_lines(store, trip), media_type="text/csv; charset=utf-8", headers=headers)


def _outcomes(router: APIRouter, desk: Desk) -> None:
    @router.get("/outcomes", summary="What became of decisions in the world?")
    async def get_outcomes(scope: OneType) -> Outcomes:
        """How often upstream reported what, of how many automatic decisions, and the worst severity, 0 to 4."""
        store, _ = desk()
        return Outcomes(tuple(await store.outcomes(scope)))


def _trip_of(desk: Desk) -> Any:
    async def find(
        principal: Annotated[Principal, reader],
        decision_type: Annotated[str, Query(max_length=64, description="Whose decisions.")],
        tier: Annotated[str, Query(max_length=20, description="Which tier was tripped.")],
        tenant: Annotated[str, Query(max_length=64, description="Whose cases.")] = "default",
    ) -> OwnControl:
        store, _ = desk()
        found = await store.own_control(ControlKey("trip", whose(principal, tenant), decision_type, tier))
        if found is None:
            asked = f"{decision_type}, {tier} consequence, tenant {tenant}"
            raise Problem(404, "not-found", "Nothing to look back at", f"No promise of {asked}, was ever found broken.")
        return found

    return find


async def _lines(store: Store, trip: OwnControl) -> AsyncIterator[str]:
    yield _line("case_id", "decision_id", "decided_at", "confidence", "audit_error", "reversed")
    async for one in everything(store, trip):
        audited = "" if one.audit_error is None else int(one.audit_error)
        yield _line(
            one.case_id, one.decision_id, one.decided_at.isoformat(), one.confidence, audited, int(one.reversed)
        )


def _line(*values: Any) -> str:
    text = io.StringIO()
    csv.writer(text).writerow(values)
    return text.getvalue()


async def _tenants(store: Store, scope: Scope) -> list[str]:
    found = [tenant for tenant, kind in await store.scopes() if kind == scope.decision_type]
    return found if scope.tenants is None else [tenant for tenant in found if tenant in scope.tenants]


def entry(found: StoredCertificate, now: datetime) -> CertificateEntry:
    """Return what became of a certificate by ``now``; that one has expired, nobody announces."""
    who, ended = found.population, found.ended_at
    if found.activated_at is not None and expired(found.state, now):
        expiry = datetime.fromisoformat(found.state["expires_at"])
        ended = expiry if ended is None else min(ended, expiry)
    return CertificateEntry(
        found.certificate_id, who.tenant, who.decision_type, who.tier, found.proposed_at, found.activated_at, ended,
        found.state,
    )  # fmt: skip
