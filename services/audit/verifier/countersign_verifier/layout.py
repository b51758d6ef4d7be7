"""Where things lie in an exported log: the paths of C2SP tlog-tiles."""

import errno
from pathlib import Path

from countersign_verifier.tree import HASH_BYTES

WIDTH = 256
"""Hashes of a full tile, entries of a full bundle."""
CHECKPOINT = "checkpoint"
_GROUP = 1_000


def tile_path(level: int | str, number: int, width: int = WIDTH) -> str:
    """Return a tile's path; ``level`` may be ``entries``, a width below 256 names a partial tile."""
    groups = [f"{number % _GROUP:03d}"]
    while number := number // _GROUP:
        groups.append(f"x{number % _GROUP:03d}")
    partial = "" if width == WIDTH else f".p/{width}"
    return f"tile/{level}/{'/'.join(reversed(groups))}{partial}"


def widths(size: int, level: int = 0) -> list[int]:
    """Return the width of every tile of a level, for a log of so many entries."""
    full, rest = divmod(size >> (8 * level), WIDTH)
    return [WIDTH] * full + ([rest] if rest else [])


def read_tile(directory: Path, level: int | str, number: int, width: int) -> tuple[bytes, int]:
    """Return a tile's bytes and its width; where a partial one is gone, the full one that took its place.

    The caller takes from that as much as belongs to the partial one. Neither there is a ``FileNotFoundError``.
    """
    try:
        return (directory / tile_path(level, number, width)).read_bytes(), width
    except FileNotFoundError:
        if width == WIDTH:
            raise
        return (directory / tile_path(level, number)).read_bytes(), WIDTH


def read_hashes(directory: Path, level: int, number: int, width: int) -> bytes:
    """Return the hashes of a tile; a file of another length than its width demands is an ``OSError``."""
    tile, wide = read_tile(directory, level, number, width)
    if len(tile) != wide * HASH_BYTES:
        raise OSError(errno.EBADMSG, f"it has {len(tile)} bytes, not {wide * HASH_BYTES}")
    return tile[: width * HASH_BYTES]
