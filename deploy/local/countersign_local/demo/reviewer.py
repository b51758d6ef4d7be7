"""A scripted reviewer: takes what the queues hold and answers through the same API as a person.

Outcomes are random but seeded. It mostly agrees with what it is shown, so that the figures afterwards look like work.
"""

import asyncio
from dataclasses import dataclass
from random import Random
from typing import Any

from countersign_local.client import Client, Refused

_API = "/api/review/v1"
_CONFLICT = 409
_AGREES = 0.85
_IDLE_SECONDS = 0.1


@dataclass(slots=True)
class ScriptedReviewer:
    """One reviewer with a client of their own; `chance` decides what they answer."""

    client: Client
    chance: Random
    answered: int = 0
    idle: bool = False

    async def work(self) -> None:
        """Work the queues until cancelled."""
        while True:
            self.idle = not await self._one_round()
            if self.idle:
                await asyncio.sleep(_IDLE_SECONDS)

    async def _one_round(self) -> bool:
        queues = (await self.client.get(f"{_API}/queues"))["items"]
        worked = False
        for queue in queues:
            claim = await self._claim(queue["queue"]) if queue["depth"] else None
            if claim is not None:
                await self._answer(claim)
                worked = True
        return worked

    async def _claim(self, queue: str) -> dict[str, Any] | None:
        try:
            claim: dict[str, Any] | None = await self.client.post(f"{_API}/queues/{queue}/claims", {})
        except Refused as refusal:
            if refusal.status == _CONFLICT:  # somebody else was faster
                return None
            raise
        return claim

    async def _answer(self, claim: dict[str, Any]) -> None:
        await self.client.post(f"{_API}/claims/{claim['claim_id']}/opened")
        try:
            await self.client.post(
                f"{_API}/claims/{claim['claim_id']}/decision",
                answer_to(claim, self.chance),
                **{"If-Match": str(claim["version"]), "Idempotency-Key": f"answer-{claim['claim_id']}"},
            )
        except Refused as refusal:
            if refusal.status != _CONFLICT:  # withdrawn or changed while it was open: the case is somebody else's
                raise
        else:
            self.answered += 1


def answer_to(claim: dict[str, Any], chance: Random) -> dict[str, Any]:
    """Choose an answer to what a claim shows, bound to exactly that."""
    context, actions = claim["context"], claim["context"]["actions"]
    # An outcome with terms of its own needs a person to fill them in.
    choices = [choice for choice in actions["outcomes"] if choice["outcome"] in claim["execute_sha256_by_outcome"]]
    shown = context["recommendation"]
    agreed = [choice for choice in choices if shown is not None and choice["outcome"] == shown["outcome"]]
    chosen = agreed[0] if agreed and chance.random() < _AGREES else chance.choice(choices)
    overrides = shown is not None and chosen["outcome"] != shown["outcome"]
    return {
        "outcome": chosen["outcome"],
        "reason": {
            "codes": _some(actions["reason_codes"], chance),
            "note": "Answered by the demo's scripted reviewer.",
            "category": "ai_error" if overrides else "none",
        },
        "principal_reasons": _some(actions["principal_reason_codes"], chance) if chosen["adverse"] else [],
        "binding": {
            "payload_sha256": claim["payload_sha256"],
            "shown_sha256": [claim["shown_sha256"]],
            "execute_sha256": claim["execute_sha256_by_outcome"][chosen["outcome"]],
        },
    }


def _some(coded: list[dict[str, str]], chance: Random) -> list[str]:
    codes = [code["code"] for code in coded if code["code"] != "other"]
    return [chance.choice(codes)] if codes else []
