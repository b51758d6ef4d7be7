"""Bodies of the three events feedback reads, as short as their reading allows."""

from __future__ import annotations

from typing import Any


def sampling(probability: float = 0.1, *, selected: bool = True) -> dict[str, Any]:
    draw = {"probability": 0.0, "selected": False}
    return {
        "audit": {"probability": probability, "selected": selected}, "blind": draw, "human_only": draw, "key_id": "k1"
    }  # fmt: skip


def routed(
    case_id: str = "case-1", *, tenant: str = "default", tier: str = "low", band: str = "high", level: int = 2,
    reasons: list[str] | None = None, test: bool = False, decision_type: str = "loan_application",
) -> dict[str, Any]:  # fmt: skip
    return {
        "tenant": tenant, "case_id": case_id, "decision_type": decision_type, "sequence": 1,
        "case": {"case_id": case_id, "test": test}, "proposal": {"outcome": "approve", "confidence": 0.93},
        "model": {"name": "loan-approve", "version": "3", "calibrator_version": "2"}, "level": level,
        "would_automate": level < 3, "consequence": {"tier": tier}, "band": band,
        "reasons": [{"code": code, "text": "why"} for code in reasons or ["matrix"]],
        "policy": {"id": "p", "version": 7, "automation_sha256": "a" * 64}, "sampling": sampling(),
    }  # fmt: skip


def decided(
    case_id: str = "case-1", *, tenant: str = "default", mode: str = "automatic", relation: str = "agreed",
    closed_as: str = "decided", blind: bool = False, supersedes: str | None = None,
    decision_type: str = "loan_application",
) -> dict[str, Any]:  # fmt: skip
    body: dict[str, Any] = {
        "tenant": tenant, "case_id": case_id, "decision_type": decision_type, "sequence": 2, "decision_id": "d-1",
        "closed_as": closed_as, "mode": mode, "relation": relation,
        "deciders": [] if mode == "automatic" else [{"pseudonym": "p-1", "blind": blind}],
    }  # fmt: skip
    return body | ({"supersedes": supersedes} if supersedes else {})


def judged(
    case_id: str = "case-1", *, tenant: str = "default", kind: str = "audit.judged", error: bool = False,
    probability: float = 0.1, selected: bool = True, decision_type: str = "loan_application",
) -> dict[str, Any]:  # fmt: skip
    return {
        "kind": kind, "tenant": tenant, "case_id": case_id, "decision_type": decision_type,
        "sequence": 1, "actor": {"kind": "service", "pseudonym": "review"},
        "body": {
            "judged_decision_id": "d-1", "error": error,
            "routing": {"sampling": sampling(probability, selected=selected)},
        },
    }  # fmt: skip
