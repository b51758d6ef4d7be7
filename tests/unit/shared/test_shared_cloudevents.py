"""Events in binary and structured mode, with the reference library as oracle."""

import contextlib

import orjson
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from hypothesis import example, given
from hypothesis import strategies as st

from countersign_shared.messaging import (
    Message,
    Record,
    Unreadable,
    dead_letter,
    pack_headers,
    read_event,
    unpack_headers,
    write_event,
)
from countersign_shared.messaging.cloudevents import stored_headers
from countersign_shared.messaging.dead_letters import original


def record(message: Message, *, headers=None, value=b"") -> Record:
    return Record(
        message.topic, 3, 17, 1_700_000_000_000, message.key, value or message.value,
        message.headers if headers is None else headers,
    )  # fmt: skip


def written(**changes) -> Message:
    values = {
        "event_id": "e-1", "source": "/countersign/router", "case_id": "loan-1",
        "time": "2026-01-02T03:04:05.000000Z", "body": b'{"a":1}', "partition": 3,
    }  # fmt: skip
    return write_event("case.routed", **(values | changes))


def test_what_is_written_is_read_back():
    event = read_event(record(written(traceparent=b"00-ab-cd-01")))
    assert (event.id, event.type, event.source) == ("e-1", "dev.countersign.case.routed.v1", "/countersign/router")
    assert event.subject == "loan-1"
    assert event.body == {"a": 1}
    assert event.data == b'{"a":1}'
    assert event.traceparent == b"00-ab-cd-01"


def test_the_reference_library_reads_what_is_written():
    message = written()
    oracle = from_kafka_event(KafkaMessage(headers=dict(message.headers), key=message.key, value=message.value))
    assert oracle.get_id() == "e-1"
    assert oracle.get_type() == "dev.countersign.case.routed.v1"
    assert oracle.get_subject() == "loan-1"
    assert oracle.get_data() == {"a": 1}
    assert message.headers == (
        ("ce_specversion", b"1.0"), ("ce_id", b"e-1"), ("ce_type", b"dev.countersign.case.routed.v1"),
        ("ce_source", b"/countersign/router"), ("ce_subject", b"loan-1"), ("ce_time", b"2026-01-02T03:04:05.000000Z"),
        ("ce_partitionkey", b"loan-1"), ("ce_dataschema", b"https://countersign.dev/schemas/case.routed.v1.json"),
        ("content-type", b"application/json"),
    )  # fmt: skip


def test_structured_mode_is_accepted():
    envelope = {
        "specversion": "1.0", "id": "x", "type": "t", "source": "/up", "subject": "s",
        "time": "2026-01-02T03:04:05Z", "data": {"n": 1.5},
    }  # fmt: skip
    headers = (("content-type", b"application/cloudevents+json; charset=utf-8"), ("traceparent", b"00-ab-cd-01"))
    event = read_event(record(written(), headers=headers, value=orjson.dumps(envelope)))
    assert (event.id, event.body, event.data) == ("x", {"n": 1.5}, b'{"n":1.5}')
    assert (event.subject, event.time, event.traceparent) == ("s", "2026-01-02T03:04:05Z", b"00-ab-cd-01")
    del envelope["data"], envelope["subject"], envelope["time"]
    event = read_event(
        record(written(), headers=headers, value=orjson.dumps(envelope | {"data_base64": "eyJuIjoxfQ=="}))
    )
    assert (event.data, event.subject, event.time) == (b'{"n":1}', None, "2023-11-14T22:13:20.000000Z")


@pytest.mark.parametrize(
    ("changes", "reason", "pointer"),
    [
        ({"id": 5}, "wrong_type", "/id"),
        ({"id": None}, "missing_attribute", "/headers/ce_id"),
        ({"data": [1]}, "wrong_type", "/data"),
        ({"data_base64": 5}, "invalid_value", "/data_base64"),
        ({"data_base64": "e y"}, "invalid_value", "/data_base64"),
        ({"data_base64": "W10="}, "wrong_type", ""),
    ],
)
def test_a_bad_envelope_is_named(changes, reason, pointer):
    envelope = {"specversion": "1.0", "id": "x", "type": "t", "source": "/up", "data": {}} | changes
    headers = (("content-type", b"application/cloudevents+json"),)
    with pytest.raises(Unreadable) as caught:
        read_event(record(written(), headers=headers, value=orjson.dumps(envelope)))
    assert (caught.value.reason, caught.value.pointer) == (reason, pointer)


@pytest.mark.parametrize(
    "name", [b"application/json; charset=utf-8", b"Application/JSON", b"application/vnd.up+json", b""]
)
def test_json_is_read_by_whatever_name(name):
    headers = dict(written().headers) | {"content-type": name}
    assert read_event(record(written(), headers=tuple(headers.items()))).body == {"a": 1}


def test_a_record_without_a_value_is_no_event():
    with pytest.raises(Unreadable, match="empty_body"):
        read_event(Record("case.created", 0, 0, 0, b"k", None, written().headers))


