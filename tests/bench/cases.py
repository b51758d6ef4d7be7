"""The benchmark's cases: real loan applications, padded to one kilobyte, in a known mix."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import orjson

from countersign_inference.training.loanapp import applications
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.contracts.topics import contracts_dir
from countersign_shared.messaging import Message, write_event
from countersign_shared.messaging.producer import partition_for

PAYLOAD_BYTES = 1024
PARKED_SHARE = 5
"""One case in five goes to people and stays there."""
PARKED_AMOUNT = "900000.00"
AUTOMATIC_AMOUNT = "125000.00"
POLICIES = Path(__file__).with_name("policies")


def whole_payloads() -> list[dict[str, object]]:
    """Return the payloads of applications that fit their decision type, so that none goes to people by accident."""
    kind = load_decision_types(contracts_dir() / "decision_types")["loan_application"]
    return [dict(a.payload) for a in applications() if not kind.check_payload(dict(a.payload))]


def messages(count: int, *, partitions: int, run: str) -> Iterator[Message]:
    """Yield ``count`` cases; every fifth is one the benchmark's policy sends to people."""
    payloads = whole_payloads()
    for number, payload in zip(range(count), itertools.cycle(payloads), strict=False):
        amount = PARKED_AMOUNT if number % PARKED_SHARE == 0 else AUTOMATIC_AMOUNT
        yield message(f"{run}-{number:07d}", payload, amount, partitions=partitions)


def message(case_id: str, payload: dict[str, object], amount: str, *, partitions: int) -> Message:
    """Return one case.created with a payload of ``PAYLOAD_BYTES``."""
    payload = {**payload, "loan_amount": amount}
    padding = PAYLOAD_BYTES - len(orjson.dumps(payload)) - len(b',"remarks":""')
    body = {
        "tenant": "default", "case_id": case_id, "decision_type": "loan_application",
        "subject_ref": f"person-{case_id}", "sequence": 1, "submitted_by": "bench",
        "occurred_at": "2026-01-02T03:04:05.000000Z",
        "amount": {"value": amount, "currency": "USD"}, "payload": {**payload, "remarks": "x" * max(padding, 0)},
    }  # fmt: skip
    return write_event(
        "case.created", event_id=f"up-{case_id}", source="/bench", case_id=case_id, time="2026-01-02T03:04:05.000000Z",
        body=orjson.dumps(body), partition=partition_for(case_id.encode(), partitions),
    )  # fmt: skip
