"""Which keys signed a log in turn: its first entry names the first, entries of its own each key that came after.

`log.key_rotated` keeps the name; the old key signs over that entry and no further. `log.recovered` takes another name,
because entries that had been signed were lost; the old one signs no more. Such entries have no topic: whatever came in
from outside has one, whatever it calls itself.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from countersign_verifier.findings import Report
from countersign_verifier.leaf import said_in
from countersign_verifier.note import Checkpoint, NoteError, VerifierKey, open_checkpoint, parse_key

GENESIS = "log.genesis"
ROTATED = "log.key_rotated"
RECOVERED = "log.recovered"
MARK = b'"kind":"log.'
"""What every such entry holds, so that the others need not be read."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key, and over how many entries it signed at most; None for the one in force."""

    key: VerifierKey
    until: int | None = None


def own_entries(leaves: Iterable[bytes]) -> list[tuple[int, bytes]]:
    """Return which of some leaves speak about the log itself, each with its place among them."""
    return [(place, leaf) for place, leaf in enumerate(leaves) if MARK in leaf and _said(leaf) is not None]


def read_lineage(report: Report, own: Sequence[tuple[int, bytes]], key: VerifierKey) -> list[Signer]:
    """Follow a log's keys from its first entry to the one given; a chain that leads elsewhere is a finding."""
    signers: list[Signer] = []
    for index, leaf in own:
        said = _said(leaf) or {}
        try:
            named = parse_key(str(said.get("verifier_key")))
        except NoteError as error:
            report.found(index, f"names no key of the log: {error}")
            return [Signer(key)]
        if not signers:
            if index or said.get("kind") != GENESIS or said.get("origin") != named.name:
                break
        elif said.get("previous_verifier_key") != signers[-1].key.text:
            report.found(index, "replaces a key that was not the log's")
            return [Signer(key)]
        else:
            signers[-1] = Signer(signers[-1].key, index + 1 if said.get("kind") == ROTATED else index)
        signers.append(Signer(named))
    if not signers or (signers[-1].key != key and len(signers) == 1):
        report.found(0, "the log did not begin under this name and key")
        return [Signer(key)]
    if signers[-1].key != key:
        report.found(own[-1][0], f"names another key than the one given: since then {signers[-1].key.text} signs")
    return signers


def open_old(note: bytes, signers: Sequence[Signer]) -> tuple[Checkpoint, Signer]:
    """Return a checkpoint that was kept from earlier and who signed it; none of these keys is a ``NoteError``."""
    for signer in signers[:-1]:
        try:
            return open_checkpoint(note, signer.key), signer
        except NoteError:
            continue
    return open_checkpoint(note, signers[-1].key), signers[-1]


def _said(leaf: bytes) -> Mapping[str, object] | None:
    said = said_in(leaf)
    if said is None or "topic" in said or said.get("kind") not in (GENESIS, ROTATED, RECOVERED):
        return None
    return said
