"""The tree in tiles of 256 hashes, as C2SP tlog-tiles cuts it: which tiles there are, and the open ones at its edge."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from countersign_audit.domain.tree import EMPTY_ROOT, HASH_BYTES, Frontier, row_root

HEIGHT = 8
WIDTH = 1 << HEIGHT
MAX_LEVEL = 63
MAX_GROUPS = 6
"""Numbers in a path have at most so many groups of three digits: past that no index has eight bytes."""
_PATH = re.compile(
    r"(?P<level>entries|0|[1-9][0-9]?)/(?P<number>(?:x[0-9]{3}/)*[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?"
)


class Tile(NamedTuple):
    """One tile: ``width`` hashes of complete subtrees of 256**level leaves, from the ``number * 256``-th on."""

    level: int
    number: int
    width: int = WIDTH

    @property
    def end(self) -> int:
        """How many entries a log must have for this tile to be complete."""
        return (self.number * WIDTH + self.width) << (HEIGHT * self.level)


class FullTile(NamedTuple):
    """A tile that has filled up, with its hashes one after the other and their root."""

    level: int
    number: int
    hashes: bytes
    root: bytes


def tile_path(kind: int | str, number: int, width: int = WIDTH) -> str:
    """Return where a tile (``kind`` is its level) or a bundle of entries (``entries``) is found."""
    digits = f"{number:03d}"
    digits = digits.zfill(-len(digits) % 3 + len(digits))
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    inner = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"tile/{kind}/{inner}" + ("" if width == WIDTH else f".p/{width}")


def parse_tile_path(path: str) -> tuple[Tile, bool] | None:
    """Read what follows ``tile/``: the tile, and whether its entries are meant; None for anything else."""
    match = _PATH.fullmatch(path)
    if match is None:
        return None
    entries = match["level"] == "entries"
    groups = match["number"].replace("x", "").split("/")
    if len(groups) > MAX_GROUPS or (len(groups) > 1 and groups[0] == "000"):
        return None
    width = int(match["width"] or WIDTH)
    level = 0 if entries else int(match["level"])
    if level > MAX_LEVEL or (match["width"] is not None and width >= WIDTH):
        return None
    return Tile(level, int("".join(groups)), width), entries


def tiles_of(size: int) -> Iterator[Tile]:
    """List every tile of a log of so many entries, level by level; empty ones do not exist."""
    level = 0
    while nodes := size >> (HEIGHT * level):
        for number in range(nodes // WIDTH):
            yield Tile(level, number)
        if nodes % WIDTH:
            yield Tile(level, nodes // WIDTH, nodes % WIDTH)
        level += 1


class Edge:
    """The open tiles at the right edge of a log, one a level: all it takes to grow, and to know the root.

    ``rows`` holds the hashes of each, level 0 first. Appending costs one hash an entry.
    """

    __slots__ = ("_rows", "size")

    def __init__(self, size: int = 0, rows: Iterable[bytes] = ()) -> None:
        self.size = size
        self._rows = list(rows)
        if [len(row) for row in self._rows] != [tile.width * HASH_BYTES for tile in open_tiles(size)]:
            raise ValueError(f"these rows are not the edge of a log of {size} entries")

    @property
    def rows(self) -> Sequence[bytes]:
        """The hashes of the open tile of each level."""
        return self._rows

    def grown(self, hashes: Sequence[bytes]) -> "tuple[Edge, list[FullTile]]":
        """Return the edge with these leaf hashes added, and the tiles that filled up on the way, level by level."""
        rows, full, size = list(self._rows), [], self.size + len(hashes)
        added, level = b"".join(hashes), 0
        while added:
            if level == len(rows):
                rows.append(b"")
            row = rows[level] + added
            number = (self.size >> (HEIGHT * level)) // WIDTH
            step, added = WIDTH * HASH_BYTES, b""
            while len(row) >= step:
                tile = FullTile(level, number, row[:step], row_root(row[:step]))
                full.append(tile)
                row, added, number = row[step:], added + tile.root, number + 1
            rows[level] = row
            level += 1
        return Edge(size, rows), full

    def frontier(self) -> Frontier:
        """Return the same edge as the roots of complete subtrees, one a set bit of the size, largest first."""
        peaks: list[bytes] = []
        for row in reversed(self._rows):
            at, left = 0, len(row) // HASH_BYTES
            while left:
                span = 1 << (left.bit_length() - 1)
                peaks.append(row_root(row[at : at + span * HASH_BYTES]))
                at, left = at + span * HASH_BYTES, left - span
        return Frontier(self.size, peaks)

    def root(self) -> bytes:
        """Return the root over all leaves so far."""
        return self.frontier().root() if self.size else EMPTY_ROOT


def open_tiles(size: int) -> list[Tile]:
    """Return the open tile of each level, one of width 0 where none is begun there but one is above."""
    tiles, level = [], 0
    while nodes := size >> (HEIGHT * level):
        tiles.append(Tile(level, nodes // WIDTH, nodes % WIDTH))
        level += 1
    return tiles
