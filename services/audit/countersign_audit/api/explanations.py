"""Explanations: links for the affected person, and the two pages behind them."""

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request
from fastapi.responses import HTMLResponse
from pydantic import BaseModel, Field

from countersign_audit.api.entries import CaseId, Tenant
from countersign_audit.api.parts import PREFIX, Purpose, Reader, not_found
from countersign_audit.explaining.handing_out import ExplanationDesk
from countersign_shared.clock import rfc3339
from countersign_shared.http import public
from countersign_shared.ids import DEFAULT_TENANT

GONE = 410
HEADERS = {
    "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'",
}  # fmt: skip


class ExplanationLink(BaseModel):
    """A link for the affected person; it is told once and opens once."""

    path: str = Field(description="Put the public address of the console before it, which passes it on.")
    expires_at: str


async def _desk(request: Request) -> ExplanationDesk:
    desk: ExplanationDesk = request.app.state.explanations
    return desk


Desk = Annotated[ExplanationDesk, Depends(_desk)]
# Whatever somebody copied, whole or not: they get a page to read, never an error for programs.
Token = Annotated[str, Path(description="What `path` of the link ends with.")]


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["explanation"])

    @routes.post("/cases/{case_id}/explanation-links", status_code=201, summary="A link for the affected person")
    async def make_link(
        principal: Reader, desk: Desk, case_id: CaseId, tenant: Tenant = DEFAULT_TENANT, purpose: Purpose = None
    ) -> ExplanationLink:
        """What was decided, by whom or what, why, and how to object. Asking again makes another."""
        link = await desk.make_link(principal, tenant, case_id, purpose) if principal.sees(tenant) else None
        if link is None:
            raise not_found("case", f"The log holds no readable case {case_id} of tenant {tenant}.")
        return ExplanationLink(path=f"{PREFIX}/explanations/{link.token}", expires_at=rfc3339(link.expires_at))

    @routes.get(
        "/explanations/{token}", summary="Where a link leads", dependencies=[public], response_class=HTMLResponse
    )
    async def follow_link(desk: Desk, token: Token) -> HTMLResponse:
        """A button. Mail programs look at links before people do, and must not use them up."""
        page, usable = await desk.ask(token)
        return HTMLResponse(page, 200 if usable else GONE, headers=HEADERS)

    @routes.post(
        "/explanations/{token}", summary="The explanation, once", dependencies=[public], response_class=HTMLResponse
    )
    async def open_explanation(desk: Desk, token: Token) -> HTMLResponse:
        """The explanation as a page, with the same as a PDF inside it. That it was opened is on the record."""
        page, usable = await desk.open(token)
        return HTMLResponse(page, 200 if usable else GONE, headers=HEADERS)

    return routes
