"""The door: whatever a stranger sends, the answer is a case or a named refusal."""

from __future__ import annotations

import json
import string
import time
from typing import Any

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from countersign_shared.contracts.intake import (
    MAX_CASE_BYTES,
    MAX_NESTING,
    MAX_REPORTED_ERRORS,
    ParsedCase,
    Refusal,
    canonical_digest,
    parse_case_created,
)

REASONS = {
    "empty_body",
    "malformed_json",
    "oversize",
    "too_deep",
    "duplicate_key",
    "missing_field",
    "wrong_type",
    "invalid_value",
}
SOUND: dict[str, Any] = {
    "case_id": "loan-000001",
    "decision_type": "loan_application",
    "payload": {"loan_amount": "125000.00"},
    "submitted_by": "loan-origination",
    "occurred_at": "2026-03-02T09:15:00Z",
}

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def text_of(body: Any) -> bytes:
    return json.dumps(body).encode()


def refusal_of(body: Any) -> Refusal:
    answer = parse_case_created(body if isinstance(body, bytes) else text_of(body))
    assert isinstance(answer, Refusal), answer
    assert answer.reason in REASONS
    assert 1 <= len(answer.errors) <= MAX_REPORTED_ERRORS
    assert all(error.pointer == "" or error.pointer.startswith("/") for error in answer.errors)
    assert all(error.detail for error in answer.errors)
    return answer


def case_of(body: Any) -> ParsedCase:
    answer = parse_case_created(body if isinstance(body, bytes) else text_of(body))
    assert isinstance(answer, ParsedCase), answer
    return answer


def test_a_sound_body_is_a_case_with_the_defaults_filled_in() -> None:
    parsed = case_of(SOUND)
    assert parsed.body == SOUND
    assert (parsed.case.tenant, parsed.case.test, parsed.case.subject_ref) == ("default", False, None)
    assert parsed.key == ("default", SOUND["case_id"])
    assert case_of({**SOUND, "tenant": "acme"}).key == ("acme", SOUND["case_id"])


def test_what_was_parsed_already_is_not_parsed_again() -> None:
    data = text_of(SOUND)
    assert parse_case_created(data, parsed=orjson.loads(data)) == parse_case_created(data)


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_refused_by_name(data: bytes) -> None:
    refusal_of(data)


@given(json_values)
@settings(max_examples=300)
def test_json_of_any_kind_is_refused_by_name(body: Any) -> None:
    refusal_of(body)


@given(st.sampled_from([*sorted(SOUND), "tenant", "title", "amount", "deadline_at", "proposal", "links"]), json_values)
@settings(max_examples=500)
def test_any_value_in_any_field_gives_a_case_or_points_at_that_field(name: str, value: Any) -> None:
    answer = parse_case_created(text_of({**SOUND, name: value}))
    if isinstance(answer, Refusal):
        assert answer.reason in REASONS
        assert answer.pointer == "" or answer.pointer.split("/")[1] == name


@given(st.dictionaries(st.text(), json_values, max_size=5))
def test_any_payload_at_all_is_let_through_to_be_judged_later(payload: dict[str, Any]) -> None:
    case_of({**SOUND, "payload": payload})


@given(st.text(max_size=200))
@settings(max_examples=300)
def test_a_hostile_case_id_is_refused_and_a_plain_one_is_not(case_id: str) -> None:
    plain = set(string.ascii_letters + string.digits + "._:-")
    answer = parse_case_created(text_of({**SOUND, "case_id": case_id}))
    assert isinstance(answer, ParsedCase) == (0 < len(case_id) <= 128 and set(case_id) <= plain)


@pytest.mark.parametrize("name", ["title", "subject_ref", "submitted_by"])
@pytest.mark.parametrize("letter", ["\x00", "\n", "\r", "\t", "\x1b", "\x7f", "\x85"], ids=ascii)
def test_control_characters_are_refused_where_people_read_lines(name: str, letter: str) -> None:
    refusal = refusal_of({**SOUND, name: f"before{letter}after"})
    assert (refusal.reason, refusal.pointer) == ("invalid_value", f"/{name}")


