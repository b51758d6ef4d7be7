"""Explaining a case: what the router would make of it, and why."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from countersign_router.api.models.cases import DryRouting, DryRun, TraceEntry
from countersign_router.domain.controls import Controls
from countersign_router.domain.draws import Draws
from countersign_router.domain.observation import evaluate, observe
from countersign_router.domain.policy import (
    FACTORS,
    LEVEL_NAMES,
    SIGNALS,
    Expression,
    ExpressionFailure,
    Policy,
    Results,
)
from countersign_router.domain.reasons import values_read
from countersign_router.domain.routing import Routing, decide
from countersign_router.domain.sampling import wire as samples_wire
from countersign_shared.contracts.decision_types import DecisionType

DRY_KEY = "dry-run"
"""A dry run names no key: it makes the draws the case would get, and they are nobody's record."""


def dry_scored(asked: DryRun, decision_type: DecisionType) -> dict[str, Any]:
    """Make the body of case.scored that a dry run stands for."""
    problems = decision_type.check_payload(asked.payload)
    missing = decision_type.missing_fields(asked.payload)
    absent = {f"/{name}" for name in missing}
    signals = asked.signals.model_dump()
    if signals["completeness"] is None:
        required = max(len(decision_type.required), 1)
        signals["completeness"] = 1.0 - len(missing) / required
    proposal = None
    if asked.proposal is not None:
        proposal = {
            "outcome": asked.proposal.outcome, "outcome_params": {}, "confidence": asked.proposal.confidence,
            "explanation": {"summary": "", "factors": [_factor(one) for one in asked.proposal.factors]},
        }  # fmt: skip
        if signals["probability"] is None:
            signals["probability"] = asked.proposal.confidence
    return {
        "tenant": asked.tenant, "case_id": asked.case_id, "decision_type": asked.decision_type,
        "case": {"payload": asked.payload, **asked.case}, "proposal": proposal,
        "abstained": None if proposal else {"reason": "no_proposal", "detail": "the dry run has no proposal"},
        "signals": {name: {"value": signals[name]} for name in SIGNALS}, "missing_fields": missing,
        "invalid_fields": [{"pointer": one.pointer, "detail": one.detail}
                           for one in problems if one.pointer not in absent],
        "model": asked.model,
    }  # fmt: skip


def _factor(given: Mapping[str, Any]) -> dict[str, Any]:
    effect = given.get("effect")
    try:
        number = float(effect) if isinstance(effect, int | float) else 0.0
    except OverflowError:
        # Only the order of factors hangs on it.
        number = math.inf
    direction = "for" if given.get("direction") == "for" else "against"
    return {"field": str(given.get("field", "")), "effect": number, "direction": direction}


def explained(scored: Mapping[str, Any], policy: Policy, controls: Controls, now: datetime, draws: Draws) -> DryRouting:
    """Route a case and tell everything that led there: each expression's value, and each contribution to the level."""
    seen = observe(scored, policy, controls, now)
    variables, results = dict(seen.variables), evaluate(policy, seen)
    routing = decide(scored, policy, controls, now, draws, seen, results)
    return _dry_routing(routing, policy, [_traced(one, results, variables) for one in policy.expressions])


def _traced(expression: Expression, results: Results, variables: Mapping[str, object]) -> TraceEntry:
    value = results.values[expression.slot]
    failed = isinstance(value, ExpressionFailure)
    return TraceEntry(
        path=expression.path, expression=expression.text,
        value=value if isinstance(value, bool | int | float) else None, error=str(value) if failed else None,
        values_read=dict(values_read(expression.reads, variables)),
    )  # fmt: skip


def _dry_routing(routing: Routing, policy: Policy, trace: list[TraceEntry]) -> DryRouting:
    found, limits = routing.consequence, routing.thresholds
    return DryRouting(
        level=routing.level, level_name=LEVEL_NAMES[routing.level], would_automate=routing.would_automate,
        consequence=None if found is None else {
            "tier": found.tier, "factors": dict(zip(FACTORS, found.factors, strict=True)),
        },
        band=routing.band,
        thresholds=None if limits is None else {
            "bands": {"high": limits.high, "medium": limits.medium}, "adjustments": list(limits.adjustments),
        },
        certificate=routing.certificate, reasons=[dict(reason) for reason in routing.reasons],
        sampling=dict(samples_wire(routing.samples, DRY_KEY)), queue=routing.queue, withhold=routing.withhold,
        reviewers_required=routing.reviewers_required, due_at=routing.due_at,
        certificate_id=routing.certificate_id, trace=trace,
        policy={"id": policy.id, "version": policy.version, "sha256": policy.sha256},
    )  # fmt: skip
