"""A record as it came, a message as it goes."""

import base64
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import orjson

Headers = tuple[tuple[str, bytes], ...]


def whole_headers(headers: Iterable[tuple[str, bytes | None]]) -> Headers:
    """Return headers as they came; a header without a value, which Kafka allows, gets an empty one."""
    found = tuple(headers)
    # Each record passes here several times on its way; a list is tested in half the time of a generator.
    if None in [value for _, value in found]:
        return tuple((name, value or b"") for name, value in found)
    return found  # type: ignore[return-value]


class Record(NamedTuple):
    """One delivered record: bytes as they lay on the topic, nothing decoded.

    ``topic`` is the logical name, without the deployment's prefix. ``offset`` and ``partition`` say where the
    record was found; they identify nothing once a topic has been made anew.
    """

    topic: str
    partition: int
    offset: int
    timestamp_ms: int
    key: bytes | None
    value: bytes | None
    headers: Headers

    def header(self, name: str) -> bytes | None:
        """Return the first header of that name, or None."""
        for key, value in self.headers:
            if key == name:
                return value
        return None


class Message(NamedTuple):
    """One message to publish; ``partition`` None lets the key choose (murmur2, as Java clients do)."""

    topic: str
    partition: int | None
    key: bytes
    value: bytes
    headers: Headers

    def stored_headers(self) -> bytes:
        """Return the headers to keep beside the body: all but ``traceparent``, which belongs to one delivery."""
        return pack_headers([pair for pair in self.headers if pair[0] != "traceparent"])


def pack_headers(headers: Sequence[tuple[str, bytes]]) -> bytes:
    """Write headers as bytes for storing; ``unpack_headers`` gives exactly the same back."""
    try:
        return orjson.dumps([(name, value.decode()) for name, value in headers])
    except UnicodeDecodeError:
        return orjson.dumps([[name, {"b64": base64.b64encode(value).decode()}] for name, value in headers])


def unpack_headers(data: bytes) -> Headers:
    """Read headers written by ``pack_headers``."""
    return tuple(
        (name, value.encode() if isinstance(value, str) else base64.b64decode(value["b64"]))
        for name, value in orjson.loads(data)
    )
