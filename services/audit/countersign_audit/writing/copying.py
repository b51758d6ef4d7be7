"""Rows as PostgreSQL's binary COPY reads them, each joined at once.

The driver's own way, value by value for any type there is, takes three times as long, and this service writes
nothing as often as these rows. What does not fit the table is refused by the server all the same.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import islice
from struct import Struct
from typing import Final

ROWS_AT_ONCE = 256
"""Rows of one COPY. The server gathers up to a thousand before it inserts them and keeps a reference for each in a
table that it searches one by one, which for a thousand rows costs more than three statements do."""
SIGNATURE = b"PGCOPY\n\xff\r\n\x00" + bytes(8)
END = b"\xff\xff"
NULL = b"\xff\xff\xff\xff"
POSTGRES_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
KNOWN_TEXTS = 1_024

EntryRow = tuple[int, bytes, bytes, bytes, bytes | None, str | None, str, datetime | None, str | None]
"""Index, leaf, leaf hash, record id, case, tenant, kind, occurred at, actor."""
LEAF_HASH: Final = 2
RECORD_ID: Final = 3
PayloadRow = tuple[int, int, bytes]
"""Index, key number, sealed payload."""
KeyRow = tuple[bytes, int, bytes | None, int, bytes]
"""Scope, number, subject, epoch, wrapped key."""


@dataclass(frozen=True, slots=True)
class Copies:
    """The rows of a batch as PostgreSQL reads them, table by table, each block one COPY."""

    records: Sequence[memoryview]
    entries: Sequence[memoryview]
    data_keys: Sequence[memoryview]
    payloads: Sequence[memoryview]


# Each value follows its length in bytes.
_length = Struct("!i").pack
_four_bytes = Struct("!ii").pack
_eight_bytes = Struct("!iq").pack
_entry_head = Struct("!hiqi").pack
_payload_head = Struct("!hiqiii").pack
_record_head = Struct("!hi").pack


def copies(entries: Sequence[EntryRow], payloads: Sequence[PayloadRow] = (), keys: Sequence[KeyRow] = ()) -> Copies:
    """Write rows as PostgreSQL reads them."""
    return Copies(
        list(blocks(map(record, entries))), list(blocks(map(entry, entries))),
        list(blocks(map(data_key, keys))), list(blocks(map(payload, payloads))),
    )  # fmt: skip


def entry(row: EntryRow) -> bytes:
    """Return a row of ``entries``."""
    index, leaf, leaf_hash, record_id, case_ref, tenant, kind, occurred_at, actor = row
    return b"".join((
        _entry_head(9, 8, index, len(leaf)), leaf, _bytes(leaf_hash), _bytes(record_id),
        NULL if case_ref is None else _bytes(case_ref), _text(tenant), _text(kind),
        NULL if occurred_at is None else _eight_bytes(8, (occurred_at - POSTGRES_EPOCH) // MICROSECOND), _text(actor),
    ))  # fmt: skip


def record(row: EntryRow) -> bytes:
    """Return the row of ``records`` that goes with an entry."""
    record_id = row[RECORD_ID]
    return _record_head(2, len(record_id)) + record_id + _eight_bytes(8, row[0])


def payload(row: PayloadRow) -> bytes:
    """Return a row of ``payloads``."""
    index, key_number, sealed = row
    return _payload_head(3, 8, index, 4, key_number, len(sealed)) + sealed


def data_key(row: KeyRow) -> bytes:
    """Return a row of ``data_keys``."""
    scope, number, subject, epoch, wrapped = row
    return b"".join((
        _record_head(5, len(scope)), scope, _four_bytes(4, number), NULL if subject is None else _bytes(subject),
        _four_bytes(4, epoch), _bytes(wrapped),
    ))  # fmt: skip


def blocks(rows: Iterable[bytes]) -> Iterator[memoryview]:
    """Put rows together, each block one COPY."""
    rest = iter(rows)
    while block := list(islice(rest, ROWS_AT_ONCE)):
        # A view, because the driver takes plain bytes for the name of a file.
        yield memoryview(b"".join((SIGNATURE, *block, END)))


def _bytes(value: bytes) -> bytes:
    return _length(len(value)) + value


@lru_cache(KNOWN_TEXTS)
def _text(value: str | None) -> bytes:
    # Tenants, kinds and actors come again and again.
    return NULL if value is None else _bytes(value.encode())
