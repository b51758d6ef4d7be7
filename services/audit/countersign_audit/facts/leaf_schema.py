"""The JSON Schemas of leaves, one per type: each topic, each kind of activity, each word of the log about itself.

    python -m countersign_audit.facts.leaf_schema [--check]

Written into `shared/contracts/schemas/audit.leaf.v1.json`, where strangers look for schemas.
"""

import json
import sys
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from countersign_audit.domain.entry import GENESIS
from countersign_audit.domain.lineage import (
    COPIES_CHECKED,
    EPOCH_BEGUN,
    EPOCH_COMPLETED,
    ERASED,
    KEY_ROTATED,
    RECONCILED,
    RECORDS_MISSING,
    RECOVERED,
    TOPIC_RECREATED,
)
from countersign_audit.domain.profile import LEAF_SCHEMA, MAX_INTEGER
from countersign_audit.facts.leaf import Leaf
from countersign_audit.facts.leaf_types import ACTIVITIES, ALWAYS, EVERY, OF_EVENTS, LeafType, leaf_types
from countersign_shared.contracts.topics import SCHEMA_BASE_URL, contracts_dir

NAME = "audit.leaf.v1.json"
ENTRY = "entry"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
TEXT = {"type": "string"}
WHOLE = {"type": "integer", "minimum": 0, "maximum": MAX_INTEGER}
HEX = {"type": "string", "pattern": "^[0-9a-f]+$"}
VKEY = {"type": "string", "description": "NAME+KEYID+BASE64, as verifiers take it."}
SUCCESSION = {"verifier_key": VKEY, "previous_verifier_key": VKEY}
OWN: dict[str, tuple[str, dict[str, Any]]] = {
    GENESIS: (
        "The log began: its name, its first key, the rules it is written by.",
        {"origin": TEXT, "verifier_key": VKEY, "epoch": WHOLE, "policy": {"type": "object"}},
    ),
    KEY_ROTATED: ("Another key signs what comes after this entry.", SUCCESSION),
    RECOVERED: (
        "Entries were lost, and the log goes on under another name.",
        {**SUCCESSION, "lost": {"type": "object", "additionalProperties": {"anyOf": [WHOLE, HEX]}}},
    ),
    ERASED: ("The keys of a case and what they sealed are gone.", {"erased_case": HEX, "erasure_id": TEXT}),
    RECONCILED: (
        "A day's entries by kind, and how many producers' numbers have holes.",
        {
            "day": {"type": "string", "format": "date"}, "conflicts": WHOLE, "holes": WHOLE,
            "counts": {"type": "object", "additionalProperties": WHOLE}, "first_holes": {"type": "array"},
        },
    ),
    RECORDS_MISSING: (
        "The broker removed these records of a topic before they were read.",
        {"missing_from": TEXT, "partition": WHOLE, "first_offset": WHOLE, "last_offset": WHOLE},
    ),
    TOPIC_RECREATED: (
        "A topic was deleted and made anew: what it held unread before is not in the log.", {"recreated": TEXT}
    ),
    EPOCH_BEGUN: (
        "Data keys made from here on are wrapped by another epoch key.", {"epoch": WHOLE, "previous_epoch": WHOLE}
    ),
    EPOCH_COMPLETED: (
        "How many data keys the epoch's key wraps, and how many of earlier epochs could not be opened.",
        {"epoch": WHOLE, "data_keys": WHOLE, "unopened": WHOLE},
    ),
    COPIES_CHECKED: (
        "How many entries of a stretch have columns that are not what their leaves say.",
        {
            "first_index": WHOLE, "last_index": WHOLE, "differing": WHOLE,
            "first_differing": {"type": "array", "items": WHOLE},
        },
    ),
}  # fmt: skip


