"""Parts that the inference tests share: real cases, the committed model, records made by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

import orjson

from countersign_inference.domain.scoring import Question, Scorer
from countersign_inference.registry import PACKAGED_MODELS, load_scorers
from countersign_inference.training.loanapp import Application, applications
from countersign_shared.contracts.decision_types import load_decision_types
from countersign_shared.messaging import Record, write_event

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
LOAN = "loan_application"


@cache
def loans() -> tuple[Application, ...]:
    return tuple(applications())


@cache
def decision_types():
    return load_decision_types()


@cache
def scorers() -> dict[str, Scorer]:
    return load_scorers(PACKAGED_MODELS, decision_types())


def questions(count: int = 500) -> list[Question]:
    reads = scorers()[LOAN].reads
    return [Question({name: one.payload[name] for name in reads if name in one.payload}) for one in loans()[:count]]


def body_of(index: int = 0, **changes: Any) -> dict[str, Any]:
    return loans()[index].case_created(occurred_at=MOMENT) | changes


def record(
    body: dict[str, Any] | bytes, *, partition: int = 0, offset: int = 0, traceparent: bytes | None = None
) -> Record:
    data = body if isinstance(body, bytes) else orjson.dumps(body)
    case_id = str(body.get("case_id", "none")) if isinstance(body, dict) else "none"
    message = write_event(
        "case.created", event_id=f"up-{case_id}-{offset}", source="/upstream", case_id=case_id,
        time="2026-01-02T03:04:05.000000Z", body=data, partition=partition, traceparent=traceparent,
    )  # fmt: skip
    return Record("case.created", partition, offset, 1_767_322_245_000, message.key, data, message.headers)
