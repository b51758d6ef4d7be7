"""What routing a case costs under a policy of ten rules and five factors: `route`, from body to reasons.

Run it with `python -m tests.bench.bench_router_evaluation`; prints one JSON object. CPU time of one thread, medians of
rounds; the cases are of three sorts in turn: automatic, for a person by a rule, for a person by the matrix. The handler
takes cases through the steps in groups, and so does this; `alone` is one case after the other. The JSON round trip of
the same cases stands beside it, since machines differ.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

from countersign_router.domain.controls import Controls
from countersign_router.domain.draws import keyed_draws
from countersign_router.domain.observation import evaluate, observe
from countersign_router.domain.routing import decide, route
from countersign_router.handlers import GROUP
from countersign_router.language.loading import load_policy
from countersign_shared.contracts.decision_types import load_decision_types

POLICY = Path(__file__).parent / "ten_rules.yaml"
NOW = datetime(2026, 1, 15, 12, tzinfo=UTC)
DRAWS = keyed_draws(b"0123456789abcdef0123456789abcdef")
CASES = 960
ROUNDS = 15
BAR_US = 60.0
"""The most that routing a case under such a policy may cost, in microseconds of CPU."""

PAYLOAD = {
    "loan_amount": "90000.00", "loan_to_value": 60.0, "total_obligations_ratio": 28.0, "information_verified": True,
    "credit_meets_guidelines": True, "bankruptcy_on_record": False, "consumer_credit_record": "no_slow_accounts",
    "self_employed": False, "liquid_assets": "34500.00",
}  # fmt: skip
SORTS: tuple[tuple[float, dict[str, Any]], ...] = (
    (0.97, {}), (0.95, {"total_obligations_ratio": 45.0}), (0.8, {"loan_amount": "260000.00"}),
)  # fmt: skip


def measure() -> dict[str, float]:
    """Return the CPU per case of routing, in microseconds, in groups and alone, and of the JSON round trip."""
    policy = load_policy(
        POLICY.read_bytes(), name="bench", decision_types=load_decision_types(), published_at=NOW - timedelta(days=90)
    ).policy
    cases = [_scored(number) for number in range(CASES)]
    controls = Controls()
    levels = [route(case, policy, controls, NOW, DRAWS).level for case in cases[:3]]
    if len(policy.exceptions) + len(policy.adjustments) != 10 or levels != [1, 4, 3]:
        raise AssertionError(f"this policy is not the one to measure: levels {levels}")
    bodies = [orjson.dumps(case) for case in cases]

    def grouped() -> None:
        for start in range(0, CASES, GROUP):
            group = cases[start : start + GROUP]
            seen = [observe(case, policy, controls, NOW) for case in group]
            results = [evaluate(policy, one) for one in seen]
            for case, one, result in zip(group, seen, results, strict=True):
                decide(case, policy, controls, NOW, DRAWS, one, result)

    def expressions() -> None:
        for one in prepared:
            evaluate(policy, one)

    prepared = [observe(case, policy, controls, NOW) for case in cases]
    found: dict[str, list[float]] = {"grouped": [], "alone": [], "expressions": [], "json": []}
    for _ in range(ROUNDS):
        found["json"].append(_cpu_us(lambda: [orjson.dumps(orjson.loads(body)) for body in bodies]))
        found["expressions"].append(_cpu_us(expressions))
        found["grouped"].append(_cpu_us(grouped))
        found["alone"].append(_cpu_us(lambda: [route(case, policy, controls, NOW, DRAWS) for case in cases]))
    return {f"{name}_us_per_case": round(statistics.median(times), 2) for name, times in found.items()}


def _scored(number: int) -> dict[str, Any]:
    confidence, changes = SORTS[number % len(SORTS)]
    factor = {"field": "loan_to_value", "value": 60.0, "effect": 1.2, "direction": "for", "text": None}
    signals = {"probability": confidence, "similarity": 0.6, "completeness": 1.0}
    return {
        "tenant": "default", "case_id": f"loan-{number:06d}", "decision_type": "loan_application",
        "subject_ref": "applicant", "sequence": 1,
        "case": {"case_id": f"loan-{number:06d}", "payload": {**PAYLOAD, **changes}},
        "proposal": {"outcome": "approve", "outcome_params": {}, "confidence": confidence,
                     "explanation": {"summary": "", "factors": [factor]}},
        "signals": {name: {"value": value, "detail": None} for name, value in signals.items()},
        "missing_fields": [], "invalid_fields": [],
        "model": {"name": "loan", "version": "1", "calibrator_version": "platt-1"},
    }  # fmt: skip


def _cpu_us(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return (time.process_time() - started) / CASES * 1e6


if __name__ == "__main__":
    print(orjson.dumps(measure(), option=orjson.OPT_INDENT_2).decode())
