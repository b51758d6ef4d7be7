"""Opening what the log sealed: from a stored entry back to the record it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from countersign_audit.writing.content import unpack
from countersign_audit.writing.sealing import KeyWrap, SealError, SubjectKey, subject_key
from countersign_shared.messaging import Event, Record, Unreadable, read_event

MAX_KEYS = 4_096


@dataclass(frozen=True, slots=True)
class Opened:
    """The content of one entry; ``event`` is None when the record was no event."""

    key: SubjectKey
    content: bytes
    event: Event | None


class Opener:
    """Decrypts payloads with the keys at hand, remembering the data keys used lately."""

    def __init__(self, epochs: Mapping[int, bytes]) -> None:
        self._wrap = KeyWrap(epochs)
        self._keys: dict[bytes, SubjectKey] = {}

    def open(self, row: Mapping[str, Any], leaf: Mapping[str, Any]) -> Opened | None:
        """Return the content of an entry, None when it was erased; altered bytes are a ``SealError``."""
        if row["sealed"] is None or row["wrapped"] is None:
            return None
        key = self._key(row)
        content = key.open(row["sealed"])
        try:
            headers, body = unpack(content)
        except ValueError as error:
            raise SealError(str(error)) from error
        place = leaf.get("record", {})
        record = Record(
            str(leaf.get("topic", "")), place.get("partition", 0), place.get("offset", 0), place.get("timestamp_ms", 0),
            None, body, headers,
        )  # fmt: skip
        try:
            return Opened(key, content, read_event(record))
        except Unreadable:
            return Opened(key, content, None)

    def _key(self, row: Mapping[str, Any]) -> SubjectKey:
        wrapped: bytes = row["wrapped"]
        known = self._keys.get(wrapped)
        if known is None:
            scope = row["case_ref"] or row["record_id"]
            data_key = self._wrap.unwrap(row["epoch"], wrapped, scope, row["key_number"])
            known = subject_key(data_key, scope, row["key_number"], row["subject"])
            if len(self._keys) >= MAX_KEYS:
                self._keys.clear()
            self._keys[wrapped] = known
        return known
