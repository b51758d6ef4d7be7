"""The heart: how far people are involved in one case, and every reason for it.

``route`` is pure. The level is the maximum over all contributions, so nothing that speaks for caution can be undone by
something that speaks for automation; what could not be judged contributes level 4.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from countersign_router.domain.consequence import (
    Consequence,
    Thresholds,
    band,
    consequence,
    consequence_text,
    failures,
    lower_band,
    thresholds,
)
from countersign_router.domain.controls import Controls
from countersign_router.domain.draws import Draws
from countersign_router.domain.observation import Observation, observe
from countersign_router.domain.policy import (
    FAILURE_LEVEL,
    HIGHEST_AUTOMATIC_LEVEL,
    HUMAN_ONLY_LEVEL,
    REVIEW_LEVEL,
    TIERS,
    ExceptionRule,
    Policy,
    Withhold,
)
from countersign_router.domain.reasons import Reason, values_read
from countersign_router.domain.sampling import NO_SAMPLES, NOT_OFFERED, Draw, Samples, audit_probability, drawn

PRIORITY_PER_TIER = 200
MOST_PRINCIPAL_REASONS = 4


class Routing(NamedTuple):
    """What ``route`` says of a case. Parts that only a policy can say are None where no policy spoke."""

    level: int
    would_automate: bool
    consequence: Consequence | None
    band: str | None
    thresholds: Thresholds | None
    reasons: Sequence[Reason]
    certificate: str | None
    samples: Samples
    priority: int
    queue: str | None
    withhold: Withhold
    reviewers_required: int
    due_at: datetime | None
    at_risk_at: datetime | None
    principal_reasons: tuple[Mapping[str, str], ...]
    policy_failed: bool

    @property
    def automatic(self) -> bool:
        """Whether the machine decides."""
        return self.level <= HIGHEST_AUTOMATIC_LEVEL


def route(scored: Mapping[str, Any], policy: Policy, controls: Controls, now: datetime, draws: Draws) -> Routing:
    """Route one case (the body of case.scored) under one policy. Same arguments, same answer."""
    seen = observe(scored, policy, controls, now)
    reasons = seen.problems
    failed = failures(policy, seen.results)
    reasons += [_failure(policy, seen, slot, message) for slot, message in failed]
    judged = not reasons
    found = consequence(policy, seen.results)
    limits = thresholds(policy, seen.results, found.tier)
    cell = _cell(policy, seen, found, limits, reasons) if judged else None
    exception = _exception(policy, seen, reasons)
    _floor(policy, seen, reasons)
    principal = _principal_reasons(policy, scored, seen, reasons)
    would_automate = judged and _level(reasons) <= HIGHEST_AUTOMATIC_LEVEL
    for adjustment in limits.adjustments:
        if adjustment["level_at_least"] is not None:
            reasons.append(_adjusted(policy, seen, adjustment))
    certificate = _guards(policy, scored, controls, now, found, seen, reasons, would_automate)
    samples = _samples(policy, scored, seen, draws, reasons)
    level = _level(reasons)
    queue = _queue(policy, level, exception, samples)
    due_at, at_risk_at = _deadline(policy, scored, now) if queue is not None else (None, None)
    return Routing(
        level=level, would_automate=would_automate, consequence=found,
        band=cell, thresholds=limits, reasons=reasons, certificate=certificate, samples=samples,
        priority=TIERS.index(found.tier) * PRIORITY_PER_TIER, queue=queue,
        withhold=_withhold(policy, level, samples), reviewers_required=_reviewers(policy, seen),
        due_at=due_at, at_risk_at=at_risk_at, principal_reasons=principal, policy_failed=bool(failed),
    )  # fmt: skip


def route_without_policy(reason: Reason, *, queue: str, now: datetime, sla: timedelta, at_risk: float) -> Routing:
    """Route a case that no policy speaks for: to a person, with the reason."""
    return Routing(
        level=FAILURE_LEVEL, would_automate=False, consequence=None, band=None, thresholds=None,
        reasons=(reason,), certificate=None, samples=NO_SAMPLES, priority=0, queue=queue, withhold="never",
        reviewers_required=1, due_at=now + sla, at_risk_at=now + sla * at_risk, principal_reasons=(),
        policy_failed=False,
    )  # fmt: skip


def _level(reasons: Sequence[Reason]) -> int:
    return max(reason.get("level", 1) for reason in reasons)


def _failure(policy: Policy, seen: Observation, slot: int, message: str) -> Reason:
    expression = policy.expressions[slot]
    return Reason(
        code="evaluation_error", text=f"The policy's {expression.path} could not be evaluated: {message}.",
        level=FAILURE_LEVEL, rule_id=expression.path, values_read=values_read(expression.reads, seen.variables),
    )  # fmt: skip


def _cell(policy: Policy, seen: Observation, found: Consequence, limits: Thresholds, reasons: list[Reason]) -> str:
    """Find the cell of the matrix and add its level; the band is what the confidence gives and the signals allow."""
    read = values_read(policy.factors_read, seen.variables)
    reasons.append(Reason(code="consequence", text=consequence_text(found), values_read=read))
    reached = band(seen.confidence, limits)
    for cap in policy.signal_caps:
        value = seen.variables.get("signals." + cap.signal)
        below = value < cap.below if isinstance(value, float) else cap.cap_unknown
        if below and lower_band(reached, cap.band) != reached:
            reached = cap.band
            shown = "unknown" if value is None else f"{value:.3g}"
            text = f"The signal {cap.signal} is {shown}, so the confidence counts as {reached} at most."
            reasons.append(Reason(code=f"{cap.signal}_cap", text=text, values_read={f"signals.{cap.signal}": value}))
    level = policy.matrix[found.tier][reached]
    text = (
        f"{found.tier.capitalize()} consequence at {reached} confidence ({seen.confidence:.3f}; "
        f"high above {limits.high:g}, medium from {limits.medium:g}) is level {level}."
    )
    read = {"tier": found.tier, "band": reached, "confidence": seen.confidence}
    reasons.append(Reason(code="matrix", text=text, level=level, values_read=read))
    return reached


def _exception(policy: Policy, seen: Observation, reasons: list[Reason]) -> ExceptionRule | None:
    for rule in policy.exceptions:
        if seen.results[rule.when.slot] is True:
            text = f"The exception {rule.id} holds: {rule.when.text}"
            read = values_read(rule.when.reads, seen.variables)
            code = rule.reason or "exception"
            reasons.append(Reason(code=code, text=text, level=rule.level, rule_id=rule.id, values_read=read))
            return rule
    return None


def _floor(policy: Policy, seen: Observation, reasons: list[Reason]) -> None:
    floor = policy.never_automate
    if floor is not None and seen.results[floor.slot] is True:
        text = f"Never automated: {floor.text}"
        read = values_read(floor.reads, seen.variables)
        reasons.append(
            Reason(code="never_automate", text=text, level=REVIEW_LEVEL, rule_id="never_automate", values_read=read)
        )
    if seen.proposed is not None and not policy.outcomes[seen.proposed].automatic:
        text = f"The outcome {seen.proposed} is not decided without a person."
        read = {"proposal.outcome": seen.proposed}
        reasons.append(Reason(code="outcome_needs_person", text=text, level=REVIEW_LEVEL, values_read=read))


def _principal_reasons(
    policy: Policy, scored: Mapping[str, Any], seen: Observation, reasons: list[Reason]
) -> tuple[Mapping[str, str], ...]:
    """Find what an affected person would be told of an adverse automatic decision; nothing to tell, no automation."""
    if seen.proposed is None or not policy.outcomes[seen.proposed].adverse or _level(reasons) > HIGHEST_AUTOMATIC_LEVEL:
        return ()
    explained = scored["proposal"]["explanation"]["factors"]
    speaking = sorted((one for one in explained if one["direction"] == "for"), key=lambda one: -abs(one["effect"]))
    found: dict[str, Mapping[str, str]] = {}
    for factor in speaking:
        for reason in policy.principal_reasons:
            if factor["field"] in reason.fields:
                found.setdefault(reason.code, {"code": reason.code, "text": reason.text})
    if not found:
        text = f"The AI's explanation gives no principal reason for {seen.proposed}."
        reasons.append(Reason(code="no_principal_reason", text=text, level=REVIEW_LEVEL, values_read={}))
    return tuple(found.values())[:MOST_PRINCIPAL_REASONS]


def _adjusted(policy: Policy, seen: Observation, adjustment: Mapping[str, Any]) -> Reason:
    rule = next(rule for rule in policy.adjustments if rule.id == adjustment["id"])
    level = adjustment["level_at_least"]
    return Reason(
        code="adjustment", text=f"The adjustment {rule.id} asks for level {level} at least: {rule.when.text}",
        level=level, rule_id=rule.id, values_read=values_read(rule.when.reads, seen.variables),
    )  # fmt: skip


def _guards(
    policy: Policy, scored: Mapping[str, Any], controls: Controls, now: datetime, found: Consequence,
    seen: Observation, reasons: list[Reason], would_automate: bool,
) -> str:  # fmt: skip
    """Ask everything that must agree before a machine decides; returns the certificate's status."""
    tenant, decision_type = scored["tenant"], policy.decision_type
    status = "not_required"
    held: list[tuple[str, str]] = []
    if policy.automation.certificate_required:
        status = _certificate(policy, scored, controls, found.tier, seen.confidence)
        if status != "live":
            held.append(("no_certificate", f"No live certificate covers {found.tier} consequence: {status}."))
    if not would_automate:
        return status
    if found.tier not in policy.automation.tiers:
        held.append(("automation_not_enabled", f"Automation is not enabled for {found.tier} consequence."))
    if controls.tripped(tenant, decision_type, found.tier):
        held.append(("tripped", f"Evidence says that automation of {found.tier} consequence errs too often."))
    stop = controls.stop(tenant, decision_type, now)
    if stop is not None:
        held.append(("stopped", f"Automation is stopped: {stop.reason}"))
    for code, text in held:
        reasons.append(Reason(code=code, text=text, level=REVIEW_LEVEL, values_read={"tier": found.tier}))
    if status == "not_required" and not held:
        reasons.append(Reason(code="uncertified", text="The policy automates without a certificate.", values_read={}))
    return status


