"""What a policy sees of a case: its inputs, the proposal and the signals; and what every expression says of them."""

import math
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from countersign_router.domain.controls import Controls
from countersign_router.domain.inputs import read_inputs
from countersign_router.domain.policy import FAILURE_LEVEL, SIGNALS, ExpressionFailure, Policy, Results
from countersign_router.domain.reasons import Reasons

_SIGNAL_NAMES = tuple((name, f"signals.{name}", f"has.signals.{name}") for name in SIGNALS)


class Observation(NamedTuple):
    """A case as a policy sees it: the variables of its expressions, and why they cannot be trusted, if so.

    ``proposed`` is None when there is no usable proposal; ``reasons`` then says why. ``unread`` are the variables of
    inputs that could not be read: an expression that fails on one of them says nothing against the policy.
    """

    proposed: str | None
    confidence: float
    variables: dict[str, object]
    reasons: Reasons
    unread: frozenset[str] = frozenset()


def observe(scored: Mapping[str, Any], policy: Policy, controls: Controls, now: datetime) -> Observation:
    """Read what the policy's expressions may see of a case."""
    variables, unread = read_inputs(policy.inputs, scored["case"])
    reasons = Reasons()
    for problem in unread:
        reasons.ask(FAILURE_LEVEL, problem.code, f"{problem.detail}.", {})
    if scored["missing_fields"] or scored["invalid_fields"]:
        _payload_problem(scored, policy.labels, reasons, {problem.field for problem in unread})
    proposed, confidence = _proposal(scored, policy, reasons)
    signals = scored["signals"]
    for name, variable, present in _SIGNAL_NAMES:
        value = _signal(signals.get(name))
        variables[present] = value is not None
        if value is not None:
            variables[variable] = value
    if proposed is not None:
        variables["proposal.outcome"] = proposed
    variables["confidence"] = variables["proposal.confidence"] = confidence
    variables["policy.version"] = policy.version
    variables["policy.age"] = now - policy.published_at
    variables["controls.peak"] = controls.peak(scored["tenant"], policy.decision_type, now)
    variables["now"] = now
    lost = frozenset([f"case.{problem.name}" for problem in unread]) if unread else frozenset[str]()
    return Observation(proposed, confidence, variables, reasons, lost)


def evaluate(policy: Policy, seen: Observation) -> Results:
    """Evaluate the policy over a case; without a proposal every outcome is tried and the worst result counts."""
    if seen.proposed is not None:
        return policy.evaluate(seen.variables)
    first, *others = policy.outcomes
    values, failed = policy.evaluate({**seen.variables, "proposal.outcome": first})
    if not policy.outcome_slots:
        return Results(values, failed)
    slots = policy.outcome_slots
    tried: list[Sequence[object]] = [[values[slot] for slot in slots]]
    tried += [policy.reevaluate({**seen.variables, "proposal.outcome": name}, slots) for name in others]
    worst = list(values)
    for slot, of_each in zip(slots, zip(*tried, strict=True), strict=True):
        worst[slot] = _worst(of_each)
    return Results(worst, [slot for slot, value in enumerate(worst) if isinstance(value, ExpressionFailure)])


def _worst(values: Sequence[object]) -> object:
    """Return the failure if there is one, otherwise the largest value: the highest factor, the rule that matches."""
    for value in values:
        if isinstance(value, ExpressionFailure):
            return value
    return max(values, key=_size)


def _size(value: object) -> float:
    return float(value) if isinstance(value, int | float) else math.inf


def _proposal(scored: Mapping[str, Any], policy: Policy, reasons: Reasons) -> tuple[str | None, float]:
    proposal = scored["proposal"]
    if proposal is None:
        abstained = scored.get("abstained") or {}
        why = abstained.get("detail") or abstained.get("reason") or "no reason given"
        read = {"reason": abstained.get("reason")}
        reasons.ask(FAILURE_LEVEL, "abstained", f"The AI makes no proposal: {why}.", read)
        return None, 0.0
    outcome, confidence = proposal.get("outcome"), proposal.get("confidence")
    if outcome not in policy.outcomes:
        text = "The AI proposes what the policy does not know."
        reasons.ask(FAILURE_LEVEL, "unknown_outcome", text, {"outcome": outcome})
        return None, 0.0
    if confidence.__class__ not in {int, float} or not 0.0 <= confidence <= 1.0:
        text = "The confidence is no number from 0 to 1."
        reasons.ask(FAILURE_LEVEL, "invalid_confidence", text, {"confidence": confidence})
        return None, 0.0
    return outcome, float(confidence)


def _payload_problem(
    scored: Mapping[str, Any], labels: Mapping[str, str], reasons: Reasons, told: Collection[str | None]
) -> None:
    """Say what is wrong with the payload's fields, except those that a reason names already.

    People read the fields' labels, programs their names: a replay holds those against what was stored, and no wording.
    """
    missing = [str(name) for name in scored["missing_fields"] if name not in told]
    pointers = [str(field.get("pointer")) for field in scored["invalid_fields"]]
    invalid = [pointer for pointer in pointers if pointer[1:].split("/", 1)[0] not in told]
    if not missing and not invalid:
        return
    said = " and ".join(
        f"{word} {', '.join(names)}"
        for word, names in (
            ("lacks", [labels.get(name, name) for name in missing]),
            ("has unusable", [labels.get(pointer[1:], pointer) for pointer in invalid]),
        )
        if names
    )
    code = "missing_fields" if missing else "invalid_fields"
    read = {"missing_fields": missing, "invalid_fields": invalid}
    reasons.ask(FAILURE_LEVEL, code, f"The case {said}.", read)


def _signal(signal: Any) -> float | None:
    value = signal.get("value") if signal.__class__ is dict else None
    if value is None or (value.__class__ is not float and value.__class__ is not int) or not 0.0 <= value <= 1.0:
        return None
    return float(value)
