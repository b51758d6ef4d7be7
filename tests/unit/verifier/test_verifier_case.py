"""The proof of a case, whole and tampered with, and the command that checks it."""

from __future__ import annotations

import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from countersign_verifier import cli
from countersign_verifier.case import CaseProofError, verify_case
from countersign_verifier.note import parse_key
from tests.strangers.logs import ORIGIN, OTHER_KEY, note, root, sha256, vkey, write_log
from tests.strangers.mutations import ENTRIES
from tests.unit.verifier.test_verifier_tree import path

CASE = "ab" * 16
PLACES = (2, 5, 9)


def leaf(index: int, case: str = CASE) -> bytes:
    before = max((place for place in PLACES if place < index), default=None)
    said: dict[str, Any] = {
        "case": case,
        "event_id": f"e{index}",
        "kind": "case.created",
        "occurred_at": f"2026-01-0{index}",
    }
    if before is not None:
        said["previous"] = before
    return json.dumps(said, sort_keys=True).encode()


LEAVES = [leaf(index, CASE if index in PLACES else "cd" * 16) for index in range(11)]
HASHES = [sha256(b"\x00" + one) for one in LEAVES]


def proof() -> dict[str, Any]:
    entries = [
        {
            "index": index,
            "leaf": LEAVES[index].decode(),
            "proof": [base64.b64encode(node).decode() for node in path(index, HASHES)],
        }
        for index in PLACES
    ]
    checkpoint = note(len(LEAVES), root(HASHES)).decode()
    return {"format": "countersign.audit.case-proof/1", "checkpoint": checkpoint, "entries": entries}


def test_a_whole_proof_verifies() -> None:
    report = verify_case(json.dumps(proof()).encode(), parse_key(vkey()))
    assert report.findings == []
    assert [said["event_id"] for said in report.entries] == ["e2", "e5", "e9"]
    assert (report.size, report.newest_at) == (11, "2026-01-09")


def other_leaf(said: dict[str, Any]) -> None:
    said["entries"][1]["leaf"] = said["entries"][1]["leaf"].replace("created", "updated")


def other_index(said: dict[str, Any]) -> None:
    said["entries"][1]["index"] = 6


def other_key(said: dict[str, Any]) -> None:
    said["checkpoint"] = note(len(LEAVES), root(HASHES), OTHER_KEY).decode()


def left_out(said: dict[str, Any]) -> None:
    del said["entries"][1]


def first_left_out(said: dict[str, Any]) -> None:
    del said["entries"][0]


def out_of_order(said: dict[str, Any]) -> None:
    said["entries"].reverse()


def of_another_case(said: dict[str, Any]) -> None:
    said["entries"][2] = {
        "index": 7, "leaf": LEAVES[7].decode(), "proof": [base64.b64encode(node).decode() for node in path(7, HASHES)]
    }  # fmt: skip


def shortened(said: dict[str, Any]) -> None:
    said["entries"][0]["proof"].pop()


@pytest.mark.parametrize(
    ("tamper", "index"),
    [
        (other_leaf, 5), (other_index, 6), (other_key, 2), (left_out, 9), (first_left_out, 5), (out_of_order, 2),
        (of_another_case, 7), (shortened, 2),
    ],
)  # fmt: skip
def test_a_proof_that_was_tampered_with_names_the_entry(tamper: Callable[[dict[str, Any]], None], index: int) -> None:
    said = proof()
    tamper(said)
    report = verify_case(json.dumps(said).encode(), parse_key(vkey()))
    assert report.first_bad is not None
    assert report.first_bad.index == index


def every_leaf(said: dict[str, Any]) -> None:
    for entry in said["entries"]:
        entry["leaf"] += " "


def every_proof(said: dict[str, Any]) -> None:
    for entry in said["entries"]:
        entry["proof"].pop()


@pytest.mark.parametrize("tamper", [every_leaf, every_proof, other_key])
def test_nothing_that_is_not_proven_is_passed_on(tamper: Callable[[dict[str, Any]], None]) -> None:
    said = proof()
    tamper(said)
    report = verify_case(json.dumps(said).encode(), parse_key(vkey()))
    named = [(finding.index, finding.last_index) for finding in report.findings]
    assert named == ([(2, 9)] if tamper is other_key else [(index, None) for index in PLACES])
    assert report.entries == []


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[]", b"\xff", b"[" * 100_000, json.dumps(proof() | {"format": "x"}).encode(),
        json.dumps(proof() | {"entries": []}).encode(), json.dumps(proof() | {"entries": [1]}).encode(),
        json.dumps(proof() | {"entries": [{"index": True, "leaf": "", "proof": []}]}).encode(),
        json.dumps(proof() | {"entries": [{"index": 1, "leaf": "", "proof": ["?"]}]}).encode(),
        json.dumps(proof() | {"entries": [{"index": 1, "leaf": "", "proof": ""}]}).encode(),
        json.dumps(proof() | {"entries": [{"index": 1, "leaf": "", "proof": {}}]}).encode(),
        json.dumps(proof() | {"checkpoint": 5}).encode(),
    ],
)  # fmt: skip
def test_what_is_no_proof_is_refused(data: bytes) -> None:
    with pytest.raises(CaseProofError):
        verify_case(data, parse_key(vkey()))


