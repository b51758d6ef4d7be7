"""Cases over HTTP, and what the console must know of decision types."""

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from countersign_review.api.access import ANYBODY, READERS, Known
from countersign_review.api.forward import timeline_of
from countersign_review.api.models.desk import DecisionTypes, DecisionTypeShown, FieldType, OutcomeType
from countersign_review.api.models.register import CasePage, CaseRow, CaseRows, CaseState
from countersign_review.api.models.text import NO_CONTROL_CHARACTERS, PathPart
from countersign_review.api.parts import Using
from countersign_review.store.register import NEWEST

router = APIRouter(tags=["cases"])


@router.get("/cases", dependencies=[READERS])
async def list_cases(
    who: Known, parts: Using,
    subject: Annotated[
        str | None, Query(max_length=200, pattern=NO_CONTROL_CHARACTERS, description="Exact `subject_ref`.")
    ] = None,
    state: CaseState | None = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    cursor: Annotated[str | None, Query(pattern=r"^\d{1,18}$", description="From `next_cursor`.")] = None,
) -> CaseRows:  # fmt: skip
    """Return cases, newest first, automatic ones included."""
    rows = await parts.register.rows(
        sorted(who.tenants), subject=subject, state=state, before=int(cursor) if cursor else NEWEST,
        masked=who.may_answer, limit=limit,
    )  # fmt: skip
    return CaseRows(
        items=[CaseRow(**row) for _, row in rows], next_cursor=str(rows[-1][0]) if len(rows) == limit else None
    )


@router.get("/cases/{tenant}/{case_id}", dependencies=[READERS])
async def read_case(tenant: PathPart, case_id: PathPart, who: Known, parts: Using) -> CasePage:
    """Return one case with its facts, decisions and history."""
    return CasePage(**await parts.register.page(who.tenants, tenant, case_id, masked=who.may_answer))


@router.get("/cases/{tenant}/{case_id}/timeline", dependencies=[READERS], response_model=dict[str, Any])
async def read_timeline(tenant: PathPart, case_id: PathPart, who: Known, parts: Using, request: Request) -> Response:
    """Return the case's entries in the audit log with their proofs, once no unseen answer is outstanding."""
    await parts.register.check_timeline(who.tenants, tenant, case_id, masked=who.may_answer)
    return await timeline_of(parts, who, tenant, case_id, request)


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
