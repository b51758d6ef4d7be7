"""What the routes share: who may, what is asked for, and where it is answered."""

from typing import Annotated

from fastapi import Depends, Query, Request

from countersign_audit.published import PublishedLog
from countersign_audit.reading_room import READERS, ReadingRoom
from countersign_shared.contracts.events.fields import NO_CONTROL_CHARACTERS
from countersign_shared.http import Principal, Problem, require

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


def not_found(what: str, detail: str) -> Problem:
    """Return the 404 that says what is not there."""
    return Problem(404, "not-found", f"No such {what}", detail)
