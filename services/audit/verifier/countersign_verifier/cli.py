"""`countersign-verify PATH --vkey KEY`: an exported log, or the proof of one case, checked offline."""

import argparse
import json
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from countersign_verifier.case import CaseProofError, CaseReport, verify_case
from countersign_verifier.findings import Report
from countersign_verifier.log import OldCheckpointError, verify_log
from countersign_verifier.note import NoteError, VerifierKey, parse_key
from countersign_verifier.progress import Bar

OK = 0
NOT_VERIFIED = 1
USAGE = 2
NO_INPUT = 66
IO = 74
INTERRUPTED = 130
EXIT_CODES = {
    OK: "verified",
    NOT_VERIFIED: "not verified: the first bad entry is named",
    USAGE: "the command was not understood, or the key or the old checkpoint is not what it should be",
    NO_INPUT: "what is to be verified, or the old checkpoint, cannot be read",
    IO: "the output cannot be written, or nobody reads it",
    INTERRUPTED: "interrupted",
}


class _Ended(Exception):  # noqa: N818 - it ends the command, with this code
    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


def entry_point() -> None:
    """Run the command and end the process."""
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    asked = _parser().parse_args(arguments)
    try:
        key = parse_key(asked.vkey)
        report = _verified(asked, key)
    except NoteError as error:
        sys.stderr.write(_lines([f"countersign-verify: --vkey: {error}"]))
        return USAGE
    except _Ended as ended:
        sys.stderr.write(_lines([f"countersign-verify: {ended}"]))
        return ended.code
    except KeyboardInterrupt:
        return INTERRUPTED
    code = _print(json.dumps(as_json(report)) + "\n" if asked.json else as_text(report))
    return code or (OK if report.ok else NOT_VERIFIED)


def _print(text: str) -> int:
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except BrokenPipeError:
        pass
    except OSError as error:
        sys.stderr.write(_lines([f"countersign-verify: the output cannot be written: {error.strerror}"]))
    else:
        return OK
    # What is still in the buffer must not be tried again at the end of the process.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return IO


def as_json(report: Report) -> dict[str, Any]:
    """Return a report as plain values."""
    told: dict[str, Any] = {
        "verified": report.ok,
        "origin": report.origin,
        "size": report.size,
        "root": report.root,
        "newest_at": report.newest_at,
        "old_size": report.old_size,
        "first_bad": str(report.first_bad) if report.first_bad is not None else None,
        "findings": [str(finding) for finding in report.findings],
    }
    if isinstance(report, CaseReport):
        told["entries"] = report.entries
    return told


def as_text(report: Report) -> str:
    """Return a report as lines for a person."""
    if not report.ok:
        others = [f"  {finding}" for finding in report.findings if finding is not report.first_bad]
        return _lines([f"NOT VERIFIED: {report.origin}", f"First bad: {report.first_bad}", *others])
    lines = [f"Verified: {report.origin}"]
    if isinstance(report, CaseReport):
        lines += [_line(said) for said in report.entries]
        lines.append(f"{len(report.entries):,} entries of one case, without a hole; later ones may have followed.")
    lines.append(f"Signed over {report.size:,} entries, root {report.root}")
    if report.newest_at is not None:
        lines.append(f"Newest entry: {report.newest_at}")
    if report.old_size is not None:
        lines.append(f"It begins with the {report.old_size:,} entries of the old checkpoint.")
    return _lines(lines)


def _lines(lines: Sequence[str]) -> str:
    """Join lines, spelling out what would steer a terminal or turn its text around: a log may hold anything."""
    return "".join("".join(char if char.isprintable() else repr(char)[1:-1] for char in line) + "\n" for line in lines)


def _line(said: Mapping[str, Any]) -> str:
    when, kind, event = (str(said.get(name) or "") for name in ("occurred_at", "kind", "event_id"))
    return f"  {said['index']:>9}  {when:<27}  {kind:<24}  {event}"


def _verified(asked: argparse.Namespace, key: VerifierKey) -> Report:
    path: Path = asked.path
    old = _old(asked.old)
    bar = Bar(sys.stderr)
    try:
        if path.is_file():
            return verify_case(path.read_bytes(), key)
        return verify_log(path, key, old=old, processes=asked.processes, progress=bar)
    except OldCheckpointError as error:
        raise _Ended(USAGE, f"--old {asked.old}: {error}") from error
    except CaseProofError as error:
        raise _Ended(NOT_VERIFIED, f"{path}: {error}") from error
    except OSError as error:
        raise _Ended(NO_INPUT, f"{error.filename}: {error.strerror}") from error
    finally:
        bar.close()


def _old(path: Path | None) -> bytes | None:
    try:
        return None if path is None else path.read_bytes()
    except OSError as error:
        raise _Ended(NO_INPUT, f"{path}: {error.strerror}") from error


def _parser() -> argparse.ArgumentParser:
    codes = "\n".join(f"  {code:>3}  {meaning}" for code, meaning in EXIT_CODES.items())
    parser = argparse.ArgumentParser(
        prog="countersign-verify", description=__doc__, epilog=f"exit codes:\n{codes}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("path", type=Path, help="the directory of an exported log, or the file of a case's proof")
    parser.add_argument("--vkey", required=True, help="NAME+KEYID+BASE64, from elsewhere than what is to be verified")
    parser.add_argument("--old", type=Path, help="a checkpoint kept from earlier: shows what was rewritten or cut off")
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1, help="how many share a large log")
    parser.add_argument("--json", action="store_true", help="print JSON instead of text")
    return parser
