"""What a language model answered: read strictly, and how sure it was, from the probabilities of its own tokens."""

import json
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from countersign_inference.domain.prompts import LONGEST_CLAIM, LONGEST_SUMMARY, MOST_ENTITIES, Prompt
from countersign_shared.contracts.intake import Refusal, read_json


class Odd(NamedTuple):
    """Why an answer counts as none: a stable code, and a sentence for people."""

    reason: str
    detail: str


@dataclass(frozen=True, slots=True)
class ChatAnswer:
    """One valid answer. `tokens` are None where the server gave no probabilities, or ones that cannot be."""

    content: str
    outcome: str
    summary: str
    entities: Sequence[Mapping[str, str]]
    instructed: bool
    tokens: "Sequence[Token] | None"
    used_tokens: int


class Token(NamedTuple):
    """One token, the natural logarithm of its probability, and those of what might have stood in its place."""

    text: str
    logprob: float
    others: Sequence[tuple[str, float]]


def read_answer(body: bytes, prompt: Prompt) -> ChatAnswer | Odd:
    """Read the server's response to a chat completion; whatever is not exactly as asked for is odd."""
    found = read_json(body)
    if isinstance(found, Refusal):
        return Odd("invalid_answer", f"the model server's answer cannot be read: {found.detail}"[:300])
    try:
        choice = found["choices"][0]
        message, finish = choice["message"], choice.get("finish_reason")
        refusal, content = message.get("refusal"), message.get("content")
        used = found.get("usage") or {}
        spent = int(used.get("completion_tokens") or 0)
    except (KeyError, IndexError, TypeError, AttributeError, ValueError):
        return Odd("invalid_answer", "the model server's answer is no chat completion")
    if refusal or finish == "content_filter":
        return Odd("model_refused", "the model refused to answer")
    if finish == "length":
        return Odd("invalid_answer", "the answer was cut off at its limit")
    if finish != "stop" or not isinstance(content, str):
        return Odd("invalid_answer", "the model gave no answer in words")
    return _read_content(content, prompt, read_tokens(choice.get("logprobs"), content), spent)


def _read_content(content: str, prompt: Prompt, tokens: Sequence[Token] | None, used: int) -> ChatAnswer | Odd:
    try:
        said = json.loads(content, object_pairs_hook=_unrepeated, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        said = None
    if not isinstance(said, dict):
        return Odd("invalid_answer", "the answer is no JSON object, or repeats a field")
    if (wrong := _wrong(said, prompt)) is not None:
        return Odd("invalid_answer", wrong)
    return ChatAnswer(
        content, said["outcome"], _line(said["summary"]), said["entities"], said["instructed"], tokens, used
    )


def _unrepeated(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a field appears twice")
    return found


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _wrong(said: Mapping[str, Any], prompt: Prompt) -> str | None:
    """Say what is wrong with an answer; it quotes nothing that a case may have made the model say."""
    if set(said) != {"outcome", "instructed", "summary", "entities"}:
        return "the answer does not have the fields that were asked for"
    if not isinstance(said["outcome"], str) or said["outcome"] not in prompt.outcomes:
        return "the answer names an outcome that does not exist"
    if type(said["instructed"]) is not bool or not isinstance(said["summary"], str) or not said["summary"].strip():
        return "the answer has fields of the wrong type"
    entities = said["entities"]
    if not isinstance(entities, list) or len(entities) > MOST_ENTITIES:
        return "the answer's entities are no list, or too many"
    return "an entity of the answer is not as asked for" if any(_is_odd(one, prompt) for one in entities) else None


def _is_odd(entity: Any, prompt: Prompt) -> bool:
    return (
        not isinstance(entity, dict)
        or set(entity) != {"type", "field", "text"}
        or not all(isinstance(value, str) and len(value) <= LONGEST_CLAIM for value in entity.values())
        or entity["type"] not in prompt.entities
        or entity["field"] not in prompt.fields
    )


def _line(text: str) -> str:
    """Return a text of the model as one printable line: it may repeat what the case says."""
    line = "".join(letter if letter.isprintable() else " " for letter in text)
    return " ".join(line.split())[:LONGEST_SUMMARY]


def read_tokens(logprobs: Any, content: str) -> list[Token] | None:
    """Return the tokens with their probabilities, or None when they are absent, impossible or not of this content."""
    try:
        tokens = [
            Token(
                str(item["token"]), _logprob(item["logprob"]),
                [(str(other["token"]), _logprob(other["logprob"])) for other in item.get("top_logprobs") or ()],
            )
            for item in logprobs["content"]
        ]  # fmt: skip
    except (KeyError, TypeError, ValueError, AttributeError):
        return None
    return tokens if "".join(token.text for token in tokens) == content else None


def _logprob(value: Any) -> float:
    if type(value) not in {int, float} or math.isnan(value) or value > 1e-6:  # noqa: PLR2004 - rounding of servers
        raise ValueError("no logarithm of a probability")
    return min(float(value), 0.0)


_OUTCOME = re.compile(r'\s*\{\s*"outcome"\s*:\s*"(?P<value>[A-Za-z0-9_.-]+)"')


def outcome_probabilities(answer: ChatAnswer, outcomes: Sequence[str]) -> dict[str, float] | None:
    """Return the probability of each outcome, from the tokens that spell it; None when they do not tell.

    The chosen one has the product of its tokens' probabilities, closing quote included, so that an outcome whose name
    begins another's is not confused with it. Each token that might have stood in the place of one of them counts for
    the outcomes it leads to, as far as the servers' lists go. What leads to no outcome is in nobody's share.
    """
    match = _OUTCOME.match(answer.content)
    if answer.tokens is None or match is None or match["value"] != answer.outcome:
        return None
    begin, end = match.start("value"), match.end("value") + 1
    found = dict.fromkeys(outcomes, 0.0)
    position, sure = 0, 0.0
    for token in answer.tokens:
        after = position + len(token.text)
        if after > begin and position < end:
            before = answer.content[begin:position] if position > begin else ""
            lead = answer.content[position:begin] if position < begin else ""
            for text, logprob in token.others:
                if text != token.text and text.startswith(lead):
                    _credit(found, before + text[len(lead) :], sure + logprob, answer.outcome)
            sure += token.logprob
        position = after
    found[answer.outcome] = math.exp(sure)
    return found if max(found.values()) == found[answer.outcome] and sum(found.values()) <= 1.01 else None  # noqa: PLR2004


def _credit(found: dict[str, float], path: str, logprob: float, chosen: str) -> None:
    """Give what a token would have begun to the one outcome it leads to; to none when it may be several."""
    led = [code for code in found if path and ((code + '"').startswith(path) or path.startswith(code + '"'))]
    if len(led) == 1 and led[0] != chosen:
        found[led[0]] += math.exp(logprob)


def votes(answers: Sequence[ChatAnswer | Odd], outcomes: Sequence[str]) -> dict[str, float] | None:
    """Return each outcome's share of samples, one imaginary vote each added; None when most samples are no answers.

    The added votes (Laplace's rule of succession) keep five alike answers of five from counting as certainty.
    """
    valid = Counter(answer.outcome for answer in answers if isinstance(answer, ChatAnswer))
    if 2 * valid.total() <= len(answers):
        return None
    return {code: (valid[code] + 1) / (len(answers) + len(outcomes)) for code in outcomes}
