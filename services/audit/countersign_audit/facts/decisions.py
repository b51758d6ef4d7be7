"""Facts of `decision.made` and of judgements."""

from countersign_audit.facts import shapes
from countersign_audit.facts.leaf import Actor, Leaf, Routing
from countersign_audit.facts.parts import Decider
from countersign_audit.facts.values import Secrets, commit_to, commit_to_each, kept, outcome, ppm

MAX_PEOPLE = 10


def decided(leaf: Leaf, body: shapes.Decided) -> Secrets:
    """A decision to act on: who, by what right and on what grounds; the outcome itself as the commitment `output`."""
    leaf.deciders, leaf.actor = _people(leaf, body.deciders, otherwise="policy")
    leaf.decision_id, leaf.supersedes, leaf.closed_as = body.decision_id, body.supersedes, body.closed_as
    leaf.mode, leaf.relation = body.mode, body.relation
    leaf.opened_at, leaf.decided_at, leaf.sla_met, leaf.test = body.opened_at, body.decided_at, body.sla_met, body.test
    leaf.tags = kept(leaf, body.tags)
    if body.principal_reasons:
        leaf.principal_reasons = kept(leaf, [reason.code for reason in body.principal_reasons])
    if body.reason is not None:
        leaf.reason_codes, leaf.category = kept(leaf, body.reason.codes), body.reason.category
    leaf.routing = _routing(body.routing)
    secrets: Secrets = {"output": outcome(body.outcome, bytes(body.outcome_params))}
    binding = body.binding
    if binding is not None:
        commit_to(secrets, "input", binding.payload_sha256)
        commit_to_each(secrets, "shown", binding.shown_sha256)
        commit_to(secrets, "execute", binding.execute_sha256)
    return secrets


def judged(leaf: Leaf, body: shapes.Judged) -> Secrets:
    """What people would have decided; the outcome is committed to, never shown."""
    leaf.deciders, leaf.actor = _people(leaf, body.answers, otherwise="service")
    leaf.judged_decision_id, leaf.error = body.judged_decision_id, body.error
    leaf.routing = _routing(body.routing)
    return {"output": outcome(body.final_outcome, b"")}


def _people(leaf: Leaf, people: list[Decider] | None, otherwise: str) -> tuple[list[Decider] | None, Actor]:
    if not people:
        return None, Actor(kind=otherwise)
    if len(people) > MAX_PEOPLE:
        leaf.cut = True
    last = people[-1]
    return people[:MAX_PEOPLE], Actor(last.pseudonym, "person", last.role)


def _routing(said: shapes.RoutingSaid | None) -> Routing | None:
    if said is None:
        return None
    return Routing(
        said.band, ppm(said.confidence), said.event_id, said.level, said.model, said.policy, said.tier,
        said.would_automate,
    )  # fmt: skip
