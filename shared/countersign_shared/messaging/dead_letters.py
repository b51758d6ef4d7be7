"""Records that could not be read: kept whole, with the reason."""

from countersign_shared.messaging.records import Headers, Message, Record

TOPIC = "countersign.dead-letter"
OURS = frozenset({
    "x-service", "x-reason", "x-pointer", "x-detail", "x-topic", "x-partition", "x-offset", "x-timestamp", "x-handled",
    "x-cut-from",
})  # fmt: skip
"""Headers that say what became of a record; upstream's own of these names are not kept."""
MOST_BYTES = 1_200_000
"""Most that is kept of one record: the topic takes 1,310,720. A batch that came compressed may hold far larger ones."""
MOST_HEADER_BYTES = 65_536
MOST_KEY_BYTES = 4_096


def dead_letter(record: Record, *, service: str, reason: str, pointer: str = "", detail: str = "") -> Message:
    """Wrap a record for the dead-letter topic: original key, bytes and headers, and why and whence.

    Of a record too large for the topic the beginning is kept, and `x-cut-from` tells its whole size.
    """
    why: Headers = (
        ("x-service", service.encode()),
        ("x-reason", reason.encode()),
        ("x-pointer", pointer.encode(errors="replace")),
        ("x-detail", detail[:500].encode(errors="replace")),
        ("x-topic", record.topic.encode()),
        ("x-partition", str(record.partition).encode()),
        ("x-offset", str(record.offset).encode()),
        ("x-timestamp", str(record.timestamp_ms).encode()),
    )
    kept = tuple(pair for pair in record.headers if pair[0] not in OURS)
    key, value = record.key or b"", record.value or b""
    in_headers = _size(kept)
    size = len(key) + len(value) + in_headers
    if size > MOST_BYTES:
        why = (*why, ("x-cut-from", str(size).encode()))
        kept = kept if in_headers <= MOST_HEADER_BYTES else ()
        key = key[:MOST_KEY_BYTES]
        value = value[: MOST_BYTES - MOST_HEADER_BYTES - MOST_KEY_BYTES]
    return Message(TOPIC, None, key, value, kept + why)


def _size(headers: Headers) -> int:
    # Each header takes two lengths of up to five bytes besides its name and value.
    return sum(len(name.encode(errors="replace")) + len(value) + 10 for name, value in headers)


def original(record: Record) -> Message:
    """Rebuild the message that a dead letter holds, to be published again where it came from."""
    topic = (record.header("x-topic") or b"").decode(errors="replace")
    kept = tuple(pair for pair in record.headers if pair[0] not in OURS)
    return Message(topic, None, record.key or b"", record.value or b"", kept)
