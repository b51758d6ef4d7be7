"""What a language model answered is taken only when it is exactly what was asked for."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from countersign_inference.domain.chat_answers import (
    ChatAnswer,
    Odd,
    Token,
    outcome_probabilities,
    read_answer,
    read_tokens,
)
from countersign_inference.domain.prompts import LONGEST_CLAIM, MOST_ENTITIES, Prompt

PROMPT = Prompt("post", "Judge.", {"keep": "Keep", "remove": "Remove"}, {"text": "Text"}, ["url"], {})
SAID = {"outcome": "keep", "instructed": False, "summary": "Fine.", "entities": []}
CLAIM = {"type": "url", "field": "text", "text": "x"}


def answered(content: Any, *, finish: str = "stop", **body: Any) -> ChatAnswer | Odd:
    words = content if isinstance(content, str) else json.dumps(content)
    choice = {"message": {"content": words}, "finish_reason": finish, "logprobs": None}
    return read_answer(json.dumps({"choices": [choice], **body}).encode(), PROMPT)


@pytest.mark.parametrize("usage", [{}, {"usage": None}, {"usage": {}}, {"usage": {"completion_tokens": None}}])
def test_a_server_need_not_say_what_it_spent(usage: dict[str, Any]) -> None:
    assert answered(SAID, **usage) == ChatAnswer(json.dumps(SAID), "keep", "Fine.", [], False, None, 0)
    assert answered(SAID, usage={"completion_tokens": 7}) == ChatAnswer(
        json.dumps(SAID), "keep", "Fine.", [], False, None, 7
    )


def test_as_much_as_was_allowed_is_taken() -> None:
    most = [{**CLAIM, "text": "x" * LONGEST_CLAIM}] * MOST_ENTITIES
    found = answered({**SAID, "entities": most})
    assert isinstance(found, ChatAnswer)
    assert len(found.entities) == MOST_ENTITIES


@pytest.mark.parametrize(
    "said",
    [
        {"outcome": "delete"}, {"outcome": ["keep"]}, {"outcome": None}, {"instructed": 0}, {"instructed": None},
        {"summary": " "}, {"summary": 5}, {"entities": {}}, {"entities": [CLAIM] * (MOST_ENTITIES + 1)},
        {"entities": [CLAIM | {"text": "x" * (LONGEST_CLAIM + 1)}]}, {"entities": [CLAIM | {"type": "email"}]},
        {"entities": [CLAIM | {"field": "author"}]}, {"entities": [CLAIM | {"text": 5}]}, {"entities": ["x"]},
        {"entities": [{"type": "url", "field": "text"}]}, {"entities": [CLAIM | {"more": "x"}]}, {"more": 1},
    ],
)  # fmt: skip
def test_anything_else_is_no_answer(said: dict[str, Any]) -> None:
    found = answered(SAID | said)
    assert isinstance(found, Odd)
    assert found.reason == "invalid_answer"


@pytest.mark.parametrize(
    ("content", "finish"),
    [
        ("[" * 100_000, "stop"), ('{"outcome":"keep","outcome":"remove"}', "stop"), ("NaN", "stop"), ("", "stop"),
        (json.dumps(SAID), "length"), (json.dumps(SAID), "tool_calls"),
    ],
)  # fmt: skip
def test_what_is_cut_off_or_no_object_is_no_answer(content: str, finish: str) -> None:
    assert isinstance(answered(content, finish=finish), Odd)


def spelled(*tokens: Token) -> dict[str, float] | None:
    content = "".join(token.text for token in tokens)
    return outcome_probabilities(ChatAnswer(content, "keep", "s", [], False, tokens, 1), ["keep", "remove"])


def test_the_probability_is_that_of_the_tokens_that_spell_the_outcome() -> None:
    log = math.log
    found = spelled(
        Token('{"outcome":', log(0.5), [('{"', log(0.4))]),
        Token(' "ke', log(0.8), [(' "ke', log(0.8)), (' "re', log(0.15)), ('"rem', log(0.05))]),
        Token('ep"', log(0.5), [("ep", log(0.3))]),
        Token(",", log(0.1), [("remove", log(0.9))]),
    )
    # What begins without the space leads to no outcome here, and what stands before and after it says nothing.
    assert found == {"keep": pytest.approx(0.4), "remove": pytest.approx(0.15)}
    less = spelled(Token('{"outcome":"', 0.0, []), Token('keep"', log(0.3), [('remove"', log(0.7))]))
    assert less is None, "the model would rather have said the other"


@pytest.mark.parametrize("logprob", [0.1, "0", None, True, math.nan])
def test_what_is_no_probability_makes_no_tokens(logprob: Any) -> None:
    assert read_tokens({"content": [{"token": "a", "logprob": logprob}]}, "a") is None
    assert read_tokens({"content": [{"token": "a", "logprob": 1e-9}]}, "a") == [Token("a", 0.0, [])]
    assert read_tokens({"content": [{"token": "a", "logprob": -1}]}, "ab") is None
