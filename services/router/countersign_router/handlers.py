"""Kafka in: scored cases become routed cases, and decisions where the machine may decide."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

import orjson
from prometheus_client import Histogram

from countersign_router.controls.events import SOURCE
from countersign_router.controls.gauges import show_held
from countersign_router.domain.controls import Controls, read_controls
from countersign_router.domain.draws import Draws
from countersign_router.domain.observation import evaluate, observe
from countersign_router.domain.policy import FAILURE_LEVEL, HIGHEST_AUTOMATIC_LEVEL, Policy
from countersign_router.domain.reasons import Reason
from countersign_router.domain.routing import Routing, decide, route_without_policy
from countersign_router.language.loading import SLA_CLASSES, duration
from countersign_router.policy_shelf import PolicyShelf
from countersign_router.store import Batch, CaseKey, KnownCasesError, NewRouting, Store, StoredRouting
from countersign_router.wire import Speech, decision_body, routed_body, silent_speech
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.errors import FatalError
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.cloudevents import Event, Unreadable, read_event, stored_headers, write_event
from countersign_shared.messaging.records import Message, Record, unpack_headers
from countersign_shared.observability import Metrics
from countersign_shared.observability.faults import named
from countersign_shared.observability.labels import type_label

log = logging.getLogger(__name__)

SERVICE = "router"
TOPICS = ("case.scored",)
TYPE = "dev.countersign.case.scored.v1"
UNROUTED_QUEUE = "unrouted"
STANDARD_SLA = duration(SLA_CLASSES["standard"])
AT_RISK = 0.75
NONSENSE = (KeyError, TypeError, ValueError, AttributeError)
"""What an event of ours raises that lacks a field or has it in another shape."""


GROUP = 32
"""Cases taken through each step together. The expression library's code and ours push each other out of the processor's
caches: step by step a case costs a third less than case by case, and larger groups push out each other's data."""


class _Routed(NamedTuple):
    """A case routed just now: its row, its messages, and what is counted."""

    row: NewRouting
    messages: Sequence[Message]
    routing: Routing
    test: bool
    occurred_at: str
    traceparent: bytes | None


class _Case(NamedTuple):
    """A case to route: what is said of it, and under which policy, if any."""

    event: Event
    speech: Speech
    policy: Policy | None
    unusable: bool


