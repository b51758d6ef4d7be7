"""The check at a start: the log must be the one whose checkpoints were kept outside its database, and no older."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from countersign_audit.custody.anchors import Place
from countersign_audit.custody.keys import verify_signature
from countersign_audit.domain.lineage import Lineage
from countersign_audit.domain.note import NAME, Checkpoint, NoteError, VerifierKey, open_note
from countersign_audit.store import Store
from countersign_audit.writing.tiling import read_edge
from countersign_shared.errors import ConfigurationError

RUNBOOK = "docs/runbooks/audit-restored.md"


class BehindAnchorError(ConfigurationError):
    """The database holds an older state of the log, or another, than one that was signed and kept elsewhere."""

    code = "behind_anchor"


@dataclass(frozen=True, slots=True)
class Anchor:
    """A checkpoint that a key of this log signed, and where it was kept."""

    place: str
    key: VerifierKey
    size: int
    root: bytes
    known: bool = True
    """Whether the log itself knows of this name and key."""


async def newest_anchors(lineage: Lineage, places: Sequence[Place], at_hand: VerifierKey) -> list[Anchor]:
    """Return the largest checkpoint of this log that each place keeps; notes that no key of the log signed are none.

    A database from before the log took another key or name knows neither. What the key ``at_hand``, or one that it does
    know, has signed under such a name counts as well.
    """
    found = []
    for several in [await _anchors(lineage, place, at_hand) for place in places]:
        for known in (True, False):
            kept = [anchor for anchor in several if anchor.known is known]
            found += sorted(kept, key=lambda anchor: anchor.size)[-1:]
    return found


async def names_kept(lineage: Lineage, places: Sequence[Place], at_hand: VerifierKey) -> set[str]:
    """Return every name under which this log has signed something that is kept."""
    return {anchor.key.name for place in places for anchor in await _anchors(lineage, place, at_hand)}


async def _anchors(lineage: Lineage, place: Place, at_hand: VerifierKey) -> list[Anchor]:
    keys = {one.public_key for one in (at_hand, *(signer.key for signer in lineage.signers))}
    found = []
    for note in await place.notes():
        if (opened := lineage.opened(note, verify_signature)) is not None:
            signer, size, root = opened
            # Under a name that a recovery has left behind, more was signed than there is; the entry says what was lost.
            if signer.key.name == lineage.current.name or signer.until is None or size <= signer.until:
                found.append(Anchor(place.name, signer.key, size, root))
            continue
        for key, said in _opened_by_any(note, lineage, keys):
            if said.size > lineage.lost:
                found.append(Anchor(place.name, key, said.size, said.root, known=False))
    return found


def _opened_by_any(note: bytes, lineage: Lineage, keys: Iterable[bytes]) -> Iterator[tuple[VerifierKey, Checkpoint]]:
    """Open a note under a name that the lineage may have had, with each of these keys that has signed it."""
    name = _name_in(note)
    if name is not None and lineage.may_have_been(name):
        for key in (VerifierKey(name, public_key) for public_key in keys):
            with suppress(NoteError):
                yield key, open_note(note, key, verify_signature)


async def check_anchored(connection: Any, store: Store, size: int, anchors: Iterable[Anchor]) -> None:
    """Compare a log of so many entries with its anchors; one that is behind or differs is a ``BehindAnchorError``."""
    for anchor in anchors:
        if anchor.size > size:
            raise BehindAnchorError(
                f"the database holds {size} entries of {anchor.key.name}, but {anchor.size} were signed"
                f" ({anchor.place}): it is an older state of the log, and writing would give index {size} a second"
                f" entry. Restore a newer backup; if there is none, `countersign audit recover` ({RUNBOOK})"
            )
        if (await read_edge(connection, store, anchor.size)).root() != anchor.root:
            raise BehindAnchorError(
                f"the first {anchor.size} entries are not those that were signed ({anchor.place}): the log was altered,"
                f" or another one was restored. Run `countersign audit verify`, and see {RUNBOOK}"
            )


async def check_not_begun(public_key: bytes, places: Sequence[Place]) -> None:
    """Refuse to begin an empty log with a key that has signed one already: its database is gone."""
    for where, note in [(place.name, note) for place in places for note in await place.notes()]:
        if (name := _name_in(note)) is None:
            continue
        try:
            said = open_note(note, VerifierKey(name, public_key), verify_signature)
        except NoteError:
            continue
        raise BehindAnchorError(
            f"the database holds no log, but this key has signed {said.size} entries of {said.origin} ({where})."
            f" Restore the database ({RUNBOOK}); a log that is to begin anew needs an AUDIT_KEYS_DIR of its own"
        )


def _name_in(note: bytes) -> str | None:
    name = note.split(b"\n", 1)[0].decode(errors="replace")
    return None if NAME.fullmatch(name) is None else name
