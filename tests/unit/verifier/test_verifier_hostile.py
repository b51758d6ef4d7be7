"""Whoever verifies is handed files by whom they do not trust: the answer is a verdict, whatever is in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from countersign_verifier import cli
from countersign_verifier.findings import Report
from countersign_verifier.layout import tile_path
from countersign_verifier.log import MANY_TILES, verify_log
from countersign_verifier.note import parse_key
from tests.strangers.logs import leaves, note, path, sha256, vkey, write_log

LEAVES = {
    "an array that never ends": b"[" * 60_000,
    "an object that never ends": b'{"a":' * 10_000,
    "depths that end": b"[" * 30_000 + b"]" * 30_000,
    "words that are none": b'{"case":"x","event_id":[1],"kind":{},"occurred_at":["a"]}',
    "a place of its own": b'{"case":"x","index":[7]}',
    "a kind that is a list": b'{"a":{"kind":"log.x"},"kind":["q"]}',
    "a kind that is an object": b'{"a":{"kind":"log.x"},"kind":{"q":1}}',
    "depths in what speaks of the log": b'{"kind":"log.genesis","x":' + b"[" * 30_000 + b"]" * 30_000 + b"}",
}


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES.keys())
@pytest.mark.parametrize("place", [0, 3, 4])
def test_a_log_is_judged_whatever_an_entry_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], leaf: bytes, place: int
) -> None:
    entries = leaves(5)
    entries[place] = leaf
    write_log(tmp_path, entries)
    code = cli.main([str(tmp_path), "--vkey", vkey()])
    out = capsys.readouterr().out
    assert (code, out.split(":")[0]) == ((1, "NOT VERIFIED") if place == 0 else (0, "Verified"))


@pytest.mark.parametrize("leaf", LEAVES.values(), ids=LEAVES.keys())
@pytest.mark.parametrize("json_too", [[], ["--json"]], ids=["text", "json"])
def test_a_proof_is_judged_whatever_an_entry_holds(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], leaf: bytes, json_too: list[str]
) -> None:
    entry = {"index": 0, "leaf": leaf.decode(), "proof": []}
    said = {"format": "countersign.audit.case-proof/1", "checkpoint": note(1, sha256(b"\x00" + leaf)).decode()}
    (tmp_path / "case.json").write_text(json.dumps(said | {"entries": [entry]}), encoding="utf-8")
    code = cli.main([str(tmp_path / "case.json"), "--vkey", vkey(), *json_too])
    out = capsys.readouterr().out
    assert code == (0 if b'"case"' in leaf else 1)
    if json_too:
        assert json.loads(out)["verified"] is (code == 0)
        assert [one["index"] for one in json.loads(out)["entries"]] == [0]


@pytest.mark.parametrize("size", [10**12, 10**18, 10**19 - 1])
def test_a_checkpoint_over_more_than_there_is_takes_no_memory_for_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], size: int
) -> None:
    assert size > MANY_TILES * 256
    write_log(tmp_path, leaves(300))
    (tmp_path / "checkpoint").write_bytes(note(size, bytes(32)))
    code = cli.main([str(tmp_path), "--vkey", vkey()])
    first = capsys.readouterr().out.splitlines()[1]
    assert (code, first.startswith(f"First bad: entries 256 to {size - 1}:")) == (1, True)


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300])
def test_a_kept_checkpoint_is_held_to_as_many_entries_as_it_covers(tmp_path: Path, size: int) -> None:
    entries = leaves(300)
    old = write_log(tmp_path / "old", entries[:size])
    write_log(tmp_path / "log", [*entries[:299], b"{}"])
    told: list[tuple[int, int]] = []
    report = verify_log(tmp_path / "log", parse_key(vkey()), old=old, progress=lambda *done: told.append(done))
    assert (report.ok, report.old_size) == (size < 300, size)
    assert told[-1] == (300, 300)
    # The last entry that says when it happened.
    assert report.newest_at == (json.loads(entries[298])["occurred_at"] if report.ok else None)


def test_full_tiles_that_took_the_place_of_partial_ones_are_read_as_far_as_was_signed(tmp_path: Path) -> None:
    entries = leaves(600)
    signed = write_log(tmp_path, entries[:300])
    write_log(tmp_path, entries)
    (tmp_path / "checkpoint").write_bytes(signed)
    for kind in ("entries", "0"):
        (tmp_path / path(kind, 1, 44)).unlink()
    report = verify_log(tmp_path, parse_key(vkey()))
    assert (report.findings, report.size) == ([], 300)
    # None of the later entries lends its time to those that were signed.
    assert report.newest_at == json.loads(entries[299])["occurred_at"]


@pytest.mark.parametrize(
    ("number", "width", "where"),
    [
        (0, 256, "000"), (999, 44, "999.p/44"), (1_000, 256, "x001/000"), (1_234_067, 256, "x001/x234/067"),
        (1_000_000, 1, "x001/x000/000.p/1"),
    ],
)  # fmt: skip
def test_tiles_lie_where_the_specification_says(number: int, width: int, where: str) -> None:
    assert tile_path(0, number, width) == f"tile/0/{where}"
    assert tile_path("entries", number, width) == f"tile/entries/{where}"


@pytest.mark.parametrize(
    ("singles", "first"),
    [
        ([], "entries 5 to 9: range"),
        ([10, 12], "entries 5 to 9: range"),
        ([12, 9], "entry 9: one"),
        ([7, 6], "entry 6: one"),
    ],
)
def test_the_first_fault_is_a_single_entry_where_one_lies_in_its_range(singles: list[int], first: str) -> None:
    report = Report("log")
    report.found(5, "range", 9)
    for index in singles:
        report.found(index, "one", index if index == 12 else None)
    assert str(report.first_bad) == first
    for index in range(30):
        report.found(index, "more")
    assert len(report.findings) == 20


def test_hashes_beyond_those_that_were_signed_are_no_part_of_a_tile(tmp_path: Path) -> None:
    write_log(tmp_path, leaves(300))
    tile = tmp_path / path("0", 1, 44)
    tile.write_bytes(tile.read_bytes() + bytes(32))
    report = verify_log(tmp_path, parse_key(vkey()))
    assert str(report.first_bad) == "entry 256: tile/0/001.p/44 cannot be read: it has 1440 bytes, not 1408"


def test_damage_on_every_side_is_named_and_ends_no_verification(tmp_path: Path) -> None:
    entries = leaves(300)
    old = write_log(tmp_path / "old", entries[:280])
    write_log(tmp_path / "log", entries)
    bundle = tmp_path / "log" / path("entries", 1, 44)
    bundle.write_bytes(bundle.read_bytes()[:-1])
    (tmp_path / "log" / path("0", 1, 44)).unlink()
    report = verify_log(tmp_path / "log", parse_key(vkey()), old=old)
    assert [str(finding) for finding in report.findings] == [
        "entry 299: the bundle ends within it",
        "entries 0 to 299: do not hash to the root that was signed",
        "entries 0 to 279: were rewritten since the old checkpoint over 280 entries was signed",
    ]
