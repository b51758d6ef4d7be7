"""Facts of `decision.made` and of judgements."""

from typing import Any

from countersign_audit.domain.facts.cases import model, policy
from countersign_audit.domain.facts.ledger import Body, Facts, inner, scaled, texts, truths, wholes

MAX_PEOPLE = 10


def decided(facts: Facts, body: Body) -> None:
    """A decision to act on: who, by what right and on what grounds; the outcome itself as the commitment ``output``."""
    fields = facts.fields
    _people(facts, body.get("deciders"), otherwise="policy")
    texts(fields, body, ("decision_id", "supersedes", "closed_as", "mode", "relation", "opened_at", "decided_at"))
    truths(fields, body, ("sla_met", "test"))
    facts.codes("tags", body.get("tags"))
    facts.codes("principal_reasons", body.get("principal_reasons"), "code")
    reason = inner(body, "reason")
    facts.codes("reason_codes", reason.get("codes"))
    texts(fields, reason, ("category",))
    fields["routing"] = _routing(body)
    facts.secret_outcome(body)
    binding = inner(body, "binding")
    facts.secret_text("input", binding.get("payload_sha256"))
    facts.secret_texts("shown", binding.get("shown_sha256"))
    facts.secret_text("execute", binding.get("execute_sha256"))


def judged(facts: Facts, body: Body) -> None:
    """What people would have decided; the outcome is committed to, never shown."""
    _people(facts, body.get("answers"), otherwise="service")
    texts(facts.fields, body, ("judged_decision_id",))
    truths(facts.fields, body, ("error",))
    facts.fields["routing"] = _routing(body)
    facts.secret_outcome({"outcome": body.get("final_outcome")})


def _people(facts: Facts, people: Any, otherwise: str) -> None:
    if not isinstance(people, list) or not people:
        facts.acted(otherwise)
        return
    found = [person for person in people[:MAX_PEOPLE] if isinstance(person, dict)]
    facts.fields["deciders"] = [_person(person) for person in found]
    last = found[-1] if found else {}
    facts.acted("person", last.get("pseudonym"), last.get("role"))


def _person(person: Body) -> Body:
    kept = truths(texts({}, person, ("pseudonym", "role", "decided_at")), person, ("blind",))
    authority = texts({}, inner(person, "authority"), ("tier", "delegated_by"))
    return {**kept, "authority": authority} if authority else kept


def _routing(body: Body) -> Body:
    said = inner(body, "routing")
    kept = texts({}, said, ("event_id", "tier", "band"))
    wholes(kept, said, ("level",))
    truths(kept, said, ("would_automate",))
    scaled(kept, said, ("confidence",))
    return {**kept, "policy": policy(said), "model": model(said)}
