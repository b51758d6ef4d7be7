"""A log that changed keys: who signed what, and which entries may say so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from countersign_verifier.findings import Report
from countersign_verifier.log import OldCheckpointError, verify_log
from countersign_verifier.note import parse_key
from tests.strangers.logs import KEY, ORIGIN, OTHER_KEY, leaves, note, put, root, sha256, vkey, write_log

AT = 4
"""The entry that names the next key."""
STRANGER = Ed25519PrivateKey.from_private_bytes(b"s" * 32)
RECOVERED = "countersign.example/log-2"


def own(kind: str, **changes: Any) -> bytes:
    said = {"kind": kind, "previous_verifier_key": vkey(), "verifier_key": vkey(OTHER_KEY), **changes}
    return json.dumps(said, separators=(",", ":")).encode()


ROTATED = own("log.key_rotated")


def signed(entries: list[bytes], size: int, key: Ed25519PrivateKey = KEY, origin: str = ORIGIN) -> bytes:
    return note(size, root([sha256(b"\x00" + entry) for entry in entries[:size]]), key, origin)


def checked(
    directory: Path, entries: list[bytes], *, key: Ed25519PrivateKey = OTHER_KEY, origin: str = ORIGIN,
    old: bytes | None = None,
) -> Report:  # fmt: skip
    write_log(directory, entries, key)
    put(directory, "checkpoint", signed(entries, len(entries), key, origin))
    return verify_log(directory, parse_key(vkey(key, origin)), old=old)


def log_with(*special: bytes) -> list[bytes]:
    plain = leaves(9)
    return [*plain[:AT], *special, *plain[AT:]]


@pytest.mark.parametrize(("size", "kept"), [(1, True), (AT + 1, True), (AT + 2, False)])
def test_a_key_signs_until_the_entry_that_replaces_it(tmp_path: Path, size: int, kept: bool) -> None:
    entries = log_with(ROTATED)
    report = checked(tmp_path, entries, old=signed(entries, size))
    assert (report.ok, report.old_size) == (kept, size)
    if not kept:
        assert str(report.first_bad).startswith(f"entry {AT + 1}: were lost")


@pytest.mark.parametrize(("size", "kept"), [(AT, True), (AT + 1, False)])
def test_a_log_that_lost_entries_goes_on_under_another_name(tmp_path: Path, size: int, kept: bool) -> None:
    entries = log_with(own("log.recovered", verifier_key=vkey(OTHER_KEY, RECOVERED)))
    report = checked(tmp_path, entries, origin=RECOVERED, old=signed(entries, size))
    assert (report.ok, report.old_size) == (kept, size)
    if not kept:
        assert str(report.first_bad) == f"entry {AT}: were lost, as entry {AT} says; the old checkpoint covers them"


def test_an_old_checkpoint_of_any_key_of_the_log_is_held_to_its_entries(tmp_path: Path) -> None:
    entries = log_with(ROTATED)
    assert checked(tmp_path, entries, old=signed(entries, AT + 3, OTHER_KEY)).ok
    rewritten = [entries[0], b'{"kind":"case.created"}', *entries[2:]]
    for key, size in ((KEY, 3), (OTHER_KEY, AT + 3)):
        report = checked(tmp_path, entries, old=signed(rewritten, size, key))
        assert report.first_bad is not None
        assert "were rewritten" in report.first_bad.what
    with pytest.raises(OldCheckpointError):
        checked(tmp_path, entries, old=signed(entries, 3, STRANGER))


def test_a_log_may_change_its_key_more_than_once(tmp_path: Path) -> None:
    entries = log_with(
        ROTATED, own("log.key_rotated", previous_verifier_key=vkey(OTHER_KEY), verifier_key=vkey(STRANGER))
    )
    for number, (key, most) in enumerate(((KEY, AT + 1), (OTHER_KEY, AT + 2), (STRANGER, len(entries)))):
        assert checked(tmp_path / str(number), entries, key=STRANGER, old=signed(entries, most, key)).ok
        report = checked(tmp_path / str(number), entries, key=STRANGER, old=signed(entries, most + 1, key))
        assert report.first_bad is not None
        assert report.first_bad.index == most
    assert str(checked(tmp_path / "before", entries).first_bad) == (
        f"entry {AT + 1}: names another key than the one given: since then {vkey(STRANGER)} signs"
    )


@pytest.mark.parametrize(
    ("entries", "index", "what"),
    [
        (log_with(own("log.key_rotated", previous_verifier_key=vkey(STRANGER))), AT, "replaces a key that was not"),
        (log_with(own("log.key_rotated", verifier_key="none")), AT, "names no key of the log"),
        (log_with(own("log.key_rotated", verifier_key=vkey(STRANGER))), AT, "names another key than the one given"),
        (log_with(ROTATED, own("log.key_rotated")), AT + 1, "replaces a key that was not"),
        (log_with(), 0, "the log did not"),
        ([ROTATED, *log_with()], 0, "the log did not"),
        (log_with()[1:2] + log_with(ROTATED), 0, "the log did not"),
        ([own("log.recovered", origin=ORIGIN, verifier_key=vkey()), *log_with(ROTATED)[1:]], 0, "the log did not"),
        (log_with(ROTATED)[1:], 0, "the log did not"),
        ([own("log.genesis", origin="other", verifier_key=vkey()), *log_with(ROTATED)[1:]], 0, "the log did not"),
    ],
)  # fmt: skip
def test_a_key_that_the_log_did_not_name_in_turn_is_a_finding(
    tmp_path: Path, entries: list[bytes], index: int, what: str
) -> None:
    # Under which keys a checkpoint from before is read is known whatever was found.
    old = signed(entries, 1, KEY if what.startswith("names another") else OTHER_KEY)
    report = checked(tmp_path, entries, old=old)
    assert report.first_bad is not None
    assert (report.first_bad.index, report.first_bad.what.startswith(what)) == (index, True), report.first_bad


@pytest.mark.parametrize(
    "strange", [own("log.key_rotated", topic="case.created"), own("log.exported"), b'"kind":"log.']
)
def test_whoever_writes_from_outside_names_no_key(tmp_path: Path, strange: bytes) -> None:
    assert checked(tmp_path, log_with(strange), key=KEY).ok
