"""What a policy sees of a case: its inputs, the proposal and signals, and what every expression says of them."""

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from countersign_router.domain.controls import Controls
from countersign_router.domain.inputs import read_inputs
from countersign_router.domain.policy import FAILURE_LEVEL, SIGNALS, ExpressionFailure, Policy
from countersign_router.domain.reasons import Reason

_SIGNAL_NAMES = tuple((name, f"signals.{name}", f"has.signals.{name}") for name in SIGNALS)


class Observation(NamedTuple):
    """A case under a policy: variables and results as evaluated, and why they cannot be trusted, if so.

    ``proposed`` is None when there is no usable proposal; ``problems`` then says why.
    """

    proposed: str | None
    confidence: float
    variables: Mapping[str, object]
    results: Sequence[object]
    problems: list[Reason]


def observe(scored: Mapping[str, Any], policy: Policy, controls: Controls, now: datetime) -> Observation:
    """Read a case and evaluate the policy over it."""
    variables, unread = read_inputs(policy.inputs, scored["case"])
    problems = [
        Reason(code=problem.code, text=f"{problem.detail}.", level=FAILURE_LEVEL, values_read={}) for problem in unread
    ]
    if scored["missing_fields"] or scored["invalid_fields"]:
        problems.append(_payload_problem(scored))
    proposed, confidence = _proposal(scored, policy, problems)
    signals = scored["signals"]
    for name, variable, present in _SIGNAL_NAMES:
        value = _signal(signals.get(name))
        variables[present] = value is not None
        if value is not None:
            variables[variable] = value
    variables["confidence"] = variables["proposal.confidence"] = confidence
    variables["policy.version"] = policy.version
    variables["policy.age"] = now - policy.published_at
    variables["controls.peak"] = controls.peak(scored["tenant"], policy.decision_type, now)
    variables["now"] = now
    return Observation(proposed, confidence, variables, evaluate(policy, variables, proposed), problems)


def evaluate(policy: Policy, variables: dict[str, object], outcome: str | None) -> Sequence[object]:
    """Evaluate the policy for one outcome; without one, every outcome is tried and the worst of each result counts."""
    if outcome is not None:
        variables["proposal.outcome"] = outcome
        return policy.evaluate(variables)
    tried = [policy.evaluate({**variables, "proposal.outcome": name}) for name in policy.outcomes]
    return [_worst(results) for results in zip(*tried, strict=True)]


def _worst(results: Sequence[object]) -> object:
    """Return the failure if there is one, otherwise the largest value: the highest factor, the rule that matches."""
    for result in results:
        if isinstance(result, ExpressionFailure):
            return result
    return max(results, key=_size)


def _size(result: object) -> float:
    return float(result) if isinstance(result, int | float) else math.inf


def _proposal(scored: Mapping[str, Any], policy: Policy, problems: list[Reason]) -> tuple[str | None, float]:
    proposal = scored["proposal"]
    if proposal is None:
        abstained = scored.get("abstained") or {}
        why = abstained.get("detail") or abstained.get("reason") or "no reason given"
        problems.append(_problem("abstained", f"The AI makes no proposal: {why}.", reason=abstained.get("reason")))
        return None, 0.0
    outcome, confidence = proposal.get("outcome"), proposal.get("confidence")
    if outcome not in policy.outcomes:
        problems.append(_problem("unknown_outcome", "The AI proposes what the policy does not know.", outcome=outcome))
        return None, 0.0
    if confidence.__class__ not in {int, float} or not 0.0 <= confidence <= 1.0:
        problems.append(_problem("invalid_confidence", "The confidence is no number from 0 to 1.", value=confidence))
        return None, 0.0
    return outcome, float(confidence)


def _payload_problem(scored: Mapping[str, Any]) -> Reason:
    missing = [str(name) for name in scored["missing_fields"]]
    invalid = [str(field.get("pointer")) for field in scored["invalid_fields"]]
    said = " and ".join(
        f"{word} {', '.join(names)}" for word, names in (("lacks", missing), ("has unusable", invalid)) if names
    )
    code = "missing_fields" if missing else "invalid_fields"
    return _problem(code, f"The case {said}.", missing_fields=missing, invalid_fields=invalid)


def _problem(code: str, text: str, **read: object) -> Reason:
    return Reason(code=code, text=text, level=FAILURE_LEVEL, values_read=read)


def _signal(signal: Any) -> float | None:
    value = signal.get("value") if signal.__class__ is dict else None
    if value is None or (value.__class__ is not float and value.__class__ is not int) or not 0.0 <= value <= 1.0:
        return None
    return float(value)
