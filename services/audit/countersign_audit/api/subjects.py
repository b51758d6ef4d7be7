"""Everything the record holds about one person."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request

from countersign_audit.api.entries import Tenant
from countersign_audit.api.parts import PREFIX, Purpose, not_found
from countersign_audit.reading.subjects import SubjectDesk, SubjectRecord
from countersign_shared.contracts.events.fields import NO_CONTROL_CHARACTERS
from countersign_shared.http import Principal, require
from countersign_shared.ids import DEFAULT_TENANT

asker = require("admin", "auditor")
SubjectRef = Annotated[str, Query(min_length=1, max_length=256, pattern=NO_CONTROL_CHARACTERS)]


async def _desk(request: Request) -> SubjectDesk:
    desk: SubjectDesk = request.app.state.subjects
    return desk


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["audit"])

    @routes.get("/subjects", summary="Everything held about one person")
    async def get_subject(
        principal: Annotated[Principal, asker], desk: Annotated[SubjectDesk, Depends(_desk)], subject_ref: SubjectRef,
        tenant: Tenant = DEFAULT_TENANT, purpose: Purpose = None,
    ) -> SubjectRecord:  # fmt: skip
        """Every event of every case of theirs, with its content. Recorded as `audit.exported` with each case."""
        found = await desk.record(principal, tenant, subject_ref, purpose) if principal.sees(tenant) else None
        if found is None:
            raise not_found("subject", "The log holds nothing about them; or it was erased, or is not yours.")
        return found

    return routes
