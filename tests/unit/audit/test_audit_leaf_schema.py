"""The committed schema of leaves is what leaves are, for every kind of event and every word of the log about itself."""

from __future__ import annotations

from datetime import UTC, datetime

import jsonschema_rs
import orjson
import pytest

from countersign_audit.domain.note import VerifierKey
from countersign_audit.drafts import genesis_leaf
from countersign_audit.leaf_schema import OWN, leaf_schema, main
from countersign_audit.own_entries import (
    copies_checked_leaf,
    epoch_leaf,
    erased_leaf,
    key_rotated_leaf,
    reconciled_leaf,
    recovered_leaf,
)
from tests.unit.audit.records import all_examples, from_example, leaves, letter

VALIDATOR = jsonschema_rs.Draft202012Validator(leaf_schema())
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
    copies_checked_leaf(first=0, beyond=9, differing=1, shown=[3], occurred_at=NOW),
]  # fmt: skip


def test_what_is_committed_is_what_leaves_are_made_of() -> None:
    assert main(["--check"]) == 0


@pytest.mark.parametrize("path", [path for path, _ in all_examples()])
def test_a_leaf_of_every_kind_of_event_fits(path: str) -> None:
    (leaf,) = leaves(from_example(path))
    VALIDATOR.validate(orjson.loads(leaf))


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
