"""Cases over HTTP: in through the intake, and what became of them."""

import asyncio
from typing import Any

from countersign_local.client import Client, Refused

INTAKE = "/api/inference/v1/cases"


async def submit_case(client: Client, case: dict[str, Any]) -> dict[str, Any]:
    """Submit one case, waiting as long as the intake says it is busy. Submitting it again changes nothing."""
    while True:
        try:
            await client.post(INTAKE, case)
        except Refused as refusal:
            if refusal.retry_after_seconds is None:
                raise
            await asyncio.sleep(refusal.retry_after_seconds)
        else:
            return {"tenant": case.get("tenant", "default"), "case_id": case["case_id"], "state": "accepted"}
