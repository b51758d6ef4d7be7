"""Records that could not be read: kept whole, with the reason."""

from countersign_shared.messaging.records import Headers, Message, Record

TOPIC = "countersign.dead-letter"


def dead_letter(record: Record, *, service: str, reason: str, pointer: str = "", detail: str = "") -> Message:
    """Wrap a record for the dead-letter topic: original key, bytes and headers, and why and whence."""
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
    kept = tuple(pair for pair in record.headers if not pair[0].startswith("x-"))
    return Message(TOPIC, None, record.key or b"", record.value or b"", kept + why)


def original(record: Record) -> Message:
    """Rebuild the message that a dead letter holds, to be published again where it came from."""
    topic = (record.header("x-topic") or b"").decode()
    kept = tuple(pair for pair in record.headers if not pair[0].startswith("x-"))
    return Message(topic, None, record.key or b"", record.value or b"", kept)
