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
    raised,
    thresholds,
)
from countersign_router.domain.controls import Certificate, Controls
from countersign_router.domain.draws import Draws
from countersign_router.domain.observation import Observation, evaluate, observe
from countersign_router.domain.policy import (
    FAILURE_LEVEL,
    HIGHEST_AUTOMATIC_LEVEL,
    HUMAN_ONLY_LEVEL,
    REVIEW_LEVEL,
    TIERS,
    ExceptionRule,
    Policy,
    Results,
    Withhold,
)
from countersign_router.domain.reasons import Reason, Reasons, values_read
from countersign_router.domain.sampling import NO_SAMPLES, NOT_OFFERED, Draw, Samples, audit_probability, drawn
from countersign_router.domain.wording import beside

PRIORITY_PER_TIER = 200
MOST_PRINCIPAL_REASONS = 4
_NO_CERTIFICATE = {
    "missing": "No certificate covers", "void": "No certificate that holds for this model and policy covers",
}  # fmt: skip


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
    certificate_id: str | None = None
    incomplete: bool = False
    """Data of the case is missing or unusable, and that is why a person decides."""

    @property
    def automatic(self) -> bool:
        """Whether the machine decides."""
        return self.level <= HIGHEST_AUTOMATIC_LEVEL


def route(scored: Mapping[str, Any], policy: Policy, controls: Controls, now: datetime, draws: Draws) -> Routing:
    """Route one case (the body of case.scored) under one policy. Same arguments, same answer.

    The three steps can be taken apart, to take each for many cases in a row.
    """
    seen = observe(scored, policy, controls, now)
    return decide(scored, policy, controls, now, draws, seen, evaluate(policy, seen))


def decide(
    scored: Mapping[str, Any], policy: Policy, controls: Controls, now: datetime, draws: Draws, seen: Observation,
    results: Results,
) -> Routing:  # fmt: skip
    """Make a routing of what was seen of a case and what the policy's expressions say of it."""
    reasons, values = seen.reasons, results.values
    failed = failures(policy, results)
    if failed and seen.unread:
        # The reason is the input, and is listed; the policy is not to blame.
        failed = [one for one in failed if seen.unread.isdisjoint(policy.expressions[one[0]].reads)]
    for slot, message in failed:
        _failure(policy, seen, slot, message)
    judged = not reasons.listed
    found = consequence(policy, results)
    status, certificate = _certified(policy, scored, controls, now, found.tier)
    limits = thresholds(policy, results, found.tier, None if certificate is None else certificate.threshold)
    cell = _cell(policy, seen, found, limits) if judged else None
    exception = _exception(policy, seen, values)
    _floor(policy, seen, values)
    principal = _principal_reasons(policy, scored, seen)
    would_automate = judged and reasons.level <= HIGHEST_AUTOMATIC_LEVEL
    _adjusted(seen, limits, found.tier)
    if controls.raised_bands and cell is not None:
        limits, cell = _raised(policy, scored, controls, seen, found.tier, limits, cell)
    status = _certificate(policy, status, certificate, found.tier, seen)
    if would_automate:
        _guards(policy, scored["tenant"], controls, now, found.tier, reasons)
        if status == "not_required" and reasons.level <= HIGHEST_AUTOMATIC_LEVEL:
            reasons.note("uncertified", "The policy automates without a certificate.", {})
    samples = _samples(policy, scored, seen, values, draws)
    level = reasons.level
    queue = _queue(policy, level, exception, samples)
    due_at, at_risk_at = _deadline(policy, scored, now) if queue is not None else (None, None)
    return Routing(
        level=level, would_automate=would_automate, consequence=found, band=cell, thresholds=limits,
        reasons=reasons.listed, certificate=status, samples=samples,
        priority=PRIORITY_PER_TIER * TIERS.index(found.tier), queue=queue, withhold=_withhold(policy, level, samples),
        reviewers_required=_reviewers(policy, values), due_at=due_at, at_risk_at=at_risk_at,
        principal_reasons=principal, policy_failed=bool(failed),
        certificate_id=certificate.id if certificate is not None and status == "live" else None,
        incomplete=bool(seen.unread or scored["missing_fields"] or scored["invalid_fields"]),
    )  # fmt: skip


