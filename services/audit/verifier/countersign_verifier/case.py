"""The proof of one case: its entries, each with its way to the signed root, and the chain that joins them."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from countersign_verifier.findings import Report
from countersign_verifier.leaf import said_in
from countersign_verifier.note import NoteError, VerifierKey, exact_base64, open_checkpoint
from countersign_verifier.tree import ProofError, leaf_hash, root_by_inclusion

FORMAT = "countersign.audit.case-proof/1"


class CaseProofError(Exception):
    """The file is no proof of a case; the message says in which way."""


@dataclass(slots=True)
class CaseReport(Report):
    """What a case's proof shows; ``entries`` are the leaves, as far as they are proven."""

    entries: list[Mapping[str, Any]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Entry:
    index: int
    leaf: bytes
    proof: list[bytes]


def verify_case(data: bytes, key: VerifierKey) -> CaseReport:
    """Verify the proof of a case; a file that is none is a ``CaseProofError``."""
    note, entries = _read(data)
    report = CaseReport(key.name)
    try:
        checkpoint = open_checkpoint(note, key)
    except NoteError as error:
        report.found(entries[0].index, f"the checkpoint proves nothing: {error}", entries[-1].index)
        return report
    report.size, report.root = checkpoint.size, checkpoint.root.hex()
    for entry in entries:
        try:
            root = root_by_inclusion(leaf_hash(entry.leaf), entry.index, checkpoint.size, entry.proof)
        except ProofError as error:
            report.found(entry.index, f"its proof is none: {error}")
            continue
        if root != checkpoint.root:
            report.found(entry.index, "its bytes and its proof do not lead to the signed root")
            continue
        report.entries.append({**(said_in(entry.leaf) or {}), "index": entry.index})
    if report.ok:
        _check_chain(report)
        times = [said["occurred_at"] for said in report.entries if isinstance(said.get("occurred_at"), str)]
        report.newest_at = times[-1] if times else None
    return report


def _check_chain(report: CaseReport) -> None:
    """Each entry of a case names the one before: a hole among them shows, only later ones can be left out."""
    before: int | None = None
    case = report.entries[0].get("case")
    for said in report.entries:
        if case is None or said.get("case") != case:
            report.found(said["index"], "it is about another case than the first")
        if said.get("previous") != before:
            missing = f"entry {said['previous']}" if isinstance(said.get("previous"), int) else "none"
            report.found(said["index"], f"it says that {missing} comes before it, the proof shows {before}")
        before = said["index"]


def _read(data: bytes) -> tuple[bytes, list[_Entry]]:
    try:
        said = json.loads(data)
        form, note, items = said["format"], said["checkpoint"].encode(), said["entries"]
        entries = [_entry(item) for item in items]
    except json.JSONDecodeError as error:
        raise CaseProofError(
            "it is no JSON, and so no proof of a case: `countersign audit prove` writes one"
        ) from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise CaseProofError(f"it is not a proof of a case: {error!r}") from error
    if form != FORMAT:
        raise CaseProofError(f"its format is not {FORMAT}")
    if not entries:
        raise CaseProofError("it proves no entry")
    return note, entries


def _entry(item: Mapping[str, Any]) -> _Entry:
    index, leaf, proof = item["index"], item["leaf"], item["proof"]
    if type(index) is not int or not isinstance(leaf, str) or not _texts(proof):
        raise CaseProofError("an entry has an index, a leaf and a proof")
    return _Entry(index, leaf.encode(), [exact_base64(text, "proof") for text in proof])


def _texts(value: object) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and all(isinstance(item, str) for item in value)
