"""Refusals as problem details: each keeps its name, and says what to do next."""

from fastapi import FastAPI, Request
from starlette.responses import Response

from countersign_review.domain.refusals import Refusal
from countersign_review.domain.review import IllegalTransition
from countersign_shared.http import FieldError, Problem
from countersign_shared.http.problems import trace_id

_STATUS = {
    "not-found": (404, "Not found"),
    "not-eligible": (403, "Beyond your authority"),
    "too-many-claims": (409, "You hold enough"),
    "stale-version": (409, "It has changed since you read it"),
    "lease-ended": (409, "Your claim has ended"),
    "already-decided": (409, "Already answered"),
    "withdrawn": (409, "The case was withdrawn"),
    "stale-binding": (409, "What you saw has changed"),
    "invalid-answer": (422, "The answer cannot be recorded"),
    "idempotency-key-reused": (422, "The key was used before"),
    "secret-told": (409, "Done before"),
    "already-left": (409, "Too late to undo"),
    "redacted": (410, "Not whole any more"),
    "search-too-broad": (422, "The search is too broad"),
    "too-many": (409, "You keep as many as anybody may"),
    "answer-outstanding": (403, "Answer first"),
    "outcomes-exist": (409, "This case can be decided"),
    "cannot-take-it": (409, "They cannot take it"),
    "not-for-you": (403, "Not for you"),
    "beyond-you": (403, "Beyond your tenants"),
    "nothing-to-reverse": (409, "No decision stands"),
    "review-open": (409, "The case is being looked at"),
}


def install(app: FastAPI) -> None:
    """Answer every refusal of the domain as a problem."""

    async def on_refusal(request: Request, error: Exception) -> Response:
        if not isinstance(error, Refusal):
            raise error
        status, title = _STATUS[error.code]
        errors = tuple(FieldError(fault.pointer, fault.detail) for fault in error.faults)
        problem = Problem(status, error.code, title, error.detail, errors=errors, **error.extra)
        return problem.response(trace_id(request))

    async def on_illegal(request: Request, error: Exception) -> Response:
        if not isinstance(error, IllegalTransition):
            raise error
        return Problem(409, error.code, "Not now", error.text).response(trace_id(request))

    app.add_exception_handler(Refusal, on_refusal)
    app.add_exception_handler(IllegalTransition, on_illegal)
