"""A router, a feedback service and scripted reviewers on one real broker: the loop without anybody at a screen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import orjson
import yaml

from countersign_feedback import app as feedback
from countersign_feedback.domain.evidence import Watched, watch
from countersign_feedback.promising.look_back import everything
from countersign_feedback.settings import Settings as FeedbackSettings
from countersign_feedback.store import Store
from countersign_feedback.store.controls import ControlKey as FeedbackKey
from countersign_router import app as router
from countersign_router.controls import proposals
from countersign_router.controls.events import Actor
from countersign_router.settings import Settings as RouterSettings
from countersign_router.store import ControlKey
from countersign_router.store import Store as RouterStore
from countersign_shared.clock import rfc3339
from countersign_shared.messaging import Bus, Message, open_bus
from countersign_shared.messaging.cloudevents import write_event
from countersign_shared.messaging.outbox import Outbox
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.postgres import open_pool
from countersign_shared.runtime import Service
from tests.integration.router.desk import record
from tests.unit.router.cases import document, scored

PARTITIONS = 3
LIMIT_SECONDS = 30.0
LARS, PAUL = Actor("p-lars", "lead"), Actor("p-paul", "policy_approver")
SCOPE = ("default", "loan_application", "negligible")
PROMISE = {"certificate": "required", "alpha": {"negligible": 0.25}, "delta": 0.1, "tiers": ["negligible"]}
"""An alpha for which a few dozen labels are enough."""
SAMPLING = {"audit": {"level1": 0.5, "level2": 0.5, "floor": 0.5}, "blind": 0.5}


@dataclass
class Desk:
    """What happens on the topics, and what is asked of the two services' tables."""

    bus: Bus
    pool: asyncpg.Pool
    router: RouterStore
    feedback: Store
    service: Service
    wrong: Callable[[int], bool] = lambda _: False
    """Whether people would have decided a case (by number) otherwise."""
    sent: int = 0
    answered: set[str] = field(default_factory=set)

    async def send(self, count: int) -> None:
        """Let cases arrive, and wait until they are routed."""
        cases = []
        for number in range(self.sent, self.sent + count):
            body = scored(f"loan-{number:05}", confidence=0.92 + 0.0007 * (number * 37 % 100))
            sent = record(body)
            cases.append(Message("case.scored", number % PARTITIONS, sent.key or b"", sent.value or b"", sent.headers))
        await self.bus.publish(cases)
        self.sent += count
        async with asyncio.timeout(LIMIT_SECONDS):
            while len(await self.routed()) < self.sent:
                await asyncio.sleep(0.05)

    async def routed(self) -> dict[str, dict[str, Any]]:
        """Every routed case by its id."""
        bodies = [orjson.loads(one.value or b"") for one in await self.bus.read_all("case.routed")]
        return {body["case_id"]: body for body in bodies}

    async def decisions(self) -> dict[str, datetime]:
        """When each automatic decision was made."""
        bodies = [orjson.loads(one.value or b"") for one in await self.bus.read_all("decision.made")]
        return {body["case_id"]: datetime.fromisoformat(body["decided_at"]) for body in bodies}

    async def answer(self) -> int:
        """Let people judge every drawn case that they have not judged yet; return how many."""
        found = []
        for case_id, body in sorted((await self.routed()).items()):
            sampling = body["sampling"]
            if case_id not in self.answered and (sampling["audit"]["selected"] or sampling["blind"]["selected"]):
                self.answered.add(case_id)
                found.append(judgement(body, error=self.wrong(int(case_id[-5:]))))
        await self.bus.publish(found)
        async with asyncio.timeout(LIMIT_SECONDS):
            while await self.pool.fetchval("SELECT count(*) FROM labels WHERE error IS NOT NULL") < len(self.answered):
                await asyncio.sleep(0.02)
        return len(found)

    async def watched(self, certificate: dict[str, Any]) -> Watched:
        """What the audits under a certificate say by now."""
        found = await self.pool.fetch(
            "SELECT error FROM labels WHERE certificate_id = $1 AND error IS NOT NULL ORDER BY judged_at, case_id",
            certificate["certificate_id"],
        )
        errors = [row["error"] for row in found]
        return watch(errors, alpha=certificate["alpha"], delta=certificate["delta"])

    async def look_back(self) -> list[str]:
        """The cases of the tier's look-back list."""
        trip = await self.feedback.own_control(FeedbackKey("trip", *SCOPE))
        assert trip is not None
        return [one.case_id async for one in everything(self.feedback, trip)]

    async def until(self, kind: str, revision: int) -> dict[str, Any]:
        """Wait for a revision of one of the tier's controls on the topic."""
        async with asyncio.timeout(LIMIT_SECONDS):
            while True:
                for one in await self.bus.read_all("control.changed"):
                    body: dict[str, Any] = orjson.loads(one.value or b"")
                    if body["kind"] == kind and body["revision"] == revision:
                        return body
                if self.service.failed.done():
                    await self.service.failed
                await asyncio.sleep(0.05)

    async def sign(self, kind: str) -> None:
        """Let two people sign what waits."""
        key = ControlKey(kind, *SCOPE)
        async with asyncio.timeout(LIMIT_SECONDS):
            for actor in (LARS, PAUL):
                while not (waiting := await self.waiting(kind)):
                    await asyncio.sleep(0.05)
                await proposals.sign_proposal(
                    self.router, key, sha256=waiting[0], reason="read the evidence", actor=actor,
                    roles=frozenset({actor.role or ""}),
                )  # fmt: skip

    async def waiting(self, kind: str) -> list[str]:
        """The hashes of what waits for signatures."""
        found = await proposals.open_proposals(self.router, datetime.now(UTC))
        return [one.waiting.sha256 for one in found if one.waiting.becomes[0] == kind]

    async def trip_committed(self) -> datetime:
        """When the router's table took the trip in."""
        found = await self.pool.fetchval("SELECT changed_at FROM router.controls WHERE kind = 'trip'")
        assert isinstance(found, datetime)
        return found


