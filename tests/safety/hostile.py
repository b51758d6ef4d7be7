"""Generated policies and cases that mean no good: seeded, so that what fails once fails again."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator
from typing import Any

from countersign_router.domain.policy import BANDS, FACTORS, TIERS
from tests.unit.router.cases import PAYLOAD, document, scored

PAYLOADS: dict[str, dict[str, Any]] = {
    "loan_application": dict(PAYLOAD),
    "refund": {
        "order_id": "A-1", "amount": {"value": "18.50", "currency": "USD"}, "message": "It broke.",
        "purchased_on": "2026-01-02", "returned": True,
    },
    "content_moderation": {
        "post_id": "p-1", "author_id": "a-1", "text": "Buy now!", "category": "spam", "followers": 10, "reports": 1,
        "links": ["https://a.example/"], "author_joined_on": "2020-01-01", "earlier_violations": 2,
    },
}  # fmt: skip
EXTRA_INPUTS: dict[str, dict[str, Any]] = {
    "refund": {"message": {"type": "string"}, "order_id": {"type": "string", "required": False}},
    "content_moderation": {"text": {"type": "string"}, "links": {"type": "strings", "required": False}},
    "loan_application": {"term_months": {"type": "integer", "required": False}},
}
"""Texts and lists as large as they may be."""

HOSTILE = (
    # Errors that come as values.
    "{number} / ({number} - {number}) > 1", "{number} % 0 == 0", "{number} * 9223372036854775807 > 0",
    "-{number} - 9223372036854775807 < 0", "int('x') > 0", "int(confidence * 1e300) > 0", "[1, 2][{number}] > 0",
    "{{'a': 1}}['b'] > 0", "timestamp('never') < now", "now + duration('9000000h') * 1 > now",
    "now - timestamp('0001-01-01T00:00:00Z') > duration('1s')", "duration('999999999999h') > duration('1h')",
    "now + duration('80000000h') > now", "now.getHours('Mars/Olympus') > 1", "now.getHours('../../etc/passwd') > 1",
    "double('nan') < 1.0", "1.0 / 0.0 > confidence", "0.0 / 0.0 == confidence", "string(confidence) == 'nan'",
    "signals.consensus < 0.5", "signals.rule_clarity > 0.5 && signals.similarity < 0.1", "int(string({number})) < 0",
    # Depth and length.
    "((((((((((((((((((((((({number} > 0)))))))))))))))))))))))",
    "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!({number} > 0)",
    "{deep_parentheses}", "{deep_lists}", "{deep_conditionals}", "{long_sum}", "{long_or}", "{long_in}",
    # Patterns.
    "{text}.matches('(a+)+$')", "{text}.matches('(a|aa)*$')", "{text}.matches('(.*)(.*)(.*)(.*)(.*)x')",
    "{text}.matches('(a?){{50}}a{{50}}')", "{text}.matches('[ab]*a[ab]{{60}}c')",
    "{text}.matches('((a{{0,30}}){{0,30}})b')",
    "{alternatives}", "{text}.matches('(?i)\\\\pL+\\\\pN\\\\pL+x')",
    "{text}.matches('(((a{{1,100}}){{1,100}}){{1,100}})')",
    "{text}.matches('[^a]{{200}}$')", "{text}.matches('(')", "{text}.matches({text})", "{text}.matches('\\\\C*x')",
    "{text}.matches('^(([a-z])+.)+[A-Z]([a-z])+$')", "{text}.matches('(x+x+)+y')", "{text}.matches('.*.*.*=.*')",
    # Loops.
    "{list}.exists(x, {list}.exists(y, x == y))", "{list}.all(x, x != 'q')",
    "{list}.exists(x, x.matches('(a?){{20}}b'))",
    "{list}.map(x, x + x).size() > 3", "{list}.filter(x, x != 'a').size() > 3",
    "{list}.exists(x, {text}.contains(x))",
    "{list}.all(x, {list}.all(y, {list}.all(z, x == y || y == z)))", "{list}.map(x, {list}).size() > 1",
    "{list}.map(x, {text} + {text} + {text}).size() > 1", "{list} == {list}.map(x, x)",
    "{list}.exists_one(x, x == 'a')",
    "[0,1,2,3,4,5,6,7,8,9].all(a, [0,1,2,3,4,5,6,7,8,9].all(b, [0,1,2,3,4,5,6,7,8,9].exists(c, a + b > c)))",
    "[0,1,2,3,4,5,6,7,8,9].exists(a, [0,1,2,3,4,5,6,7,8,9].exists(b, a * b > 100))",
    # Strings.
    "{text}.contains({text} + 'x')", "({text} + {text} + {text} + {text}).size() > 5", "{text}.size() > 100",
    "{text} + {text} < {text}", "{text}.startsWith({text})", "int({text}) > 5", "timestamp({text}) > now",
    "duration({text}) > duration('1h')", "double({text}) > 1.0", "bool({text})", "now.getHours({text}) > 1",
    # Not in the language.
    "dyn({number}) == 'x'", "type({number}) == int", "random() > 0.5", "case.nothing == 1", "uint({number}) > 1u",
    "google.protobuf.Any{{}} == now", "case == case", "has(case)", "env.SECRET == ''", "__import__('os') == 1",
    "{text}",
)  # fmt: skip
ORDINARY = (
    "{number} > 5", "confidence < 0.8", "proposal.outcome == 'approve'", "proposal.confidence > 0.3", "controls.peak",
    "policy.age < duration('168h')", "now > timestamp('2025-01-01T00:00:00Z')", "{text} == 'x'", "'x' in {list}",
    "has(signals.consensus) && signals.consensus < 0.5", "!has(signals.consensus)", "signals.completeness < 1.0",
    "signals.similarity < 0.2", "policy.version > 3", "{number} > 5 && confidence > 0.5 || controls.peak", "false",
    "true",
)  # fmt: skip

FILLINGS = {
    "deep_parentheses": "(" * 300 + "true" + ")" * 300,
    "deep_lists": "[" * 25 + "1" + "]" * 25 + " == " + "[" * 25 + "2" + "]" * 25,
    "deep_conditionals": "confidence > 0.1 ? " * 25 + "true" + " : false" * 25,
    "long_sum": "{number}" + " + 1" * 20 + " > 0",
    "long_or": " || ".join(["confidence > 2.0"] * 180),
    "long_in": "{number} in [" + ", ".join(map(str, range(900))) + "]",
    "alternatives": "{text}.matches('" + "|".join(f"a{{{{{number}}}}}b" for number in range(60)) + "')",
}


def expressions(kind: str, pool: tuple[str, ...]) -> list[str]:
    """Every expression of a pool, written for the inputs of a decision type."""
    number, text, listed = {
        "loan_application": ("case.loan_amount", "case.consumer_credit_record", "['a', 'b', 'c']"),
        "refund": ("case.amount", "case.message", "[case.message, 'b', 'c']"),
        "content_moderation": ("case.followers", "case.text", "(has(case.links) ? case.links : ['a'])"),
    }[kind]
    written = (FILLINGS.get(template.strip("{}"), template) for template in pool)
    return [template.format(number=number, text=text, list=listed) for template in written]


class Generator:
    """Policies and cases out of one seed."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def policy(self, kind: str, hostile: list[str], ordinary: list[str]) -> dict[str, Any]:
        """A document of the right shape, with rules out of two pools; whether it is accepted is another question."""
        chance, share = self.chance, self.chance.choice([0.0, 0.1, 0.3])
        read = base(kind)

        def rule() -> str:
            return chance.choice(hostile if chance.random() < share else ordinary)

        read["matrix"] = self._matrix()
        low, high = sorted(chance.sample([0.0, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 1.0], 2))
        read["bands"] = {"medium": low, "high": high}
        factors = {name: str(chance.randrange(3)) for name in FACTORS}
        if chance.random() < 0.7:
            factors[chance.choice(FACTORS)] = f"({rule()}) ? {chance.randrange(6)} : {chance.randrange(5)}"
        read["consequence"] = {"factors": factors, "by_outcome": True}
        read["exceptions"] = [
            {"id": f"e{number}", "when": rule(), "level": chance.randint(1, 5)} for number in range(chance.randrange(4))
        ]
        read["adjust"] = [
            {"id": f"a{number}", "when": rule(), "bands": {"high": chance.uniform(-0.5, 0.5)},
             **({"only_tiers": [chance.choice(TIERS)]} if chance.random() < 0.3 else {})}
            for number in range(chance.randrange(3))
        ]  # fmt: skip
        read["never_automate"] = rule() if chance.random() < 0.2 else "false"
        read["reviewers"] = {"four_eyes_when": rule()}
        read["automation"] = {"certificate": "not_required"}
        read["signal_caps"] = dict.fromkeys(("similarity", "completeness", "consensus", "rule_clarity"))
        by = chance.choice(["1.0 - confidence"] * 8 + ["1.0 / confidence", "-1.0", "confidence * 1e308", "0.0 / 0.0"])
        read["sampling"] = {
            "audit": {"level1": chance.random(), "level2": chance.random(), "floor": 0.01, "by": by},
            "human_only": 0.01, "blind": 0.1,
        }  # fmt: skip
        return read

    def _matrix(self) -> dict[str, dict[str, int]]:
        level = self.chance.choices([1, 2, 3, 4, 5], [5, 3, 1, 1, 1], k=15)
        return {tier: dict(zip(BANDS, level[3 * row : 3 * row + 3], strict=True)) for row, tier in enumerate(TIERS)}

    def case(self, kind: str, number: int) -> dict[str, Any]:
        """A scored case: half of them sound but for their values, half of them bent somewhere."""
        chance, payload = self.chance, copy.copy(PAYLOADS[kind])
        for name, value in self._sound(kind):
            payload[name] = value
        if chance.random() < 0.5:
            for name in chance.sample(sorted(payload), chance.randint(1, 2)):
                payload[name] = chance.choice(ODD)(chance)
        if chance.random() < 0.1:
            del payload[chance.choice(sorted(payload))]
        confidence = chance.choice(ODD)(chance) if chance.random() < 0.08 else chance.random()
        favourable = "keep" if kind == "content_moderation" else "approve"
        outcomes = [favourable] * 8 + ["deny", "limit", "remove", None, "nonsense", ""]
        body = scored(
            f"c-{number}", decision_type=kind, outcome=chance.choice(outcomes), confidence=confidence, payload=payload,
            signals={"consensus": chance.choice([None, 0.0, 0.5, 1.0]), "similarity": chance.random()},
        )  # fmt: skip
        if chance.random() < 0.1:
            body["signals"][chance.choice(sorted(body["signals"]))] = chance.choice(ODD)(chance)
        if chance.random() < 0.02:
            body["case"]["payload"] = chance.choice(ODD)(chance)
        return body

    def _sound(self, kind: str) -> Iterator[tuple[str, Any]]:
        chance = self.chance
        if kind == "loan_application":
            yield "loan_amount", f"{chance.randrange(10 ** chance.randint(1, 14))}.00"
        elif kind == "refund":
            yield "amount", {"value": str(chance.randrange(10**6)), "currency": "USD"}
            yield "message", text(chance)
        else:
            yield "followers", chance.choice([0, 5, 2**31, 2**62, -(2**63), 2**63 - 1])
            yield "text", text(chance)
            count = chance.choice([0, 1, 20, 1_000])
            yield "links", [f"{chance.choice('ab')}{number % 7}" for number in range(count)]


