"""Which facts an event contributes to its leaf, by its topic."""

import hashlib
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec

from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.facts import activities, cases, decisions, shapes
from countersign_audit.facts.leaf import Actor, Leaf, empty_leaf
from countersign_audit.facts.values import Secrets

Describe = Callable[[Leaf, Any], Secrets]

BY_TOPIC: dict[str, Describe] = {
    "case.created": cases.created,
    "case.updated": cases.updated,
    "case.scored": cases.scored,
    "case.routed": cases.routed,
    "decision.made": decisions.decided,
    "control.changed": activities.control,
    "activity.recorded": activities.activity,
}


class Described(NamedTuple):
    """A leaf with its facts, and what it commits to without showing it, by label."""

    leaf: Leaf
    secrets: Secrets


def describe(topic: str, body: shapes.About, data: bytes, names: Pseudonyms) -> Described:
    """Collect the facts of one event; ``data`` are the bytes of its body."""
    leaf = empty_leaf(topic, topic)
    try:
        secrets = _malformed(leaf) if type(body) is shapes.About else BY_TOPIC[topic](leaf, body)
    except msgspec.ValidationError:
        leaf = empty_leaf(topic, topic)
        secrets = _malformed(leaf)
    if topic in {"case.created", "case.updated"}:
        # Upstream may write a person's name here, so it is never shown, word or not.
        by = body.submitted_by
        leaf.actor = Actor(kind="upstream", id=names.hidden(by) if isinstance(by, str) else None)
        if topic == "case.created":
            secrets["input"] = hashlib.sha256(data).hexdigest().encode()
    return Described(leaf, secrets)


def _malformed(leaf: Leaf) -> Secrets:
    leaf.malformed = True
    leaf.actor = Actor(kind="unknown")
    return {}
