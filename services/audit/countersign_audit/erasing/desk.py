"""Asking for erasures: which cases a person is in, and the request that every service acts on."""

import hashlib
from dataclasses import dataclass, field
from typing import Any

import orjson

from countersign_audit.erasing.carrying_out import SERVICES, partition_of
from countersign_audit.erasing.store import MAX_CASES, Erasure, ErasureStore
from countersign_audit.reading.timeline import TimelineReader
from countersign_audit.store import Store
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.errors import CountersignError
from countersign_shared.http import Principal
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging import Message, write_event
from countersign_shared.messaging.outbox import Outbox

TOPIC = "activity.recorded"
SOURCE = "/countersign/audit"


class TooManyCasesError(CountersignError):
    """A subject is in more cases than one request erases: doing some of them would look as if all was done."""

    code = "too_many_cases"


class UnreadableCaseError(CountersignError):
    """A case of the subject cannot be opened any more, so nobody knows its id to have it erased elsewhere."""

    code = "unreadable_case"


@dataclass(frozen=True, slots=True)
class CaseErasure:
    """How far the erasure of one case is; ``erased_at`` is null until its keys are destroyed."""

    tenant: str
    case_id: str
    confirmed_by: list[str]
    waiting_for: list[str]
    erased_at: str | None


@dataclass(frozen=True, slots=True)
class ErasureState:
    """An erasure and its cases."""

    erasure_id: str
    requested_at: str
    complete: bool
    cases: list[CaseErasure] = field(default_factory=list)


class ErasureDesk:
    """Takes requests for erasure and says how far they are."""

    def __init__(self, pool: Any, timelines: TimelineReader, outbox: Outbox, clock: Clock) -> None:
        self._pool = pool
        self._timelines = timelines
        self._outbox = outbox
        self._clock = clock
        self._rows = ErasureStore()
        self._store = Store()

    async def request(
        self, principal: Principal, tenant: str, *, case_id: str | None, subject_ref: str | None, legal_basis: str,
        key: str,
    ) -> ErasureState | None:  # fmt: skip
        """Ask for a case, or for all cases of a subject; None when the log knows none.

        The same request under the same ``key`` is the same erasure, however often it is made.
        """
        request = orjson.dumps([principal.subject, key, tenant, case_id, subject_ref])
        erasure_id = "era-" + hashlib.sha256(request).hexdigest()[:24]
        async with self._pool.acquire() as connection, connection.transaction():
            cases = await self._cases(connection, tenant, case_id, subject_ref)
            for scope, name, decision_type, partition in cases:
                erasure = Erasure(erasure_id, scope, tenant, name, self._clock(), None)
                if await self._rows.request(connection, erasure):
                    number = await self._store.add_read(connection, scope, erasure.requested_at)
                    message = _request(principal, erasure, decision_type, partition, number, legal_basis)
                    await self._outbox.add(
                        connection, message, event_id=_event_id(erasure), not_before=erasure.requested_at
                    )
        self._outbox.hurry()
        return await self.state(erasure_id)

    async def state(self, erasure_id: str) -> ErasureState | None:
        """Return how far an erasure is, None for one that nobody asked for."""
        async with self._pool.acquire() as connection:
            erasures = await self._rows.of_erasure(connection, erasure_id)
            cases = [_state(one, await self._rows.confirmed(connection, one)) for one in erasures]
        if not erasures:
            return None
        complete = all(case.erased_at is not None for case in cases)
        return ErasureState(erasure_id, rfc3339(erasures[0].requested_at), complete, cases)

    async def _cases(
        self, connection: Any, tenant: str, case_id: str | None, subject_ref: str | None
    ) -> list[tuple[bytes, str, str | None, int | None]]:
        if case_id is not None:
            scope = self._timelines.case_ref(tenant, case_id)
            rows = await self._store.case_entries(connection, scope, 1)
            return [(scope, case_id, _decision_type(rows), partition_of(rows))] if rows else []
        subject = self._timelines.subject_ref(tenant, subject_ref or "")
        scopes, complete = await self._rows.cases_of_subject(connection, subject)
        if not complete:
            raise TooManyCasesError(
                f"the log holds more than {MAX_CASES:,} cases of them: is that one person? Erase them case by case"
            )
        found = []
        for scope in scopes:
            rows = await self._store.case_entries(connection, scope, 1)
            name = await self._timelines.case_id(connection, scope)
            if name is None:
                raise UnreadableCaseError(f"case {scope.hex()} cannot be opened: erase it by its case id")
            found.append((scope, name, _decision_type(rows), partition_of(rows)))
        return found


def _state(erasure: Erasure, confirmed: set[str]) -> CaseErasure:
    erased_at = rfc3339(erasure.erased_at) if erasure.erased_at is not None else None
    return CaseErasure(
        erasure.tenant, erasure.case_id, sorted(confirmed & SERVICES), sorted(SERVICES - confirmed), erased_at
    )


def _decision_type(rows: list[Any]) -> str | None:
    found = orjson.loads(rows[0]["leaf"]).get("decision_type")
    # A stand-in for a text that is no word says nothing outside the log.
    return found if isinstance(found, str) and not found.startswith("~") else None


def _request(
    principal: Principal, erasure: Erasure, decision_type: str | None, partition: int | None, number: int,
    legal_basis: str,
) -> Message:  # fmt: skip
    time = rfc3339(erasure.requested_at)
    body = orjson.dumps({
        "tenant": erasure.tenant, "case_id": erasure.case_id, "decision_type": decision_type, "subject_ref": None,
        "entity_id": None, "sequence": number, "occurred_at": time,
        "actor": {"kind": "person", "pseudonym": principal.subject, "role": "admin"}, "kind": "erasure.requested",
        "body": {"erasure_id": erasure.erasure_id, "cases": [erasure.case_id], "legal_basis": legal_basis},
    })  # fmt: skip
    return write_event(
        TOPIC, event_id=_event_id(erasure), source=SOURCE, case_id=erasure.case_id, time=time, body=body,
        partition=partition,
    )  # fmt: skip


def _event_id(erasure: Erasure) -> str:
    return derived_event_id(erasure.tenant, erasure.case_id, f"audit.erase.{erasure.erasure_id}")
