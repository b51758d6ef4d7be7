"""One routing in one call: a case under a policy and the controls of a calm day."""

from __future__ import annotations

from typing import Any

from countersign_router.domain.controls import Controls
from countersign_router.domain.routing import Routing, route
from countersign_router.language.loading import LoadedPolicy
from tests.unit.router.cases import NEVER_DRAWN, NOW, PAYLOAD, scored, shipped

CALM = Controls()
SIZES = {
    "negligible": "90000.00",
    "low": "150000.00",
    "medium": "200000.00",
    "high": "300000.00",
    "critical": "500000.00",
}


def routed(
    loaded: LoadedPolicy | None = None, controls: Controls = CALM, draws: Any = NEVER_DRAWN, **case: Any
) -> Routing:
    return route(scored(**case), (loaded or shipped()).policy, controls, NOW, draws)


def codes(routing: Routing) -> list[str]:
    return [reason["code"] for reason in routing.reasons]


def with_payload(**changes: Any) -> dict[str, Any]:
    payload = {**PAYLOAD, **changes}
    return {name: value for name, value in payload.items() if value is not None}
