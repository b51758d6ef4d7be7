"""Facts of `activity.recorded`, `control.changed` and of dead letters."""

from countersign_audit.domain.facts.decisions import judged
from countersign_audit.domain.facts.ledger import Body, Facts, inner, texts, truths, wholes

JUDGEMENTS = frozenset({"audit.judged", "control.judged", "seed.judged"})
FACT_TEXTS = (
    "review_id", "claim_id", "decision_id", "question_id", "erasure_id", "ended_review_id", "superseded_by",
    "review_kind", "queue", "reviewer", "to_reviewer", "sla_class", "action", "policy_id", "channel", "what", "service",
    "user", "api_key_id", "old_key_id", "new_key_id", "public_key", "sha256", "automation_sha256",
    "lease_expires_at", "due_at", "next_attempt_at",
)  # fmt: skip
FACT_WHOLES = (
    "level", "version", "previous_version", "attempt", "status", "entries", "first_index", "last_index", "rows_blanked",
)  # fmt: skip


def activity(facts: Facts, body: Body) -> None:
    """Any fact that is not a decision; its free texts stay outside the leaf."""
    said = inner(body, "body")
    recorded = body.get("kind")
    if isinstance(recorded, str) and recorded in JUDGEMENTS:
        judged(facts, said)
    else:
        _fact(facts, said)
    texts(facts.fields, body, ("entity_id",))
    # After the inner facts: who recorded the activity is its actor, whoever is named inside.
    actor = inner(body, "actor")
    kind = actor.get("kind")
    facts.acted(kind if isinstance(kind, str) else "unknown", actor.get("pseudonym"), actor.get("role"))


def control(facts: Facts, body: Body) -> None:
    """The whole state of one control; what it says beyond its name is a commitment."""
    facts.acted("service", body.get("changed_by"))
    scope = texts({}, body, ("kind", "decision_type", "tier"))
    facts.fields["control"] = wholes(scope, body, ("revision",))
    texts(facts.fields, body, ("changed_at",))
    state = inner(body, "state")
    truths(facts.fields, state, ("active",))
    texts(facts.fields, state, ("expires_at",))
    facts.secrets["state"] = facts.encode(state)
    facts.codes("signatures", body.get("signatures"), "pseudonym")


def dead_letter(facts: Facts, headers: dict[str, bytes]) -> None:
    """A record that some service could not read: who, why and where it had been."""
    said = {name[2:]: value.decode(errors="replace") for name, value in headers.items() if name.startswith("x-")}
    facts.acted("service", said.get("service"))
    facts.fields["dead_letter"] = texts({}, said, ("reason", "topic", "partition", "offset"))


def _fact(facts: Facts, said: Body) -> None:
    fields = facts.fields
    texts(fields, said, FACT_TEXTS)
    wholes(fields, said, FACT_WHOLES)
    if isinstance(kind := said.get("control"), str):
        scope = texts({"kind": kind}, said, ("decision_type", "tier"))
        fields["control"] = wholes(scope, said, ("revision",))
    facts.codes("roles", said.get("roles"))
    facts.codes("read_fields", said.get("fields"))
    if "shown_sha256" in said:
        facts.secret_texts("shown", [said["shown_sha256"]])
    facts.secret_text("evidence", said.get("evidence_sha256"))
    facts.secret_text("rejected", said.get("record_sha256"))
    if said.get("outcome") is not None:
        facts.secret_outcome(said)
    times = inner(said, "times")
    if times:
        fields["review"] = texts({}, times, ("opened_at", "first_action_at", "decided_at"))
