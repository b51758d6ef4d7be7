"""Checking a log against nothing but its verifier key: everything is derived again from the stored leaves.

This module shares hashes and formats with the writer, and none of its code for writing. What the signed tree
alone proves needs no key of the log's own; with the keys directory at hand the payloads are opened too, and every
commitment and fact in the leaves is compared with the record it was taken from.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import orjson

from countersign_audit.custody.keys import key_before, load_keys, verify_signature
from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.domain.entry import GENESIS
from countersign_audit.domain.lineage import ERASED, Lineage, LineageError, Signer, is_own, is_remark
from countersign_audit.domain.note import NoteError, VerifierKey, open_note, parse_verifier_key
from countersign_audit.domain.tree import Frontier, leaf_hash
from countersign_audit.encoding import encode
from countersign_audit.reading.records import Opener
from countersign_audit.store import Store, connected
from countersign_audit.verifying.entries import GONE, PayloadCheck, copy_problem, profile_problem
from countersign_audit.verifying.tiles import bad_tiles
from countersign_shared.clock import rfc3339
from countersign_shared.errors import ConfigurationError

Progress = Callable[[int, int], None]
"""Called now and then with entries checked and entries in all."""

MAX_FINDINGS = 20
"""After so many faults the first ones say enough."""
PROGRESS_EVERY = 500


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault: the entry it is about, or the first and last of the entries it must be among.

    ``in_itself`` says that the entry alone shows the fault; otherwise it only does not fit its neighbours.
    """

    index: int
    what: str
    last_index: int | None = None
    in_itself: bool = False

    def __str__(self) -> str:
        """Say it in a line."""
        where = f"entry {self.index}"
        if self.last_index is not None and self.last_index != self.index:
            where = f"entries {self.index} to {self.last_index}"
        return f"{where}: {self.what}"


@dataclass(frozen=True, slots=True)
class Old:
    """What an earlier checkpoint says, and who signed it."""

    signer: Signer
    size: int
    root: bytes

    @property
    def still_there(self) -> bool:
        """Whether the log has not itself said that it lost some of these entries."""
        return self.signer.until is None or self.size <= self.signer.until


