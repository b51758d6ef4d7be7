"""The check at a start: the log must be the one whose checkpoints were kept outside its database, and no older."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from countersign_audit.anchors import Place
from countersign_audit.domain.lineage import Lineage
from countersign_audit.domain.note import NAME, NoteError, VerifierKey, open_note
from countersign_audit.keys import verify_signature
from countersign_audit.store import Store
from countersign_audit.tiling import read_edge
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


async def newest_anchors(lineage: Lineage, places: Sequence[Place]) -> list[Anchor]:
    """Return the largest checkpoint of this log that each place keeps; notes that no key of the log signed are none."""
    found = []
    for place in places:
        opened = [one for note in await place.notes() if (one := lineage.opened(note, verify_signature)) is not None]
        kept = [
            Anchor(place.name, signer.key, size, root)
            for signer, size, root in opened
            # Under a name that a recovery has left behind, more was signed than there is; the entry says what was lost.
            if signer.key.name == lineage.current.name or signer.until is None or size <= signer.until
        ]
        found += sorted(kept, key=lambda anchor: anchor.size)[-1:]
    return found


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
        name = note.split(b"\n", 1)[0].decode(errors="replace")
        if NAME.fullmatch(name) is None:
            continue
        try:
            said = open_note(note, VerifierKey(name, public_key), verify_signature)
        except NoteError:
            continue
        raise BehindAnchorError(
            f"the database holds no log, but this key has signed {said.size} entries of {said.origin} ({where})."
            f" Restore the database ({RUNBOOK}); a log that is to begin anew needs an AUDIT_KEYS_DIR of its own"
        )
