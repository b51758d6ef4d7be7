"""Facts of `case.created`, `case.updated`, `case.scored` and `case.routed`."""

from countersign_audit.facts import shapes
from countersign_audit.facts.leaf import Actor, Leaf, Sampling, Signals, Thresholds
from countersign_audit.facts.values import Secrets, commit_to, kept, outcome, ppm


def created(leaf: Leaf, body: shapes.Created) -> Secrets:
    """A decision is needed: what came in stays outside the leaf, as the commitment `input`."""
    leaf.test = body.test
    leaf.deadline_at = body.deadline_at
    return {}


def updated(leaf: Leaf, body: shapes.Updated) -> Secrets:
    """Something about the case changed outside."""
    if isinstance(body.kind, str):
        leaf.update = body.kind
    said = body.body
    if said is not None:
        leaf.question_id, leaf.decision_id = said.question_id, said.decision_id
        leaf.deadline_at, leaf.severity = said.deadline_at, said.severity
    return {}


def scored(leaf: Leaf, body: shapes.Scored) -> Secrets:
    """The AI's proposal: its confidence in the open, its outcome and explanation as commitments."""
    secrets: Secrets = {}
    commit_to(secrets, "input", body.payload_sha256)
    leaf.actor = Actor(kind="model")
    leaf.model = body.model
    leaf.missing_fields = kept(leaf, body.missing_fields)
    proposal, said = body.proposal, body.signals
    if proposal is not None:
        leaf.confidence_ppm, leaf.raw_score_ppm = ppm(proposal.confidence), ppm(proposal.raw_score)
        secrets["output"] = outcome(proposal.outcome, bytes(proposal.outcome_params))
        secrets["explanation"] = bytes(proposal.explanation)
    elif body.abstained is not None:
        leaf.abstained = body.abstained.reason
    if said is not None:
        leaf.signals = Signals(
            _signal(said.completeness), _signal(said.consensus), _signal(said.probability), _signal(said.rule_clarity),
            _signal(said.similarity),
        )  # fmt: skip
    return secrets


def routed(leaf: Leaf, body: shapes.Routed) -> Secrets:
    """The level of human involvement, and everything it rests on."""
    secrets: Secrets = {}
    commit_to(secrets, "input", body.payload_sha256)
    leaf.actor = Actor(kind="policy")
    leaf.model, leaf.policy, leaf.certificate = body.model, body.policy, body.certificate
    leaf.level, leaf.priority, leaf.band, leaf.queue = body.level, body.priority, body.band, body.queue
    leaf.would_automate = body.would_automate
    if body.proposal is not None:
        leaf.confidence_ppm = ppm(body.proposal.confidence)
    if body.reasons:
        leaf.reasons = kept(leaf, [reason.code for reason in body.reasons])
    if body.consequence is not None:
        leaf.tier = body.consequence.tier
    if body.handling is not None:
        leaf.withhold = body.handling.withhold
    if body.thresholds is not None:
        leaf.thresholds = _thresholds(leaf, body.thresholds)
    if body.sampling is not None:
        leaf.sampling = _sampling(body.sampling)
    return secrets


def _signal(said: shapes.Signal | None) -> int | None:
    return None if said is None else ppm(said.value)


def _thresholds(leaf: Leaf, said: shapes.ThresholdsSaid) -> Thresholds:
    bands = said.bands or shapes.Bands()
    adjustments = [adjustment.id for adjustment in said.adjustments] if said.adjustments else None
    return Thresholds(kept(leaf, adjustments), ppm(said.certified), ppm(bands.high), ppm(bands.medium))


def _sampling(said: shapes.SamplingSaid) -> Sampling:
    drawn = Sampling(key_id=said.key_id)
    if (draw := said.audit) is not None:
        drawn.audit, drawn.audit_ppm = draw.selected, ppm(draw.probability)
    if (draw := said.blind) is not None:
        drawn.blind, drawn.blind_ppm = draw.selected, ppm(draw.probability)
    if (draw := said.human_only) is not None:
        drawn.human_only, drawn.human_only_ppm = draw.selected, ppm(draw.probability)
    if (draw := said.thin) is not None:
        drawn.thin, drawn.thin_ppm = draw.selected, ppm(draw.probability)
    if (draw := said.seed) is not None:
        drawn.seed, drawn.seed_ppm = draw.selected, ppm(draw.probability)
    return drawn
