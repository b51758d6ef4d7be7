"""Reading records: every record becomes a draft of an entry, whatever it holds."""

import re
import struct
from collections.abc import Callable
from functools import partial

from countersign_audit.domain.commitments import Pseudonyms
from countersign_audit.domain.entry import UNREADABLE, moment, retention
from countersign_audit.domain.profile import MAX_INTEGER
from countersign_audit.facts import activities, shapes
from countersign_audit.facts.describe import describe
from countersign_audit.facts.leaf import Actor, Leaf, Place, empty_leaf
from countersign_audit.facts.reading import DECODERS, read_body
from countersign_audit.writing.content import pack
from countersign_audit.writing.drafts import Draft
from countersign_shared.ids import CASE_ID, DEFAULT_TENANT, TENANT
from countersign_shared.messaging import Event, Headers, Record, Unreadable, read_event
from countersign_shared.messaging.dead_letters import TOPIC as DEAD_LETTERS

FROM_OUTSIDE = frozenset({"case.created", "case.updated"})
EVENT_HEADERS = frozenset({
    "ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time", "ce_partitionkey", "ce_dataschema",
    "content-type",
})  # fmt: skip
ONE_DELIVERY = frozenset({"traceparent", "tracestate", "baggage"})
"""Headers that belong to one delivery: they differ between repeats of the same event."""
_PLACE = struct.Struct(">qqq")
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")

Whose = tuple[str | None, bytes | None, bytes | None]
"""Tenant, name of the case, name of the subject."""


class Intake:
    """Turns records into drafts; holds only the log's pseudonyms."""

    def __init__(self, names: Pseudonyms) -> None:
        self._names = names
        self._parse: dict[str, Callable[[bytes], shapes.About]] = {
            topic: partial(read_body, topic) for topic in DECODERS
        }

    def draft(self, record: Record) -> Draft:
        """Read one record; one that is no event becomes an opaque entry with the reason."""
        if record.topic == DEAD_LETTERS:
            return self._dead_letter(record)
        try:
            return self._event(read_event(record, self._parse[record.topic]))
        except Unreadable as error:
            return self._opaque(record, error)

    def _event(self, event: Event) -> Draft:
        record: Record = event.record
        body: shapes.About = event.body  # type: ignore[assignment]
        leaf, secrets = describe(record.topic, body, event.data, self._names)
        leaf.event_id, leaf.source, leaf.type = event.id, event.source, event.type
        occurred_at = moment(event.time)
        if occurred_at is not None:
            leaf.occurred_at = event.time
        leaf.record = _place(record)
        if event.traceparent is not None and (trace := _TRACE.fullmatch(event.traceparent)):
            leaf.trace_id = trace[1].decode()
        tenant, case, subject = self._whose_is(record.topic, body)
        leaf.tenant = tenant
        sequence = body.sequence
        if sequence.__class__ is int and -MAX_INTEGER <= sequence <= MAX_INTEGER:
            leaf.sequence = sequence
        record_id = self._names.record(record.topic, event.id.encode())
        if case is not None:
            leaf.case = case.hex()
            if body.decision_type.__class__ is str:
                leaf.decision_type = body.decision_type
        leaf.retention = retention(leaf.kind, has_case=case is not None)
        return Draft(
            record_id, record.topic, tenant, case or record_id, case is not None, subject,
            _kept(record.headers), record.value or b"", leaf, secrets, occurred_at,
        )  # fmt: skip

    def _whose_is(self, topic: str, body: shapes.About) -> Whose:
        tenant, case_id, subject_ref = body.tenant, body.case_id, body.subject_ref
        if tenant is None and topic in FROM_OUTSIDE:
            tenant = DEFAULT_TENANT
        if not isinstance(tenant, str) or TENANT.fullmatch(tenant) is None:
            return None, None, None
        subject = self._names.subject(tenant, subject_ref) if isinstance(subject_ref, str) else None
        if not isinstance(case_id, str) or CASE_ID.fullmatch(case_id) is None:
            return tenant, None, subject
        return tenant, self._names.case(tenant, case_id), subject

    def _dead_letter(self, record: Record) -> Draft:
        leaf = empty_leaf(DEAD_LETTERS, DEAD_LETTERS)
        activities.dead_letter(leaf, dict(record.headers))
        headers = _all_but_delivery(record.headers)
        content = pack(headers, record.value or b"")
        return _without_event(record, leaf, self._names.record(DEAD_LETTERS, content), headers)

    def _opaque(self, record: Record, error: Unreadable) -> Draft:
        leaf = empty_leaf(UNREADABLE, record.topic)
        leaf.actor = Actor(kind="unknown")
        leaf.reason, leaf.pointer = error.reason, error.pointer
        headers = _all_but_delivery(record.headers)
        event_id = _readable_id(record)
        if event_id is None:
            place = _PLACE.pack(record.partition, record.offset, record.timestamp_ms)
            record_id = self._names.record(record.topic, place + pack(headers, record.value or b""))
        else:
            record_id = self._names.record(record.topic, event_id.encode())
            leaf.event_id = event_id
        return _without_event(record, leaf, record_id, headers)


def _without_event(record: Record, leaf: Leaf, record_id: bytes, headers: Headers) -> Draft:
    if leaf.event_id is None:
        leaf.event_id = "~" + record_id.hex()
    leaf.record = _place(record)
    leaf.retention = retention(leaf.kind, has_case=False)
    return Draft(record_id, record.topic, None, record_id, False, None, headers, record.value or b"", leaf, {}, None)


def _place(record: Record) -> Place:
    # Producers choose the timestamp; one past the end of time must not stop the log.
    timestamp = record.timestamp_ms if -MAX_INTEGER <= record.timestamp_ms <= MAX_INTEGER else None
    return Place(record.offset, record.partition, timestamp)


def _kept(headers: Headers) -> Headers:
    return tuple([pair for pair in headers if pair[0] in EVENT_HEADERS or pair[0].startswith("ce_")])


def _all_but_delivery(headers: Headers) -> Headers:
    return tuple(pair for pair in headers if pair[0] not in ONE_DELIVERY)


def _readable_id(record: Record) -> str | None:
    value = record.header("ce_id")
    if not value or len(value) > 1024:  # noqa: PLR2004 - the longest attribute that is read anywhere
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
