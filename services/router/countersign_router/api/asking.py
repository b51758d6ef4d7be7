"""What the routes about drafts have in common: who asks, for which hash; and how a refusal answers."""

from collections.abc import Awaitable
from typing import Annotated, Any, TypeVar

from fastapi import Depends, Header, Request

from countersign_router.api.parts import READERS
from countersign_router.language.loading import PolicyRefused
from countersign_router.life.refusals import REFUSALS
from countersign_router.life.steps import Caller
from countersign_router.store import BatchInFlightError
from countersign_shared.http import Authenticate, FieldError, Principal, Problem

Result = TypeVar("Result")

STATUS = {
    "draft_unknown": 404, "policy_unknown": 404, "hash_mismatch": 412, "role_missing": 403, "role_lost": 403,
    "idempotency_key_reused": 422,
}  # fmt: skip
"""Everything else is a conflict with the state of things: 409."""
REFUSED: dict[int | str, dict[str, Any]] = {
    403: {"description": "Not your role, or not any more. On the record."},
    404: {"description": "There is no such draft."},
    409: {"description": "Not at this point, or not by its author. On the record."},
    412: {"description": "The draft has changed since it was read. On the record."},
    428: {"description": "If-Match is missing."},
}
UNUSABLE: dict[int | str, dict[str, Any]] = {
    422: {"description": "The policy cannot be used; `diagnostics` says where and why."}
}


def asks(*roles: str) -> Any:
    """Return a dependency for a step that needs one of these roles.

    Whoever may read policies and lacks the role is let through to the refusal that goes on the record; all others are
    refused here.
    """
    wanted = frozenset(roles)

    async def guard(request: Request) -> Caller:
        authenticate: Authenticate = request.app.state.authenticate
        principal = await authenticate(request)
        if not principal.roles & (wanted | set(READERS)):
            raise Problem(403, "forbidden", "Not for your role", f"This needs one of: {', '.join(sorted(wanted))}.")
        request.state.principal = principal
        return caller_of(principal)

    guard.roles = wanted  # type: ignore[attr-defined]
    return Depends(guard)


def caller_of(principal: Principal) -> Caller:
    """Return the caller as the steps know them."""
    return Caller(principal.subject, principal.roles, principal.tenants)


Author = Annotated[Caller, asks("policy_author")]
Worker = Annotated[Caller, asks("policy_author", "policy_approver")]
Approver = Annotated[Caller, asks("policy_approver")]


def _named(
    if_match: Annotated[
        str | None, Header(alias="If-Match", description="The draft's `sha256` as you have seen it, in quotes.")
    ] = None,
) -> str:
    if if_match is None:
        raise Problem(428, "hash-required", "Which text?", "Send the draft's sha256 as If-Match.")
    return if_match.strip().removeprefix("W/").strip('"').lower()[:64]


Named = Annotated[str, Depends(_named)]
"""The hash of the text that a step rests on."""


async def taken(operation: Awaitable[Result]) -> Result:
    """Await a step; turn its refusals into problems."""
    try:
        return await operation
    except REFUSALS as refusal:
        slug = refusal.code.replace("_", "-")
        raise Problem(STATUS.get(refusal.code, 409), slug, "The policy stays as it is", str(refusal)) from refusal
    except PolicyRefused as refused:
        raise unusable(refused) from refused
    except BatchInFlightError as error:
        raise Problem(
            503, "batch-in-flight", "A batch in flight did not end in time", "Nothing has changed. Ask again.",
            headers={"Retry-After": "1"},
        ) from error  # fmt: skip


def unusable(refused: PolicyRefused) -> Problem:
    """Say what is wrong with a policy: one error each, and the places for an editor."""
    errors = tuple(FieldError("/yaml", str(one)) for one in refused.diagnostics)
    return Problem(
        422, "policy-refused", "The policy cannot be used", errors=errors,
        diagnostics=[
            {"path": one.path, "message": one.message, "line": one.line, "column": one.column, "length": one.length,
             "hint": one.hint, "severity": one.severity}
            for one in refused.diagnostics
        ],
    )  # fmt: skip
