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
PARKED_AMOUNT = 900_000
AUTOMATIC_AMOUNT = 125_000
GOLDEN = 0.6180339887498949
"""Multiples of it, without their whole part, lie evenly and do not repeat."""
SCALED = ("loan_to_value", "total_obligations_ratio", "housing_expense_ratio", "liquid_assets", "net_worth",
          "monthly_income", "monthly_housing_expense", "purchase_price", "appraised_value")  # fmt: skip
POLICIES = Path(__file__).with_name("policies")


def whole_payloads() -> list[dict[str, object]]:
    """Return the payloads of applications that fit their decision type, so that none goes to people by accident."""
    kind = load_decision_types(contracts_dir() / "decision_types")["loan_application"]
    return [dict(a.payload) for a in applications() if not kind.check_payload(dict(a.payload))]


def messages(count: int, *, partitions: int, run: str) -> Iterator[Message]:
    """Yield ``count`` cases; every fifth is one the benchmark's policy sends to people."""
    payloads = whole_payloads()
    for number, payload in zip(range(count), itertools.cycle(payloads), strict=False):
        yield message(f"{run}-{number:07d}", number, payload, partitions=partitions)


def varied(payload: dict[str, object], number: int) -> dict[str, object]:
    """Return the payload with figures of its own, within a per cent of the real ones.

    The data has two thousand applications and a benchmark many more: a memory of what was seen before must not help.
    """
    factor = 1.0 + (number * GOLDEN % 1.0 - 0.5) / 50.0
    mine = {name: _scaled(payload[name], factor) for name in SCALED if name in payload}
    amount = PARKED_AMOUNT if number % PARKED_SHARE == 0 else AUTOMATIC_AMOUNT
    return {**payload, **mine, "loan_amount": f"{amount * factor:.2f}"}


def _scaled(value: object, factor: float) -> object:
    return f"{float(value) * factor:.2f}" if isinstance(value, str) else round(float(str(value)) * factor, 2)


def message(case_id: str, number: int, payload: dict[str, object], *, partitions: int) -> Message:
    """Return one case.created with a payload of ``PAYLOAD_BYTES``."""
    payload = varied(payload, number)
    amount = payload["loan_amount"]
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
