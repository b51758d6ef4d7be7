"""Requests for an erasure: audit's are never passed over, and nobody else's stop or erase anything."""

import orjson
import pytest

from countersign_shared.erasure import AUDIT, Request, case_of, read_request
from countersign_shared.errors import FatalError
from countersign_shared.messaging import Record, write_event

BODY = {
    "tenant": "acme", "case_id": "loan-1", "decision_type": "loan_application", "kind": "erasure.requested",
    "body": {"erasure_id": "e-1"},
}  # fmt: skip


def record(body, *, topic="activity.recorded", source=AUDIT, headers=None) -> Record:
    value = body if isinstance(body, bytes) or body is None else orjson.dumps(body)
    message = write_event(
        topic, event_id="r-1", source=source, case_id="loan-1", time="2026-01-02T03:04:05.000000Z", body=value or b"",
        partition=3,
    )  # fmt: skip
    return Record(topic, 3, 17, 1_700_000_000_000, message.key, value, message.headers if headers is None else headers)


def without(name):
    return {key: value for key, value in BODY.items() if key != name}


def test_what_audit_asks_for_is_read():
    assert read_request(record(BODY)) == Request("e-1", "acme", "loan-1", "loan_application", 3)
    assert read_request(record(without("decision_type"))) == Request("e-1", "acme", "loan-1", None, 3)


@pytest.mark.parametrize(
    "other",
    [
        record(BODY, topic="case.routed"),
        record(BODY, source="/countersign/review"),
        record(BODY | {"kind": "erasure.completed", "body": {"answers": "erasure.requested"}}),
        record(BODY | {"kind": "key.rotated"}),
        record(None),
        # What cannot be read, and does not say that it is audit's.
        record(b'{"kind":"erasure.requested"', source="/countersign/review"),
        record(BODY, headers=()),
    ],
)
def test_nothing_else_is_a_request(other):
    assert read_request(other) is None


@pytest.mark.parametrize(
    "broken",
    [
        without("tenant"), without("case_id"), without("body"), BODY | {"body": {}}, BODY | {"body": "e-1"},
        BODY | {"body": None}, b'{"kind":"erasure.requested"',
    ],
)  # fmt: skip
def test_one_of_audit_that_cannot_be_read_is_never_passed_over(broken):
    with pytest.raises(FatalError, match=r"activity\.recorded\[3\]@17 asks for an erasure and cannot be read"):
        read_request(record(broken))


def test_a_record_says_whose_case_it_is_about():
    assert case_of(record(BODY, topic="case.created")) == ("acme", "loan-1")
    assert case_of(record(without("tenant"), topic="case.created")) == ("default", "loan-1")
    for nobody in (without("case_id"), BODY | {"tenant": 5}, BODY | {"case_id": 5}, b"{"):
        assert case_of(record(nobody, topic="case.created")) is None
