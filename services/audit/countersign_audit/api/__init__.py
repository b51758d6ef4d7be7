"""HTTP in: the record, for those who may read it."""

from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI, Request

from countersign_audit.api import entries, erasures, explanations, log, subjects
from countersign_audit.api.parts import known_parameters
from countersign_audit.erasing.desk import ErasureDesk
from countersign_audit.explaining.handing_out import ExplanationDesk
from countersign_audit.reading.published import PublishedLog
from countersign_audit.reading.room import ReadingRoom
from countersign_audit.reading.subjects import SubjectDesk
from countersign_shared.http import Authenticate, Principal, Problem, create_app
from countersign_shared.observability import Health, Metrics


@dataclass(frozen=True, slots=True)
class Desks:
    """What stands behind the routes."""

    room: ReadingRoom
    published: PublishedLog
    erasures: ErasureDesk
    explanations: ExplanationDesk
    subjects: SubjectDesk


def build_app(*, desks: Desks, health: Health, metrics: Metrics, authenticate: Authenticate) -> FastAPI:
    """Return the audit service's HTTP application."""
    app = _app(health, metrics, authenticate)
    app.state.room, app.state.published = desks.room, desks.published
    app.state.erasures, app.state.explanations, app.state.subjects = desks.erasures, desks.explanations, desks.subjects
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
    for noun in (entries, log, erasures, explanations, subjects):
        # Mail programs add parameters of their own to links; the affected person is not to suffer for it.
        app.include_router(noun.router(), dependencies=[] if noun is explanations else [known_parameters])
    return app
