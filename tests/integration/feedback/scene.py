"""A feedback service without Kafka, and what the router says to it, for tests of what follows from labels."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import orjson

from countersign_feedback.handlers import Handler
from countersign_feedback.promising.following import ControlIntake
from countersign_feedback.promising.keeper import Keeper
from countersign_feedback.promising.looking import Lasting, tiers_of
from countersign_feedback.promising.standing import Standing, read_seen, standing
from countersign_feedback.store import Store
from countersign_feedback.store.controls import ControlKey, OwnControl
from countersign_shared.clock import rfc3339
from countersign_shared.contracts.events.control import control_key
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.records import Record
from countersign_shared.observability import Metrics
from tests.integration.feedback.test_feedback_store import record
from tests.unit.feedback.events import judged, routed

START = datetime(2026, 1, 1, tzinfo=UTC)
ROUTER, FEEDBACK = "/countersign/router", "/countersign/feedback"
PROPOSED = ControlKey("certificate.proposed", "default", "loan_application", "low")
TRIP = ControlKey("trip", "default", "loan_application", "low")
BANDS = ControlKey("bands.tightened", "default", "loan_application", "*")
CALIBRATOR = ControlKey("calibrator.proposed", "default", "loan_application", "*")


def control(
    kind: str, state: dict[str, Any], *, revision: int = 1, tier: str = "*", at: datetime = START, source: str = ROUTER
) -> Record:
    name = control_key(kind, "default", "loan_application", tier)
    body = {
        "kind": kind, "tenant": "default", "decision_type": "loan_application", "tier": tier, "revision": revision,
        "changed_at": rfc3339(at), "changed_by": "p-1", "signatures": [], "state": state,
    }  # fmt: skip
    message = write_event(
        "control.changed", event_id=f"{name.decode()}-{revision}", source=source, case_id=name.decode(),
        time=rfc3339(at), body=orjson.dumps(body), partition=None, key=name,
    )  # fmt: skip
    return Record("control.changed", 0, 0, 0, message.key, message.value, message.headers)


def policy(revision: int = 1, *, sha: str = "a" * 64, alpha: float = 0.25, audit: float = 0.5) -> Record:
    terms = {
        "certificate": "required", "delta": 0.1, "tiers": {"low": {"alpha": alpha, "audit_probability": audit}}
    }  # fmt: skip
    state = {
        "id": "p", "version": revision, "sha256": "c" * 64, "automation_sha256": sha,
        "published_at": rfc3339(START), "automation": terms,
    }  # fmt: skip
    return control("policy", state, revision=revision)


class Scene:
    """A feedback service without Kafka, a clock to set, and cases to judge."""

    def __init__(self, pool: asyncpg.Pool, lasting: Lasting | None = None) -> None:
        self.store = Store(pool)
        self.now = START
        self.metrics = Metrics("feedback")
        self.keeper = Keeper(self.store, self.metrics, lambda: self.now, lasting or Lasting())
        self.take = ControlIntake(self.store, self.keeper.controlled)
        self.number = 0

    async def cases(
        self, count: int, *, wrong: Callable[[int], bool] = lambda _: False, certificate: str | None = None,
        confidence: Callable[[int], float] = lambda n: 0.92 + 0.0007 * (n * 37 % 100), base: bool = False,
        sha: str = "a" * 64, judge: bool = True, model: str = "3",
    ) -> None:  # fmt: skip
        """Cases that were drawn, blind where nothing is certified, each judged an hour later."""
        found = []
        for _ in range(count):
            self.number += 1
            self.now += timedelta(minutes=1)
            case_id, level = f"case-{self.number:05}", 2 if certificate else 3
            body = routed(case_id, level=level) | {"would_automate": True}
            body["sampling"] = {
                name: {"probability": 0.5 if mine else 0.0, "selected": mine}
                for name, mine in (("audit", level == 2), ("blind", level == 3), ("human_only", False))
            } | {"key_id": "k"}
            body["proposal"]["confidence"] = confidence(self.number)
            body["policy"] |= {"automation_sha256": sha, "sha256": "c" * 64}
            body["model"] |= {"artifact_sha256": "d" * 64, "version": model}
            body["certificate"] = {"status": "live", "id": certificate} if certificate else None
            if base:
                detail = {"margin": 0.5, "base_confidence": confidence(self.number)}
                body["signals"] = {"probability": {"value": 0.9, "detail": detail}}
            found.append(record("case.routed", body, time=rfc3339(self.now)))
            if judge:
                answer = judged(
                    case_id, kind="audit.judged" if level == 2 else "control.judged", error=wrong(self.number)
                )
                answer["body"]["routing"]["sampling"] = body["sampling"]
                found.append(record("activity.recorded", answer, time=rfc3339(self.now + timedelta(minutes=1))))
        self.now += timedelta(minutes=2)
        await Handler(self.store, self.keeper.judged)(found)

    async def own(self, key: ControlKey) -> OwnControl | None:
        await self.keeper.look()
        return await self.store.own_control(key)

    async def sign(self, proposed: OwnControl, revision: int) -> None:
        await self.take(
            [control("certificate.active", dict(proposed.state), revision=revision, tier="low", at=self.now)]
        )

    async def standing(self) -> Standing:
        known = {one.key: one for one in await self.store.known_controls()}
        own = {one.key: one for one in await self.store.own_controls()}
        (tier,) = await tiers_of(self.store, "default", "loan_application", known, own)
        return standing(*await read_seen(self.store, tier), self.now)

    def evidence(self) -> float | None:
        return self.metrics.registry.get_sample_value("countersign_automation_evalue", {"tier": "low"})
