"""Facts of `activity.recorded`, `control.changed` and of dead letters."""

from msgspec.json import Decoder

from countersign_audit.facts import shapes
from countersign_audit.facts.decisions import judged
from countersign_audit.facts.leaf import Actor, Control, Leaf
from countersign_audit.facts.parts import DeadLetter, Fact
from countersign_audit.facts.values import Secrets, commit_to, commit_to_each, kept, outcome

JUDGEMENTS = frozenset({"audit.judged", "control.judged", "seed.judged"})
FACT = Decoder(Fact)
HIDDEN = Decoder(shapes.Hidden)
JUDGED = Decoder(shapes.Judged)
STATE: Decoder[shapes.StateSaid | None] = Decoder(shapes.StateSaid | None)


def activity(leaf: Leaf, body: shapes.Recorded) -> Secrets:
    """Any fact that is not a decision; its free texts stay outside the leaf."""
    kind = body.kind
    if isinstance(kind, str):
        leaf.kind = kind
    if isinstance(kind, str) and kind in JUDGEMENTS:
        secrets = judged(leaf, JUDGED.decode(body.body))
    else:
        leaf.fact = FACT.decode(body.body)
        secrets = _hidden(HIDDEN.decode(body.body))
    leaf.entity_id = body.entity_id
    # After the inner facts: who recorded the activity is its actor, whoever is named inside.
    said = body.actor or shapes.ActorSaid()
    leaf.actor = Actor(said.pseudonym, said.kind, said.role)
    return secrets


def control(leaf: Leaf, body: shapes.Changed) -> Secrets:
    """The whole state of one control; what it says beyond its name is a commitment."""
    leaf.actor = Actor(body.changed_by, "service")
    decision_type = body.decision_type if isinstance(body.decision_type, str) else None
    kind = body.kind if isinstance(body.kind, str) else None
    leaf.control = Control(decision_type, kind, body.revision, body.tier)
    leaf.changed_at = body.changed_at
    state = STATE.decode(body.state)
    if state is not None:
        leaf.active, leaf.expires_at = state.active, state.expires_at
    if body.signatures:
        leaf.signatures = kept(leaf, [signature.pseudonym for signature in body.signatures])
    return {"state": bytes(body.state)}


def dead_letter(leaf: Leaf, headers: dict[str, bytes]) -> None:
    """A record that some service could not read: who, why and where it had been."""
    said = {name: value.decode(errors="replace") for name, value in headers.items() if name.startswith("x-")}
    leaf.actor = Actor(said.get("x-service"), "service")
    leaf.dead_letter = DeadLetter(
        said.get("x-offset"), said.get("x-partition"), said.get("x-reason"), said.get("x-topic")
    )


def _hidden(said: shapes.Hidden) -> Secrets:
    secrets: Secrets = {}
    commit_to_each(secrets, "shown", [said.shown_sha256] if said.shown_sha256 is not None else None)
    commit_to(secrets, "evidence", said.evidence_sha256)
    commit_to(secrets, "rejected", said.record_sha256)
    if said.outcome is not None:
        secrets["output"] = outcome(said.outcome, bytes(said.outcome_params))
    return secrets
