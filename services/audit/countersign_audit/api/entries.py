"""Cases and entries: what is on record, and who looked. Each answer is itself recorded."""

from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import BaseModel, Field

from countersign_audit.api.parts import MAX_INDEX, PREFIX, Purpose, Reader, Room, not_found
from countersign_audit.reading.room import Access, LogEntry, ReadingRoom
from countersign_audit.reading.timeline import Timeline
from countersign_audit.store import Search
from countersign_shared.contracts.events.fields import CASE_ID_PATTERN, NO_CONTROL_CHARACTERS, TENANT_PATTERN
from countersign_shared.http import Principal, Problem
from countersign_shared.http.moments import Moment
from countersign_shared.ids import DEFAULT_TENANT

MAX_PAGE = 200
CASE_PROOF = "countersign.audit.case-proof/1"

CaseId = Annotated[str, Path(pattern=CASE_ID_PATTERN)]
Tenant = Annotated[str, Query(pattern=TENANT_PATTERN)]
Cursor = Annotated[str | None, Query(pattern=r"^[0-9]{1,16}$", description="From a page before.")]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
AboutCase = Annotated[str | None, Query(pattern=CASE_ID_PATTERN, description="Only entries of this case.")]
OneTenant = Annotated[str | None, Query(pattern=TENANT_PATTERN, description="Only entries of this tenant.")]
Actor = Annotated[
    str | None, Query(max_length=200, pattern=NO_CONTROL_CHARACTERS, description="Only what this pseudonym did.")
]
Since = Annotated[Moment | None, Query(description="Only what happened then or later.")]
Until = Annotated[Moment | None, Query(description="Only what happened before.")]


class EntriesPage(BaseModel):
    """Some entries in the order of the log; ``next_cursor`` is null at the end."""

    items: list[LogEntry]
    next_cursor: str | None = Field(description="Hand it back as `cursor` for the entries after these.")


class AccessPage(BaseModel):
    """Some looks at the record, the newest first."""

    items: list[Access]
    next_cursor: str | None = Field(description="Hand it back as `cursor` for the ones before these.")


class ProvenEntry(BaseModel):
    """An entry byte for byte, and the hashes in base64 that lead from its own to the checkpoint's root."""

    index: int
    leaf: str
    proof: list[str]


class CaseProof(BaseModel):
    """What a third party needs to check a case's history offline: `countersign-verify FILE --vkey KEY`."""

    format: str = CASE_PROOF
    tenant: str
    case_id: str
    checkpoint: str = Field(description="The signed note, byte for byte.")
    entries: list[ProvenEntry]
    complete: bool = Field(description="False when the case has more entries than fit.")


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["audit"])
    _about_one_case(routes)
    _about_many(routes)
    return routes


def _about_one_case(routes: APIRouter) -> None:
    @routes.get("/cases/{case_id}/timeline", summary="Everything on record about a case")
    async def get_timeline(
        principal: Reader, room: Room, case_id: CaseId, tenant: Tenant = DEFAULT_TENANT, purpose: Purpose = None
    ) -> Timeline:
        """Each entry with its index, its words and its proof of inclusion in the checkpoint. Reading is recorded."""
        timeline = await room.timeline(principal, tenant, case_id, purpose) if principal.sees(tenant) else None
        if timeline is None:
            # The same answer for a case that is not there and one that is not yours.
            raise not_found("case", f"The log has no case {case_id} of tenant {tenant}.")
        return timeline

    @routes.get("/cases/{case_id}/proof", summary="One file with which anybody can check a case's history")
    async def get_case_proof(
        principal: Reader, room: Room, case_id: CaseId, tenant: Tenant = DEFAULT_TENANT, purpose: Purpose = None
    ) -> CaseProof:
        """The case's signed entries with their proofs and the checkpoint. They show no personal data."""
        found = await room.case_proof(principal, tenant, case_id, purpose) if principal.sees(tenant) else None
        if found is None:
            raise not_found("case", f"No checkpoint covers a case {case_id} of tenant {tenant} yet.")
        proven = [ProvenEntry(index=index, leaf=leaf.decode(), proof=proof) for index, leaf, proof in found.entries]
        return CaseProof(
            tenant=tenant, case_id=case_id, checkpoint=found.note.decode(), entries=proven, complete=found.complete
        )


