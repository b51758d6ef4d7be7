"""Tiles of a stored log: its edge read again at a start, and what a log from before tiles has none of yet."""

import logging
from itertools import count
from typing import Any

from countersign_audit.domain.tiles import HEIGHT, WIDTH, Edge, FullTile, Tile, open_tiles
from countersign_audit.domain.tree import HASH_BYTES, row_root
from countersign_audit.store import Store
from countersign_shared.errors import FatalError

log = logging.getLogger(__name__)

TILES_AT_ONCE = 64
"""Half a megabyte a transaction."""


async def read_edge(connection: Any, store: Store, size: int) -> Edge:
    """Return the open tiles of a log of so many entries; a log with holes is a ``FatalError``."""
    rows = [await _whole(connection, store, tile) for tile in open_tiles(size)]
    return Edge(size, rows)


async def add_missing_tiles(connection: Any, store: Store, size: int) -> None:
    """Store the full tiles that are not there yet, from the bottom up; for who holds the writer's lock."""
    for level in count():
        number, full = await store.next_tile(connection, level), size >> (HEIGHT * (level + 1))
        if number < full:
            log.info("adding %d tiles of level %d to the log", full - number, level)
        for first in range(number, full, TILES_AT_ONCE):
            tiles = [Tile(level, at) for at in range(first, min(first + TILES_AT_ONCE, full))]
            async with connection.transaction():
                await store.add_tiles(connection, [await _full(connection, store, tile) for tile in tiles])
        if not full:
            return


async def _full(connection: Any, store: Store, tile: Tile) -> FullTile:
    hashes = await _whole(connection, store, tile)
    return FullTile(tile.level, tile.number, hashes, row_root(hashes))


async def _whole(connection: Any, store: Store, tile: Tile) -> bytes:
    hashes = await store.hashes(connection, tile) if tile.width else b""
    if len(hashes) != tile.width * HASH_BYTES:
        first = tile.number * WIDTH << (HEIGHT * tile.level)
        raise FatalError(f"entries are missing from {first} on; run `countersign audit verify`")
    return hashes
