"""The log as strangers read it: checkpoint, tiles and bundles byte for byte, proofs, and all entries as one stream."""

import struct
from collections.abc import AsyncIterator, Iterable
from typing import Any

from countersign_audit.domain.tiles import Tile
from countersign_audit.proving import Prover
from countersign_audit.store import CheckpointRow, Store

ENTRIES_AT_ONCE = 1_024
"""About 1 MB a page."""
_length = struct.Struct(">H").pack


class PublishedLog:
    """What of the log is signed, and nothing beyond: an entry without a checkpoint over it is not there yet."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._store = Store()
        self._prover = Prover(self._store)

    async def checkpoint(self) -> CheckpointRow | None:
        """Return the newest signed checkpoint, None before the log began."""
        async with self._pool.acquire() as connection:
            return await self._store.latest_checkpoint(connection)

    async def note(self, size: int) -> str | None:
        """Return the checkpoint over so many entries, None when none was signed just there."""
        async with self._pool.acquire() as connection:
            note = await self._store.note(connection, size)
            return note.decode() if note is not None else None

    async def tile(self, tile: Tile) -> bytes:
        """Return the hashes of a tile that is covered by a checkpoint."""
        async with self._pool.acquire() as connection:
            return (await self._store.tiles(connection, [tile]))[tile]

    async def bundle(self, tile: Tile) -> bytes:
        """Return the entries under a tile of level 0, each after its length in two bytes."""
        first = tile.end - tile.width
        async with self._pool.acquire() as connection:
            return framed(await self._store.leaves_between(connection, first, tile.end))

    async def entries(self, first: int, end: int) -> AsyncIterator[bytes]:
        """Return the bundles of these entries as one stream."""
        for at in range(first, end, ENTRIES_AT_ONCE):
            # A connection a page: a reader may be slow, and entries never change.
            async with self._pool.acquire() as connection:
                page = framed(await self._store.leaves_between(connection, at, min(at + ENTRIES_AT_ONCE, end)))
            yield page

    async def inclusion(self, index: int, size: int) -> tuple[bytes, list[bytes]]:
        """Return an entry's hash and its way to the root of a signed size."""
        async with self._pool.acquire() as connection:
            proof = (await self._prover.inclusion(connection, [index], size))[index]
            return await self._store.leaf_hash(connection, index), proof

    async def consistency(self, first: int, second: int) -> list[bytes]:
        """Return what shows that the log of ``second`` entries begins with that of ``first``."""
        async with self._pool.acquire() as connection:
            return await self._prover.consistency(connection, first, second)


def framed(leaves: Iterable[bytes]) -> bytes:
    """Join entries as C2SP tlog-tiles does."""
    return b"".join([part for leaf in leaves for part in (_length(len(leaf)), leaf)])