@pytest.mark.parametrize(
    ("changes", "reason", "pointer"),
    [
        ({"ce_id": None}, "missing_attribute", "/headers/ce_id"),
        ({"ce_id": b"x" * 2000}, "oversize", "/headers/ce_id"),
        ({"ce_source": b"\xff\xfe"}, "invalid_value", "/headers/ce_source"),
        ({"ce_id": b"a\x00b"}, "invalid_value", "/headers/ce_id"),
        ({"ce_specversion": b"0.3"}, "invalid_value", "/headers/ce_specversion"),
        ({"content-type": b"text/plain"}, "unknown_content_type", "/headers/content-type"),
    ],
)
def test_a_bad_header_is_named(changes, reason, pointer):
    headers = dict(written().headers) | changes
    with pytest.raises(Unreadable) as caught:
        read_event(record(written(), headers=tuple((k, v) for k, v in headers.items() if v is not None)))
    assert (caught.value.reason, caught.value.pointer) == (reason, pointer)


@pytest.mark.parametrize(
    ("body", "reason"),
    [(b"{", "malformed_json"), (b"[1]", "wrong_type"), (b'{"a":NaN}', "malformed_json"), (b"\xff", "malformed_json")],
)
def test_a_bad_body_is_named(body, reason):
    with pytest.raises(Unreadable) as caught:
        read_event(record(written(), value=body))
    assert caught.value.reason == reason


@given(st.binary(max_size=200), st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=50)), max_size=5),
       st.integers())  # fmt: skip
def test_reading_never_fails_in_another_way(value, headers, timestamp):
    raw = Record("case.created", 0, 0, timestamp, None, value, tuple(headers))
    with contextlib.suppress(Unreadable):
        assert read_event(raw).id


@given(st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=50)), max_size=5))
def test_stored_headers_come_back_exactly(headers):
    try:
        "".join(name for name, _ in headers).encode()
    except UnicodeEncodeError:
        return
    assert unpack_headers(pack_headers(tuple(headers))) == tuple(headers)


@given(st.text(max_size=30).filter(str.isprintable), st.from_regex(r"/[a-z%]{1,20}", fullmatch=True))
def test_headers_are_stored_alike_with_and_without_the_message(case_id, source):
    event = {"event_id": "e-1", "source": source, "case_id": case_id, "time": "2026-01-02T03:04:05.000000Z"}
    message = write_event("case.routed", **event, body=b"{}", partition=1)
    assert stored_headers("case.routed", **event) == message.stored_headers()


def test_traceparent_is_not_stored():
    message = written(traceparent=b"00-ab-cd-01")
    assert "traceparent" not in dict(unpack_headers(message.stored_headers()))
    assert unpack_headers(message.stored_headers()) == written().headers


def test_an_endless_trace_is_not_carried_on():
    long = (("traceparent", b"x" * 257),)
    assert read_event(record(written(), headers=written().headers + long)).traceparent is None
    envelope = orjson.dumps({"specversion": "1.0", "id": "x", "type": "t", "source": "/up", "data": {}})
    structured = (("content-type", b"application/cloudevents+json"), *long)
    assert read_event(record(written(), headers=structured, value=envelope)).traceparent is None


def test_a_dead_letter_gives_the_record_back():
    raw = record(written(), headers=(*written().headers, ("x-request-id", b"\xff")))
    letter = dead_letter(raw, service="inference", reason="missing_field", pointer="/payload", detail="x" * 501)
    kept = Record(letter.topic, 0, 0, 0, letter.key, letter.value, letter.headers)
    assert kept.header("x-reason") == b"missing_field"
    assert kept.header("x-pointer") == b"/payload"
    place = [kept.header(f"x-{name}") for name in ("service", "topic", "partition", "offset")]
    assert place == [b"inference", b"case.routed", b"3", b"17"]
    assert kept.header("x-detail") == b"x" * 500
    again = original(kept)
    assert (again.topic, again.key, again.value, again.headers) == (raw.topic, raw.key, raw.value, raw.headers)


def test_nobody_outside_can_say_what_became_of_a_dead_letter():
    raw = record(written(), headers=(("x-handled", b"discarded"), ("x-reason", b"forged"), ("x-cut-from", b"1")))
    headers = dead_letter(raw, service="inference", reason="oversize").headers
    assert [value for name, value in headers if name == "x-reason"] == [b"oversize"]
    assert not {"x-handled", "x-cut-from"} & {name for name, _ in headers}


@given(st.integers(0, 2_000_000), st.integers(0, 2_000_000), st.integers(0, 2_000_000), st.integers(0, 1000))
@example(0, 1_190_000, 200_000, 0)
def test_whatever_came_its_dead_letter_fits_the_topic(key, value, header, headers):
    raw = Record("case.created", 0, 0, 0, b"k" * key, b"v" * value, (("h", b"h" * header),) + (("x", b""),) * headers)
    letter = dead_letter(raw, service="inference", reason="oversize")
    size = len(letter.key) + len(letter.value) + sum(len(name) + len(value) + 10 for name, value in letter.headers)
    assert size < 1_310_720 - 1_000
    whole = (letter.key, letter.value) == (raw.key, raw.value) and raw.headers == letter.headers[: len(raw.headers)]
    assert whole != ("x-cut-from" in dict(letter.headers))