def base(kind: str) -> dict[str, Any]:
    """The shipped policy of a decision type with larger inputs and without its rules."""
    read = document(kind)
    read["inputs"] = {**read["inputs"], **EXTRA_INPUTS[kind]}
    read["allow_non_monotone"] = "generated"
    for part in ("exceptions", "adjust"):
        read.pop(part, None)
    return read


LONG = tuple(
    "".join(random.Random(7).choices(letters, k=10_000))
    for letters in ("a", "x", "ab", "ä", "aB1 .", "\u2028", "a\n", "\U0001d538", "9")
)


def text(chance: random.Random) -> str:
    """A text that patterns and searches find hard; some are as long as they may be."""
    length = chance.choice([0, 1, 5, 100, 1_000]) if chance.random() < 0.97 else 10_000
    return chance.choice(LONG)[:length]


def _deep(chance: random.Random) -> Any:
    value: Any = 1
    for _ in range(chance.choice([5, 200])):
        value = {"a": value} if chance.random() < 0.5 else [value]
    return value


Odd = Callable[[random.Random], Any]
ODD: tuple[Odd, ...] = (
    lambda _: None, lambda _: math.nan, lambda _: math.inf, lambda _: -math.inf, lambda _: 2**63, lambda _: -(2**400),
    lambda _: 10**30, lambda _: True, lambda _: "", lambda _: "\ud800", lambda _: "x\x00y", lambda _: "9" * 400,
    lambda _: "a" * 10_001, lambda _: [], lambda _: {}, lambda _: [None, 1, "a", {}], lambda _: ["a"] * 1_001,
    lambda _: {"value": "1e5", "currency": "USD"}, lambda _: {"value": "-5", "currency": "USD"},
    lambda _: {"value": "5.001", "currency": "USD"}, lambda _: {"value": 5, "currency": "USD"}, lambda _: -0.0,
    lambda _: {"value": "5", "currency": "QQQ"}, lambda _: "0001-01-01T00:00:00+14:00", lambda _: "2026-02-30",
    lambda _: "9999-12-31T23:59:59-14:00", lambda _: "2026-01-01T00:00:00", lambda _: "9999-12-31", lambda _: 1e-320,
    lambda _: "0001-01-01", lambda chance: chance.uniform(-2, 2), lambda chance: chance.randint(-(2**64), 2**64), _deep,
)  # fmt: skip