@pytest.mark.parametrize("name", sorted(SOUND))
def test_a_missing_field_is_named(name: str) -> None:
    refusal = refusal_of({key: value for key, value in SOUND.items() if key != name})
    assert (refusal.reason, refusal.pointer) == ("missing_field", f"/{name}")


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("payload", [], "wrong_type"),
        ("payload", "text", "wrong_type"),
        ("case_id", 7, "wrong_type"),
        ("case_id", "loan-1\n", "invalid_value"),
        ("case_id", "x" * 129, "invalid_value"),
        ("tenant", "a|b", "invalid_value"),
        ("tenant", "", "invalid_value"),
        ("test", 1, "wrong_type"),
        ("occurred_at", "2026-03-02", "invalid_value"),
        ("occurred_at", "2026-03-02T09:15:00", "invalid_value"),
        ("occurred_at", "2026-02-30T09:15:00Z", "invalid_value"),
        ("occurred_at", "0001-01-01T00:00:00+23:00", "invalid_value"),
        ("deadline_at", "9999-12-31T23:59:59-23:00", "invalid_value"),
        ("occurred_at", "2026-03-02T25:15:00Z", "invalid_value"),
        ("occurred_at", 1772442900, "wrong_type"),
        ("amount", {"value": 125000, "currency": "USD"}, "wrong_type"),
        ("amount", {"value": "1e5", "currency": "USD"}, "invalid_value"),
        ("amount", {"value": "0125", "currency": "USD"}, "invalid_value"),
        ("occurred_at", "\u0662026-03-02T09:15:00Z", "invalid_value"),
        ("amount", {"value": "1\u0663", "currency": "USD"}, "invalid_value"),
        ("amount", {"value": "NaN", "currency": "USD"}, "invalid_value"),
        ("amount", {"value": "1", "currency": "usd"}, "invalid_value"),
        ("proposal", {"outcome": "approve", "confidence": 1.2}, "invalid_value"),
        ("proposal", {"outcome": "approve", "confidence": "0.9"}, "wrong_type"),
        ("language", "not a tag", "invalid_value"),
    ],
)
def test_a_wrong_value_is_refused_by_field_and_reason(name: str, value: Any, reason: str) -> None:
    refusal = refusal_of({**SOUND, name: value})
    assert refusal.reason == reason
    assert refusal.pointer.startswith(f"/{name}")


@pytest.mark.parametrize("offset", ["Z", "+01:00", "-05:30"])
def test_times_with_any_zone_are_taken(offset: str) -> None:
    case_of({**SOUND, "occurred_at": f"2026-03-02T09:15:00.123456789{offset}"})


def test_every_error_is_named_and_pointers_are_escaped() -> None:
    refusal = refusal_of({**SOUND, "links": [{"relation": "corrects"}, {"case_id": "ok"}]})
    assert [error.pointer for error in refusal.errors] == ["/links/0/case_id", "/links/1/relation"]
    assert (refusal.pointer, refusal.detail) == refusal.errors[0]


