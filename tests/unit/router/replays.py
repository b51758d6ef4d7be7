"""Stored routings for the tests of replays: made by the live path, kept as the router keeps them."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import Any

import orjson

from countersign_router.domain.controls import ANY, Certificate, Controls, Switch
from countersign_router.domain.routing import Routing, route
from countersign_router.language.loading import LoadedPolicy
from countersign_router.replaying.evaluation import Question, StoredCase
from countersign_router.wire import policy_speech, routed_body
from tests.unit.router.cases import DRAWS, NOW, PAYLOAD, decision_types, scored

KEY = "test-key"


def stored(
    body: Mapping[str, Any], policy: LoadedPolicy, controls: Controls, now: datetime = NOW
) -> tuple[StoredCase, Routing]:
    """What the live path makes of a case under these controls, and what it keeps."""
    data = orjson.dumps(body)
    read = orjson.loads(data)
    routing = route(read, policy.policy, controls, now, DRAWS)
    speech = policy_speech(policy, decision_types()[policy.policy.decision_type])
    return StoredCase(now, routed_body(read, data, routing, speech, KEY)), routing


def varied(count: int, seed: int = 7) -> Iterator[dict[str, Any]]:
    """Loan applications that reach every cell of the matrix, some of them unusable."""
    chance = random.Random(seed)
    for number in range(count):
        payload = {
            **PAYLOAD,
            "loan_amount": f"{chance.choice([60, 60, 90, 90, 120, 190, 260, 450]) * 1000}.00",
            "loan_to_value": chance.choice([60.0, 60.0, 60.0, 85.0, 95.0, 98.0]),
            "total_obligations_ratio": chance.choice([28.0, 28.0, 37.0, 41.0]),
            "owner_occupied": chance.choice([True, False, None]),
            "bankruptcy_on_record": chance.random() < 0.05,
            "information_verified": chance.random() > 0.05,
        }
        if chance.random() < 0.03:
            del payload["loan_to_value"]
        yield scored(
            f"loan-{number:06}", payload=payload, confidence=round(chance.uniform(0.6, 1.0), 4),
            outcome=chance.choice(["approve"] * 9 + ["decline", None, "nonsense"]),
            signals={"similarity": chance.choice([0.6, 0.6, 0.01, None])},
        )  # fmt: skip


def circumstances(policy: LoadedPolicy, seed: int = 11) -> Iterator[Controls]:
    """Controls as they change over a day: stops, peaks, trips, certificates live, void and missing."""
    chance = random.Random(seed)
    scope = ("default", policy.policy.decision_type)
    while True:
        automation = chance.choice([policy.policy.automation_sha256, policy.policy.automation_sha256, "0" * 64])
        certificate = Certificate("c-1", 0.9, "1", "platt-1", automation)
        yield Controls(
            stops={(ANY, ANY): Switch("wrong rates")} if chance.random() < 0.2 else {},
            peaks={scope: Switch("Monday", NOW + timedelta(hours=1))} if chance.random() < 0.4 else {},
            trips=frozenset({(*scope, "low")}) if chance.random() < 0.2 else frozenset(),
            certificates={(*scope, tier): certificate for tier in ("negligible", "low") if chance.random() < 0.7},
        )


def question(asked: LoadedPolicy, *originals: LoadedPolicy, draft: bool = False, **more: Any) -> Question:
    """Ask what a policy would have made of cases that these policies routed."""
    return Question(
        asked.policy, None if draft else asked.policy.published_at,
        {one.policy.sha256: one.policy for one in originals}, {KEY: DRAWS}, KEY, **more,
    )  # fmt: skip
