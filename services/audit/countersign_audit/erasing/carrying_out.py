"""Carrying out erasures: once every service has confirmed, the case's keys are destroyed and its payloads deleted."""

import logging
from typing import Any

import orjson

from countersign_audit.domain.lineage import ERASED
from countersign_audit.erasing.store import FIRST, Erasure, ErasureStore
from countersign_audit.own_entries import erased_leaf
from countersign_audit.store import Store
from countersign_audit.writing.writer import LogWriter
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging import Message, write_event
from countersign_shared.messaging.outbox import Outbox

log = logging.getLogger(__name__)

SERVICES = frozenset({"inference", "router", "review", "feedback"})
"""Who must have confirmed before audit destroys the keys: what comes in later would be sealed under new ones."""
TOPIC = "activity.recorded"
SOURCE = "/countersign/audit/erasures"


class Eraser:
    """Looks after erasures that were asked for."""

    def __init__(self, pool: Any, writer: LogWriter, outbox: Outbox, clock: Clock) -> None:
        self._pool = pool
        self._writer = writer
        self._outbox = outbox
        self._clock = clock
        self._rows = ErasureStore()
        self._store = Store()
        self._next = FIRST

    async def work(self) -> int:
        """Carry out what all services have confirmed, and erase again what came in of an erased case; returns both.

        Those that wait take turns: many that no service confirms must not keep later ones from being looked at.
        """
        async with self._pool.acquire() as connection:
            waiting, self._next = await self._rows.waiting(connection, self._next)
            ready = [one for one in waiting if await self._rows.confirmed(connection, one) >= SERVICES]
            again = await self._rows.come_in_since(connection)
        for erasure in ready:
            await self._carry_out(erasure)
        for scope, erasure_id in again:
            await self._erase(scope, erasure_id, None)
        return len(ready) + len(again)

    async def _carry_out(self, erasure: Erasure) -> None:
        await self._erase(erasure.scope, erasure.erasure_id, erasure)
        self._outbox.hurry()

    async def _erase(self, scope: bytes, erasure_id: str, erasure: Erasure | None) -> None:
        now = self._clock()

        async def destroy(connection: Any) -> None:
            deleted = await self._rows.erase(connection, scope)
            log.info("erasure %s: %d payloads of %s and their keys are gone", erasure_id, deleted, scope.hex())
            if erasure is None:
                return
            await self._rows.carried_out(connection, erasure_id, scope, now)
            rows = await self._store.case_entries(connection, scope, 1)
            number = await self._store.add_read(connection, scope, now)
            message = completion(erasure, deleted, number, partition_of(rows), rfc3339(now))
            await self._outbox.add(connection, message, event_id=_event_id(erasure), not_before=now)

        leaf = erased_leaf(scope=scope, erasure_id=erasure_id, occurred_at=rfc3339(now))
        await self._writer.append_own(leaf, ERASED, now, within=destroy, forgetting=scope)


def completion(erasure: Erasure, deleted: int, number: int, partition: int | None, time: str) -> Message:
    """Return the activity with which audit says that an erasure is complete."""
    body = orjson.dumps({
        "tenant": erasure.tenant, "case_id": erasure.case_id, "decision_type": None, "subject_ref": None,
        "entity_id": None, "sequence": number, "occurred_at": time,
        "actor": {"kind": "service", "pseudonym": "audit", "role": None}, "kind": "erasure.completed",
        "body": {
            "erasure_id": erasure.erasure_id, "cases": [erasure.case_id], "service": "audit", "rows_blanked": deleted,
        },
    })  # fmt: skip
    return write_event(
        TOPIC, event_id=_event_id(erasure), source=SOURCE, case_id=erasure.case_id, time=time, body=body,
        partition=partition,
    )  # fmt: skip


def partition_of(rows: list[Any]) -> int | None:
    """Return the partition a case arrived on, out of its first entry."""
    place = orjson.loads(rows[0]["leaf"]).get("record") if rows else None
    return place.get("partition") if isinstance(place, dict) else None


def _event_id(erasure: Erasure) -> str:
    return derived_event_id(erasure.tenant, erasure.case_id, f"audit.erased.{erasure.erasure_id}")
