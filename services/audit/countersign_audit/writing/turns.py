"""Work in pieces, so that others have their turn: requests of this service, and services on the same machine.

A batch in one go keeps a processor for 50 ms or more. On a machine of a few that is what the cases behind it wait for,
and nobody waits for the log: while it keeps up, it rests after each piece for as long as that took.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Iterator

from countersign_audit.writing.drafts import Draft

PIECE, PIECE_BYTES = 32, 262_144
"""Records read or made before others have a turn, and at how many bytes of bodies already: one or two milliseconds."""
LONGEST_REST_SECONDS = 0.01
"""On a machine that is full a piece takes long because others are at work, and not so that more of them can be."""


async def in_turns(drafts: Iterable[Draft], size: int, at_ease: Callable[[], bool]) -> AsyncIterator[list[Draft]]:
    """Give ``size`` drafts piece by piece; after each, others have a turn, and at ease a rest as long as the piece."""
    left, began = size, time.perf_counter()
    for piece in _pieces(drafts):
        yield piece
        left -= len(piece)
        took = time.perf_counter() - began
        # After the last one somebody may wait for the batch.
        await asyncio.sleep(min(took, LONGEST_REST_SECONDS) if left > 0 and at_ease() else 0)
        began = time.perf_counter()


def _pieces(drafts: Iterable[Draft]) -> Iterator[list[Draft]]:
    piece: list[Draft] = []
    size = 0
    for draft in drafts:
        piece.append(draft)
        size += len(draft.body)
        if len(piece) >= PIECE or size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece
