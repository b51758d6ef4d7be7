"""A policy's own test cases: what `countersign policy test` runs, and what every start runs before a policy acts."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from countersign_router.diagnostics import Diagnostic
from countersign_router.domain.controls import ANY, Controls, Switch
from countersign_router.domain.policy import SIGNALS
from countersign_router.domain.routing import Routing, route
from countersign_router.policies import LoadedPolicy, PolicyRefused, duration, load_policy
from countersign_router.policy_document import ExampleSection
from countersign_shared.clock import parse_rfc3339
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.errors import ConfigurationError

EXAMPLE_TIME = parse_rfc3339("2026-01-15T12:00:00Z")
SMALLEST_UNDRAWN = 1.0
"""A draw no sample reaches, so that examples show the rules and not their luck."""


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """How one example came out: ``differences`` is empty when the policy did what was expected."""

    name: str
    level: int
    differences: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the policy did what the example expects."""
        return not self.differences


def check(path: Path, decision_types: Mapping[str, DecisionType]) -> list[Diagnostic]:
    """Say everything that is wrong with a policy file; an empty list means that it can be published."""
    try:
        results = run_examples(path, decision_types)
    except PolicyRefused as refused:
        return refused.diagnostics
    return [
        Diagnostic(f"examples[{number}]", f"{result.name}: {difference}")
        for number, result in enumerate(results)
        for difference in result.differences
    ]


def run_examples(path: Path, decision_types: Mapping[str, DecisionType]) -> list[ExampleResult]:
    """Run the examples of a policy file; ``PolicyRefused`` when it cannot be read or compiled."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise PolicyRefused(str(path), [Diagnostic("", f"cannot be read: {error.strerror}")]) from error
    loaded = load_policy(data, name=str(path), decision_types=decision_types, published_at=EXAMPLE_TIME)
    return example_results(loaded)


def require_examples(loaded: LoadedPolicy, *, name: str) -> None:
    """Refuse a policy whose own examples fail."""
    for result in example_results(loaded):
        if not result.passed:
            raise ConfigurationError(f"{name}: example {result.name!r}: {'; '.join(result.differences)}")


def example_results(loaded: LoadedPolicy) -> list[ExampleResult]:
    """Run the examples of a loaded policy."""
    return [_run(loaded, number, example) for number, example in enumerate(loaded.document.examples)]


def _run(loaded: LoadedPolicy, number: int, example: ExampleSection) -> ExampleResult:
    now = parse_rfc3339(example.now)
    policy = replace(loaded.policy, published_at=now - duration(example.policy_age))
    routing = route(scored_example(loaded, example), policy, _controls(example), now, lambda *_: SMALLEST_UNDRAWN)
    return ExampleResult(example.name or f"number {number + 1}", routing.level, tuple(_differences(example, routing)))


def _controls(example: ExampleSection) -> Controls:
    return Controls(peaks={(ANY, ANY): Switch("the example says so")} if example.controls.get("peak") else {})


def _differences(example: ExampleSection, routing: Routing) -> list[str]:
    found = {
        "level": routing.level,
        "tier": routing.consequence.tier if routing.consequence else None,
        "band": routing.band,
        "queue": routing.queue,
        "would_automate": routing.would_automate,
    }
    expected = example.expect.model_dump(exclude_none=True, exclude={"reason"})
    wrong = [name for name, value in expected.items() if found[name] != value]
    differences = [f"expected {name} {expected[name]}, got {found[name]}" for name in wrong]
    codes = [reason["code"] for reason in routing.reasons]
    if example.expect.reason is not None and example.expect.reason not in codes:
        differences.append(f"expected the reason {example.expect.reason}, got {', '.join(codes)}")
    return differences


def scored_example(loaded: LoadedPolicy, example: ExampleSection) -> dict[str, Any]:
    """Make the body of case.scored that an example stands for."""
    proposal = None
    if example.proposal is not None:
        explanation: dict[str, Any] = {"summary": "", "factors": _factors(loaded)}
        proposal = {
            "outcome": example.proposal.outcome, "outcome_params": {}, "confidence": example.proposal.confidence,
            "raw_score": 0.0, "alternatives": [], "explanation": explanation,
        }  # fmt: skip
    return {
        "tenant": loaded.policy.tenant,
        "case_id": "example",
        "decision_type": loaded.policy.decision_type,
        "case": {**example.body, "payload": _payload(loaded, example)},
        "proposal": proposal,
        "abstained": None if proposal else {"reason": "no_model", "detail": "the example has no proposal"},
        "signals": {name: {"value": example.signals.get(name, 1.0)} for name in SIGNALS},
        "missing_fields": [],
        "invalid_fields": [],
        "model": None,
    }


def _payload(loaded: LoadedPolicy, example: ExampleSection) -> dict[str, Any]:
    payload: dict[str, Any] = {}
    if example.like is not None:
        payload = _payload(loaded, next(one for one in loaded.document.examples if one.name == example.like))
    return {**payload, **example.case}


def _factors(loaded: LoadedPolicy) -> list[dict[str, Any]]:
    """An explanation that names every field a principal reason stands for."""
    fields = sorted({name for reason in loaded.policy.principal_reasons for name in reason.fields})
    return [{"field": name, "value": None, "effect": 1.0, "direction": "for"} for name in fields]