class Handler:
    """Routes batches of new cases; a case that was routed before is published again as it was."""

    def __init__(
        self, *, store: Store, shelf: PolicyShelf, decision_types: Mapping[str, DecisionType], draws: Draws,
        key_id: str, metrics: Metrics, clock: Clock,
    ) -> None:  # fmt: skip
        self._store = store
        self._shelf = shelf
        self._types = decision_types
        self._silent = {name: silent_speech(decision_type) for name, decision_type in decision_types.items()}
        self._unknown = silent_speech(None)
        self._draws = draws
        self._key_id = key_id
        self._metrics = metrics
        self._clock = clock
        self._histograms: dict[tuple[str, int], Histogram] = {}
        self._bodies: tuple[bytes, ...] = ()
        self._controls = Controls()

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Route a batch in one transaction and return what to publish, each case once.

        A record that cannot be read is one of our own gone wrong: ``FatalError``, nothing is acknowledged.
        """
        try:
            routed, stored, moment = await self._kept(records)
        except KnownCasesError as error:
            log.info("some of a batch is known: %s", error)
            routed, stored, moment = await self._kept(records)
        self._count([one for one in routed if one.row.key not in stored and not one.test], moment)
        messages: list[Message] = []
        for one in routed:
            before = stored.get(one.row.key)
            messages += one.messages if before is None else _republished(one, before)
        return messages

    async def _kept(self, records: Sequence[Record]) -> tuple[list[_Routed], dict[CaseKey, StoredRouting], datetime]:
        """Route and keep a batch in one transaction; returns its cases, what was stored of them before, and when."""
        async with self._store.batch() as batch:
            held = await batch.hold_controls()
            controls = await self._read_controls(batch, held.bodies)
            # Whichever clock is behind: no decision may bear a time after the commit of a stop that it did not see.
            # Ends of certificates are held against the same moment, so that the record alone shows what was in force.
            moment = min(self._clock(), held.moment)
            routed = self._route(records, controls, moment)
            stored = await batch.keep([one.row for one in routed], moment)
            if tests := [one.row.key for one in routed if one.test and one.row.key not in stored]:
                await batch.mark_tests(tests)
        return routed, stored, moment

    def _route(self, records: Sequence[Record], controls: Controls, moment: datetime) -> list[_Routed]:
        """Route the first record of each case."""
        routed: list[_Routed] = []
        keys: set[CaseKey] = set()
        time = rfc3339(moment)
        for start in range(0, len(records), GROUP):
            events = []
            for event in map(_read, records[start : start + GROUP]):
                key = (event.body["tenant"], event.body["case_id"])
                if key not in keys:
                    keys.add(key)
                    events.append(event)
            try:
                routed += self._route_group(events, controls, moment, time)
            except NONSENSE:
                for event in events:
                    self._route_alone(event, controls, moment, time)
                raise
        return routed

    def _route_alone(self, event: Event, controls: Controls, moment: datetime, time: str) -> None:
        """Find out which event of a group makes no sense; ``FatalError`` names it."""
        try:
            self._route_group([event], controls, moment, time)
        except NONSENSE as error:
            raise FatalError(f"{_place(event.record)} is no case.scored of ours: {named(error)}") from error

    def _route_group(self, events: Sequence[Event], controls: Controls, moment: datetime, time: str) -> list[_Routed]:
        cases = [self._case(event, controls) for event in events]
        seen = [
            None if case.policy is None else observe(case.event.body, case.policy, controls, moment) for case in cases
        ]
        results = [
            None if case.policy is None or one is None else evaluate(case.policy, one)
            for case, one in zip(cases, seen, strict=True)
        ]
        routed = []
        for case, one, result in zip(cases, seen, results, strict=True):
            if case.policy is None or one is None or result is None:
                routing = self._without_policy(case, moment)
            else:
                routing = decide(case.event.body, case.policy, controls, moment, self._draws, one, result)
            routed.append(self._written(case.event, routing, case.speech, moment, time))
        return routed

    def _case(self, event: Event, controls: Controls) -> _Case:
        tenant, decision_type = event.body["tenant"], event.body["decision_type"]
        sha256 = controls.policy(tenant, decision_type)
        shelved = None if sha256 is None else self._shelf.get(sha256)
        if shelved is None:
            speech = self._silent.get(decision_type, self._unknown)
            return _Case(event, speech, None, unusable=sha256 is not None)
        return _Case(event, shelved.speech, shelved.loaded.policy, unusable=False)

    async def _read_controls(self, batch: Batch, bodies: tuple[bytes, ...]) -> Controls:
        if bodies != self._bodies:
            controls = read_controls([orjson.loads(body) for body in bodies])
            await self._shelf.fetch(set(controls.policies.values()), batch.policy)
            show_held(self._metrics, controls)
            self._bodies, self._controls = bodies, controls
        return self._controls

    def _without_policy(self, case: _Case, moment: datetime) -> Routing:
        decision_type = case.event.body["decision_type"]
        known = self._types.get(decision_type)
        if known is None:
            code, text = "unknown_decision_type", f"Nothing is known about cases of type {decision_type}."
        elif case.unusable:
            code, text = "policy_unusable", f"The policy of {decision_type} cannot be used."
        else:
            code, text = "no_policy", f"There is no policy for {decision_type}."
        return route_without_policy(
            Reason(code=code, text=text, level=FAILURE_LEVEL, values_read={"decision_type": decision_type}),
            queue=known.default_queue if known else UNROUTED_QUEUE, now=moment, sla=STANDARD_SLA, at_risk=AT_RISK,
        )  # fmt: skip

    def _written(self, event: Event, routing: Routing, speech: Speech, moment: datetime, time: str) -> _Routed:
        scored, partition = event.body, event.record.partition
        tenant, case_id = scored["tenant"], scored["case_id"]
        routed_id = derived_event_id(tenant, case_id, "routed")
        body = routed_body(scored, event.data, routing, speech, self._key_id)
        routed = {"event_id": routed_id, "source": SOURCE, "case_id": case_id, "time": time}
        messages = [write_event("case.routed", body=body, partition=partition, **routed)]
        decided = decision_headers = None
        if routing.automatic:
            decision_id = derived_event_id(tenant, case_id, "decided")
            decided = decision_body(
                scored, routing, speech, key_id=self._key_id, routed_id=routed_id, decision_id=decision_id,
                decided_at=moment,
            )  # fmt: skip
            decision = {**routed, "event_id": decision_id}
            messages.append(write_event("decision.made", body=decided, partition=partition, **decision))
            decision_headers = stored_headers("decision.made", **decision)
        row = NewRouting(
            key=(tenant, case_id), partition=partition, level=routing.level, decision_type=scored["decision_type"],
            tier=routing.consequence.tier if routing.consequence else None, band=routing.band,
            outcome=None if decided is None else scored["proposal"]["outcome"],
            routed_headers=stored_headers("case.routed", **routed), routed_body=body,
            decision_headers=decision_headers, decision_body=decided,
        )  # fmt: skip
        if event.traceparent is not None:
            messages = [_traced(message, event.traceparent) for message in messages]
        case = scored["case"]
        return _Routed(row, messages, routing, bool(case.get("test", False)), case["occurred_at"], event.traceparent)

    def _count(self, new: Sequence[_Routed], moment: datetime) -> None:
        cells: Counter[tuple[str, str, str, str]] = Counter()
        incomplete: Counter[str] = Counter()
        failed = 0
        for one in new:
            name = type_label(one.row.decision_type, self._types)
            cells[name, str(one.row.level), one.row.tier or "none", one.row.band or "none"] += 1
            failed += one.routing.policy_failed
            incomplete[name] += one.routing.incomplete
            if one.routing.automatic:
                waited = (moment - datetime.fromisoformat(one.occurred_at)).total_seconds()
                self._waited(name, one.row.level).observe(max(waited, 0.0))
        self._metrics.counter("policy_errors_total").inc(failed)
        for name, count in incomplete.items():
            self._metrics.counter("incomplete_cases_total").labels(decision_type=name).inc(count)
        decided: Counter[str] = Counter()
        for (name, level, tier, band), count in cells.items():
            self._metrics.counter("routing_total").labels(decision_type=name, level=level, tier=tier, band=band).inc(
                count
            )
            if int(level) <= HIGHEST_AUTOMATIC_LEVEL:
                decided[name] += count
        for name, count in decided.items():
            self._metrics.counter("decisions_total").labels(
                decision_type=name, mode="automatic", relation="agreed"
            ).inc(count)

    def _waited(self, decision_type: str, level: int) -> Histogram:
        key = (decision_type, level)
        if key not in self._histograms:
            metric = self._metrics.histogram("time_to_decision_seconds")
            self._histograms[key] = metric.labels(decision_type=decision_type, level=str(level))
        return self._histograms[key]


def _read(record: Record) -> Event:
    try:
        event = read_event(record)
    except Unreadable as error:
        raise FatalError(f"{_place(record)} is no event of ours, and only ours belong here: {error}") from error
    body = event.body
    if event.type != TYPE or not isinstance(body.get("tenant"), str) or not isinstance(body.get("case_id"), str):
        raise FatalError(f"{_place(record)} is no {TYPE} of ours, and only those belong here: it is a {event.type}")
    return event


def _place(record: Record) -> str:
    return f"cannot read {record.topic}[{record.partition}] at offset {record.offset}: it"


def _republished(repeat: _Routed, stored: StoredRouting) -> list[Message]:
    key = repeat.row.key[1].encode()
    messages = [
        Message("case.routed", stored.partition, key, stored.routed_body, unpack_headers(stored.routed_headers))
    ]
    if stored.decision_body is not None and stored.decision_headers is not None:
        headers = unpack_headers(stored.decision_headers)
        messages.append(Message("decision.made", stored.partition, key, stored.decision_body, headers))
    if repeat.traceparent is None:
        return messages
    return [_traced(message, repeat.traceparent) for message in messages]


def _traced(message: Message, traceparent: bytes) -> Message:
    headers = (*message.headers, ("traceparent", traceparent))
    return Message(message.topic, message.partition, message.key, message.value, headers)
