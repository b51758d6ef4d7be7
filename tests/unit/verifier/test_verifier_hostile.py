"""Whoever verifies is handed files by whom they do not trust: the answer is a verdict, whatever is in them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from countersign_verifier import cli
from countersign_verifier.log import MANY_TILES
from tests.strangers.logs import leaves, note, sha256, vkey, write_log

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
    assert (code, first.startswith("First bad: entries 256 to")) == (1, True)
