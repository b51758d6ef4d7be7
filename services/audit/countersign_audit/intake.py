"""Reading records: every record becomes a draft of an entry, whatever it holds."""

import re
import struct
from typing import Any

from countersign_audit.domain.commitments import Pseudonyms, frame
from countersign_audit.domain.entry import Draft, moment
from countersign_audit.domain.facts import activities
from countersign_audit.domain.facts.describe import describe
from countersign_audit.domain.facts.ledger import Facts, texts, wholes
from countersign_audit.domain.profile import MAX_INTEGER
from countersign_audit.encoding import encode
from countersign_shared.ids import CASE_ID, DEFAULT_TENANT, TENANT
from countersign_shared.messaging import Event, Record, Unreadable, pack_headers, read_event
from countersign_shared.messaging.dead_letters import TOPIC as DEAD_LETTERS

UNREADABLE = "log.unreadable"
FROM_OUTSIDE = frozenset({"case.created", "case.updated"})
ONE_DELIVERY = frozenset({"traceparent", "tracestate", "baggage"})
"""Headers that belong to one delivery: they differ between repeats of the same event."""
_PLACE = struct.Struct(">qqq")
_TRACE = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_EVENT_HEADERS = ("ce_", "content-type")


class Intake:
    """Turns records into drafts; holds only the log's pseudonyms."""

    def __init__(self, names: Pseudonyms) -> None:
        self._names = names

    def draft(self, record: Record) -> Draft:
        """Read one record; one that is no event becomes an opaque entry with the reason."""
        if record.topic == DEAD_LETTERS:
            return self._dead_letter(record)
        try:
            return self._event(read_event(record))
        except Unreadable as error:
            return self._opaque(record, error)

    def _event(self, event: Event) -> Draft:
        record, body, names = event.record, event.body, self._names
        facts = Facts(encode)
        kind = describe(facts, record.topic, body, event.data, names)
        fields = facts.fields
        fields["event_id"] = event.id
        fields["source"] = event.source
        fields["type"] = event.type
        occurred_at = moment(event.time)
        if occurred_at is not None:
            fields["occurred_at"] = event.time
        _place(fields, record)
        if event.traceparent is not None and (trace := _TRACE.fullmatch(event.traceparent)):
            fields["trace_id"] = trace[1].decode()
        record_id = names.record(record.topic, event.id.encode())
        tenant, case_id = _case(record.topic, body)
        subject = body.get("subject_ref")
        kept = tuple([pair for pair in record.headers if pair[0].startswith(_EVENT_HEADERS)])
        scope, has_case = record_id, False
        if tenant is not None:
            fields["tenant"] = tenant
            if case_id is not None:
                scope, has_case = names.case(tenant, case_id), True
                texts(fields, body, ("decision_type",))
        wholes(fields, body, ("sequence",))
        return Draft(
            record_id=record_id, topic=record.topic, kind=kind, tenant=tenant, scope=scope, has_case=has_case,
            subject=names.subject(tenant or "", subject) if isinstance(subject, str) else None,
            content=frame(pack_headers(kept), record.value or b""), facts=facts, occurred_at=occurred_at,
        )  # fmt: skip

    def _dead_letter(self, record: Record) -> Draft:
        facts = Facts(encode)
        activities.dead_letter(facts, dict(record.headers))
        content = _whole_record(record)
        return self._without_event(record, facts, DEAD_LETTERS, self._names.record(DEAD_LETTERS, content), content)

    def _opaque(self, record: Record, error: Unreadable) -> Draft:
        facts = Facts(encode)
        facts.acted("unknown")
        facts.fields.update(reason=error.reason, pointer=error.pointer)
        content = _whole_record(record)
        event_id = _readable_id(record)
        if event_id is None:
            place = _PLACE.pack(record.partition, record.offset, record.timestamp_ms)
            record_id = self._names.record(record.topic, place + content)
        else:
            record_id = self._names.record(record.topic, event_id.encode())
            facts.fields["event_id"] = event_id
        return self._without_event(record, facts, UNREADABLE, record_id, content)

    def _without_event(self, record: Record, facts: Facts, kind: str, record_id: bytes, content: bytes) -> Draft:
        facts.fields.setdefault("event_id", "~" + record_id.hex())
        _place(facts.fields, record)
        return Draft(
            record_id=record_id, topic=record.topic, kind=kind, tenant=None, scope=record_id, has_case=False,
            subject=None, content=content, facts=facts, occurred_at=None,
        )  # fmt: skip


def _case(topic: str, body: dict[str, Any]) -> tuple[str | None, str | None]:
    tenant = body.get("tenant", DEFAULT_TENANT if topic in FROM_OUTSIDE else None)
    if not isinstance(tenant, str) or TENANT.fullmatch(tenant) is None:
        return None, None
    case_id = body.get("case_id")
    if not isinstance(case_id, str) or CASE_ID.fullmatch(case_id) is None:
        return tenant, None
    return tenant, case_id


def _place(fields: dict[str, Any], record: Record) -> None:
    place = {"partition": record.partition, "offset": record.offset}
    if -MAX_INTEGER <= record.timestamp_ms <= MAX_INTEGER:
        # Producers choose the timestamp; one past the end of time must not stop the log.
        place["timestamp_ms"] = record.timestamp_ms
    fields["record"] = place


def _whole_record(record: Record) -> bytes:
    kept = tuple(pair for pair in record.headers if pair[0] not in ONE_DELIVERY)
    return frame(pack_headers(kept), record.value or b"")


def _readable_id(record: Record) -> str | None:
    value = record.header("ce_id")
    if not value or len(value) > 1024:  # noqa: PLR2004 - the longest attribute that is read anywhere
        return None
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return None
    return text if text.isprintable() else None
