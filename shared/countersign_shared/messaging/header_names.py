r"""Header names that are not UTF-8: Kafka and librdkafka let them pass, aiokafka's parser does not.

One such record would fail every poll that meets it, and so stop its topic for good. What the parser refuses is read a
second time, by the library's own parser in Python, and those names are spelled out: ``h\xff``.
"""

from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import _MemoryRecordsPy
from aiokafka.record.util import decode_varint_py


def take_any_header_name() -> None:
    """Make every consumer of this process read on; what is sound is parsed as before."""
    fetcher.MemoryRecords = _Fetched
    fetcher.PartitionRecords = _PartitionRecords


class _Fetched(fetcher.MemoryRecords):  # type: ignore[misc]
    """Remembers the bytes that it reads from."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data


class _PartitionRecords(fetcher.PartitionRecords):  # type: ignore[misc]
    _records: Any

    def __next__(self) -> Any:
        try:
            return super().__next__()
        except UnicodeDecodeError:
            self._records = _Lenient(self._records.data, self.next_fetch_offset)
            self._records_iterator = self._unpack_records()
            return super().__next__()


class _Lenient(_MemoryRecordsPy):  # type: ignore[misc]
    """The same batches once more, from the one that holds ``offset``."""

    def __init__(self, data: bytes, offset: int) -> None:
        super().__init__(data)
        while self.has_next() and _LenientBatch(self._next_slice).next_offset <= offset:
            self._cache_next()

    def next_batch(self) -> "_LenientBatch":
        # Only batches of format 2 have headers, and a broker stores no other for long.
        batch = _LenientBatch(self._next_slice)
        self._cache_next()
        return batch


class _LenientBatch(_DefaultRecordBatchPy):  # type: ignore[misc]
    _buffer: Any

    def _maybe_uncompress(self) -> None:
        if not self._decompressed:
            super()._maybe_uncompress()
            self._buffer = _Buffer(self._buffer)

    def _read_msg(self) -> Any:
        # The compiled reader of numbers takes no subclass of bytearray.
        return super()._read_msg(decode_varint_py)


class _Buffer(bytearray):
    """Bytes whose parts decode whatever they are."""

    def __getitem__(self, where: Any) -> Any:
        part = super().__getitem__(where)
        return _Buffer(part) if isinstance(where, slice) else part

    def decode(self, encoding: str = "utf-8", errors: str = "backslashreplace") -> str:
        """Decode, and spell out what is no text."""
        return super().decode(encoding, errors)