def _about_many(routes: APIRouter) -> None:
    @routes.get("/entries", summary="The log itself, entry by entry, or those looked for")
    async def get_entries(
        principal: Reader,
        room: Room,
        cursor: Cursor = None,
        limit: Limit = 100,
        tenant: OneTenant = None,
        case_id: AboutCase = None,
        subject_ref: Annotated[
            str | None, Query(max_length=256, pattern=NO_CONTROL_CHARACTERS, description="Only what is about them.")
        ] = None,
        actor: Actor = None,
        kind: Annotated[
            str | None,
            Query(max_length=100, pattern=NO_CONTROL_CHARACTERS, description="Only this kind, e.g. `decision.made`."),
        ] = None,
        since: Since = None,
        until: Until = None,
        purpose: Purpose = None,
    ) -> EntriesPage:
        """Leaves byte for byte with their hashes. Entries about no tenant are for those who see every tenant."""
        if case_id is not None and subject_ref is not None:
            raise Problem(422, "invalid", "One of the two", "Name a case or a subject, not both.")
        whose = tenant or DEFAULT_TENANT
        search = Search(
            first=_first(cursor), limit=limit,
            tenants=_tenants(principal, whose if case_id or subject_ref else tenant),
            case_ref=room.name_of_case(whose, case_id) if case_id else None,
            subject=room.name_of_subject(whose, subject_ref) if subject_ref else None,
            actor=actor, kind=kind, since=since, until=until,
        )  # fmt: skip
        items = await room.entries(principal, search, purpose)
        return EntriesPage(items=items, next_cursor=_next(items, limit))

    @routes.get("/access-log", summary="Who looked at the record, and at what")
    async def get_access_log(
        principal: Reader,
        room: Room,
        cursor: Cursor = None,
        limit: Limit = 100,
        tenant: OneTenant = None,
        case_id: AboutCase = None,
        reader: Annotated[
            str | None, Query(max_length=200, pattern=NO_CONTROL_CHARACTERS, description="Only this pseudonym.")
        ] = None,
        since: Since = None,
        until: Until = None,
        purpose: Purpose = None,
    ) -> AccessPage:
        """Every read and every export by a person, newest first. Looking here is on the record too."""
        newest = _first(cursor) if cursor else MAX_INDEX
        search = _accesses(principal, room, newest, limit, tenant, case_id, reader, since, until)
        items = await room.accesses(principal, search, purpose)
        # The first entry of a log is nobody's look.
        return AccessPage(items=items, next_cursor=str(items[-1].index - 1) if len(items) == limit else None)


def _accesses(
    principal: Principal, room: ReadingRoom, first: int, limit: int, tenant: str | None, case_id: str | None,
    reader: str | None, since: datetime | None, until: datetime | None,
) -> Search:  # fmt: skip
    whose = tenant or DEFAULT_TENANT
    return Search(
        first=first, limit=limit, tenants=_tenants(principal, whose if case_id else tenant), actor=reader,
        case_ref=room.name_of_case(whose, case_id) if case_id else None, since=since, until=until, access_only=True,
    )  # fmt: skip


def _first(cursor: str | None) -> int:
    return min(int(cursor or "0"), MAX_INDEX)


def _next(items: list[LogEntry], limit: int) -> str | None:
    return str(items[-1].index + 1) if len(items) == limit else None


def _tenants(principal: Principal, tenant: str | None) -> frozenset[str] | None:
    """Return the tenants whose entries may be seen, of the one asked for only; None means all."""
    if tenant is not None:
        return frozenset({tenant}) if principal.sees(tenant) else frozenset()
    return None if "*" in principal.tenants else principal.tenants
