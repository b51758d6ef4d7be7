"""HTTP in: the record, for those who may read it."""

from typing import Annotated, Any

from fastapi import APIRouter, Depends, FastAPI, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, Field

from countersign_audit.reading_room import READERS, LogEntry, ReadingRoom
from countersign_audit.timeline import Timeline
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.fields import CASE_ID_PATTERN, NO_CONTROL_CHARACTERS, TENANT_PATTERN
from countersign_shared.http import Authenticate, Principal, Problem, create_app, require
from countersign_shared.observability import Health, Metrics

PREFIX = "/api/audit/v1"
MAX_PAGE = 200
MAX_INDEX = 2**53 - 1
reader = require(*READERS)

Purpose = Annotated[
    str | None,
    Query(max_length=500, pattern=NO_CONTROL_CHARACTERS, description="Why you look; it goes on the record with you."),
]


class EntriesPage(BaseModel):
    """Some entries in the order of the log; ``next_cursor`` is null at the end."""

    items: list[LogEntry]
    next_cursor: str | None = Field(description="Hand it back as `cursor` for the entries after these.")


def build_app(*, room: ReadingRoom, health: Health, metrics: Metrics, authenticate: Authenticate) -> FastAPI:
    """Return the audit service's HTTP application."""
    app = _app(health, metrics, authenticate)
    app.state.room = room
    return app


def build_openapi() -> dict[str, Any]:
    """Return the OpenAPI document; needs no database and answers nothing."""

    async def nobody(request: Request) -> Principal:
        raise Problem(401, "unauthenticated", "Who are you?", f"{request.url.path} is only described here.")

    return _app(Health(), Metrics("audit"), nobody).openapi()


def _app(health: Health, metrics: Metrics, authenticate: Authenticate) -> FastAPI:
    app = create_app(
        service="audit", title="Countersign audit", health=health, metrics=metrics, authenticate=authenticate
    )
    app.include_router(_routes())
    return app


async def _room(request: Request) -> ReadingRoom:
    room: ReadingRoom = request.app.state.room
    return room


Room = Annotated[ReadingRoom, Depends(_room)]


def _routes() -> APIRouter:
    router = APIRouter(prefix=PREFIX, tags=["audit"])

    @router.get("/cases/{case_id}/timeline", summary="Everything on record about a case")
    async def get_timeline(
        principal: Annotated[Principal, reader],
        room: Room,
        case_id: Annotated[str, Path(pattern=CASE_ID_PATTERN)],
        tenant: Annotated[str, Query(pattern=TENANT_PATTERN)] = "default",
        purpose: Purpose = None,
    ) -> Timeline:
        """Each entry with its index, its words and whether the latest checkpoint covers it. Reading is recorded."""
        timeline = await room.timeline(principal, tenant, case_id, purpose) if principal.sees(tenant) else None
        if timeline is None:
            # The same answer for a case that is not there and one that is not yours.
            raise Problem(404, "not-found", "No such case", f"The log has no case {case_id} of tenant {tenant}.")
        return timeline

    @router.get("/entries", summary="The log itself, entry by entry")
    async def get_entries(
        principal: Annotated[Principal, reader],
        room: Room,
        cursor: Annotated[str | None, Query(pattern=r"^[0-9]{1,16}$", description="From a page before.")] = None,
        limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 100,
        purpose: Purpose = None,
    ) -> EntriesPage:
        """Leaves byte for byte with their hashes. Entries about no tenant are for those who see every tenant."""
        first = min(int(cursor or "0"), MAX_INDEX)
        tenants = None if "*" in principal.tenants else principal.tenants
        items = await room.entries(principal, first, tenants, limit, purpose)
        return EntriesPage(items=items, next_cursor=str(items[-1].index + 1) if len(items) == limit else None)

    @router.get(
        "/checkpoint",
        summary="The newest signed checkpoint",
        dependencies=[reader],
        response_class=Response,
        responses={200: {"content": {"text/plain": {}}, "description": "A C2SP signed note."}},
    )
    async def get_checkpoint(room: Room) -> Response:
        """The note byte for byte: log name, size and root, signed. Keep it: it proves what the log said today."""
        row = await room.checkpoint()
        if row is None:
            raise Problem(404, "not-found", "No checkpoint yet", "The log has not begun.")
        return Response(
            row.note, media_type="text/plain; charset=utf-8", headers={"Countersign-Signed-At": rfc3339(row.signed_at)}
        )

    return router
