"""The committed schema of leaves is what leaves are, for every kind of event and every word of the log about itself."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache

import jsonschema_rs
import orjson
import pytest
from pydantic import TypeAdapter

from countersign_audit.domain.note import VerifierKey
from countersign_audit.facts.describe import BY_TOPIC
from countersign_audit.facts.leaf_schema import OWN, leaf_schema, main
from countersign_audit.facts.leaf_types import ACTIVITIES, OTHER_ACTIVITY, leaf_types
from countersign_audit.own_entries import (
    copies_checked_leaf,
    epoch_leaf,
    erased_leaf,
    key_rotated_leaf,
    reconciled_leaf,
    records_missing_leaf,
    recovered_leaf,
    topic_recreated_leaf,
)
from countersign_audit.writing.drafts import genesis_leaf
from countersign_shared.contracts.events import EVENTS
from countersign_shared.messaging import Record
from tests.unit.audit.records import all_examples, example, from_example, leaves, letter, record

SCHEMA = leaf_schema()
VALIDATOR = jsonschema_rs.Draft202012Validator(SCHEMA)
TYPES = {one.name: one for one in leaf_types()}
BY_PLACE = {(one.topic, one.kind): one.name for one in TYPES.values()}
NOW = datetime(2026, 1, 2, tzinfo=UTC).isoformat()
OLD, NEW = VerifierKey("example.org/log", b"a" * 32), VerifierKey("example.org/log/from-9", b"b" * 32)
OWN_LEAVES = [
    genesis_leaf(
        origin=OLD.name, verifier_key=OLD.text(), occurred_at=NOW, epoch=1, checkpoint_interval_ms=1000
    ),
    key_rotated_leaf(old=OLD, new=NEW, occurred_at=NOW),
    recovered_leaf(old=OLD, new=NEW, occurred_at=NOW, size=9, anchored_size=12, anchored_root=b"r" * 32),
    erased_leaf(scope=b"s" * 16, erasure_id="era-1", occurred_at=NOW),
    reconciled_leaf(day="2026-01-01", counts={"case.created": 3}, conflicts=0, holes=0, shown=[], occurred_at=NOW),
    epoch_leaf("log.epoch_begun", epoch=2, occurred_at=NOW, previous_epoch=1),
    epoch_leaf("log.epoch_completed", epoch=2, occurred_at=NOW, data_keys=9, unopened=0),
    records_missing_leaf(topic="case.created", partition=3, first=7, beyond=9, occurred_at=NOW),
    topic_recreated_leaf(topic="case.created", occurred_at=NOW),
    copies_checked_leaf(first=0, beyond=9, differing=1, shown=[3], occurred_at=NOW),
]  # fmt: skip


def test_what_is_committed_is_what_leaves_are_made_of() -> None:
    assert main(["--check"]) == 0


@cache
def of_type(name: str) -> jsonschema_rs.Draft202012Validator:
    """Return the schema of one type alone."""
    return jsonschema_rs.Draft202012Validator({"$defs": SCHEMA["$defs"], "$ref": f"#/$defs/{name}"})


def test_every_topic_and_every_kind_of_activity_has_its_own() -> None:
    contract = TypeAdapter(EVENTS[ACTIVITIES]).json_schema()
    assert {*BY_TOPIC} - {ACTIVITIES} <= {*TYPES}
    assert {*contract["discriminator"]["mapping"]} == {
        one.kind for one in TYPES.values() if one.topic == ACTIVITIES and one.kind is not None
    }
    assert {*TYPES} | {*OWN} == {one["$ref"].removeprefix("#/$defs/") for one in SCHEMA["oneOf"]}


@pytest.mark.parametrize("path", [path for path, _ in all_examples()])
def test_a_leaf_of_every_kind_of_event_fits_its_own_type_and_no_other(path: str) -> None:
    (data,) = leaves(from_example(path))
    leaf = orjson.loads(data)
    VALIDATOR.validate(leaf)
    assert [name for name in TYPES if of_type(name).is_valid(leaf)] == [BY_PLACE[leaf["topic"], leaf["kind"]]]


@pytest.mark.parametrize(
    ("path", "more"),
    [
        ("case.created/refund.json", {"level": 1}),
        ("case.created/refund.json", {"fact": {}}),
        ("decision.made/loan_application.automatic.json", {"signals": {}}),
        ("activity.recorded/review.claimed.json", {"fact": {"policy_id": "p"}}),
        ("activity.recorded/review.claimed.json", {"deciders": []}),
        ("activity.recorded/audit.judged.json", {"fact": {}}),
    ],
)
def test_what_another_type_says_does_not_fit(path: str, more: dict[str, object]) -> None:
    (data,) = leaves(from_example(path))
    assert not VALIDATOR.is_valid(orjson.loads(data) | more)


def test_an_activity_of_an_unknown_kind_and_a_record_that_is_no_event_fit() -> None:
    body = example("activity.recorded/review.claimed.json") | {"kind": "review.dreamt_of"}
    for strange, name in (
        (record("activity.recorded", body, event_id="x"), OTHER_ACTIVITY),
        (Record("case.created", 0, 1, 2, None, b"junk", ()), "log.unreadable"),
        (record("case.created", b"[1]", event_id="y"), None),
        (record("decision.made", example("decision.made/loan_application.automatic.json") | {"mode": 7}, event_id="z"),
         "decision.made"),
    ):  # fmt: skip
        (data,) = leaves(strange)
        VALIDATOR.validate(orjson.loads(data))
        if name is not None:
            of_type(name).validate(orjson.loads(data))


def test_a_dead_letter_fits() -> None:
    (leaf,) = leaves(letter(from_example("case.created/refund.json")))
    VALIDATOR.validate(orjson.loads(leaf))


@pytest.mark.parametrize("leaf", OWN_LEAVES, ids=lambda leaf: orjson.loads(leaf)["kind"])
def test_every_word_of_the_log_about_itself_fits(leaf: bytes) -> None:
    VALIDATOR.validate(orjson.loads(leaf))


def test_no_word_of_the_log_is_without_a_schema_and_a_strange_field_does_not_fit() -> None:
    assert {orjson.loads(leaf)["kind"] for leaf in OWN_LEAVES} == set(OWN)
    (leaf,) = leaves(from_example("case.created/refund.json"))
    for wrong in ({"payload": "x"}, {"level": 1.5}, {"kind": 7}):
        assert not VALIDATOR.is_valid(orjson.loads(leaf) | wrong)