def _certificate(policy: Policy, scored: Mapping[str, Any], controls: Controls, tier: str, confidence: float) -> str:
    certificate = controls.certificates.get((scored["tenant"], policy.decision_type, tier))
    model = scored.get("model")
    if certificate is None or model is None:
        return "missing"
    bound = (certificate.model_version, certificate.calibrator_version, certificate.automation_sha256)
    if bound != (model.get("version"), model.get("calibrator_version"), policy.automation_sha256):
        return "void"
    return "live" if confidence >= certificate.threshold else "missing"


def _samples(
    policy: Policy, scored: Mapping[str, Any], seen: Observation, draws: Draws, reasons: list[Reason]
) -> Samples:
    tenant, case_id = scored["tenant"], scored["case_id"]
    sampling = policy.sampling
    human_only = NOT_OFFERED
    if seen.proposed is not None:
        human_only = drawn(draws, "human_only", tenant, case_id, sampling.human_only)
    if human_only.selected:
        text = "Drawn at random to be decided without the AI."
        read: dict[str, Any] = {"probability": human_only.probability}
        reasons.append(Reason(code="human_only_sample", text=text, level=HUMAN_ONLY_LEVEL, values_read=read))
    level = _level(reasons)
    if level > HIGHEST_AUTOMATIC_LEVEL:
        blind = NOT_OFFERED
        if policy.withhold.get(level) == "blind_sample" and seen.proposed is not None:
            blind = drawn(draws, "blind", tenant, case_id, sampling.blind)
        return Samples(human_only, blind)
    by = seen.results[sampling.audit_by.slot] if sampling.audit_by is not None else 0.0
    probability = audit_probability(policy, level, by if isinstance(by, float) else 0.0)
    return Samples(human_only, audit=_audit(draws, tenant, case_id, probability, reasons))


