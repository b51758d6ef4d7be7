"""Proofs for stored entries: which tiles they need, fetched at once, and what follows from them."""

from collections.abc import Sequence
from itertools import islice
from typing import Any

from countersign_audit.domain import proofs
from countersign_audit.domain.proofs import Rows, Span, Tiles
from countersign_audit.domain.tiles import WIDTH, Tile
from countersign_audit.store import Store

MAX_KEPT = 64
"""Tiles, of 16 kB each with their rows. No tile of a given width ever changes; those above the leaves, and the open
ones under the newest checkpoint, are in nearly every proof."""


class Prover:
    """Proves to a signed size; whoever asks makes sure that the log is that long."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._kept: dict[Tile, Rows] = {}

    async def inclusion(self, connection: Any, indices: Sequence[int], size: int) -> dict[int, list[bytes]]:
        """Return, for each entry, the hashes from its neighbour up to below the root of ``size`` entries."""
        spans = {index: proofs.inclusion(index, size) for index in indices}
        tiles = await self._tiles(connection, [span for several in spans.values() for span in several], size)
        return {index: tiles.proof(several) for index, several in spans.items()}

    async def leaf_and_inclusion(self, connection: Any, index: int, size: int) -> tuple[bytes, list[bytes]]:
        """Return an entry's own hash, and its proof."""
        itself = Span(index, index + 1)
        spans = proofs.inclusion(index, size)
        tiles = await self._tiles(connection, [itself, *spans], size)
        return tiles.proof([itself])[0], tiles.proof(spans)

    async def consistency(self, connection: Any, first: int, second: int) -> list[bytes]:
        """Return the hashes that join the root of ``second`` entries to that of their first ``first``."""
        spans = proofs.consistency(first, second)
        return (await self._tiles(connection, spans, second)).proof(spans)

    async def _tiles(self, connection: Any, spans: Sequence[Span], size: int) -> Tiles:
        needed = proofs.tiles_for(spans, size)
        rows = {tile: self._kept[tile] for tile in needed if tile in self._kept}
        fetched = await self._store.tiles(connection, [tile for tile in needed if tile not in rows])
        for tile, hashes in fetched.items():
            rows[tile] = [hashes]
            if tile.level > 0 or tile.width < WIDTH:
                self._kept[tile] = rows[tile]
        for tile in list(islice(self._kept, max(len(self._kept) - MAX_KEPT, 0))):
            del self._kept[tile]
        return Tiles(rows)
