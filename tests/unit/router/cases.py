"""Cases and policies for the router's tests: complete, ordinary, and easy to bend."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml

import countersign_router
from countersign_router.domain.draws import keyed_draws
from countersign_router.language.document import PolicyDocument
from countersign_router.language.loading import LoadedPolicy, compile_policy, load_policy
from countersign_shared.contracts.decision_types import DecisionType, load_decision_types

NOW = datetime(2026, 1, 15, 12, 0, 0, 123456, tzinfo=UTC)
PUBLISHED = NOW - timedelta(days=365)
POLICIES = Path(countersign_router.__file__).parent / "policies"
DRAW_KEY = b"0123456789abcdef0123456789abcdef"
DRAWS = keyed_draws(DRAW_KEY)
NEVER_DRAWN = lambda *_: 1.0  # noqa: E731
ALWAYS_DRAWN = lambda *_: 0.0  # noqa: E731

PAYLOAD: Mapping[str, Any] = {
    "loan_amount": "90000.00",
    "purchase_price": "150000.00",
    "appraised_value": "150000.00",
    "loan_to_value": 60.0,
    "term_months": 360,
    "monthly_income": "5849.00",
    "total_obligations_ratio": 28.0,
    "liquid_assets": "34500.00",
    "self_employed": False,
    "industry_unemployment_rate": 3.2,
    "credit_meets_guidelines": True,
    "consumer_credit_record": "no_slow_accounts",
    "bankruptcy_on_record": False,
    "information_verified": True,
    "race": "white",
}


@cache
def decision_types() -> Mapping[str, DecisionType]:
    return load_decision_types()


def narrow(**changes: Any) -> Mapping[str, DecisionType]:
    """The decision types, of which the one for loans lists other queues or skills, or protects other fields."""
    return {**decision_types(), "loan_application": replace(decision_types()["loan_application"], **changes)}


def scored(
    case_id: str = "loan-000001", *, tenant: str = "default", decision_type: str = "loan_application",
    outcome: str | None = "approve", confidence: Any = 0.97, payload: Mapping[str, Any] | None = None,
    signals: Mapping[str, float | None] | None = None, missing: tuple[str, ...] = (), **case: Any,
) -> dict[str, Any]:  # fmt: skip
    """The body of a case.scored event."""
    proposal = None
    if outcome is not None:
        factor = {"field": "loan_to_value", "value": 60.0, "effect": 1.2, "direction": "for", "text": None}
        proposal = {
            "outcome": outcome, "outcome_params": {"loan_amount": "90000.00", "term_months": 360},
            "confidence": confidence, "raw_score": 3.1, "alternatives": [],
            "explanation": {"summary": "Low loan to value.", "factors": [factor], "truncated": False},
        }  # fmt: skip
    values: dict[str, float | None] = {
        "probability": 0.97, "similarity": 0.6, "consensus": None, "rule_clarity": None, "completeness": 1.0,
        **(signals or {}),
    }  # fmt: skip
    return {
        "tenant": tenant, "case_id": case_id, "decision_type": decision_type, "subject_ref": "applicant-1",
        "sequence": 1,
        "case": {
            "tenant": tenant, "case_id": case_id, "decision_type": decision_type, "subject_ref": "applicant-1",
            "sequence": 1, "payload": dict(PAYLOAD if payload is None else payload), "submitted_by": "los",
            "occurred_at": "2026-01-15T11:59:59Z", **case,
        },
        "payload_sha256": "ab" * 32, "proposal": proposal,
        "abstained": None if proposal else {"reason": "no_model", "detail": "no model is registered"},
        "signals": {name: {"value": value, "detail": None, "reason": None} for name, value in values.items()},
        "missing_fields": list(missing), "invalid_fields": [], "entities": [], "entities_truncated": False,
        "model": {"name": "loan", "version": "1", "artifact_sha256": "cd" * 32, "calibrator_version": "platt-1"},
        "latency_ms": 0.4,
    }  # fmt: skip


@cache
def shipped_bytes(name: str = "loan_application") -> bytes:
    """A shipped policy as version 1, whatever its own is by now: tests publish later versions of it."""
    return re.sub(rb"(?m)^version: \d+$", b"version: 1", (POLICIES / f"{name}.yaml").read_bytes())


@cache
def shipped(name: str = "loan_application") -> LoadedPolicy:
    return load_policy(shipped_bytes(name), name=name, decision_types=decision_types(), published_at=PUBLISHED)


@cache
def _document(name: str) -> dict[str, Any]:
    read: dict[str, Any] = yaml.load(shipped_bytes(name), Loader=yaml.CSafeLoader)
    return read


def document(name: str = "loan_application") -> dict[str, Any]:
    """A shipped policy as a document to bend, without its examples."""
    return copy.deepcopy({part: value for part, value in _document(name).items() if part != "examples"})


def bent(name: str = "loan_application", **changes: Any) -> LoadedPolicy:
    """A shipped policy with some of its parts replaced; None removes one."""
    read = document(name)
    for part, value in changes.items():
        if value is None:
            read.pop(part, None)
        else:
            read[part] = value
    return loaded(read)


def loaded(read: Mapping[str, Any]) -> LoadedPolicy:
    data = yaml.dump(dict(read), Dumper=yaml.CSafeDumper, sort_keys=False).encode()
    return compile_policy(
        PolicyDocument.model_validate(read), data, name="test", decision_types=decision_types(), published_at=PUBLISHED
    )
