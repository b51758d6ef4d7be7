"""A hundred thousand generated (policy, case) pairs: nothing crashes, nothing is slow, and no error ever automates.

Policies and cases come from a fixed seed. Time is the CPU time of this thread: what other processes do does not count.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
import yaml

from countersign_router.domain.controls import ANY, Controls, Switch
from countersign_router.domain.observation import Observation, evaluate, observe
from countersign_router.domain.policy import ExpressionFailure, Policy
from countersign_router.domain.routing import Routing, decide
from countersign_router.language.diagnostics import Diagnostic, errors
from countersign_router.language.examples import problems
from countersign_router.language.loading import LoadedPolicy, PolicyRefused
from tests.safety.hostile import HOSTILE, LONG, ORDINARY, PAYLOADS, Generator, base, expressions
from tests.unit.router.cases import DRAWS, NOW, decision_types, loaded, scored

pytestmark = pytest.mark.timeout(600)

SEED = 20_260_115
PAIRS = 100_000
POLICIES_PER_TYPE = 120
MOST_MILLISECONDS = 50.0
MOST_CHECK_SECONDS = 2.0
"""Refusing a hostile expression, or accepting it: the largest takes a tenth of this."""
ERRORS = frozenset({
    "evaluation_error", "missing_input", "invalid_input", "abstained", "unknown_outcome", "invalid_confidence",
    "missing_fields", "invalid_fields",
})  # fmt: skip
CONTROLS = (Controls(), Controls(peaks={(ANY, ANY): Switch("a busy day")}))


def usable(kind: str, pool: tuple[str, ...], tally: Counter[str]) -> list[str]:
    """The expressions of a pool that a policy of this type may have; each is answered within bounds."""
    found = []
    for text in expressions(kind, pool):
        read = {**base(kind), "exceptions": [{"id": "x", "when": text, "level": 3}]}
        began = time.thread_time()
        refused = refusals(read)
        assert time.thread_time() - began < MOST_CHECK_SECONDS, text
        if refused is None:
            found.append(text)
        else:
            assert errors(refused), text
    tally["expressions accepted"] += len(found)
    tally["expressions refused"] += len(pool) - len(found)
    return found


def refusals(read: Mapping[str, Any]) -> list[Diagnostic] | None:
    try:
        loaded(read)
    except PolicyRefused as refused:
        return refused.diagnostics
    return None


def policies(generator: Generator, tally: Counter[str]) -> Iterator[tuple[str, LoadedPolicy]]:
    for kind in PAYLOADS:
        hostile, ordinary = usable(kind, HOSTILE, tally), usable(kind, ORDINARY, tally)
        for _ in range(POLICIES_PER_TYPE):
            try:
                yield kind, loaded(generator.policy(kind, hostile, ordinary))
            except PolicyRefused:
                # Each rule is within its time, all of them together need not be.
                tally["policies refused"] += 1


def judged(policy: Policy, body: Mapping[str, Any], controls: Controls) -> tuple[Routing, Observation, float]:
    """Route a case and return the milliseconds that it took."""
    began = time.thread_time()
    seen = observe(body, policy, controls, NOW)
    routing = decide(body, policy, controls, NOW, DRAWS, seen, evaluate(policy, seen))
    return routing, seen, (time.thread_time() - began) * 1e3


def assert_safe(policy: Policy, routing: Routing, seen: Observation) -> None:
    """Nothing that went wrong may be automatic, and what is automatic has nothing wrong with it."""
    asked = [reason["level"] for reason in routing.reasons if "level" in reason]
    assert routing.level == max([1, *asked])
    if any(reason["code"] in ERRORS for reason in routing.reasons):
        assert routing.level >= 4
        assert not routing.would_automate
        assert routing.band is None
    if routing.automatic:
        assert routing.would_automate
        assert seen.proposed is not None
        assert 0.0 <= seen.confidence <= 1.0
        # Asked one by one, not all together as the routing was.
        alone = policy.reevaluate(seen.variables, range(len(policy.expressions)))
        assert not [one for one in alone if isinstance(one, ExpressionFailure)]


@pytest.mark.slow
def test_no_policy_and_no_case_can_crash_delay_or_fool_the_router() -> None:
    generator, tally, slowest = Generator(SEED), Counter[str](), 0.0
    made = list(policies(generator, tally))
    each = -(-PAIRS // len(made))
    for kind, one in made:
        for number in range(each):
            body = generator.case(kind, number)
            routing, seen, spent = judged(one.policy, body, CONTROLS[number % 2])
            assert spent < MOST_MILLISECONDS, (one.document.model_dump(), body)
            assert_safe(one.policy, routing, seen)
            slowest = max(slowest, spent)
            tally["pairs"] += 1
            tally["automatic"] += routing.automatic
            tally["policy errors"] += routing.policy_failed
            tally["not judged"] += routing.band is None
    print(f"\n{len(made)} policies, {dict(tally)}, slowest evaluation {slowest:.1f} ms of CPU")
    assert tally["pairs"] >= PAIRS
    # A test of nothing would pass as well.
    assert min(tally["automatic"], tally["policy errors"]) > PAIRS / 50
    assert tally["expressions refused"] > 30


@pytest.mark.parametrize("name", ["text", "message"])
def test_the_longest_texts_against_the_dearest_patterns_that_are_accepted(name: str) -> None:
    """The estimate is from above: what is just about accepted stays far below the bound."""
    kind, slowest = ("content_moderation" if name == "text" else "refund"), 0.0
    for pattern in ("[ab]*a[ab]{%d}c", "(a?){%d}b", "(%s)c"):
        low, high, accepted = 1, 500, None
        while low < high:
            size = (low + high) // 2
            inner = "|".join(f"[ab]*a[ab]{{{each}}}" for each in range(size)) if pattern == "(%s)c" else size
            read = base(kind)
            read["exceptions"] = [{"id": "x", "when": f"case.{name}.matches('{pattern % inner}')", "level": 3}]
            try:
                accepted, low = loaded(read), size + 1
            except PolicyRefused:
                high = size
        assert accepted is not None
        for long in LONG:
            body = scored(decision_type=kind, payload={**PAYLOADS[kind], name: long})
            slowest = max(slowest, judged(accepted.policy, body, Controls())[2])
    print(f"\nslowest {slowest:.1f} ms of CPU")
    assert slowest < MOST_MILLISECONDS


@pytest.mark.parametrize("seed", range(3))
def test_bytes_that_are_no_policy_get_an_answer(seed: int) -> None:
    """A shipped policy with pieces cut, doubled and swapped: always diagnostics or a policy, never a crash."""
    chance = Generator(seed).chance
    data = yaml.safe_dump(base("refund"), sort_keys=False).encode()
    for _ in range(60):
        start, end = sorted(chance.choices(range(len(data)), k=2))
        piece = chance.choice([b"", b"[", b"&a [*a]", b"\xff", b": : :", b"- ", data[start:end], b"\x00", b"!!set {}"])
        found = problems(data[:start] + piece + data[start + chance.randrange(40) :], decision_types())
        assert all(one.message for one in found)
