"""Erasures: asked for here, carried out by every service, complete when the log's own keys are destroyed."""

from typing import Annotated

from fastapi import APIRouter, Depends, Header, Path, Request
from pydantic import BaseModel, ConfigDict, Field, model_validator

from countersign_audit.api.parts import PREFIX, not_found
from countersign_audit.erasing.desk import ErasureDesk, ErasureState, TooManyCasesError, UnreadableCaseError
from countersign_shared.contracts.events.fields import CASE_ID_PATTERN, NO_CONTROL_CHARACTERS, TENANT_PATTERN
from countersign_shared.http import Principal, Problem, require
from countersign_shared.ids import DEFAULT_TENANT

asker = require("admin")
Asker = Annotated[Principal, asker]
looker = require("admin", "auditor")
Key = Annotated[str, Header(alias="Idempotency-Key", min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


class ErasureRequest(BaseModel):
    """What is to be erased: one case, or every case of one subject."""

    model_config = ConfigDict(extra="forbid")

    tenant: str = Field(default=DEFAULT_TENANT, pattern=TENANT_PATTERN)
    case_id: str | None = Field(default=None, pattern=CASE_ID_PATTERN)
    subject_ref: str | None = Field(default=None, min_length=1, max_length=200, pattern=NO_CONTROL_CHARACTERS)
    legal_basis: str = Field(
        min_length=1,
        max_length=500,
        pattern=NO_CONTROL_CHARACTERS,
        description="On the record, e.g. GDPR 17(1)(a).",
    )

    @model_validator(mode="after")
    def _one_of_the_two(self) -> "ErasureRequest":
        if (self.case_id is None) == (self.subject_ref is None):
            raise ValueError("name a case_id or a subject_ref, one of the two")
        return self


async def _desk(request: Request) -> ErasureDesk:
    desk: ErasureDesk = request.app.state.erasures
    return desk


Desk = Annotated[ErasureDesk, Depends(_desk)]


def router() -> APIRouter:
    """Return the routes."""
    routes = APIRouter(prefix=PREFIX, tags=["erasure"])

    @routes.post("/erasures", status_code=202, summary="Have a case, or everything about a subject, erased")
    async def request_erasure(principal: Asker, desk: Desk, wanted: ErasureRequest, key: Key) -> ErasureState:
        """Each service erases its rows and confirms on the record; then the log destroys the case's keys.

        It cannot be undone. What the log has proven stays proven, and says "erased". The same key is the same erasure.
        """
        try:
            state = await _asked(principal, desk, wanted, key)
        except UnreadableCaseError as error:
            raise Problem(409, error.code, "A case cannot be opened", str(error)) from error
        except TooManyCasesError as error:
            raise Problem(409, error.code, "More cases than one person has", str(error)) from error
        if state is None:
            raise not_found("case", "The log holds nothing of that; or it is erased already, or not yours.")
        return state

    @routes.get("/erasures/{erasure_id}", summary="How far an erasure is")
    async def get_erasure(
        principal: Annotated[Principal, looker], desk: Desk,
        erasure_id: Annotated[str, Path(pattern=r"^era-[0-9a-f]{24}$")],
    ) -> ErasureState:  # fmt: skip
        """Which services have confirmed each case, and when its keys were destroyed."""
        state = await desk.state(erasure_id)
        if state is None or not all(principal.sees(case.tenant) for case in state.cases):
            raise not_found("erasure", f"Nobody asked for {erasure_id}.")
        return state

    return routes


async def _asked(principal: Principal, desk: ErasureDesk, wanted: ErasureRequest, key: str) -> ErasureState | None:
    if not principal.sees(wanted.tenant):
        return None
    return await desk.request(
        principal, wanted.tenant, case_id=wanted.case_id, subject_ref=wanted.subject_ref,
        legal_basis=wanted.legal_basis, key=key,
    )  # fmt: skip