def route_without_policy(reason: Reason, *, queue: str, now: datetime, sla: timedelta, at_risk: float) -> Routing:
    """Route a case that no policy speaks for: to a person, with the reason."""
    return Routing(
        level=FAILURE_LEVEL, would_automate=False, consequence=None, band=None, thresholds=None,
        reasons=(reason,), certificate=None, samples=NO_SAMPLES, priority=0, queue=queue, withhold="never",
        reviewers_required=1, due_at=now + sla, at_risk_at=now + sla * at_risk, principal_reasons=(),
        policy_failed=False,
    )  # fmt: skip


def _failure(policy: Policy, seen: Observation, slot: int, message: str) -> None:
    expression = policy.expressions[slot]
    text = f"The policy's {expression.path} could not be evaluated: {message}."
    read = values_read(expression.reads, seen.variables)
    seen.reasons.ask(FAILURE_LEVEL, "evaluation_error", text, read, expression.path)


def _cell(policy: Policy, seen: Observation, found: Consequence, limits: Thresholds) -> str:
    """Find the cell of the matrix and ask for its level; the band is what confidence gives and signals allow."""
    seen.reasons.note("consequence", consequence_text(found), values_read(policy.factors_read, seen.variables))
    reached = band(seen.confidence, limits)
    for cap in policy.signal_caps:
        value = seen.variables.get(cap.variable)
        below = value < cap.below if isinstance(value, float) else cap.cap_unknown
        if below and lower_band(reached, cap.band) != reached:
            reached = cap.band
            shown = "unknown" if value is None else f"{value:.3g}"
            text = f"The signal {cap.signal} is {shown}, so the confidence counts as {reached} at most."
            seen.reasons.note(f"{cap.signal}_cap", text, {cap.variable: value}, cap.rule_id)
    level = policy.matrix[found.tier][reached]
    text = (
        f"{found.tier.capitalize()} consequence at {reached} confidence "
        f"({beside(seen.confidence, limits.high, limits.medium)}; "
        f"high above {limits.high:g}, medium from {limits.medium:g}) is level {level}."
    )
    read = {"tier": found.tier, "band": reached, "confidence": seen.confidence}
    seen.reasons.ask(level, "matrix", text, read)
    return reached


def _exception(policy: Policy, seen: Observation, values: Sequence[object]) -> ExceptionRule | None:
    rules = policy.exceptions
    if not rules:
        return None
    # Their results stand side by side, which is the quickest way to find out that none of them matches.
    first = rules[0].when.slot
    matched = values[first : first + len(rules)]
    if True not in matched:
        return None
    rule = rules[matched.index(True)]
    text, read = rule.wording.said(seen.variables), values_read(rule.when.reads, seen.variables)
    seen.reasons.ask(rule.level, rule.reason or "exception", text, read, rule.id)
    return rule


def _floor(policy: Policy, seen: Observation, values: Sequence[object]) -> None:
    floor = policy.never_automate
    if floor is not None and values[floor.when.slot] is True:
        text, read = floor.wording.said(seen.variables), values_read(floor.when.reads, seen.variables)
        seen.reasons.ask(REVIEW_LEVEL, "never_automate", text, read, "never_automate")
    if seen.proposed is not None and not policy.outcomes[seen.proposed].automatic:
        text = f"The outcome “{policy.outcomes[seen.proposed].label}” is not decided without a person."
        seen.reasons.ask(REVIEW_LEVEL, "outcome_needs_person", text, {"proposal.outcome": seen.proposed})


