"""The log as strangers read it: checkpoint, tiles and bundles byte for byte, proofs, and all entries as one stream."""

import struct
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass
from typing import Any

from countersign_audit.domain.tiles import Tile
from countersign_audit.reading.proving import Prover
from countersign_audit.store import CheckpointRow, Store

ENTRIES_AT_ONCE = 1_024
"""About 1 MB a page."""
_length = struct.Struct(">H").pack


@dataclass(frozen=True, slots=True)
class Inclusion:
    """An entry's hash and its way to the root of ``size`` entries; ``note`` if a checkpoint was signed just there."""

    size: int
    note: bytes | None
    leaf_hash: bytes
    proof: list[bytes]


@dataclass(frozen=True, slots=True)
class Consistency:
    """What shows that the log of ``size`` entries begins with a smaller one."""

    size: int
    note: bytes | None
    proof: list[bytes]


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

    async def inclusion(self, index: int, size: int | None) -> Inclusion | None:
        """Prove an entry to a signed size, the newest unless one is named; None when nothing signed reaches so far."""
        async with self._pool.acquire() as connection:
            newest = await self._store.latest_checkpoint(connection)
            size = _reached(newest, size)
            if newest is None or size is None or index >= size:
                return None
            hashed, proof = await self._prover.leaf_and_inclusion(connection, index, size)
            return Inclusion(size, await self._note(connection, newest, size), hashed, proof)

    async def consistency(self, first: int, second: int | None) -> Consistency | None:
        """Prove that the log of ``second`` entries, the newest unless named, begins with that of ``first``."""
        async with self._pool.acquire() as connection:
            newest = await self._store.latest_checkpoint(connection)
            second = _reached(newest, second)
            if newest is None or second is None or first > second:
                return None
            proof = await self._prover.consistency(connection, first, second)
            return Consistency(second, await self._note(connection, newest, second), proof)

    async def _note(self, connection: Any, newest: CheckpointRow, size: int) -> bytes | None:
        return newest.note if size == newest.size else await self._store.note(connection, size)


def _reached(newest: CheckpointRow | None, size: int | None) -> int | None:
    if newest is None:
        return None
    return newest.size if size is None else size if size <= newest.size else None


def framed(leaves: Iterable[bytes]) -> bytes:
    """Join entries as C2SP tlog-tiles does."""
    return b"".join([part for leaf in leaves for part in (_length(len(leaf)), leaf)])
