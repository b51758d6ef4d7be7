"""What the routes work with; put together by ``app``, reached through the request."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated

import httpx
from fastapi import Depends, Request

from countersign_review.api.hub import Hub
from countersign_review.api.pace import Pace
from countersign_review.api.sign_in import Attempts
from countersign_review.api.tokens import Signer
from countersign_review.settings import Settings
from countersign_review.store.acting import Acting
from countersign_review.store.answers import Answers
from countersign_review.store.aside import Aside
from countersign_review.store.case_index import CaseIndex
from countersign_review.store.claims import Claims
from countersign_review.store.delegations import Delegations
from countersign_review.store.departures import Departures
from countersign_review.store.dispatch import Dispatch
from countersign_review.store.incoming import Incoming
from countersign_review.store.live import Live
from countersign_review.store.passwords import Passwords
from countersign_review.store.people import People
from countersign_review.store.register import Register
from countersign_review.store.remarks import Remarks
from countersign_review.store.reversals import Reversals
from countersign_review.store.saved_views import SavedViews
from countersign_review.store.seeds import Seeds
from countersign_review.store.taking import Taking
from countersign_review.store.views import Views
from countersign_shared.clock import Clock
from countersign_shared.contracts.decision_types import DecisionType


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything behind the routes."""

    settings: Settings
    types: Mapping[str, DecisionType]
    claims: Claims
    taking: Taking
    answers: Answers
    acting: Acting
    aside: Aside
    remarks: Remarks
    reversals: Reversals
    dispatch: Dispatch
    seeds: Seeds
    incoming: Incoming
    views: Views
    register: Register
    saved_views: SavedViews
    case_index: CaseIndex
    people: People
    departures: Departures
    delegations: Delegations
    hub: Hub
    live: Live
    passwords: Passwords
    attempts: Attempts
    pace: Pace
    signer: Signer
    clients: Mapping[str, httpx.AsyncClient]
    clock: Clock


# Not async, it would go through the thread pool at every request; so it is with what else a route depends on.
async def _parts(request: Request) -> Parts:
    parts: Parts = request.app.state.parts
    return parts


Using = Annotated[Parts, Depends(_parts)]
"""The parts, as a route asks for them."""
