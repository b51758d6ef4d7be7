"""Checking stored tiles: each is a copy of what is below it, and must say the same."""

from collections.abc import AsyncIterator
from itertools import count
from typing import Any

from countersign_audit.domain.tiles import HEIGHT, Tile, tile_path
from countersign_audit.domain.tree import HASH_BYTES, row_root
from countersign_audit.store import Store

BadTile = tuple[int, int, str]
"""First and last entry under it, and what is wrong."""


async def bad_tiles(connection: Any, store: Store, entries: int) -> AsyncIterator[BadTile]:
    """Compare every stored tile with what it is made of; entries and their hashes were verified before.

    A log that was not written to since it had no tiles yet is right without them: the next start adds them.
    """
    if not await store.has_tiles(connection):
        return
    for level in count():
        full, stored = entries >> (HEIGHT * (level + 1)), await store.next_tile(connection, level)
        for number in range(max(stored, full)):
            what = await _problem(connection, store, Tile(level, number), beyond=number >= full)
            if what is not None:
                step = 1 << (HEIGHT * (level + 1))
                yield number * step, (number + 1) * step - 1, f"{tile_path(level, number)} {what}"
        if not full and not stored:
            return


async def _problem(connection: Any, store: Store, tile: Tile, *, beyond: bool) -> str | None:
    found = await store.stored_tile(connection, tile)
    if beyond:
        return "covers more than there is" if found is not None else None
    if found is None:
        return "is missing from the tiles"
    expected = await store.hashes(connection, tile)
    if len(expected) != tile.width * HASH_BYTES or found != (expected, row_root(expected)):
        return "is not made of their hashes"
    return None