def _principal_reasons(policy: Policy, scored: Mapping[str, Any], seen: Observation) -> tuple[Mapping[str, str], ...]:
    """Find what an affected person would be told of an adverse automatic decision; nothing to tell, no automation."""
    reasons = seen.reasons
    if seen.proposed is None or reasons.level > HIGHEST_AUTOMATIC_LEVEL or not policy.outcomes[seen.proposed].adverse:
        return ()
    explained = scored["proposal"]["explanation"]["factors"]
    speaking = sorted((one for one in explained if one["direction"] == "for"), key=lambda one: -abs(one["effect"]))
    found: dict[str, Mapping[str, str]] = {}
    for factor in speaking:
        for reason in policy.principal_reasons:
            if factor["field"] in reason.fields:
                found.setdefault(reason.code, {"code": reason.code, "text": reason.text})
    if not found:
        text = f"The AI's explanation gives no principal reason for “{policy.outcomes[seen.proposed].label}”."
        reasons.ask(REVIEW_LEVEL, "no_principal_reason", text, {})
    return tuple(found.values())[:MOST_PRINCIPAL_REASONS]


def _adjusted(seen: Observation, limits: Thresholds, tier: str) -> None:
    """Say which adjustments hold and ask for their levels; their moved limits are in the matrix already."""
    for rule in limits.rules:
        text, read = rule.wording.said(seen.variables), values_read(rule.when.reads, seen.variables)
        if rule.only_tiers is not None:
            # The tier may rest on the proposal, and then so does this reason: a blind reviewer must not be told.
            read["tier"] = tier
        if rule.level_at_least is None:
            seen.reasons.note("adjustment", text, read, rule.id)
        else:
            seen.reasons.ask(rule.level_at_least, "adjustment", text, read, rule.id)


def _raised(
    policy: Policy, scored: Mapping[str, Any], controls: Controls, seen: Observation, tier: str, limits: Thresholds,
    cell: str,
) -> tuple[Thresholds, str]:  # fmt: skip
    """Ask for the level of the band that is left when controls have raised its limits.

    After ``would_automate``: which cases a certificate is about must not change with how they are held back.
    """
    raises = controls.raises(scored["tenant"], policy.decision_type, tier, scored.get("model"))
    reached = cell
    for one in raises:
        alone = raised(limits, (one,))
        lower = lower_band(cell, band(seen.confidence, alone))
        if lower != cell:
            reached = lower_band(reached, lower)
            text = (
                f"The bands are {one.by.removeprefix('bands.')}: high above {alone.high:g}, medium from "
                f"{alone.medium:g}, so the confidence counts as {lower}. {one.reason}"
            )
            read = {"tier": tier, "band": lower, "confidence": seen.confidence}
            seen.reasons.ask(policy.matrix[tier][lower], one.by.replace(".", "_"), text, read)
    return (raised(limits, raises) if raises else limits), reached


def _guards(policy: Policy, tenant: str, controls: Controls, now: datetime, tier: str, reasons: Reasons) -> None:
    """Ask everything else that must agree before a machine decides."""
    if tier not in policy.automation.tiers:
        text = f"Automation is not enabled for {tier} consequence."
        reasons.ask(REVIEW_LEVEL, "automation_not_enabled", text, {"tier": tier})
    if controls.tripped(tenant, policy.decision_type, tier):
        text = f"Evidence says that automation of {tier} consequence errs too often."
        reasons.ask(REVIEW_LEVEL, "tripped", text, {"tier": tier})
    stop = controls.stop(tenant, policy.decision_type, now)
    if stop is not None:
        reasons.ask(REVIEW_LEVEL, "stopped", f"Automation is stopped: {stop.reason}", {})


def _certified(
    policy: Policy, scored: Mapping[str, Any], controls: Controls, now: datetime, tier: str
) -> tuple[str, Certificate | None]:
    """Find the tier's certificate: ``live`` with one that speaks for this model and policy, else why there is none."""
    certificate = controls.certificates.get((scored["tenant"], policy.decision_type, tier))
    model = scored.get("model")
    if model is None:
        return "no_model", None
    if certificate is None:
        return "missing", None
    binds = certificate.binds(model, policy.automation_sha256, now)
    return ("live", certificate) if binds and policy.automation.promised(tier, certificate) else ("void", None)


