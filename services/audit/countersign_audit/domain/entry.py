"""An entry before it has a place in the log, and the leaf it becomes."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from countersign_audit.domain.commitments import Pseudonyms, commit
from countersign_audit.domain.facts.ledger import Encode, Facts
from countersign_audit.domain.profile import LEAF_BYTES, LEAF_SCHEMA, MAX_LEAF_BYTES

USUAL_BYTES = 4_096
"""Leaves of honest events are a third of this; a longer one has its words looked at one by one."""
ESSENTIAL = frozenset({
    "actor", "case", "commitments", "conflict_with", "decision_type", "event_id", "kind", "occurred_at", "previous",
    "record", "retention", "schema", "sequence", "source", "subject_key", "tenant", "topic", "trace_id", "type",
})  # fmt: skip
"""Fields a leaf keeps when its facts would make it longer than a leaf may be."""

CASE_RETENTION = "case"
ACCESS_RETENTION = "access"
GOVERNANCE_RETENTION = "governance"
LOG_RETENTION = "log"
ACCESS_KINDS = ("audit.read", "audit.exported", "user.")


@dataclass(slots=True)
class Draft:
    """One record, read and ready to be appended.

    ``record_id`` recognises a repeat. ``scope`` is what its data key belongs to: the case, or, where there is
    none, the record alone. ``content`` is what is encrypted beside the leaf and what the leaf commits to.
    ``conflicts_with`` is the record that came first under the same id with other content.
    """

    record_id: bytes
    topic: str
    kind: str
    tenant: str | None
    scope: bytes
    has_case: bool
    subject: bytes | None
    content: bytes
    facts: Facts
    occurred_at: datetime | None
    conflicts_with: bytes | None = None
    conflict_index: int | None = None


def moment(text: object) -> datetime | None:
    """Read an RFC 3339 time, or return None for anything else; no calendar has a 30th of February."""
    if not isinstance(text, str) or text[10:11] != "T":
        return None
    try:
        found = datetime.fromisoformat(text)
        return None if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def retention(kind: str, *, has_case: bool) -> str:
    """Return the retention class of an entry: how long its payload has a reason to be kept."""
    if kind.startswith(ACCESS_KINDS):
        return ACCESS_RETENTION
    return CASE_RETENTION if has_case else GOVERNANCE_RETENTION


def commitments(draft: Draft, key: bytes) -> dict[str, Any]:
    """Return every commitment of a draft: to the record as a whole, and to the parts its facts name."""
    made: dict[str, Any] = {"record": commit(key, "record", draft.content)}
    for name, secret in draft.facts.secrets.items():
        if secret.__class__ is bytes:
            made[name] = commit(key, name, secret)
        else:
            made[name] = [commit(key, name, item) for item in secret]  # type: ignore[arg-type]
    return made


def leaf_of(
    draft: Draft, made: dict[str, Any], key_number: int, previous: int | None, names: Pseudonyms, encode: Encode
) -> bytes:
    """Return the exact bytes of the entry; ``previous`` is the index of the case's entry before it."""
    fields = draft.facts.fields
    scope = draft.scope.hex()
    fields["schema"] = LEAF_SCHEMA
    fields["topic"] = draft.topic
    fields["kind"] = draft.kind
    fields["commitments"] = made
    fields["retention"] = retention(draft.kind, has_case=draft.has_case)
    fields["subject_key"] = f"{scope}.{key_number}"
    if draft.has_case:
        fields["case"] = scope
    if previous is not None:
        fields["previous"] = previous
    leaf = encode(fields)
    if len(leaf) <= USUAL_BYTES and not leaf.translate(None, LEAF_BYTES):
        return leaf
    return _tidied(fields, names, encode)


def _tidied(fields: dict[str, Any], names: Pseudonyms, encode: Encode) -> bytes:
    tidy = tidied(fields, names)
    leaf = encode(tidy)
    if len(leaf) > MAX_LEAF_BYTES:
        leaf = encode({name: tidy[name] for name in ESSENTIAL if name in tidy} | {"cut": True})
    return leaf


def tidied(value: Any, names: Pseudonyms) -> Any:
    """Replace every text that is no word by a name for it; doing it twice changes nothing more."""
    if isinstance(value, str):
        return names.word(value)
    if isinstance(value, dict):
        return {name: tidied(item, names) for name, item in value.items()}
    if isinstance(value, list):
        return [tidied(item, names) for item in value]
    return value


def genesis_leaf(
    *, origin: str, verifier_key: str, occurred_at: str, epoch: int, checkpoint_interval_ms: int, encode: Encode
) -> bytes:
    """Return the first entry of a log: its name, its key and the rules it is written by."""
    return encode(
        {
            "schema": LEAF_SCHEMA,
            "kind": "log.genesis",
            "origin": origin,
            "verifier_key": verifier_key,
            "occurred_at": occurred_at,
            "epoch": epoch,
            "retention": LOG_RETENTION,
            "actor": {"kind": "service", "id": "countersign-audit"},
            "policy": {
                "leaf": LEAF_SCHEMA,
                "tree": "RFC6962-SHA256",
                "checkpoint": "C2SP tlog-checkpoint, Ed25519",
                "checkpoint_interval_ms": checkpoint_interval_ms,
                "commitment": "HMAC-SHA256, key by HKDF-SHA512 from the data key of the case and subject",
                "payload": "AES-256-GCM beside the leaf",
            },
        }
    )