@dataclass(slots=True)
class Report:
    """What verification found. ``ok`` only when the whole log was read and nothing was wrong."""

    origin: str
    entries: int = 0
    size: int = 0
    root: str = ""
    signed_at: str | None = None
    checkpoints: int = 0
    unsigned: int = 0
    payloads_opened: int = 0
    payloads_without_key: int = 0
    payloads_erased: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether the log is what its checkpoints say."""
        return not self.findings

    @property
    def first_bad(self) -> Finding | None:
        """The first fault in the order of the log; an entry that is itself wrong goes before a range it lies in."""
        first = min(self.findings, key=lambda finding: finding.index, default=None)
        if first is None or first.last_index is None:
            return first
        inside = [found for found in self.findings if found.in_itself and found.index <= first.last_index]
        return min(inside, key=lambda finding: finding.index, default=first)


async def verify_database(
    database_url: str, verifier_key: str, *, keys_dir: Path | None = None, old_checkpoint: bytes | None = None,
    progress: Progress | None = None,
) -> Report:  # fmt: skip
    """Verify the log in a database, in one consistent snapshot, while it may go on growing.

    ``verifier_key`` is NAME+KEYID+BASE64 as it was printed when the log began. ``old_checkpoint`` is a note kept
    from earlier: without one, a log cut back or rewritten by whoever holds the signing key looks intact.
    A damaged key or note is a ``NoteError``.
    """
    key = parse_verifier_key(verifier_key)
    keys = load_keys(keys_dir) if keys_dir is not None else None
    payloads = PayloadCheck(Opener(keys.epochs), Pseudonyms(keys.pseudonyms)) if keys is not None else None
    store = Store()
    async with (
        connected(database_url) as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        total, names = await store.extent(connection)
        verifier = Verifier(key, await _opened_old(connection, store, key, old_checkpoint), payloads)
        await verifier.run(store.all_entries(connection), store.all_checkpoints(connection), total, progress)
        if verifier.report.ok and names != total:
            what = f"{names - total} names of records without an entry: an event of such a name would pass for a repeat"
            verifier.report.findings.append(Finding(total, what))
        if verifier.report.ok:
            async for first, last, what in bad_tiles(connection, store, total):
                verifier.report.findings.append(Finding(first, what, last))
    return verifier.report


async def _opened_old(connection: Any, store: Store, key: VerifierKey, note: bytes | None) -> Old | None:
    """Open a checkpoint from earlier with the key given, or with one that the log says came before it."""
    if note is None:
        return None
    try:
        lineage = Lineage.read(await store.own_entries(connection))
    except LineageError:
        lineage = None
    opened = lineage.opened(note, verify_signature) if lineage is not None else None
    if opened is not None:
        return Old(*opened)
    said = open_note(note, key, verify_signature)
    return Old(Signer(key), said.size, said.root)


async def local_verifier_key(database_url: str, keys_dir: Path, signing: str | None = None) -> str:
    """Return the verifier key of the log whose keys lie here, for who runs the system and verifies it as well.

    A stranger is given this text by another way than the log itself. ``signing`` is the signing key where it is not in
    a file. Between `countersign audit rotate` and the start that goes over to the new key it is still the old one.
    """
    keys = load_keys(keys_dir, signing)
    async with connected(database_url) as connection:
        own = await Store().own_entries(connection)
    try:
        lineage = Lineage.read(own)
    except LineageError as error:
        raise ConfigurationError(
            f"the log does not say which key is its own, {error}: name the one you know with --vkey"
        ) from error
    if lineage is None:
        raise ConfigurationError("the log is empty: start the audit service once")
    name, before = lineage.current.name, None if signing else key_before(keys_dir, None)
    if before is not None and replace(keys, signing=before).verifier_key(name) == lineage.current:
        return lineage.current.text()
    return keys.verifier_key(name).text()


class Verifier:
    """One pass over a log, entries and checkpoints side by side."""

    def __init__(self, key: VerifierKey, old: Old | None, payloads: PayloadCheck | None) -> None:
        self.report = Report(origin=key.name)
        self._key = key
        self._old = old
        self._payloads = payloads
        self._frontier = Frontier()
        self._lineage: Lineage | None = None
        self._last_of_case: dict[str, int] = {}
        self._erased: dict[str, int] = {}
        self._gone: list[tuple[int, str | None]] = []
        self._proven = 0
        self._root_broken = False

    async def run(
        self, entries: AsyncIterator[Mapping[str, Any]], checkpoints: AsyncIterator[Mapping[str, Any]], total: int,
        progress: Progress | None,
    ) -> None:  # fmt: skip
        """Read everything once and fill the report."""
        due = await anext(checkpoints, None)
        async for row in entries:
            if row["index"] != self._frontier.size:
                self._found(self._frontier.size, "missing")
                break
            self._entry(row)
            while due is not None and due["size"] <= self._frontier.size:
                self._checkpoint(due)
                due = await anext(checkpoints, None)
            if self._old is not None and self._old.size == self._frontier.size and self._old.still_there:
                self._compare_old(self._old)
            if len(self.report.findings) >= MAX_FINDINGS:
                break
            if progress is not None and self._frontier.size % PROGRESS_EVERY == 0:
                progress(self._frontier.size, total)
        self._end(due)
        if progress is not None:
            progress(self._frontier.size, total)

    def _entry(self, row: Mapping[str, Any]) -> None:
        index, leaf = row["index"], row["leaf"]
        hashed = leaf_hash(leaf)
        self._frontier.append(hashed)
        if hashed != row["leaf_hash"]:
            self._found(index, "its bytes do not have the hash stored beside them", in_itself=True)
            return
        problem = profile_problem(leaf)
        if problem is not None:
            self._found(index, f"its leaf breaks the profile: {problem}", in_itself=True)
            return
        said = orjson.loads(leaf)
        if index == 0 or is_own(said):
            problem = self._own(said, index)
        elif is_remark(said):
            if said["kind"] == ERASED:
                self._erased[str(said.get("erased_case"))] = index
            problem = None
        else:
            problem = copy_problem(row, said) or self._payload_problem(row, said)
            misplaced = self._previous_problem(said, index)
            if misplaced is not None:
                self._found(index, misplaced)
        if problem is None and row["known_as"] != index:
            problem = "the name of its record leads elsewhere: the event could be entered again"
        if problem is not None:
            self._found(index, problem, in_itself=True)

    def _own(self, said: Mapping[str, Any], index: int) -> str | None:
        if (index == 0) != (said.get("kind") == GENESIS):
            return "a log begins with its genesis, and with nothing else"
        try:
            self._lineage = self._lineage.after(index, said) if self._lineage else Lineage.read([(0, encode(said))])
        except LineageError as error:
            return str(error)
        return None

    def _check_lineage(self) -> None:
        lineage = self._lineage or Lineage.begun(self._key)
        began = lineage.signers[0].key
        if lineage.current == self._key:
            return
        if len(lineage.signers) == 1:
            self._found(
                0, f"the log began under another name or key than the one given: {began.text()}", in_itself=True
            )
        else:
            until = lineage.signers[-2].until or 0
            self._found(until, f"since here another key signs than the one given: {lineage.current.text()}")

    def _previous_problem(self, said: Mapping[str, Any], index: int) -> str | None:
        case = said.get("case")
        if case is None:
            return None
        expected = self._last_of_case.get(case)
        self._last_of_case[case] = index
        if said.get("previous") != expected:
            return f"says its case's entry before is {said.get('previous')}, but that is {expected}"
        return None

    def _payload_problem(self, row: Mapping[str, Any], said: Mapping[str, Any]) -> str | None:
        if self._payloads is None:
            self.report.payloads_without_key += 1
            return None
        problem = self._payloads.problem(row, said)
        if problem == GONE:
            # Whether an erasure is on record shows later in the log.
            self._gone.append((row["index"], said.get("case")))
            return None
        self.report.payloads_opened += problem is None
        return problem

    def _checkpoint(self, row: Mapping[str, Any]) -> None:
        self.report.checkpoints += 1
        first, last = self._proven, self._frontier.size - 1
        try:
            key = self._lineage.key_for(row["size"]) if self._lineage else self._key
            checkpoint = open_note(row["note"], key, verify_signature)
        except NoteError as error:
            self._found(last, f"the checkpoint over {row['size']} entries: {error}")
            return
        if checkpoint.size != row["size"] or checkpoint.root != row["root"]:
            self._found(last, f"the columns beside the checkpoint over {row['size']} entries were altered")
        elif checkpoint.root != self._frontier.root():
            if not self._root_broken:
                # From here on every root differs; only the first says where to look.
                self._root_broken = True
                self._found(first, f"do not hash to the root that was signed over {row['size']} entries", last)
        else:
            self._proven = checkpoint.size
            self.report.size, self.report.root = checkpoint.size, checkpoint.root.hex()
            self.report.signed_at = rfc3339(row["signed_at"])

    def _compare_old(self, old: Old) -> None:
        if old.root != self._frontier.root():
            self._found(0, f"the log was rewritten since the old checkpoint over {old.size} entries", old.size - 1)

    def _end(self, due: Mapping[str, Any] | None) -> None:
        self.report.entries = self._frontier.size
        self.report.unsigned = max(self._frontier.size - self._proven, 0)
        if len(self.report.findings) >= MAX_FINDINGS:
            return
        self._check_lineage()
        self._check_old()
        self._check_gone()
        if due is not None and not self.report.findings:
            self._found(self._frontier.size, f"missing; a checkpoint was signed over {due['size']} entries")
        if self._frontier.size and not self.report.checkpoints and not self.report.findings:
            self._found(0, "no checkpoint covers the log")

    def _check_gone(self) -> None:
        for index, case in self._gone:
            if case is not None and self._erased.get(case, -1) > index:
                self.report.payloads_erased += 1
            elif len(self.report.findings) < MAX_FINDINGS:
                self._found(index, GONE, in_itself=True)

    def _check_old(self) -> None:
        old = self._old
        if old is None:
            return
        if not old.still_there:
            until = old.signer.until or 0
            self._found(
                until,
                f"do not fit the old checkpoint over {old.size} entries: they were lost, as entry {until} says",
                old.size - 1,
            )
        elif old.size > self._frontier.size:
            self._found(self._frontier.size, f"missing; the old checkpoint covers {old.size} entries")

    def _found(self, index: int, what: str, last_index: int | None = None, *, in_itself: bool = False) -> None:
        self.report.findings.append(Finding(index, what, last_index, in_itself))
