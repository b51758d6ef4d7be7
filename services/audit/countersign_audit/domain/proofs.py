"""Proofs out of tiles (RFC 6962, sections 2.1.1 and 2.1.2): first which tiles a proof needs, then the proof.

Pure: whoever asks fetches the tiles in between, all at once.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from countersign_audit.domain.tiles import HEIGHT, WIDTH, Tile
from countersign_audit.domain.tree import HASH_BYTES, node_hash, paired


class Span(NamedTuple):
    """The leaves from ``first`` on up to, not including, ``end``: one hash of a proof is the root over one span."""

    first: int
    end: int


def inclusion(index: int, size: int) -> list[Span]:
    """Return the spans whose roots prove that a log of ``size`` entries holds the one at ``index``, nearest first."""
    if not 0 <= index < size:
        raise ValueError(f"a log of {size} entries has no entry {index}")
    return [sibling for _, sibling in reversed(list(_descend(index, size)))]


def consistency(first: int, second: int) -> list[Span]:
    """Return the spans whose roots prove that a log of ``second`` entries begins with one of ``first``."""
    if not 0 < first <= second:
        raise ValueError(f"there is no proof from {first} to {second} entries")
    if first == second:
        return []
    # The way down to the last entry of the first log, as far as the right edge of that log is also an edge here.
    spans: list[Span] = []
    node = Span(0, second)
    for node, sibling in _descend(first - 1, second):
        spans.append(sibling)
        if node.end == first:
            break
    # The first log's own root is known to whoever asks.
    return [*([] if node.first == 0 else [node]), *reversed(spans)]


def _descend(index: int, size: int) -> Iterator[tuple[Span, Span]]:
    """Go down from the root to a leaf: at each step the node gone to, and its sibling."""
    first, end = 0, size
    while end - first > 1:
        middle = first + (1 << (end - first - 1).bit_length() - 1)
        if index < middle:
            node, sibling = Span(first, middle), Span(middle, end)
        else:
            node, sibling = Span(middle, end), Span(first, middle)
        yield node, sibling
        first, end = node


def tiles_for(spans: Iterable[Span], size: int) -> set[Tile]:
    """Return the tiles that hold what these spans' roots are made of, each as wide as a log of ``size`` has it."""
    return {
        Tile(level, number, min(WIDTH, (size >> (HEIGHT * level)) - number * WIDTH))
        for span in spans
        for level, number, _, _ in map(_place, _complete(span))
    }


Rows = list[bytes]
"""A tile's hashes, and of the rows between them and its root those that were needed so far."""


class Tiles:
    """The tiles of one size of the log; each row is made once, however many spans need it."""

    def __init__(self, rows: Mapping[Tile, Rows]) -> None:
        self._rows = {(tile.level, tile.number): several for tile, several in rows.items()}

    def proof(self, spans: Iterable[Span]) -> list[bytes]:
        """Return the root over each span."""
        return [self._root(list(_complete(span))) for span in spans]

    def _root(self, nodes: Sequence[Span]) -> bytes:
        root = self._node(_place(nodes[-1]))
        for node in reversed(nodes[:-1]):
            root = node_hash(self._node(_place(node)), root)
        return root

    def _node(self, place: tuple[int, int, int, int]) -> bytes:
        level, number, offset, height = place
        rows = self._rows[level, number]
        while len(rows) <= height:
            rows.append(paired(rows[-1]))
        return rows[height][offset * HASH_BYTES : (offset + 1) * HASH_BYTES]


def _complete(span: Span) -> Iterator[Span]:
    """Cut a span of a tree into complete subtrees, largest first; a span inside a tree is one already."""
    first, left = span.first, span.end - span.first
    while left:
        leaves = 1 << (left.bit_length() - 1)
        yield Span(first, first + leaves)
        first, left = first + leaves, left - leaves


def _place(node: Span) -> tuple[int, int, int, int]:
    """Say where a complete subtree is found: level and number of its tile, offset in its row, rows above the hashes."""
    height = (node.end - node.first).bit_length() - 1
    level, within = divmod(height, HEIGHT)
    number, offset = divmod(node.first >> height, WIDTH >> within)
    return level, number, offset, within