def leaf_schema() -> dict[str, Any]:
    """Return the schemas of all types of leaves in one document: ``$defs`` has each under the type's name."""
    (_,), parts = msgspec.json.schema_components([Leaf], ref_template="#/$defs/{name}")
    parts = _present(parts)
    fields = parts.pop("Leaf")["properties"]
    types = list(leaf_types())
    known = [one.kind for one in types if one.topic == ACTIVITIES and one.kind is not None]
    leaves = {one.name: _leaf_type(one, fields, parts, known) for one in types}
    own = {kind: _own(kind, says, more) for kind, (says, more) in OWN.items()}
    return {
        "$schema": DIALECT,
        "$id": f"{SCHEMA_BASE_URL}/{NAME}",
        "title": "audit leaf",
        "description": (
            "One entry of the audit log, by its type: $defs has one schema per topic, per kind of activity, and per"
            " word of the log about itself. A record whose body breaks its contract may say less, or more."
        ),
        "oneOf": [{"$ref": f"#/$defs/{name}"} for name in (*leaves, *own)],
        "$defs": {ENTRY: _entry(fields), **parts, **leaves, **own},
    }


def _entry(fields: dict[str, Any]) -> dict[str, Any]:
    return {
        "description": "What may be said of any entry that was made of a record.", "type": "object",
        "properties": {name: fields[name] for name in EVERY}, "required": list(ALWAYS),
    }  # fmt: skip


def _leaf_type(one: LeafType, fields: dict[str, Any], parts: dict[str, Any], known: list[str]) -> dict[str, Any]:
    kind: dict[str, Any] = {"const": one.kind} if one.kind is not None else {**TEXT, "not": {"enum": known}}
    named = {name: fields[name] for name in one.fields}
    if one.facts is not None:
        named["fact"] = _part_of(parts["Fact"], one.facts)
    committed = _part_of(parts["Commitments"], ("record", *one.committed))
    topic = {"const": one.topic} if one.topic is not None else TEXT
    return {
        "description": one.says, "$ref": f"#/$defs/{ENTRY}",
        "properties": {
            "schema": {"const": LEAF_SCHEMA}, "kind": kind, "topic": topic, "commitments": committed, **named,
        },
        "required": list(OF_EVENTS) if one.is_event else [], "unevaluatedProperties": False,
    }  # fmt: skip


def _part_of(part: dict[str, Any], names: Iterable[str]) -> dict[str, Any]:
    """Return a part that has these fields of another, and no others."""
    return {
        "type": "object", "properties": {name: part["properties"][name] for name in sorted(names)},
        "additionalProperties": False,
    }  # fmt: skip


def _own(kind: str, says: str, fields: dict[str, Any]) -> dict[str, Any]:
    common = {
        "schema": {"const": LEAF_SCHEMA}, "kind": {"const": kind}, "occurred_at": TEXT, "retention": {"const": "log"},
        "actor": {"$ref": "#/$defs/Actor"},
    }  # fmt: skip
    return {
        "description": says, "type": "object", "properties": {**common, **fields}, "additionalProperties": False,
        "required": sorted({**common, **fields}),
    }  # fmt: skip


def _present(part: Any) -> Any:
    """Take out nulls and defaults: a leaf leaves out what it does not say, and holds no field that is not here."""
    if isinstance(part, list):
        return [_present(item) for item in part]
    if not isinstance(part, dict):
        return part
    if "anyOf" in part and {"type": "null"} in part["anyOf"]:
        (rest,) = [item for item in part["anyOf"] if item != {"type": "null"}]
        part = {**{key: value for key, value in part.items() if key not in {"anyOf", "default"}}, **rest}
    cleaned = {key: _present(value) for key, value in part.items() if key not in {"default", "title"}}
    if "properties" in part and isinstance(part["properties"], dict):
        cleaned["properties"] = {name: _present(value) for name, value in part["properties"].items()}
        cleaned["additionalProperties"] = False
    return cleaned


def main(arguments: Sequence[str]) -> int:
    """Write the schema, or say whether what is committed is it."""
    path = contracts_dir() / "schemas" / NAME
    text = json.dumps(leaf_schema(), indent=2) + "\n"
    if "--check" not in arguments:
        path.write_text(text, encoding="utf-8")
    elif not path.is_file() or path.read_text(encoding="utf-8") != text:
        sys.stderr.write(f"{path}: differs from what leaves are made of; run `make contracts`\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
