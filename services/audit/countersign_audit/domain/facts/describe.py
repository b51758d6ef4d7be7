"""Which facts an event contributes, by its topic."""

import hashlib

from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.domain.facts import activities, cases, decisions
from countersign_audit.domain.facts.ledger import Body, Facts


def describe(facts: Facts, topic: str, body: Body, data: bytes, names: Pseudonyms) -> str:
    """Collect the facts of one event and return its kind; ``data`` are the bytes of the body."""
    if topic == "case.created":
        _upstream(facts, body, names)
        cases.created(facts, body, hashlib.sha256(data).hexdigest())
    elif topic == "case.updated":
        _upstream(facts, body, names)
        cases.updated(facts, body)
    elif topic == "case.scored":
        cases.scored(facts, body)
    elif topic == "case.routed":
        cases.routed(facts, body)
    elif topic == "decision.made":
        decisions.decided(facts, body)
    elif topic == "control.changed":
        activities.control(facts, body)
    else:
        activities.activity(facts, body)
        kind = body.get("kind")
        return names.word(kind) if isinstance(kind, str) else topic
    return topic


def _upstream(facts: Facts, body: Body, names: Pseudonyms) -> None:
    # Upstream may write a person's name here, so it is never shown, word or not.
    submitted_by = body.get("submitted_by")
    facts.acted("upstream", names.hidden(submitted_by) if isinstance(submitted_by, str) else None)
