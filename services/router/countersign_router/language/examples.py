"""A policy's own test cases: what `countersign policy test` runs, and what every start runs before a policy acts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from countersign_router.domain.controls import ANY, Certificate, Controls, Switch
from countersign_router.domain.policy import SIGNALS, TIERS, Policy
from countersign_router.domain.routing import Routing, route
from countersign_router.language.case_document import CaseFile, ExampleSection
from countersign_router.language.diagnostics import Diagnostic, errors
from countersign_router.language.loading import LoadedPolicy, PolicyRefused, duration, load_policy
from countersign_router.language.shape import shape_problem
from countersign_router.language.source import read_source
from countersign_router.language.warnings import warnings
from countersign_shared.clock import parse_rfc3339
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.errors import ConfigurationError

EXAMPLE_TIME = parse_rfc3339("2026-01-15T12:00:00Z")
EXAMPLE_MODEL: Mapping[str, Any] = {"name": "example", "version": "example", "calibrator_version": None}
Named = Mapping[str, ExampleSection]
SMALLEST_UNDRAWN = 1.0
"""A draw no sample reaches, so that examples show the rules and not their luck."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One part of what an example expects that came out otherwise."""

    part: str
    expected: object
    found: object

    def __str__(self) -> str:
        if self.part == "reason":
            return f"expected the reason {self.expected}, got {self.found}"
        return f"expected {self.part} {self.expected}, got {self.found}"


@dataclass(frozen=True, slots=True)
class ExampleResult:
    """How one example came out: ``unmet`` is empty when the policy did what was expected."""

    name: str
    level: int
    unmet: tuple[Difference, ...]

    @property
    def differences(self) -> tuple[str, ...]:
        """What came out otherwise, in words."""
        return tuple(map(str, self.unmet))

    @property
    def passed(self) -> bool:
        """Whether the policy did what the example expects."""
        return not self.unmet


def problems(data: bytes, decision_types: Mapping[str, DecisionType], *, published: bool = False) -> list[Diagnostic]:
    """Say everything that is wrong with the bytes of a policy file, with places in it; warnings come last.

    Without an error it can be published. Names and types are looked at once the shape is right, examples once all
    else is. ``published``: it was published before, see ``load_policy``.
    """
    try:
        loaded = load_policy(
            data, name="policy", decision_types=decision_types, published_at=EXAMPLE_TIME, published=published
        )
    except PolicyRefused as refused:
        return refused.diagnostics
    source = read_source(data)
    found = [
        Diagnostic(f"examples[{number}].expect.{difference.part}", f"{result.name}: {difference}")
        for number, result in enumerate(example_results(loaded))
        for difference in result.unmet
    ]
    found += warnings(loaded)
    located = found if isinstance(source, Diagnostic) else [source.located(one) for one in found]
    return located + [replace(one, severity="warning") for one in loaded.doubts]


def check(path: Path, decision_types: Mapping[str, DecisionType]) -> list[Diagnostic]:
    """Say everything that is wrong with a policy file; an empty list means that it can be published."""
    try:
        data = path.read_bytes()
    except OSError as error:
        return [Diagnostic("", f"cannot be read: {error.strerror}")]
    return errors(problems(data, decision_types))


def read_cases(path: Path) -> tuple[ExampleSection, ...]:
    """Read a case file: examples beside a policy, as many as its owners like, in the grammar of its own ones."""
    source = read_source(path.read_bytes())
    if isinstance(source, Diagnostic):
        raise PolicyRefused(str(path), [source])
    if source.misread:
        raise PolicyRefused(str(path), list(source.misread))
    try:
        return tuple(CaseFile.model_validate(source.document).examples)
    except ValidationError as error:
        found = [source.located(shape_problem(item)) for item in error.errors(include_url=False)]
        raise PolicyRefused(str(path), found) from error


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
    return case_results(loaded, loaded.document.examples)


def case_results(loaded: LoadedPolicy, cases: Sequence[ExampleSection]) -> list[ExampleResult]:
    """Run cases under a loaded policy; `like` names an earlier one among them, or an example of the policy."""
    named = {one.name: one for one in (*loaded.document.examples, *cases) if one.name is not None}
    return [_run(loaded, number, example, named) for number, example in enumerate(cases)]


def _run(loaded: LoadedPolicy, number: int, example: ExampleSection, named: Named) -> ExampleResult:
    now = parse_rfc3339(example.now)
    policy = replace(loaded.policy, published_at=now - duration(example.policy_age))
    scored = scored_example(loaded, example, named)
    routing = route(scored, policy, _controls(example, policy), now, lambda *_: SMALLEST_UNDRAWN)
    return ExampleResult(example.name or f"number {number + 1}", routing.level, tuple(_differences(example, routing)))


def _controls(example: ExampleSection, policy: Policy) -> Controls:
    peaks = {(ANY, ANY): Switch("the example says so")} if example.controls.get("peak") else {}
    if not example.controls.get("certified"):
        return Controls(peaks=peaks)
    live = Certificate(
        id="example", threshold=0.0, model_version=EXAMPLE_MODEL["version"], calibrator_version=None,
        automation_sha256=policy.automation_sha256,
    )  # fmt: skip
    return Controls(peaks=peaks, certificates={(policy.tenant, policy.decision_type, tier): live for tier in TIERS})


def _differences(example: ExampleSection, routing: Routing) -> list[Difference]:
    found = {
        "level": routing.level,
        "tier": routing.consequence.tier if routing.consequence else None,
        "band": routing.band,
        "queue": routing.queue,
        "would_automate": routing.would_automate,
    }
    expected = example.expect.model_dump(exclude_none=True, exclude={"reason"})
    differences = [Difference(name, value, found[name]) for name, value in expected.items() if found[name] != value]
    codes = [reason["code"] for reason in routing.reasons]
    if example.expect.reason is not None and example.expect.reason not in codes:
        differences.append(Difference("reason", example.expect.reason, ", ".join(codes)))
    return differences


def scored_example(loaded: LoadedPolicy, example: ExampleSection, named: Named) -> dict[str, Any]:
    """Make the body of case.scored that an example stands for; ``named`` are those that `like` may name."""
    payload, body = _payload(example, named), dict(example.body)
    for one in loaded.policy.inputs:
        # An input such as the case's own amount is written beside the others, and stands outside of the payload.
        if one.from_body and one.path[0] in payload and one.path[0] not in body:
            body[one.path[0]] = payload.pop(one.path[0])
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
        "case": {**body, "payload": payload},
        "proposal": proposal,
        "abstained": None if proposal else {"reason": "no_model", "detail": "the example has no proposal"},
        "signals": {name: {"value": example.signals.get(name, 1.0)} for name in SIGNALS},
        "missing_fields": [],
        "invalid_fields": [],
        "model": EXAMPLE_MODEL,
    }


def _payload(example: ExampleSection, named: Named) -> dict[str, Any]:
    payload = dict(example.case)
    # Each starts from an earlier one, so the chain ends.
    while example.like is not None and (before := named.get(example.like)) is not None and before is not example:
        payload, example = {**before.case, **payload}, before
    return payload


def _factors(loaded: LoadedPolicy) -> list[dict[str, Any]]:
    """An explanation that names every field a principal reason stands for."""
    fields = sorted({name for reason in loaded.policy.principal_reasons for name in reason.fields})
    return [{"field": name, "value": None, "effect": 1.0, "direction": "for"} for name in fields]