def _certificate(policy: Policy, status: str, certificate: Certificate | None, tier: str, seen: Observation) -> str:
    """Return what the event says of the certificate; one that is asked for and not live asks for a person."""
    if not policy.automation.certificate_required:
        return "not_required"
    if certificate is not None and seen.confidence >= certificate.threshold:
        return status
    read: dict[str, Any] = {"tier": tier, "confidence": seen.confidence}
    if status == "no_model":
        text = "No certificate can cover this proposal: it names no model version to certify."
        seen.reasons.ask(REVIEW_LEVEL, "no_model_version", text, {"tier": tier})
        return "missing"
    if certificate is None:
        text = f"{_NO_CERTIFICATE[status]} {tier} consequence."
    else:
        status, read["certified"] = "missing", certificate.threshold
        text = f"The certificate of {tier} consequence begins at a confidence of {certificate.threshold:g}."
    seen.reasons.ask(REVIEW_LEVEL, "no_certificate", text, read)
    return status


def _samples(
    policy: Policy, scored: Mapping[str, Any], seen: Observation, values: Sequence[object], draws: Draws
) -> Samples:
    tenant, case_id = scored["tenant"], scored["case_id"]
    sampling, reasons = policy.sampling, seen.reasons
    human_only = NOT_OFFERED
    if seen.proposed is not None:
        human_only = drawn(draws, "human_only", tenant, case_id, sampling.human_only)
    if human_only.selected:
        text = "Drawn at random to be decided without the AI."
        reasons.ask(HUMAN_ONLY_LEVEL, "human_only_sample", text, {"probability": human_only.probability})
    level = reasons.level
    if level > HIGHEST_AUTOMATIC_LEVEL:
        blind = NOT_OFFERED
        if policy.withhold.get(level) == "blind_sample" and seen.proposed is not None:
            blind = drawn(draws, "blind", tenant, case_id, sampling.blind)
        return Samples(human_only, blind, seed=_seed(policy, scored, level, draws))
    by = values[sampling.audit_by.slot] if sampling.audit_by is not None else 0.0
    probability = audit_probability(policy, level, by if isinstance(by, float) else 0.0)
    audit = drawn(draws, "audit", tenant, case_id, probability)
    if audit.selected:
        text = f"Drawn at random, with a chance of {probability:.3g}, to be judged by a person afterwards."
        reasons.note("audit_sample", text, {"probability": probability})
    return Samples(human_only, audit=audit)


def _seed(policy: Policy, scored: Mapping[str, Any], level: int, draws: Draws) -> Draw:
    """Draw whether a case for people brings a known-wrong proposal along into its queue.

    Only where proposals are shown, as a seed shows one; a rehearsal must not put real work before people.
    """
    probability = policy.sampling.seed
    if probability <= 0.0 or policy.withhold.get(level) == "always" or scored["case"].get("test", False):
        return NOT_OFFERED
    return drawn(draws, "seed", scored["tenant"], scored["case_id"], probability)


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


def _reviewers(policy: Policy, values: Sequence[object]) -> int:
    four_eyes = policy.four_eyes_when
    # False is the only answer that spares the second person: a failure asks for one.
    needed = four_eyes is not None and values[four_eyes.slot] is not False
    return max(policy.reviewers_required, 2 if needed else 1)


def _deadline(policy: Policy, scored: Mapping[str, Any], now: datetime) -> tuple[datetime, datetime]:
    due = now + policy.sla.due
    asked = scored["case"].get("deadline_at")
    if asked is not None:
        due = max(min(due, datetime.fromisoformat(asked)), now)
    return due, now + (due - now) * policy.sla.at_risk
