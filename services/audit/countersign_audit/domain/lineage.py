"""Under which names and keys a log has signed: its first entry names the first, later ones those that came after.

    log.genesis       the first name and key
    log.key_rotated   a new key; the old one still signs over this entry, and nothing beyond it
    log.recovered     a new name, because entries that the old one had signed were lost; the old one signs no more

Only the log writes such entries: they have no topic, while whatever came from Kafka has one, whatever kind it claims.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import count
from typing import Any, Self

from countersign_audit.domain.entry import GENESIS
from countersign_audit.domain.note import NoteError, VerifierKey, VerifySignature, open_note, parse_verifier_key

KEY_ROTATED = "log.key_rotated"
RECOVERED = "log.recovered"
ERASED = "log.erased"
"""Keys and payloads of a case were destroyed; it says nothing of names and keys, and is the log's own all the same."""
RECONCILED = "log.reconciled"
"""A day's entries were counted, and looked through for holes."""
EPOCH_BEGUN = "log.epoch_begun"
"""New data keys are wrapped by another epoch key from here on; those there are follow in the background."""
EPOCH_COMPLETED = "log.epoch_completed"
"""No data key that opens is wrapped by an earlier epoch any more."""
COPIES_CHECKED = "log.copies_checked"
"""The columns beside a stretch of leaves were compared with them."""
RECORDS_MISSING = "log.records_missing"
"""The broker removed records before they were read."""
TOPIC_RECREATED = "log.topic_recreated"
"""A topic was deleted and made anew; its offsets begin again."""
REMARKS = (TOPIC_RECREATED, RECORDS_MISSING, ERASED, RECONCILED, EPOCH_BEGUN, EPOCH_COMPLETED, COPIES_CHECKED)
OWN_KINDS = (GENESIS, KEY_ROTATED, RECOVERED)
CUT_OFF = "/from-"
"""Between the name a log began with and how many entries were left of it."""


class LineageError(ValueError):
    """The log's own entries do not follow from each other; the message names the entry."""


@dataclass(frozen=True, slots=True)
class Signer:
    """A key that signed up to and with ``until`` entries; None while it still signs."""

    key: VerifierKey
    until: int | None = None


@dataclass(frozen=True, slots=True)
class Lineage:
    """Every signer of a log, in order. Never empty.

    ``lost`` is how many entries had been signed, under any name and key, when the log last went on after a loss.
    """

    signers: tuple[Signer, ...]
    lost: int = 0

    @classmethod
    def begun(cls, key: VerifierKey) -> Self:
        """Return the lineage of a log that has had one key."""
        return cls((Signer(key),))

    @classmethod
    def read(cls, leaves: Iterable[tuple[int, bytes]]) -> Self | None:
        """Read a lineage out of (index, leaf) of the log's entries of these kinds; None for an empty log."""
        found: Lineage | None = None
        for index, leaf in leaves:
            said = _read(index, leaf)
            if is_own(said):
                found = cls.begun(_key(said, index)) if found is None else found.after(index, said)
        return found  # type: ignore[return-value]

    @property
    def current(self) -> VerifierKey:
        """The key in force."""
        return self.signers[-1].key

    def key_for(self, size: int) -> VerifierKey:
        """Return the key that signs over so many entries."""
        return next((one.key for one in self.signers if one.until is None or size <= one.until), self.current)

    def after(self, index: int, said: Mapping[str, Any]) -> "Lineage":
        """Return the lineage after an entry of the log's own; one that names another predecessor is a LineageError."""
        if said.get("previous_verifier_key") != self.current.text():
            raise LineageError(f"entry {index} replaces a key that was not the log's")
        if said["kind"] == KEY_ROTATED:
            # The old key proves the entry that names its successor.
            return self._ended(index + 1, _key(said, index))
        return self.recovered(index, _key(said, index), lost=_lost(said))

    def recovered(self, size: int, key: VerifierKey, *, lost: int) -> "Lineage":
        """Return the lineage of a log that goes on under another name after a loss.

        The old one must sign nothing beyond ``size``: it could contradict what it had signed there.
        """
        return replace(self._ended(size, key), lost=max(lost, self.lost))

    def _ended(self, until: int, key: VerifierKey) -> "Lineage":
        return replace(self, signers=(*self.signers[:-1], Signer(self.current, until), Signer(key)))

    def renamed(self, size: int, taken: Collection[str]) -> str:
        """Return the name under which to go on after a loss: the one it began with, and where it was cut off.

        Names in ``taken`` have signed something already.
        """
        name, taken = f"{self._began_as}{CUT_OFF}{size}", {*taken, *(one.key.name for one in self.signers)}
        return name if name not in taken else next(
            more for number in count(2) if (more := f"{name}-{number}") not in taken
        )  # fmt: skip

    def may_have_been(self, name: str) -> bool:
        """Tell whether a name is one that this log began with, or might have gone on under."""
        return name == self._began_as or name.startswith(f"{self._began_as}{CUT_OFF}")

    @property
    def _began_as(self) -> str:
        return self.signers[0].key.name

    def opened(self, note: bytes, verify: VerifySignature) -> tuple[Signer, int, bytes] | None:
        """Return who signed a note, over how many entries, and their root; None for a note of no key of this log."""
        for signer in self.signers:
            try:
                said = open_note(note, signer.key, verify)
            except NoteError:
                continue
            return signer, said.size, said.root
        return None


def is_own(said: Mapping[str, Any]) -> bool:
    """Tell whether an entry is the log's own word about its name and key."""
    return said.get("kind") in OWN_KINDS and "topic" not in said


def is_remark(said: Mapping[str, Any]) -> bool:
    """Tell whether an entry is the log's own word about its content and upkeep: an erasure, a day's count."""
    return said.get("kind") in REMARKS and "topic" not in said


def _read(index: int, leaf: bytes) -> Mapping[str, Any]:
    try:
        said = json.loads(leaf)
    except (ValueError, RecursionError) as error:
        raise LineageError(f"entry {index} cannot be read: {error}") from error
    if not isinstance(said, dict):
        raise LineageError(f"entry {index} is no JSON object")
    return said


def _lost(said: Mapping[str, Any]) -> int:
    lost = said.get("lost")
    last = lost.get("last_index") if isinstance(lost, dict) else None
    return last + 1 if isinstance(last, int) else 0


def _key(said: Mapping[str, Any], index: int) -> VerifierKey:
    try:
        return parse_verifier_key(str(said.get("verifier_key")))
    except NoteError as error:
        raise LineageError(f"entry {index} names no verifier key: {error}") from error
