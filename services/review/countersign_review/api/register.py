"""Cases over HTTP, and what the console must know of decision types."""

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from countersign_review.api.access import ANYBODY, READERS, Known
from countersign_review.api.forward import record_of
from countersign_review.api.models.desk import DecisionTypes, DecisionTypeShown, FieldType, OutcomeType
from countersign_review.api.models.register import (
    CaseFilters,
    CasePage,
    CaseQuery,
    CaseRow,
    CaseRows,
    SavedView,
    SavedViewRequest,
    SavedViews,
    Tenants,
)
from countersign_review.api.models.text import NO_CONTROL_CHARACTERS, PathPart
from countersign_review.api.parts import Using
from countersign_review.store.register import NEWEST, Filters

router = APIRouter(tags=["cases"])
# A name is what somebody calls it, slashes included: the rest of the path is the name.
ViewName = Annotated[str, Path(min_length=1, max_length=80, pattern=NO_CONTROL_CHARACTERS)]


@router.get("/cases", dependencies=[READERS])
async def list_cases(who: Known, parts: Using, query: Annotated[CaseQuery, Query()]) -> CaseRows:
    """Find cases, newest first, automatic ones included."""
    found = await parts.register.search(
        _filters(query, who.tenants), before=int(query.cursor) if query.cursor else NEWEST, masked=who.may_answer,
        limit=query.limit,
    )  # fmt: skip
    return CaseRows(
        items=[CaseRow(**row) for row in found.rows], searched_to=found.searched_to, not_indexed=found.not_indexed,
        next_cursor=None if found.next_place is None else str(found.next_place),
    )  # fmt: skip


@router.get("/tenants", dependencies=[READERS])
async def list_tenants(who: Known, parts: Using) -> Tenants:
    """Return the tenants whose cases you see."""
    return Tenants(items=await parts.register.tenants(who.tenants))


@router.get("/saved-views", dependencies=[READERS])
async def list_saved_views(who: Known, parts: Using) -> SavedViews:
    """Return the searches you keep."""
    return SavedViews(items=[_view(row) for row in await parts.saved_views.of(who.user["username"])])


@router.put("/saved-views/{name:path}", dependencies=[READERS])
async def save_view(name: ViewName, body: SavedViewRequest, who: Known, parts: Using) -> SavedView:
    """Keep a search under a name; doing it twice changes nothing."""
    filters = body.filters.model_dump_json(exclude_defaults=True).encode()
    return _view(await parts.saved_views.save(who.user["username"], name, filters))


@router.delete("/saved-views/{name:path}", dependencies=[READERS], status_code=204)
async def delete_saved_view(name: ViewName, who: Known, parts: Using) -> None:
    """Forget a search."""
    await parts.saved_views.delete(who.user["username"], name)


@router.get("/cases/{tenant}/{case_id}", dependencies=[READERS])
async def read_case(tenant: PathPart, case_id: PathPart, who: Known, parts: Using) -> CasePage:
    """Return one case with its facts, decisions and history."""
    return CasePage(**await parts.register.page(who.tenants, tenant, case_id, masked=who.may_answer))


@router.get("/cases/{tenant}/{case_id}/timeline", dependencies=[READERS], response_model=dict[str, Any])
async def read_timeline(tenant: PathPart, case_id: PathPart, who: Known, parts: Using, request: Request) -> Response:
    """Return the case's entries in the audit log with their proofs, once no unseen answer is outstanding."""
    await parts.register.check_timeline(who.tenants, tenant, case_id, masked=who.may_answer)
    return await record_of(parts, who, tenant, case_id, request, part="timeline")


@router.get("/cases/{tenant}/{case_id}/proof", dependencies=[READERS], response_model=dict[str, Any])
async def read_proof(tenant: PathPart, case_id: PathPart, who: Known, parts: Using, request: Request) -> Response:
    """Return the proof that the case's entries are in the audit log, once no unseen answer is outstanding."""
    await parts.register.check_timeline(who.tenants, tenant, case_id, masked=who.may_answer)
    return await record_of(parts, who, tenant, case_id, request, part="proof")


@router.get("/decision-types", dependencies=[ANYBODY])
async def list_decision_types(parts: Using) -> DecisionTypes:
    """Return every decision type: labels, colours, keys and field formats."""
    return DecisionTypes(items=[
        DecisionTypeShown(
            name=one.name, label=one.label,
            outcomes=[OutcomeType.model_validate(outcome.as_dict()) for outcome in one.outcomes.values()],
            fields=[
                FieldType(field=field.name, label=field.label, format=field.format, unit=field.unit)
                for field in one.fields
            ],
        )
        for one in parts.types.values()
    ])  # fmt: skip


def _filters(query: CaseFilters, tenants: frozenset[str]) -> Filters:
    seen = sorted(tenants)
    if query.tenant is not None:
        seen = [query.tenant] if "*" in tenants or query.tenant in tenants else []
    return Filters(
        tenants=seen, q=query.q, case_id=query.case_id, subject=query.subject, decision_type=query.decision_type,
        since=query.since, until=query.until, state=query.state, levels=query.level, tiers=query.tier,
        outcome=query.outcome, decided_by=query.decided_by,
    )  # fmt: skip


def _view(row: Any) -> SavedView:
    filters = CaseFilters.model_validate_json(row["filters"])
    return SavedView(name=row["name"], filters=filters, updated_at=row["updated_at"])
