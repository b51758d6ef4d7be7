"""Which fields a leaf of each type has: what every entry says, and what its kind of event adds.

The types are those of the contracts: one per topic, one per kind of activity, and what could not be read. What the log
says about itself is in ``leaf_schema``.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter

from countersign_audit.domain.entry import UNREADABLE
from countersign_audit.facts.activities import JUDGEMENTS
from countersign_audit.facts.parts import Fact
from countersign_shared.contracts.events import EVENTS
from countersign_shared.messaging.dead_letters import TOPIC as DEAD_LETTERS

ACTIVITIES = "activity.recorded"
OTHER_ACTIVITY = "activity.other"
EVERY = (
    "actor", "case", "commitments", "conflict_with", "cut", "decision_type", "event_id", "malformed", "occurred_at",
    "previous", "record", "retention", "sequence", "source", "subject_key", "tenant", "trace_id", "type",
)  # fmt: skip
"""What may be said of any entry, beside its kind and topic."""
ALWAYS = ("actor", "commitments", "event_id", "kind", "record", "retention", "schema", "subject_key", "topic")
OF_EVENTS = ("source", "type")
"""What an entry made of a readable event has as well."""


@dataclass(frozen=True, slots=True)
class LeafType:
    """One type of leaf. ``facts`` are the fields of an activity's body that it shows, None when it shows none."""

    name: str
    says: str
    fields: tuple[str, ...]
    committed: tuple[str, ...]
    topic: str | None = None
    kind: str | None = None
    facts: tuple[str, ...] | None = None
    is_event: bool = True


_ROUTED = (
    "band", "certificate", "confidence_ppm", "level", "model", "policy", "priority", "queue", "reasons", "sampling",
    "thresholds", "tier", "withhold", "would_automate",
)  # fmt: skip
_DECIDED = (
    "category", "closed_as", "decided_at", "deciders", "decision_id", "mode", "opened_at", "principal_reasons",
    "reason_codes", "relation", "routing", "sla_met", "supersedes", "tags", "test",
)  # fmt: skip
_SCORED = ("abstained", "confidence_ppm", "missing_fields", "model", "raw_score_ppm", "signals")
BY_TOPICS: dict[str, tuple[str, tuple[str, ...], tuple[str, ...]]] = {
    "case.created": ("A decision is needed.", ("deadline_at", "test"), ("input",)),
    "case.updated": (
        "Something about a case changed outside.",
        ("deadline_at", "decision_id", "question_id", "severity", "update"), (),
    ),
    "case.scored": ("The AI's proposal.", _SCORED, ("explanation", "input", "output")),
    "case.routed": ("The level of human involvement, and what it rests on.", _ROUTED, ("input",)),
    "decision.made": ("A decision to act on.", _DECIDED, ("execute", "input", "output", "shown")),
    "control.changed": (
        "The state of one control.", ("active", "changed_at", "control", "expires_at", "signatures"), ("state",)
    ),
}  # fmt: skip
_JUDGED = ("deciders", "entity_id", "error", "judged_decision_id", "routing")
_HIDDEN = {"shown_sha256": "shown", "evidence_sha256": "evidence", "record_sha256": "rejected", "outcome": "output"}
"""Fields of an activity's body that a leaf commits to, and the commitments' labels."""


def leaf_types() -> Iterator[LeafType]:
    """Return every type of leaf that a record can become."""
    for topic, (says, fields, committed) in BY_TOPICS.items():
        yield LeafType(topic, says, fields, committed, topic, topic)
    yield from _activities()
    yield LeafType(
        DEAD_LETTERS, "A record that some service could not read.", ("dead_letter",), (), DEAD_LETTERS, DEAD_LETTERS,
        is_event=False,
    )  # fmt: skip
    yield LeafType(UNREADABLE, "A record that is no event.", ("pointer", "reason"), (), kind=UNREADABLE, is_event=False)


def _activities() -> Iterator[LeafType]:
    contract = TypeAdapter(EVENTS[ACTIVITIES]).json_schema()
    for kind, reference in sorted(contract["discriminator"]["mapping"].items()):
        body = _properties(contract, reference)
        # A topic and a kind of activity may share a word; the topic has it to itself.
        name, says = f"activity.{kind}" if kind in BY_TOPICS else kind, f"The fact `{kind}`."
        if kind in JUDGEMENTS:
            yield LeafType(name, says, _JUDGED, ("output",), ACTIVITIES, kind)
        else:
            facts = tuple(sorted(set(body) & set(Fact.__struct_fields__)))
            committed = tuple(sorted(label for name, label in _HIDDEN.items() if name in body))
            yield LeafType(name, says, ("entity_id",), committed, ACTIVITIES, kind, facts)
    yield LeafType(
        OTHER_ACTIVITY, "A fact of a kind that these contracts do not know.", ("entity_id",),
        tuple(sorted(_HIDDEN.values())), ACTIVITIES, None, tuple(Fact.__struct_fields__),
    )  # fmt: skip


def _properties(contract: dict[str, Any], reference: str) -> list[str]:
    recorded = contract["$defs"][reference.rsplit("/", 1)[-1]]
    body = contract["$defs"][recorded["properties"]["body"]["$ref"].rsplit("/", 1)[-1]]
    return list(body.get("properties", {}))