@pytest.mark.parametrize(
    "data",
    [
        b"{",
        b"nul",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": 1e999}',
        b'{"a": [' + b"[]," * (MAX_NESTING + 1),
        b"\xff\xfe",
        b'{"a": "\\ud800"}',
        b"{}{}",
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_json_is_malformed(data: bytes) -> None:
    assert refusal_of(data).reason == "malformed_json"


def test_nothing_at_all_is_an_empty_body() -> None:
    assert refusal_of(b"").reason == "empty_body"


def test_the_largest_body_is_taken_and_one_byte_more_is_not() -> None:
    room = MAX_CASE_BYTES - len(text_of({**SOUND, "payload": {"note": ""}}))
    case_of({**SOUND, "payload": {"note": "x" * room}})
    assert refusal_of({**SOUND, "payload": {"note": "x" * (room + 1)}}).reason == "oversize"


def nested(depth: int, opening: bytes, closing: bytes) -> bytes:
    inner = opening * depth + b"1" + closing * depth
    return text_of(SOUND).replace(b'"125000.00"', inner)


@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"a":', b"}")])
def test_nesting_is_taken_up_to_the_limit(opening: bytes, closing: bytes) -> None:
    around = 2  # the body and its payload
    deepest = nested(MAX_NESTING - around, opening, closing)
    # However much more stands beside it.
    for data in (deepest, deepest[:-1] + b',"x":[' + b"[]," * MAX_NESTING + b"[]]}"):
        case_of(data)
    assert refusal_of(nested(MAX_NESTING - around + 1, opening, closing)).reason == "too_deep"


@pytest.mark.parametrize("depth", [500, 1_100, 60_000])
@pytest.mark.parametrize(("opening", "closing"), [(b"[", b"]"), (b'{"":', b"}")])
def test_nesting_that_would_break_a_parser_is_refused(depth: int, opening: bytes, closing: bytes) -> None:
    data = opening * depth + closing * depth
    assert refusal_of(data[:MAX_CASE_BYTES]).reason in {"too_deep", "oversize", "wrong_type"}


@pytest.mark.parametrize("unit", [b'"\\"', b'\\"', b'"', b"[]", b'{"', b"\\\\"], ids=ascii)
def test_hostile_quotes_and_brackets_cost_no_more_than_their_length(unit: bytes) -> None:
    data = b'{"a":' + unit * (150_000 // len(unit))
    started = time.process_time()
    assert refusal_of(data).reason in {"malformed_json", "too_deep"}
    assert time.process_time() - started < 1.0


def test_brackets_inside_strings_are_not_nesting() -> None:
    case_of({**SOUND, "payload": {"note": "[{" * 500 + '\\"'}})


@pytest.mark.parametrize(
    "member",
    [
        b'"payload":{"loan_amount":"1"}',
        b'"case\\u005fid":"loan-000002"',
        b'"x":{"b":1,"a":{"c":1,"c":1}}',
        b'"x":{"a\\u003ab":1,"a:b":2}',
        b'"x":[{"k":123456789012345678901234567890,"k":1e9}]',
        b'"occurred_at":"2026-03-02T09:15:01Z"',
    ],
)
def test_a_repeated_key_is_refused_however_it_is_written(member: bytes) -> None:
    data = text_of(SOUND)[:-1] + b"," + member + b"}"
    assert refusal_of(data).reason == "duplicate_key"


def test_the_member_that_appears_twice_is_named() -> None:
    assert refusal_of(b'{"once":1,"twice":1,"also":2,"twice":3}').detail == (
        "the member 'twice' appears twice in one object"
    )


@pytest.mark.parametrize("text", ["a: b :::", "\\u003a", ":\\", "\u003a\u2028", '"a":1,"a":2'])
def test_colons_in_texts_are_not_repeated_keys(text: str) -> None:
    case_of({**SOUND, "payload": {text: text, "note": [text]}})
    case_of(json.dumps({**SOUND, "payload": {"k": text}}, indent=1, separators=(" , ", " : ")).encode())


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_the_digest_ignores_order_spacing_and_time_and_nothing_else(payload: dict[str, Any]) -> None:
    body = {**SOUND, "payload": payload}
    first = case_of(body).canonical_sha256
    backwards = dict(reversed(list({**body, "occurred_at": "2026-03-02T09:16:00Z"}.items())))
    assert case_of(json.dumps(backwards, indent=1).encode()).canonical_sha256 == first
    assert case_of({**body, "submitted_by": "somebody-else"}).canonical_sha256 != first
    assert canonical_digest(orjson.loads(text_of(body))) == first


def test_a_body_with_thousands_of_errors_gets_a_short_answer() -> None:
    refusal = refusal_of({**SOUND, "links": [{}] * 100, "attachments": [{}] * 100})
    assert len(refusal.errors) == MAX_REPORTED_ERRORS
