"""One router process without Kafka: hand it records, look at what it would publish."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import orjson

from countersign_router.domain.draws import Draws
from countersign_router.handlers import Handler
from countersign_router.language.loading import LoadedPolicy
from countersign_router.life.files import publish_files
from countersign_router.policy_shelf import PolicyShelf
from countersign_router.store import Store
from countersign_shared.clock import rfc3339, system_clock
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Message, Record
from countersign_shared.observability import Metrics
from tests.unit.router.cases import NEVER_DRAWN, decision_types

KEY_ID = "test-key"


class Replica:
    """A handler with policies of its own and a clock that can be set."""

    def __init__(
        self, store: Store, *, clock: Callable[[], datetime] = system_clock, draws: Draws = NEVER_DRAWN,
        types: Mapping[str, DecisionType] | None = None,
    ) -> None:  # fmt: skip
        types = decision_types() if types is None else types
        self.store = store
        self.metrics = Metrics("router")
        self.handler = Handler(
            store=store, shelf=PolicyShelf(types), decision_types=types, draws=draws,
            key_id=KEY_ID, metrics=self.metrics, clock=clock,
        )  # fmt: skip

    async def publish(self, *policies: LoadedPolicy) -> None:
        await publish_files(self.store, [(Path(f"{one.policy.decision_type}.yaml"), one) for one in policies])

    async def route(self, *bodies: Mapping[str, Any], partition: int = 3) -> list[Message]:
        return list(await self.handler([record(body, partition=partition) for body in bodies]))


def record(body: Mapping[str, Any], *, partition: int = 3, traceparent: bytes | None = None) -> Record:
    """A record on case.scored as inference publishes it."""
    tenant, case_id = body["tenant"], body["case_id"]
    message = write_event(
        "case.scored", event_id=derived_event_id(tenant, case_id, "scored"), source="/countersign/inference",
        case_id=case_id, time="2026-01-15T12:00:00.000000Z", body=orjson.dumps(body), partition=partition,
        traceparent=traceparent,
    )  # fmt: skip
    return Record("case.scored", partition, 0, 1_768_000_000_000, message.key, message.value, message.headers)


def bodies(messages: Sequence[Message], topic: str) -> list[dict[str, Any]]:
    """The bodies of the messages on one topic."""
    return [orjson.loads(message.value) for message in messages if message.topic == topic]


def stamp(moment: datetime) -> str:
    return rfc3339(moment)
