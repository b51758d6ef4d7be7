"""Zstandard for batches on the topics, through the reference library.

aiokafka compresses at level 3 and makes a context for every batch; level 1 gives our events the same size. Together
with contexts that are kept it takes a third off writing a batch of many events and half off one of few, and as much off
reading one, four times on its way.

Nor does aiokafka know a limit: a batch of a megabyte, which brokers take, can hold twenty gigabytes of zeros.
"""

import gzip
import io
import threading
from typing import IO

import zstandard
from aiokafka import codec
from aiokafka.record import default_records
from aiokafka.record._crecords import default_records as compiled_records

from countersign_shared.errors import FatalError

LEVEL = 1
MOST_BYTES = 64_000_000
"""Memory is taken as a frame claims, before it is read: one that claims more is read piece by piece."""
LARGEST_BYTES = 512_000_000
"""Most that a batch may hold, hundreds of times what brokers take uncompressed. One that holds more would take the
memory of everything on the machine with it; the service that is to read it ends and says so."""
PIECE_BYTES = 1_000_000


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
        module.gzip_decode = _gzip_decode


def _encode(payload: bytes, level: int | None = None) -> bytes:
    del level
    return _contexts.compressor.compress(payload)


def _decode(payload: bytes) -> bytes:
    try:
        # Negative where the writer streamed, as Java's clients do, and did not know.
        if 0 <= zstandard.frame_content_size(payload) <= MOST_BYTES:
            return _contexts.decompressor.decompress(payload, allow_extra_data=False)
        _require_bounded(_contexts.decompressor.stream_reader(payload, read_across_frames=True))
    except zstandard.ZstdError:
        pass  # broken: the library's own way says so
    whole: bytes = codec.zstd_decode(payload)
    return whole


def _gzip_decode(payload: bytes) -> bytes:
    # No format makes more than a thousand of one.
    if len(payload) * 1_100 > LARGEST_BYTES:
        _require_bounded(gzip.GzipFile(fileobj=io.BytesIO(payload)))
    whole: bytes = codec.gzip_decode(payload)
    return whole


def _require_bounded(stream: IO[bytes] | gzip.GzipFile) -> None:
    size = 0
    while piece := stream.read(PIECE_BYTES):
        size += len(piece)
        if size > LARGEST_BYTES:
            raise FatalError(
                f"a batch holds more than {LARGEST_BYTES:,} bytes: whoever wrote it means harm, or has erred. Reading "
                "goes on once kafka-delete-records.sh has moved the beginning of its partition past it"
            )