def _audit(draws: Draws, tenant: str, case_id: str, probability: float, reasons: list[Reason]) -> Draw:
    audit = drawn(draws, "audit", tenant, case_id, probability)
    if audit.selected:
        text = f"Drawn at random, with a chance of {probability:.3g}, to be judged by a person afterwards."
        reasons.append(Reason(code="audit_sample", text=text, values_read={"probability": probability}))
    return audit


def _queue(policy: Policy, level: int, exception: ExceptionRule | None, samples: Samples) -> str | None:
    if level <= HIGHEST_AUTOMATIC_LEVEL:
        return policy.queues.audit if samples.audit.selected else None
    if exception is not None and exception.queue is not None:
        return exception.queue
    return policy.queues.of(level)


def _withhold(policy: Policy, level: int, samples: Samples) -> Withhold:
    rule = policy.withhold.get(level, "never")
    if rule == "always":
        return "always"
    # An audit must not show what the machine decided.
    return "blind" if samples.blind.selected or samples.audit.selected else "never"


def _reviewers(policy: Policy, seen: Observation) -> int:
    four_eyes = policy.four_eyes_when
    # False is the only answer that spares the second person: a failure asks for one.
    needed = four_eyes is not None and seen.results[four_eyes.slot] is not False
    return max(policy.reviewers_required, 2 if needed else 1)


def _deadline(policy: Policy, scored: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime]:
    due = now + policy.sla.due
    asked = scored["case"].get("deadline_at")
    if asked is not None:
        due = max(min(due, datetime.fromisoformat(asked)), now)
    return due, now + (due - now) * policy.sla.at_risk
