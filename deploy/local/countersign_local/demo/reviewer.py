"""A scripted reviewer: takes what the queues hold and answers through the same API as a person.

Outcomes are random but seeded. It mostly agrees with what it is shown, so that the figures afterwards look like work.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any

import jsonschema_rs

from countersign_local.client import Client, Refused

_API = "/api/review/v1"
_CONFLICT = 409
_AGREES = 0.85
_IDLE_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Choice:
    """What to answer: an outcome with its terms, and whether it contradicts what was shown."""

    outcome: str
    params: Mapping[str, Any]
    adverse: bool
    overrides: bool


@dataclass(slots=True)
class ScriptedReviewer:
    """One reviewer with a client of their own; `chance` decides what they answer."""

    client: Client
    chance: Random
    answered: int = 0
    idle: bool = False

    async def work(self) -> None:
        """Finish what an earlier start held, then work the queues until cancelled."""
        for held in (await self.client.get(f"{_API}/claims"))["items"]:
            await self._answer(await self.client.get(f"{_API}/claims/{held['claim_id']}"))
        while True:
            self.idle = not await self.one_round()
            if self.idle:
                await asyncio.sleep(_IDLE_SECONDS)

    async def one_round(self) -> bool:
        """Answer one case of every queue that has some; tell whether there was any."""
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
        path = f"{_API}/claims/{claim['claim_id']}"
        try:
            await self.client.post(f"{path}/opened")
            if await self._decide(path, claim) == "revealed":
                # Answered unseen: now the proposal is shown, and the last word is due.
                await self._decide(path, await self.client.get(path))
        except Refused as refusal:
            if refusal.status != _CONFLICT:  # withdrawn or changed while it was open: nobody waits for this answer
                raise
        else:
            self.answered += 1

    async def _decide(self, path: str, claim: dict[str, Any]) -> str:
        choice = choose(claim, self.chance)
        answer = answer_to(claim, choice, await self._digest(path, claim, choice), self.chance)
        key = f"answer-{claim['claim_id']}-{claim['version']}"
        headers = {"If-Match": str(claim["version"]), "Idempotency-Key": key}
        return str((await self.client.post(f"{path}/decision", answer, **headers))["state"])

    async def _digest(self, path: str, claim: dict[str, Any], choice: Choice) -> str:
        """Return the digest of what would be carried out; with terms it has to be asked for."""
        if not choice.params:
            return str(claim["execute_sha256_by_outcome"][choice.outcome])
        asked = {"outcome": choice.outcome, "outcome_params": choice.params}
        return str((await self.client.post(f"{path}/preview", asked))["execute_sha256"])


def choose(claim: dict[str, Any], chance: Random) -> Choice:
    """Choose an outcome: mostly the proposed one on its terms, otherwise any that needs none, on those of the case."""
    shown, allowed = claim["context"]["recommendation"], claim["context"]["actions"]["outcomes"]
    proposed = [choice for choice in allowed if shown is not None and choice["outcome"] == shown["outcome"]]
    if proposed and chance.random() < _AGREES:
        return Choice(shown["outcome"], shown["outcome_params"], proposed[0]["adverse"], overrides=False)
    picked = chance.choice([one for one in allowed if one["outcome"] in claim["execute_sha256_by_outcome"]])
    overrides = shown is not None and picked["outcome"] != shown["outcome"]
    return Choice(picked["outcome"], _asked_for(picked, claim["context"]["key_facts"]), picked["adverse"], overrides)


def _asked_for(outcome: Mapping[str, Any], facts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the terms of an outcome as the case asks for them, where it does."""
    schema = outcome.get("params_schema") or {}
    named = {fact["field"]: fact["value"] for fact in facts if fact["value"] is not None}
    asked = {name: named[name] for name in schema.get("properties", {}) if name in named}
    # Facts are shown whatever they are; terms are carried out.
    return asked if jsonschema_rs.is_valid(schema, asked) else {}


def answer_to(claim: dict[str, Any], choice: Choice, execute_sha256: str, chance: Random) -> dict[str, Any]:
    """Write the answer to a claim, bound to exactly what it shows."""
    actions = claim["context"]["actions"]
    return {
        "outcome": choice.outcome,
        "outcome_params": choice.params,
        "reason": {
            "codes": _some(actions["reason_codes"], chance),
            "note": "Answered by the demo's scripted reviewer.",
            "category": "ai_error" if choice.overrides else "none",
        },
        "principal_reasons": _some(actions["principal_reason_codes"], chance) if choice.adverse else [],
        "binding": {
            "payload_sha256": claim["payload_sha256"],
            "shown_sha256": claim["shown_sha256_all"],
            "execute_sha256": execute_sha256,
        },
    }


def _some(coded: list[dict[str, str]], chance: Random) -> list[str]:
    codes = [code["code"] for code in coded if code["code"] != "other"]
    return [chance.choice(codes)] if codes else []
