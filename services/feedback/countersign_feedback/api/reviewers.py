"""Do reviewers decide, or wave through? As much as the tenant lets be shown, of a person only for a purpose."""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import date
from typing import Annotated

import orjson
from fastapi import APIRouter, Depends, Header, Path, Query
from pydantic import BaseModel, Field

from countersign_feedback.api.evidence import Desk
from countersign_feedback.api.scope import reader, whose
from countersign_feedback.domain.reviewer_privacy import Desk as Shown
from countersign_feedback.domain.reviewer_privacy import NotShownError, ReviewerSignals, open_person, show
from countersign_feedback.domain.rubber_stamps import Finding
from countersign_feedback.store.openings import Opening
from countersign_shared.http import Principal, Problem, require

OPENERS = ("lead", "auditor", "admin")
"""Who may open a person's page, in the order in which their role is named on the record."""
opener = require(*OPENERS)
oneself = require("reviewer", *OPENERS)
Modes = Callable[[str], ReviewerSignals]
"""A tenant's setting."""
Person = Annotated[str, Path(max_length=200, description="The pseudonym.")]
Kind = Annotated[str | None, Query(max_length=64, description="Absent: all decision types.")]
Since = Annotated[date | None, Query(description="What was done on this UTC day or later.")]
Whose = Annotated[str, Query(max_length=64, description="Whose reviewers.")]


class Purpose(BaseModel):
    """What a person's page is opened for."""

    purpose: str = Field(min_length=3, max_length=500, description="It becomes an entry of the record.")


def routes(desk: Desk, modes: Modes) -> APIRouter:
    """Return the routes."""
    router = APIRouter(prefix="/api/feedback/v1", tags=["reviewers"])

    @router.get("/reviewers", summary="Do reviewers decide, or wave through?", dependencies=[reader])
    async def get_reviewers(
        principal: Annotated[Principal, reader], tenant: Whose = "default", decision_type: Kind = None,
        since: Since = None,
    ) -> Shown:  # fmt: skip
        """The team, and single pseudonyms where the tenant shows them; nothing under n = 30 or of fewer than five."""
        store, _ = desk()
        found = await store.reviews(whose(principal, tenant), decision_type, since)
        return await asyncio.to_thread(show, found, mode=modes(tenant))

    @router.get("/reviewers/me", summary="What would be said about me?")
    async def get_me(
        principal: Annotated[Principal, oneself], tenant: Whose = "default", decision_type: Kind = None,
        since: Since = None,
    ) -> Finding:  # fmt: skip
        """The same page that others see when they open it for a purpose."""
        return await _finding(desk, principal, principal.subject, whose(principal, tenant), decision_type, since, modes)

    @router.post("/reviewers/{reviewer}/open", summary="Open a person's page, for a purpose that is on the record")
    async def post_open(
        principal: Annotated[Principal, opener],
        reviewer: Person,
        given: Purpose,
        key: Annotated[IdempotencyKey, Depends(_request_key)],
        tenant: Whose = "default",
        decision_type: Kind = None,
        since: Since = None,
    ) -> Finding:
        """Exact tests with intervals. A reason to talk; nothing follows from it by itself."""
        found = await _finding(
            desk, principal, reviewer, whose(principal, tenant), decision_type, since, modes, given.purpose
        )
        store, clock = desk()
        role = next(role for role in OPENERS if role in principal.roles)
        now = clock()
        # Another purpose, another question or another day is another look: no key lets one pass unrecorded.
        same = None if key is None else _digest(key, given.purpose, decision_type, since, now.date())
        # On the record before it is seen.
        await store.open_page(Opening(tenant, reviewer, principal.subject, role, given.purpose, same), now)
        return found

    return router


IdempotencyKey = str | None


def _request_key(
    idempotency_key: Annotated[
        str | None,
        Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$",
               description="The same request with the same key is on the record once a day."),
    ] = None,
) -> IdempotencyKey:  # fmt: skip
    return idempotency_key


def _digest(*said: object) -> str:
    return hashlib.sha256(orjson.dumps(said)).hexdigest()


async def _finding(
    desk: Desk, principal: Principal, reviewer: str, tenant: str, decision_type: str | None, since: date | None,
    modes: Modes, purpose: str = "",
) -> Finding:  # fmt: skip
    store, _ = desk()
    reviews = await store.reviews(tenant, decision_type, since)
    try:
        return await asyncio.to_thread(
            open_person, reviews, reviewer, mode=modes(tenant), purpose=purpose, asker=principal.subject
        )
    except NotShownError as refused:
        raise Problem(403, "not-shown", "Not shown", f"{str(refused)[:1].upper()}{str(refused)[1:]}.") from refused
