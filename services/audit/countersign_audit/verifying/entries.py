"""Checking one entry: its form, the columns copied from it, and the record it was made from."""

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import orjson

from countersign_audit.domain.commitments import Commit, Pseudonyms
from countersign_audit.domain.entry import UNREADABLE, moment
from countersign_audit.domain.profile import LEAF_BYTES, LEAF_SCHEMA, MAX_LEAF_BYTES, leaf_problem
from countersign_audit.encoding import encode
from countersign_audit.facts.describe import describe
from countersign_audit.facts.reading import read_body
from countersign_audit.reading.records import Opener
from countersign_audit.writing.drafts import committed, tidied
from countersign_audit.writing.sealing import SealError
from countersign_shared.messaging import Event, Unreadable
from countersign_shared.messaging.dead_letters import TOPIC as DEAD_LETTERS

GONE = "its payload or data key is gone, and no erasure is on record"
NO_FACTS = frozenset({UNREADABLE, DEAD_LETTERS})
# No word holds a quote, a bracket or a comma, so this finds numbers only, never digits inside a text.
_NUMBER_TO_LOOK_AT = re.compile(rb'(?:":|[\[,])-?(?:[0-9]+[.eE]|[0-9]{16})')


class PayloadCheck:
    """Compares a leaf with the record it was made from, as far as that can still be decrypted."""

    def __init__(self, opener: Opener, names: Pseudonyms) -> None:
        self._opener = opener
        self._names = names

    def problem(self, row: Mapping[str, Any], leaf: Mapping[str, Any]) -> str | None:
        """Say how leaf and payload disagree, or None; a payload that is gone is a disagreement too."""
        try:
            opened = self._opener.open(row, leaf)
        except SealError as error:
            return f"its payload was altered: {error}"
        if opened is None:
            return GONE
        made = leaf.get("commitments", {})
        if opened.key.commit("record", opened.content) != made.get("record"):
            return "its payload is not what the leaf commits to"
        if opened.event is None or leaf["kind"] in NO_FACTS:
            return None
        return self._facts_problem(leaf, opened.event, opened.key.commit)

    def _facts_problem(self, leaf: Mapping[str, Any], event: Event, commit: Commit) -> str | None:
        try:
            described = describe(leaf["topic"], read_body(leaf["topic"], event.data), event.data, self._names)
        except (KeyError, Unreadable):
            return "its payload is no event of its topic"
        for label, secret in described.secrets.items():
            if committed(commit, label, secret) != leaf["commitments"].get(label):
                return f"its commitment to {label} does not fit its payload"
        if "cut" not in leaf:
            for name, value in tidied(msgspec.to_builtins(described.leaf), self._names).items():
                if leaf.get(name) != value:
                    return f"its {name} is not what its payload says"
        return None


def profile_problem(leaf: bytes) -> str | None:
    """Say how a leaf breaks its profile; the usual leaf is recognised without a walk through it."""
    if len(leaf) > MAX_LEAF_BYTES or leaf.translate(None, LEAF_BYTES) or _NUMBER_TO_LOOK_AT.search(leaf):
        return leaf_problem(leaf)
    try:
        said = orjson.loads(leaf)
    except orjson.JSONDecodeError as error:
        return str(error)
    # Writing it again gives the same bytes only when keys are sorted and nothing comes twice.
    if not isinstance(said, dict) or encode(said) != leaf or said.get("schema") != LEAF_SCHEMA:
        return leaf_problem(leaf) or "not written in the one way it may be"
    return None


def copy_problem(row: Mapping[str, Any], said: Mapping[str, Any]) -> str | None:
    """Say which column beside a leaf is not a copy of what the leaf says."""
    actor = said.get("actor")
    case_ref, record_id = row["case_ref"], row["record_id"]
    copies = {
        "kind": (row["kind"], said.get("kind")),
        "tenant": (row["tenant"], said.get("tenant")),
        "actor": (row["actor"], actor.get("id") if isinstance(actor, dict) else None),
        "occurred_at": (row["occurred_at"], moment(said.get("occurred_at"))),
        "case_ref": (case_ref.hex() if case_ref is not None else None, said.get("case")),
    }
    for name, (column, told) in copies.items():
        if column != told:
            return f"the column {name} is not what its leaf says"
    if (
        row["key_number"] is not None
        and said.get("subject_key") != f"{(case_ref or record_id).hex()}.{row['key_number']}"
    ):
        return "its payload is kept under another key than its leaf says"
    return None