def run(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[int, str, str]:
    code = cli.main(words)
    told = capsys.readouterr()
    return code, told.out, told.err


def test_the_command_ends_with_the_codes_it_documents(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log, case, broken, old = tmp_path / "log", tmp_path / "case.json", tmp_path / "broken.json", tmp_path / "old"
    old.write_bytes(write_log(log, ENTRIES[:300]))
    case.write_text(json.dumps(proof()), encoding="utf-8")
    broken.write_text("{}", encoding="utf-8")
    code, out, _ = run(capsys, str(log), "--vkey", vkey(), "--old", str(old))
    assert (code, "Verified" in out, "300 entries of the old checkpoint" in out) == (cli.OK, True, True)
    code, out, _ = run(capsys, str(case), "--vkey", vkey(), "--json")
    assert (code, json.loads(out)["verified"], len(json.loads(out)["entries"])) == (cli.OK, True, 3)
    assert "3 entries of one case" in run(capsys, str(case), "--vkey", vkey())[1]
    (log / "tile" / "entries" / "000").write_bytes(b"")
    code, out, _ = run(capsys, str(log), "--vkey", vkey())
    assert (code, "First bad: entry 0: its bundle has 0 entries" in out) == (cli.NOT_VERIFIED, True)
    assert run(capsys, str(broken), "--vkey", vkey())[0] == cli.NOT_VERIFIED
    assert run(capsys, str(log), "--vkey", "nonsense")[0] == cli.USAGE
    assert run(capsys, str(log), "--vkey", vkey(), "--old", str(broken))[0] == cli.USAGE
    assert run(capsys, str(log), "--vkey", vkey(), "--old", str(tmp_path / "no"))[0] == cli.NO_INPUT
    assert run(capsys, str(tmp_path / "nowhere"), "--vkey", vkey())[0] == cli.NO_INPUT


def test_the_report_says_to_programs_and_people_what_was_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    entries = ENTRIES[:300]
    old = tmp_path / "old"
    old.write_bytes(write_log(tmp_path / "log", entries[:7]))
    write_log(tmp_path / "log", entries)
    words = (str(tmp_path / "log"), "--vkey", vkey(), "--old", str(old))
    top = root([sha256(b"\x00" + entry) for entry in entries]).hex()
    newest = json.loads(entries[-1])["occurred_at"]
    told = json.loads(run(capsys, *words, "--json")[1])
    assert told == {
        "verified": True, "origin": ORIGIN, "size": 300, "root": top, "newest_at": newest, "old_size": 7,
        "first_bad": None, "findings": [],
    }  # fmt: skip
    out = run(capsys, *words)[1]
    assert f"Signed over 300 entries, root {top}" in out
    assert f"Newest entry: {newest}" in out
    write_log(tmp_path / "log", [*entries[:3], b"{}", *entries[4:]])
    told = json.loads(run(capsys, *words, "--json")[1])
    assert (told["verified"], told["findings"]) == (False, [told["first_bad"]])
    assert told["first_bad"].startswith("entries 0 to 6: were rewritten")
    assert list(cli.EXIT_CODES) == [0, 1, 2, 66, 74, 130]


def test_what_a_log_says_cannot_steer_a_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    said = json.dumps({"case": CASE, "event_id": "\x1b[2J\u202e", "kind": "k"})
    checkpoint = note(1, sha256(b"\x00" + said.encode())).decode()
    entries = [{"index": 0, "leaf": said, "proof": []}]
    case = tmp_path / "case.json"
    case.write_text(json.dumps(proof() | {"checkpoint": checkpoint, "entries": entries}), encoding="utf-8")
    code, out, _ = run(capsys, str(case), "--vkey", vkey())
    assert (code, "\\x1b[2J\\u202e" in out, "\x1b" in out) == (cli.OK, True, False)


def test_an_empty_log_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(tmp_path, [])
    assert run(capsys, str(tmp_path), "--vkey", vkey())[0] == cli.OK


def test_the_first_entry_names_the_log_and_its_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_log(tmp_path, ENTRIES[1:4])
    code, out, _ = run(capsys, str(tmp_path), "--vkey", vkey())
    assert (code, "did not begin under this name and key" in out) == (cli.NOT_VERIFIED, True)


@pytest.mark.parametrize("reader", ["gone", "full"])
def test_a_report_that_nobody_takes_is_no_verdict(tmp_path: Path, reader: str) -> None:
    case = tmp_path / "case.json"
    case.write_text(json.dumps(proof()), encoding="utf-8")
    ours, theirs = os.pipe()
    os.close(ours)
    full = os.open("/dev/full", os.O_WRONLY)
    started = "from countersign_verifier.cli import entry_point; entry_point()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", started, str(case), "--vkey", vkey()],
            stdout=theirs if reader == "gone" else full, stderr=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
    finally:
        os.close(theirs)
        os.close(full)

    said = {"gone": "", "full": "countersign-verify: the output cannot be written: No space left on device\n"}[reader]
    assert (done.returncode, done.stderr) == (cli.IO, said)
