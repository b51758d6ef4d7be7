"""An entry before it has a place in the log, and the leaf it becomes."""

from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

from countersign_audit.domain.commitments import Commit, Pseudonyms
from countersign_audit.domain.entry import GENESIS, LOG_RETENTION
from countersign_audit.domain.profile import LEAF_BYTES, LEAF_SCHEMA, MAX_LEAF_BYTES
from countersign_audit.encoding import encode
from countersign_audit.facts.leaf import Commitments, Leaf, encode_leaf
from countersign_audit.facts.values import Secrets
from countersign_audit.writing.content import pack
from countersign_shared.messaging import Headers

USUAL_BYTES = 4_096
"""Leaves of honest events are a third of this; a longer one has its words looked at one by one."""
ESSENTIAL = frozenset({
    "actor", "case", "commitments", "conflict_with", "decision_type", "event_id", "kind", "occurred_at", "previous",
    "record", "retention", "schema", "sequence", "source", "subject_key", "tenant", "topic", "trace_id", "type",
})  # fmt: skip
"""Fields a leaf keeps when its facts would make it longer than a leaf may be."""


class Draft(Struct, gc=False):
    """One record, read and ready to be appended.

    ``record_id`` recognises a repeat. ``scope`` is what its data key belongs to: the case, or, where there is
    none, the record alone. ``conflicts_with`` is the record that came first under the same id with other content.
    """

    record_id: bytes
    topic: str
    tenant: str | None
    scope: bytes
    has_case: bool
    subject: bytes | None
    headers: Headers
    body: bytes
    leaf: Leaf
    secrets: Secrets
    occurred_at: datetime | None
    conflicts_with: bytes | None = None
    conflict_index: int | None = None

    def content(self) -> bytes:
        """Return what is encrypted beside the leaf and what the leaf commits to.

        Put together when it is asked for: hashed and sealed at once it is still in the processor's cache, and a
        batch need not hold all of it.
        """
        return pack(self.headers, self.body)


def commitments(content: bytes, secrets: Secrets, commit: Commit) -> Commitments:
    """Return every commitment of an entry: to the record as a whole, and to the parts its facts name."""
    made = Commitments(record=commit("record", content))
    for label, secret in secrets.items():
        setattr(made, label, committed(commit, label, secret))
    return made


def committed(commit: Commit, label: str, secret: bytes | list[bytes]) -> str | list[str]:
    """Return the commitment to one secret, or to each of several."""
    if isinstance(secret, bytes):
        return commit(label, secret)
    return [commit(label, item) for item in secret]


def leaf_bytes(leaf: Leaf, names: Pseudonyms) -> tuple[bytes, Leaf]:
    """Return the exact bytes of a finished leaf, and the leaf as written: every text that is no word has a name."""
    data = encode_leaf(leaf)
    if len(data) <= USUAL_BYTES and not data.translate(None, LEAF_BYTES):
        return data, leaf
    tidy = tidied(msgspec.to_builtins(leaf), names)
    data = encode(tidy)
    if len(data) > MAX_LEAF_BYTES:
        tidy = {name: tidy[name] for name in ESSENTIAL if name in tidy} | {"cut": True}
        data = encode(tidy)
    return data, msgspec.convert(tidy, Leaf)


def tidied(value: Any, names: Pseudonyms) -> Any:
    """Replace every text that is no word by a name for it; doing it twice changes nothing more."""
    if isinstance(value, str):
        return names.word(value)
    if isinstance(value, dict):
        return {name: tidied(item, names) for name, item in value.items()}
    if isinstance(value, list):
        return [tidied(item, names) for item in value]
    return value


def genesis_leaf(*, origin: str, verifier_key: str, occurred_at: str, epoch: int, checkpoint_interval_ms: int) -> bytes:
    """Return the first entry of a log: its name, its key and the rules it is written by."""
    return encode(
        {
            "schema": LEAF_SCHEMA,
            "kind": GENESIS,
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
