"""What the log says about itself: leaves that no topic brought, written by nobody else."""

from collections.abc import Mapping, Sequence

from countersign_audit.domain.entry import LOG_RETENTION
from countersign_audit.domain.lineage import (
    COPIES_CHECKED,
    ERASED,
    KEY_ROTATED,
    RECONCILED,
    RECORDS_MISSING,
    RECOVERED,
    TOPIC_RECREATED,
)
from countersign_audit.domain.note import VerifierKey
from countersign_audit.domain.profile import LEAF_SCHEMA
from countersign_audit.encoding import encode

MAX_KINDS = 64
"""More kinds than there are: somebody invents them, and the rest is cut."""
ACTOR = {"kind": "service", "id": "countersign-audit"}


def key_rotated_leaf(*, old: VerifierKey, new: VerifierKey, occurred_at: str) -> bytes:
    """Return the entry with which a log goes over to another key under its name."""
    return _leaf(KEY_ROTATED, old, new, occurred_at)


def recovered_leaf(
    *, old: VerifierKey, new: VerifierKey, occurred_at: str, size: int, anchored_size: int, anchored_root: bytes
) -> bytes:
    """Return the entry with which a restored log goes on under another name.

    Entries from ``size`` up to, without, ``anchored_size`` were signed under the old name and are lost; what the
    topics still hold of them follows as new entries.
    """
    lost = {"first_index": size, "last_index": anchored_size - 1, "anchored_root": anchored_root.hex()}
    return _leaf(RECOVERED, old, new, occurred_at, lost=lost)


def erased_leaf(*, scope: bytes, erasure_id: str, occurred_at: str) -> bytes:
    """Return the entry that stands for what is no longer there: the keys of a case, and what they sealed before it."""
    return encode({
        "schema": LEAF_SCHEMA, "kind": ERASED, "occurred_at": occurred_at, "retention": LOG_RETENTION, "actor": ACTOR,
        "erased_case": scope.hex(), "erasure_id": erasure_id,
    })  # fmt: skip


def reconciled_leaf(
    *, day: str, counts: Mapping[str, int], conflicts: int, holes: int, shown: Sequence[object], occurred_at: str
) -> bytes:
    """Return the entry that says how much happened on a day, and which producers' numbers have holes."""
    return encode({
        "schema": LEAF_SCHEMA, "kind": RECONCILED, "occurred_at": occurred_at, "retention": LOG_RETENTION,
        "actor": ACTOR, "day": day, "counts": dict(list(counts.items())[:MAX_KINDS]), "conflicts": conflicts,
        "holes": holes, "first_holes": list(shown),
    })  # fmt: skip


def epoch_leaf(kind: str, *, epoch: int, occurred_at: str, **said: int) -> bytes:
    """Return the entry with which an epoch begins, or is complete."""
    return encode({
        "schema": LEAF_SCHEMA, "kind": kind, "occurred_at": occurred_at, "retention": LOG_RETENTION, "actor": ACTOR,
        "epoch": epoch, **said,
    })  # fmt: skip


def copies_checked_leaf(*, first: int, beyond: int, differing: int, shown: Sequence[int], occurred_at: str) -> bytes:
    """Return the entry that says how many entries of a stretch have columns that are not what their leaves say."""
    return encode({
        "schema": LEAF_SCHEMA, "kind": COPIES_CHECKED, "occurred_at": occurred_at, "retention": LOG_RETENTION,
        "actor": ACTOR, "first_index": first, "last_index": beyond - 1, "differing": differing,
        "first_differing": list(shown),
    })  # fmt: skip


def records_missing_leaf(*, topic: str, partition: int, first: int, beyond: int, occurred_at: str) -> bytes:
    """Return the entry that says which offsets of a topic were removed unread."""
    return encode({
        "schema": LEAF_SCHEMA, "kind": RECORDS_MISSING, "occurred_at": occurred_at, "retention": LOG_RETENTION,
        "actor": ACTOR, "missing_from": topic, "partition": partition, "first_offset": first,
        "last_offset": beyond - 1,
    })  # fmt: skip


def _leaf(kind: str, old: VerifierKey, new: VerifierKey, occurred_at: str, **more: object) -> bytes:
    return encode({
        "schema": LEAF_SCHEMA, "kind": kind, "occurred_at": occurred_at, "retention": LOG_RETENTION, "actor": ACTOR,
        "verifier_key": new.text(), "previous_verifier_key": old.text(), **more,
    })  # fmt: skip


def topic_recreated_leaf(*, topic: str, occurred_at: str) -> bytes:
    """Return the entry that says that a topic was deleted and made anew."""
    return encode({
        "schema": LEAF_SCHEMA, "kind": TOPIC_RECREATED, "occurred_at": occurred_at, "retention": LOG_RETENTION,
        "actor": ACTOR, "recreated": topic,
    })  # fmt: skip
