"""What the routes share: who may, what is asked for, and where it is answered."""

from typing import Annotated

from fastapi import Depends, Query, Request
from fastapi.routing import APIRoute

from countersign_audit.reading.published import PublishedLog
from countersign_audit.reading.room import READERS, ReadingRoom
from countersign_shared.contracts.events.fields import NO_CONTROL_CHARACTERS
from countersign_shared.http import FieldError, Principal, Problem, require

PREFIX = "/api/audit/v1"
MAX_INDEX = 2**53 - 1
reader = require(*READERS)
Reader = Annotated[Principal, reader]

Purpose = Annotated[
    str | None,
    Query(max_length=500, pattern=NO_CONTROL_CHARACTERS, description="Why you look; it goes on the record with you."),
]


async def _room(request: Request) -> ReadingRoom:
    room: ReadingRoom = request.app.state.room
    return room


async def _published(request: Request) -> PublishedLog:
    published: PublishedLog = request.app.state.published
    return published


Room = Annotated[ReadingRoom, Depends(_room)]
Published = Annotated[PublishedLog, Depends(_published)]


async def _known_parameters(request: Request) -> None:
    """Refuse a query parameter that the path does not know: a filter left out in silence looks like an answer."""
    route: APIRoute = request.scope["route"]
    known = sorted(str(one.alias) for one in route.dependant.query_params)
    unknown = [name for name in dict.fromkeys(request.query_params) if name not in known]
    if unknown:
        there = f"Known here: {', '.join(known)}." if known else "This path takes none."
        errors = tuple(FieldError(f"/query/{name}", f"There is no such parameter. {there}") for name in unknown)
        raise Problem(422, "invalid-request", "The request is not valid", "See errors for each field.", errors=errors)


known_parameters = Depends(_known_parameters)


def not_found(what: str, detail: str) -> Problem:
    """Return the 404 that says what is not there."""
    return Problem(404, "not-found", f"No such {what}", detail)
