"""How refusals about controls answer over HTTP: one problem per code, and 503 while a batch in flight does not end."""

from collections.abc import Awaitable
from typing import Any

from countersign_router.repeats import KeyReused
from countersign_router.store import BatchInFlightError
from countersign_shared.errors import CountersignError
from countersign_shared.http import Problem

BUSY: dict[int | str, dict[str, Any]] = {
    503: {"description": "A batch in flight did not end in time; nothing has changed. Ask again."}
}
UNDECLARED: dict[int | str, dict[str, Any]] = {404: {"description": "Nobody declared this decision type."}}
STATUS = {
    "request_unknown": 404, "nothing_waits": 404, "no_peak": 404, "peak_over": 422, "peak_too_long": 422,
    "role_missing": 403, "role_lost": 403, "idempotency_key_reused": 422,
}  # fmt: skip
"""Everything else is a conflict with the state of things: 409."""


async def answered(operation: Awaitable[Any], refusal: type[CountersignError], title: str) -> Any:
    """Await an operation on the controls; turn its refusals into problems."""
    try:
        return await operation
    except (refusal, KeyReused) as refused:
        code: str = refused.code
        raise Problem(STATUS.get(code, 409), code.replace("_", "-"), title, str(refused)) from refused
    except BatchInFlightError as error:
        raise Problem(
            503, "batch-in-flight", "A batch in flight did not end in time", "Nothing has changed. Ask again.",
            headers={"Retry-After": "1"},
        ) from error  # fmt: skip
