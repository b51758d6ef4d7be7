"""Records of control.changed as feedback, we ourselves, or a stranger would write them."""

from __future__ import annotations

from typing import Any

import orjson

from countersign_shared.contracts.events.control import control_key
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Message, Record
from tests.unit.router.cases import bent

FEEDBACK = "/countersign/feedback"
AT = "2026-01-15T12:00:00.000000Z"
MODEL = {"name": "loan", "version": "1", "artifact_sha256": "cd" * 32, "calibrator_version": "platt-1"}
CERTIFIED = bent(automation={"certificate": "required"}, version=2)
"""The shipped policy, except that it asks for a certificate."""


def control(
    kind: str, state: dict[str, Any], *, revision: int = 1, source: str = FEEDBACK, key: bytes | None = None,
    body: bytes | None = None, tenant: str = "default", decision_type: str = "loan_application",
    tier: str = "negligible",
) -> Message:  # fmt: skip
    """One event of control.changed."""
    name = control_key(kind, tenant, decision_type, tier)
    whole = {
        "kind": kind, "tenant": tenant, "decision_type": decision_type, "tier": tier, "revision": revision,
        "changed_at": AT, "changed_by": "feedback", "signatures": [], "state": state,
    }  # fmt: skip
    return write_event(
        "control.changed", event_id=f"{name.decode()}-{revision}", source=source, case_id=name.decode(), time=AT,
        body=orjson.dumps(whole) if body is None else body, partition=None, key=name if key is None else key,
    )  # fmt: skip


def as_record(message: Message, offset: int = 0) -> Record:
    return Record("control.changed", 0, offset, 1_768_000_000_000, message.key, message.value, message.headers)


def trip(trip_id: str = "trip-1", **given: Any) -> Message:
    state = {
        "trip_id": trip_id, "errors": 9, "labels": 120, "alpha": 0.02, "delta": 0.05, "log_e_value": 3.41,
        "reason": "9 of 120 audited automatic decisions were wrong.", "model": MODEL,
    }  # fmt: skip
    return control("trip", state, **given)


def certificate_state(certificate_id: str = "cert-1", **change: Any) -> dict[str, Any]:
    return {
        "certificate_id": certificate_id, "active": True, "threshold": 0.93, "alpha": 0.02, "delta": 0.05, "errors": 1,
        "labels": 262, "upper_bound": 0.018, "grid_sha256": None, "model": MODEL, "calibrator_version": "platt-1",
        "automation_sha256": CERTIFIED.policy.automation_sha256, "renews": None, "evidence": None, "expires_at": None,
        **change,
    }  # fmt: skip


def certificate(certificate_id: str = "cert-1", *, revision: int = 1, source: str = FEEDBACK, **change: Any) -> Message:
    return control(
        "certificate.proposed", certificate_state(certificate_id, **change), revision=revision, source=source
    )


def tightened(high: float = 0.08, medium: float = 0.1, *, revision: int = 1, body: bytes | None = None) -> Message:
    """The bands of what this model says lie higher by so much."""
    limits = {
        "model_name": "loan", "model_version": "1", "calibrator_version": "platt-1", "high": high, "medium": medium,
    }  # fmt: skip
    state = {
        "tightening_id": "bands-1",
        "limits": [limits],
        "reason": "Right less often than it says.",
        "evidence": None,
    }
    return control("bands.tightened", state, revision=revision, tier="*", body=body)


def calibrator(version: str = "platt-2", *, revision: int = 1) -> Message:
    state = {
        "model_name": "loan", "model_version": "1", "calibrator_version": version, "method": "platt",
        "parameters": {"slope": 0.94, "intercept": -0.05}, "artifact_sha256": "ef" * 32, "evidence": None,
    }  # fmt: skip
    return control("calibrator.proposed", state, revision=revision, tier="*")
