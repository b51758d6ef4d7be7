"""Batches in Zstandard: what we write others read, and what others write we read whole."""

import cramjam
import pytest
import zstandard
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from countersign_shared.messaging import light_zstd
from countersign_shared.messaging.light_zstd import take_light_zstd

BODY = b'{"case_id":"c-1","level":2}' * 200
ZSTD = 4


def test_what_we_write_the_librarys_own_codec_reads():
    assert bytes(cramjam.zstd.decompress(light_zstd._encode(BODY))) == BODY
    assert light_zstd._decode(light_zstd._encode(b"")) == b""


@pytest.mark.parametrize(
    "frame",
    [
        bytes(cramjam.zstd.compress(BODY, level=3)),
        zstandard.ZstdCompressor(write_content_size=False).compress(BODY),
        light_zstd._encode(BODY[:700]) + light_zstd._encode(BODY[700:]),
    ],
    ids=["of aiokafka", "that does not say its size", "of two frames"],
)
def test_a_batch_of_any_writer_is_read_whole(frame):
    assert light_zstd._decode(frame) == BODY


def test_a_frame_that_claims_more_than_memory_should_give_is_read_piece_by_piece(monkeypatch):
    monkeypatch.setattr(light_zstd, "MOST_BYTES", len(BODY) - 1)
    assert light_zstd._decode(light_zstd._encode(BODY)) == BODY


def test_a_broken_batch_is_an_error():
    with pytest.raises(cramjam.DecompressionError):
        light_zstd._decode(light_zstd._encode(BODY)[:-3])


def test_the_client_library_uses_it(monkeypatch):
    take_light_zstd()
    written = []
    monkeypatch.setattr(light_zstd._contexts, "compressor", _Watched(written))
    builder = DefaultRecordBatchBuilder(2, ZSTD, 0, -1, -1, 0, 1_000_000)
    builder.append(0, 1_764_000_000_000, b"c-1", BODY, [])
    records = MemoryRecords(bytes(builder.build()))
    assert [record.value for record in records.next_batch()] == [BODY]
    assert written


class _Watched:
    def __init__(self, written):
        self._written = written

    def compress(self, payload):
        self._written.append(payload)
        return zstandard.ZstdCompressor().compress(payload)
