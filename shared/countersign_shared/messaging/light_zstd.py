"""Zstandard for batches on the topics, through the reference library.

aiokafka compresses at level 3 and makes a context for every batch; level 1 gives our events the same size. Together
with contexts that are kept it takes a third off writing a batch of many events and half off one of few, and as much off
reading one, four times on its way.
"""

import threading

import zstandard
from aiokafka import codec
from aiokafka.record import default_records
from aiokafka.record._crecords import default_records as compiled_records

LEVEL = 1
MOST_BYTES = 64_000_000
"""Memory is taken as a frame claims, before it is read: one that claims more is read piece by piece."""


class _Contexts(threading.local):
    """One of each for every thread: they must not be shared."""

    def __init__(self) -> None:
        self.compressor = zstandard.ZstdCompressor(level=LEVEL)
        self.decompressor = zstandard.ZstdDecompressor()


_contexts = _Contexts()


def take_light_zstd() -> None:
    """Make every producer and consumer of this process use it."""
    for module in (compiled_records, default_records):
        module.zstd_encode, module.zstd_decode = _encode, _decode


def _encode(payload: bytes, level: int | None = None) -> bytes:
    del level
    return _contexts.compressor.compress(payload)


def _decode(payload: bytes) -> bytes:
    try:
        # Negative where the writer streamed, as Java's clients do, and did not know.
        if 0 <= zstandard.frame_content_size(payload) <= MOST_BYTES:
            return _contexts.decompressor.decompress(payload, allow_extra_data=False)
    except zstandard.ZstdError:
        pass  # several frames, or broken: the library's own way reads them or says so
    whole: bytes = codec.zstd_decode(payload)
    return whole
