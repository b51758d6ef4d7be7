"""Cases over HTTP: in through the intake, and what became of them."""

import asyncio
from typing import Any

from countersign_local.client import Client, Refused
from countersign_local.errors import USAGE, CommandError
from countersign_shared.ids import CASE_ID

INTAKE = "/api/inference/v1/cases"
_NOT_FOUND = 404


def case_path(case_id: str) -> str:
    """Return where the record of a case is; an id that no case can have is a ``CommandError``."""
    # The dots are names of places in a path, and would lead elsewhere.
    if CASE_ID.fullmatch(case_id) is None or case_id in {".", ".."}:
        raise CommandError(
            f"{case_id!r} is no case id: at most 128 characters, of A-Z, a-z, 0-9 and . _ : - only. `countersign audit"
            " timeline CASE` takes it as upstream gave it.", USAGE,
        )  # fmt: skip
    return f"/api/audit/v1/cases/{case_id}"


async def submit_case(client: Client, case: dict[str, Any]) -> dict[str, Any]:
    """Submit one case, waiting as long as the intake says it is busy. Submitting it again changes nothing."""
    while True:
        try:
            accepted = await client.post(INTAKE, case)
        except Refused as refusal:
            if refusal.retry_after_seconds is None:
                raise
            await asyncio.sleep(refusal.retry_after_seconds)
        else:
            return {"tenant": accepted["tenant"], "case_id": accepted["case_id"], "state": "accepted"}


async def outcome_of(client: Client, tenant: str, case_id: str) -> dict[str, Any]:
    """Return where a case stands: its state, and its latest outcome and mode once it is decided."""
    undecided = {"tenant": tenant, "case_id": case_id, "state": "accepted", "outcome": None, "mode": None}
    try:
        page = await client.get(f"/api/review/v1/cases/{tenant}/{case_id}")
    except Refused as refusal:
        if refusal.status == _NOT_FOUND:  # not routed yet
            return undecided
        raise
    latest = page["decisions"][-1] if page["decisions"] else {}
    mode = latest.get("mode")
    return {**undecided, "state": page["state"], "outcome": latest.get("outcome"), "mode": mode}
