"""Batches in Zstandard: what we write others read, and what others write we read whole."""

import gzip

import cramjam
import pytest
import zstandard
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from countersign_shared.errors import FatalError
from countersign_shared.messaging import light_zstd
from countersign_shared.messaging.light_zstd import take_light_zstd

BODY = b'{"case_id":"c-1","level":2}' * 200
ZSTD, GZIP = 4, 1


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


@pytest.mark.parametrize(
    ("codec", "frame"),
    [
        (ZSTD, light_zstd._encode(b"0" * 3_000_000)),
        (ZSTD, zstandard.ZstdCompressor(write_content_size=False).compress(b"0" * 3_000_000)),
        (ZSTD, light_zstd._encode(b"0" * 1_500_000) * 2),
        (GZIP, gzip.compress(b"0" * 3_000_000)),
    ],
    ids=["that says so", "that does not say its size", "of two frames", "in gzip"],
)
def test_a_batch_that_would_take_all_memory_is_refused_before_it_is_held(codec, frame, monkeypatch):
    monkeypatch.setattr(light_zstd, "MOST_BYTES", 1_000_000)
    decode = light_zstd._decode if codec == ZSTD else light_zstd._gzip_decode
    assert len(decode(frame)) == 3_000_000
    monkeypatch.setattr(light_zstd, "LARGEST_BYTES", 2_500_000)
    with pytest.raises(FatalError, match="a batch holds more than 2,500,000 bytes"):
        decode(frame)


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


@pytest.mark.parametrize("codec", [ZSTD, GZIP])
def test_the_client_library_refuses_what_is_too_large(codec, monkeypatch):
    take_light_zstd()
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, 0, 1_000_000)
    builder.append(0, 1_764_000_000_000, b"c-1", b"0" * 500_000, [])
    batch = bytes(builder.build())
    monkeypatch.setattr(light_zstd, "LARGEST_BYTES", 400_000)
    monkeypatch.setattr(light_zstd, "MOST_BYTES", 1_000)
    with pytest.raises(FatalError, match="a batch holds more"):
        list(MemoryRecords(batch).next_batch())


class _Watched:
    def __init__(self, written):
        self._written = written

    def compress(self, payload):
        self._written.append(payload)
        return zstandard.ZstdCompressor().compress(payload)
