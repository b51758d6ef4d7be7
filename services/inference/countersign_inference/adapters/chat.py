"""Proposals from a language model behind an OpenAI-compatible chat API."""

import asyncio
import hashlib
import hmac
import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from countersign_inference.adapters.chat_client import ChatClient, Purse, UnavailableError
from countersign_inference.domain.chat_answers import ChatAnswer, Odd, outcome_probabilities, read_answer, votes
from countersign_inference.domain.entities import verified
from countersign_inference.domain.explanations import LEAST_EFFECT, in_per_cent
from countersign_inference.domain.prompts import Prompt, speaks_to_the_model
from countersign_inference.domain.restraint import fair_order
from countersign_inference.domain.scoring import Abstained, Answer, Question, Scored

log = logging.getLogger(__name__)

TOP_LOGPROBS = 20
DIGITS = 4
UNCALIBRATED = "the model's own certainty; no calibrator is fitted to it until people have judged its answers"


@dataclass(frozen=True, slots=True)
class ChatModel:
    """Which model to ask, and as what it is named on the record."""

    name: str
    version: str
    model: str
    prompt: Prompt
    labels: Mapping[str, str]


class ChatScorer:
    """Asks a chat API, a bounded number of requests at a time, tenants in turn, never for longer than allowed.

    `secret` makes the lines around a case's text unforeseeable.
    """

    kind = "openai"

    def __init__(self, chat: ChatModel, client: ChatClient, secret: bytes) -> None:
        self._chat = chat
        self._client = client
        self._limits = client.limits
        self._secret = secret
        self.reads = tuple(chat.prompt.fields)
        self.model = {"name": chat.name, "version": chat.version, "prompt_sha256": chat.prompt.sha256}
        self.limit_seconds = client.limits.batch_seconds

    async def score(self, batch: Sequence[Question]) -> list[Answer]:
        """Answer every case of the batch, in order, within the batch's time."""
        answers: list[Answer] = [Abstained("timeout", "the model had no time for it in this batch")] * len(batch)
        monotonic = self._client.monotonic
        deadline = monotonic() + self._limits.batch_seconds
        turns = iter(fair_order([question.tenant for question in batch]))

        async def work() -> None:
            # The iterator is shared: whoever is free takes the next case.
            for position in turns:
                if monotonic() >= deadline:
                    return
                answers[position] = await self._answer(batch[position], deadline)

        try:
            async with asyncio.timeout(self._limits.batch_seconds), asyncio.TaskGroup() as group:
                for _ in range(min(self._limits.concurrency, len(batch))):
                    group.create_task(work())
        except TimeoutError:
            log.warning("%s had no time for all of %d cases", self._chat.name, len(batch))
        return answers

    async def aclose(self) -> None:
        """Close connections."""
        await self._client.aclose()

    async def _answer(self, question: Question, deadline: float) -> Answer:
        # Only the allowed fields leave, whatever the question holds, and none that the schema refused.
        payload = {
            name: question.payload[name]
            for name in self._chat.prompt.fields
            if question.payload.get(name) is not None and name not in question.invalid
        }
        if (kept := self._kept_back(payload)) is not None:
            return kept
        purse = Purse(self._limits.requests, deadline)
        try:
            first = await self._ask(payload, purse, temperature=0.0)
            if isinstance(first, Odd):
                return Abstained(first.reason, first.detail)
            if first.instructed:
                return Abstained("suspected_injection", "the model found text in the case that tries to instruct it")
            return await self._judged(payload, first, purse)
        except UnavailableError as error:
            return Abstained("model_unavailable", str(error))

    def _kept_back(self, payload: Mapping[str, Any]) -> Abstained | None:
        """Say why a case is not sent at all."""
        prompt, most = self._chat.prompt, self._limits.characters
        if not payload:
            return Abstained("missing_input", "the case has none of the fields that the model may see")
        if len(prompt.document(payload)) > most:
            return Abstained("too_large", f"the case has more than the {most} characters that the model may see")
        if (name := speaks_to_the_model(payload, prompt.fields)) is not None:
            return Abstained(
                "suspected_injection", f"{prompt.fields[name]} speaks to the model instead of about the case"
            )
        return None

    async def _judged(self, payload: Mapping[str, Any], first: ChatAnswer, purse: Purse) -> Answer:
        codes = list(self._chat.prompt.outcomes)
        chances, method = outcome_probabilities(first, codes), "token_logprobs"
        if chances is None:
            chances, method = await self._sampled(payload, first, codes, purse), "self_consistency"
        if chances is None:
            return Abstained("no_confidence", "the model gives no probabilities, and too few of its answers are valid")
        best = max(chances, key=lambda code: (chances[code], code == first.outcome))
        if best != first.outcome:
            return Abstained("inconsistent", "asked several times, the model mostly gives another answer")
        factors = await self._factors(payload, first, chances[best], purse) if method == "token_logprobs" else []
        return self._scored(payload, first, chances, method, factors)

    async def _sampled(
        self, payload: Mapping[str, Any], first: ChatAnswer, codes: Sequence[str], purse: Purse
    ) -> dict[str, float] | None:
        """Return the outcomes' shares of several answers to the same question."""
        more = min(self._limits.samples - 1, purse.requests)
        warmth = self._limits.sample_temperature
        # One after the other: all at once would break the model's limit on requests in flight.
        answers = [await self._ask(payload, purse, temperature=warmth) for _ in range(more)]
        return votes([first, *answers], codes) if more else None

    async def _factors(
        self, payload: Mapping[str, Any], first: ChatAnswer, confidence: float, purse: Purse
    ) -> list[dict[str, Any]]:
        """Measure fields by leaving each out: what that takes from the log-odds of the outcome is its effect."""
        prompt, factors = self._chat.prompt, []
        for name in list(payload)[: min(self._limits.explained_fields, purse.requests)]:
            without = {other: value for other, value in payload.items() if other != name}
            answer = await self._ask(without, purse, temperature=0.0) if without else None
            chances = outcome_probabilities(answer, list(prompt.outcomes)) if isinstance(answer, ChatAnswer) else None
            if chances is None:
                continue
            left = chances[first.outcome]
            effect = round(_log_odds(confidence) - _log_odds(left), DIGITS)
            if abs(effect) < LEAST_EFFECT:
                continue
            direction, sure = "for" if effect > 0 else "against", in_per_cent(left)
            factors.append({
                "field": name, "value": _short(payload[name]), "effect": effect, "direction": direction,
                "text": f"{prompt.fields[name]} speaks {direction} it: without it the model is {sure} sure",
            })  # fmt: skip
        return sorted(factors, key=lambda factor: -abs(factor["effect"]))

    def _scored(
        self, payload: Mapping[str, Any], answer: ChatAnswer, chances: Mapping[str, float], method: str,
        factors: list[dict[str, Any]],
    ) -> Scored:  # fmt: skip
        confidence = min(chances[answer.outcome], 1.0)
        others = sorted(((value, code) for code, value in chances.items() if code != answer.outcome), reverse=True)
        entities, unfounded = verified(answer.entities, payload, confidence=round(confidence, DIGITS))
        detail: dict[str, Any] = {
            "margin": round(confidence - (others[0][0] if others else 0.0), 6), "method": method, "note": UNCALIBRATED,
        }  # fmt: skip
        if unfounded:
            detail["entities_not_in_the_text"] = unfounded
        summary = (
            f"Proposes {self._chat.labels[answer.outcome]} with {in_per_cent(confidence)} confidence. "
            f"In the model's words, which nobody has checked: {answer.summary}"
        )
        return Scored(
            {
                "outcome": answer.outcome, "outcome_params": {}, "confidence": confidence, "raw_score": confidence,
                "alternatives": [{"outcome": code, "confidence": round(value, 6)} for value, code in others],
                "explanation": {"summary": summary, "factors": factors},
            },
            {"value": confidence, "detail": detail},
            {"value": None, "reason": "there is no reference sample for a language model"},
            entities=entities,
        )  # fmt: skip

    async def _ask(self, payload: Mapping[str, Any], purse: Purse, *, temperature: float) -> ChatAnswer | Odd:
        """Ask once; what the server said, read strictly."""
        data = await self._client.complete(self._request(payload, temperature), purse)
        return read_answer(data, self._chat.prompt)

    def _request(self, payload: Mapping[str, Any], temperature: float) -> bytes:
        prompt = self._chat.prompt
        named = hashlib.sha256(prompt.document(payload).encode()).digest()
        boundary = "case-" + hmac.new(self._secret, named, "sha256").hexdigest()[:24]
        return orjson.dumps({
            "model": self._chat.model,
            "messages": prompt.messages(payload, boundary),
            "temperature": temperature,
            "max_tokens": self._limits.answer_tokens,
            "logprobs": True,
            "top_logprobs": TOP_LOGPROBS,
            "response_format": {
                "type": "json_schema", "json_schema": {"name": "proposal", "strict": True, "schema": prompt.schema()},
            },
        })  # fmt: skip


def _log_odds(probability: float) -> float:
    held = min(max(probability, 1e-6), 1 - 1e-6)
    return math.log(held / (1 - held))


def _short(value: Any) -> Any:
    return value[:200] if isinstance(value, str) else value
