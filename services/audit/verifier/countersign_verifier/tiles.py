"""One bundle of entries and the tile of their hashes: what either says, and the first entry they differ over.

The unit of work of a verification; it holds no state, so that several processes can share the log among them.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

from countersign_verifier.layout import read_hashes, read_tile, tile_path
from countersign_verifier.lineage import MARK, own_entries
from countersign_verifier.tree import HASH_BYTES, root_of

_LENGTH_BYTES = 2


class BundleError(ValueError):
    """A bundle is no row of as many entries as it should be; ``place`` is where that shows, as far as it was hashed."""

    def __init__(self, place: int, message: str, hashes: bytes = b"") -> None:
        super().__init__(message)
        self.place = place
        self.hashes = hashes


@dataclass(frozen=True, slots=True)
class TileCheck:
    """What was found about one tile's width of entries.

    ``derived`` is the root of the entries themselves, None when they cannot be read; ``stated`` the root of the
    hashes in the tile, None when it cannot be read. ``place`` is the first entry, within the tile, that shows a fault.
    ``own`` are the entries in which the log speaks about itself, with their places.
    """

    number: int
    derived: bytes | None
    stated: bytes | None
    place: int | None = None
    what: str = ""
    own: tuple[tuple[int, bytes], ...] = ()


def split_bundle(bundle: bytes) -> list[bytes]:
    """Return the entries of a bundle."""
    entries: list[bytes] = []
    at, end = 0, len(bundle)
    while at < end:
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(bundle[at:begin], "big")
        entries.append(bundle[begin:at])
    if at > end:
        raise BundleError(len(entries) - 1, "the bundle ends within it")
    return entries


def check_tile(directory: Path, number: int, width: int) -> TileCheck:
    """Hash a bundle's entries and compare them with the tile they belong to."""
    path = tile_path(0, number, width)
    try:
        tile, trouble = read_hashes(directory, 0, number, width), ""
    except OSError as error:
        tile, trouble = None, f"{path} cannot be read: {error.strerror}"
    stated = None if tile is None else root_of(tile)
    try:
        bundle, wide = read_tile(directory, "entries", number, width)
        derived = hashes_in(bundle, wide, width)
    except BundleError as error:
        place = error.place if tile is None else min(error.place, first_difference(error.hashes, tile))
        return TileCheck(number, None, stated, place, str(error))
    except OSError as error:
        path = tile_path("entries", number, width)
        return TileCheck(number, None, stated, 0, f"{path} cannot be read: {error.strerror}")
    own = tuple(own_entries(split_bundle(bundle)[:width])) if MARK in bundle else ()
    if tile == derived:
        return TileCheck(number, stated, stated, own=own)
    root = root_of(derived)
    if tile is None:
        return TileCheck(number, root, None, 0, trouble, own)
    return TileCheck(number, root, stated, first_difference(derived, tile), f"its hash is not the one in {path}", own)


def check_tiles(work: tuple[Path, int, list[int]]) -> list[TileCheck]:
    """Check several neighbours: the directory, the number of the first, the width of each."""
    directory, first, several = work
    return [check_tile(directory, first + at, width) for at, width in enumerate(several)]


def hashes_of(directory: Path, number: int, width: int) -> bytes:
    """Return the leaf hashes of the first ``width`` entries of a bundle file, one after the other."""
    return hashes_in(*read_tile(directory, "entries", number, width), width)


def hashes_in(bundle: bytes, wide: int, width: int) -> bytes:
    """Return the leaf hashes of the first ``width`` of a bundle's ``wide`` entries, one after the other.

    A bundle with fewer or more entries than its name says is a ``BundleError``.
    """
    sha256 = hashlib.sha256
    # Written out, because this is what a verification spends its time on.
    hashes: list[bytes] = []
    at, end = 0, len(bundle)
    while at < end:
        begin = at + _LENGTH_BYTES
        at = begin + int.from_bytes(bundle[at:begin], "big")
        hashes.append(sha256(b"\x00" + bundle[begin:at]).digest())
    row = b"".join(hashes)
    if at > end:
        raise BundleError(len(hashes) - 1, "the bundle ends within it", row)
    if len(hashes) != wide:
        raise BundleError(min(len(hashes), width - 1), f"its bundle has {len(hashes)} entries, not {wide}", row)
    return row[: width * HASH_BYTES]


def first_difference(derived: bytes, tile: bytes) -> int:
    """Return the place of the first hash that two rows do not have in common."""
    for place, at in enumerate(range(0, min(len(derived), len(tile)), HASH_BYTES)):
        if derived[at : at + HASH_BYTES] != tile[at : at + HASH_BYTES]:
            return place
    return min(len(derived), len(tile)) // HASH_BYTES