def judgement(routed: dict[str, Any], *, error: bool) -> Message:
    """What review says once people have judged a case blind."""
    case_id, moment = routed["case_id"], rfc3339(datetime.now(UTC))
    automatic = routed["level"] < 3
    other = "decline" if routed["proposal"]["outcome"] == "approve" else "approve"
    outcome = other if error else routed["proposal"]["outcome"]
    body = {
        "tenant": routed["tenant"], "case_id": case_id, "decision_type": routed["decision_type"],
        "subject_ref": None, "sequence": 1, "occurred_at": moment, "actor": {"kind": "service", "pseudonym": "review"},
        "kind": "audit.judged" if automatic else "control.judged",
        "body": {
            "judged_decision_id": f"d-{case_id}", "final_outcome": outcome, "error": error,
            "answers": [{"pseudonym": "p-1", "role": "reviewer", "outcome": outcome, "outcome_params": {},
                         "decided_at": moment, "blind": True}],
            "routing": {
                "event_id": f"r-{case_id}", "tier": routed["consequence"]["tier"], "band": routed["band"],
                "level": routed["level"], "would_automate": routed["would_automate"], "sampling": routed["sampling"],
                "policy": routed["policy"], "model": routed["model"],
                "confidence": routed["proposal"]["confidence"],
            },
        },
    }  # fmt: skip
    return write_event(
        "activity.recorded", event_id=f"j-{case_id}", source="/countersign/review", case_id=case_id, time=moment,
        body=orjson.dumps(body), partition=int(case_id[-5:]) % PARTITIONS,
    )  # fmt: skip


@asynccontextmanager
async def open_desk(bootstrap: str, prefix: str, database_url: str, directory: Path) -> AsyncIterator[Desk]:
    """Start both services with a policy that asks for a certificate."""
    await ensure_topics(bootstrap, prefix=prefix, partitions=PARTITIONS)
    policies = directory / "policies"
    policies.mkdir()
    policy = {**document(), "automation": PROMISE, "sampling": SAMPLING, "withhold": {"level3": "blind_sample"}}
    (policies / "loan_application.yaml").write_text(yaml.safe_dump(policy), encoding="utf-8")
    key = directory / "sampling-key"
    key.write_bytes(b"the same draws in every run")
    common = {
        "database_url": database_url, "kafka_bootstrap_servers": bootstrap, "topic_prefix": prefix, "http_port": 0
    }  # fmt: skip
    async with (
        router.running(RouterSettings(**common, policies_dir=policies, sampling_key_file=key)),
        feedback.running(FeedbackSettings(**common)) as service,
        open_bus(FeedbackSettings(**common), service="inference", health=Health(), metrics=Metrics("inference")) as bus,
        open_pool(database_url, schema="router", size=2) as router_pool,
        open_pool(database_url, schema="feedback", size=2) as pool,
    ):
        yield Desk(bus, pool, RouterStore(router_pool, Outbox()), Store(pool), service)
