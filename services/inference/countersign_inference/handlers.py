"""Kafka in: cases become scored cases; what cannot be read becomes a dead letter."""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any, NamedTuple

import orjson

from countersign_inference.answering import Answering
from countersign_inference.calibrating import Calibrators
from countersign_inference.domain.arrivals import Arrival, CaseKey, firsts
from countersign_inference.domain.completeness import Checklist, Completeness
from countersign_inference.domain.outstanding import Outstanding
from countersign_inference.domain.scored_event import scored_body
from countersign_inference.domain.scoring import Abstained, Answer, AnyScorer, Question
from countersign_inference.shadows import Shadows
from countersign_inference.store import TOPIC, Kept, ScoredCase, Store
from countersign_shared.clock import Clock, rfc3339
from countersign_shared.contracts.decision_types import DecisionType
from countersign_shared.contracts.intake import Refusal, parse_case_created, read_json
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.cloudevents import Unreadable, read_event, stored_headers, write_event
from countersign_shared.messaging.dead_letters import TOPIC as DEAD_LETTERS
from countersign_shared.messaging.dead_letters import dead_letter
from countersign_shared.messaging.records import Message, Record
from countersign_shared.observability import Metrics
from countersign_shared.observability.labels import type_label

TOPICS = ("case.created",)
SERVICE = "inference"
SOURCE = "/countersign/inference"
TYPE = "dev.countersign.case.created.v1"


class _Judged(NamedTuple):
    """What was found out about one case."""

    answer: Answer
    completeness: Completeness
    latency_ms: float
    model: Mapping[str, Any] | None = None


_UNKNOWN = Abstained("unknown_decision_type", "no decision type of this name is defined here")
_UNCHECKED = Completeness((), (), frozenset(), {"value": None, "reason": "the decision type is unknown"})


class Handler:
    """Scores batches of new cases; a case that was scored before is published again as it was."""

    def __init__(
        self, *, store: Store, answering: Answering, scorers: Mapping[str, AnyScorer],
        decision_types: Mapping[str, DecisionType], outstanding: Outstanding, metrics: Metrics, clock: Clock,
        shadows: Shadows | None = None, calibrators: Calibrators | None = None,
    ) -> None:  # fmt: skip
        self._store = store
        self._answering = answering
        self._shadows = shadows
        self._calibrators = calibrators
        self._types = decision_types
        self._checklists = {name: Checklist(decision_type) for name, decision_type in decision_types.items()}
        # A scorer sees what it reads and nothing else; a protected field not even if it asks.
        self._visible = {
            name: tuple(field for field in scorer.reads if field not in decision_types[name].protected_fields)
            for name, scorer in scorers.items()
        }
        self._outstanding = outstanding
        self._metrics = metrics
        self._clock = clock

    async def __call__(self, records: Sequence[Record]) -> Sequence[Message]:
        """Return, in the order of the records, a scored case or a dead letter for each.

        A case that comes twice in a batch is published once; with another body the second time it is a conflict.
        """
        read = [_read(record) for record in records]
        cases = firsts(item for item in read if isinstance(item, Arrival))
        kept = await self._kept(cases) if cases else Kept({}, ())
        messages: list[Message] = []
        published: set[CaseKey] = set()
        for item, record in zip(read, records, strict=True):
            if isinstance(item, Message):
                messages.append(item)
                continue
            self._outstanding.leave(item.key)
            stored = kept.stored[item.key]
            if not stored.message.value:
                continue  # erased: nothing is said about it any more
            if stored.digest != item.digest:
                messages.append(_conflict(item, record))
            elif item.key not in published:
                published.add(item.key)
                messages.append(_publication(item, stored.message))
        self._count_dead_letters(messages)
        return messages

    async def _kept(self, cases: Sequence[Arrival]) -> Kept:
        found = await self._judged(cases)
        moment = self._clock()
        time = rfc3339(moment)
        rows = [
            _scored_case(arrival, self._scored(arrival, judged), time)
            for arrival, judged in zip(cases, found, strict=True)
        ]
        kept = await self._store.keep(rows, moment)
        self._count_new(cases, found, kept)
        return kept

    async def _judged(self, cases: Sequence[Arrival]) -> list[_Judged]:
        """Check and score the cases, those of one decision type together."""
        by_type: dict[str, list[int]] = defaultdict(list)
        for index, arrival in enumerate(cases):
            by_type[arrival.decision_type].append(index)
        found: list[_Judged] = [_Judged(_UNKNOWN, _UNCHECKED, 0.0)] * len(cases)
        known = by_type.keys() & self._types.keys()
        # A slow model of one type keeps the cases of another no longer than itself takes.
        await asyncio.gather(*(self._judge(name, by_type[name], cases, found) for name in known))
        return found

    async def _judge(self, name: str, indices: Sequence[int], cases: Sequence[Arrival], found: list[_Judged]) -> None:
        checks = [self._checklists[name].check(cases[index].body["payload"]) for index in indices]
        questions = [self._question(name, cases[index], check) for index, check in zip(indices, checks, strict=True)]
        answered = await self._answering.ask(name, questions)
        answers = answered.answers
        if self._calibrators is not None:
            answers = self._calibrators.applied(name, questions, answers)
        for index, check, answer in zip(indices, checks, answers, strict=True):
            found[index] = _Judged(answer, check, answered.latency_ms, answered.model)
        if self._shadows is not None:
            self._shadows.watch(name, questions, answered.answers)

    def _question(self, decision_type: str, arrival: Arrival, check: Completeness) -> Question:
        given = arrival.body["payload"]
        payload = {name: given[name] for name in self._visible[decision_type] if name in given}
        return Question(payload, check.invalid_names, arrival.body.get("proposal"), arrival.key[0])

    def _scored(self, arrival: Arrival, judged: _Judged) -> bytes:
        body = scored_body(
            arrival, case=orjson.Fragment(arrival.data), payload_sha256=sha256(arrival.data).hexdigest(),
            answer=judged.answer, completeness=judged.completeness,
            model=judged.model, latency_ms=judged.latency_ms,
        )  # fmt: skip
        return orjson.dumps(body)

    def _count_new(self, cases: Sequence[Arrival], found: Sequence[_Judged], kept: Kept) -> None:
        created: Counter[str] = Counter()
        asked: Counter[tuple[str, str]] = Counter()
        confidence = self._metrics.histogram("confidence")
        for arrival, judged in zip(cases, found, strict=True):
            if arrival.key not in kept.new:
                continue
            created[type_label(arrival.decision_type, self._types)] += 1
            name = judged.model["name"] if judged.model else "none"
            if isinstance(judged.answer, Abstained):
                asked[name, judged.answer.reason] += 1
            else:
                asked[name, "proposed"] += 1
                confidence.observe(judged.answer.proposal["confidence"])
        for decision_type, count in created.items():
            self._metrics.counter("cases_created_total").labels(decision_type=decision_type).inc(count)
        for (model, result), count in asked.items():
            self._metrics.counter("scorer_requests_total").labels(model=model, result=result).inc(count)

    def _count_dead_letters(self, messages: Sequence[Message]) -> None:
        for message in messages:
            if message.topic == DEAD_LETTERS:
                reason = dict(message.headers)["x-reason"].decode()
                self._metrics.counter("dead_letters_total").labels(service=SERVICE, reason=reason).inc()


def _read(record: Record) -> Arrival | Message:
    """Read one record; a bad one is answered with its dead letter."""
    try:
        event = read_event(record, _parse)
    except Unreadable as error:
        return dead_letter(record, service=SERVICE, reason=error.reason, pointer=error.pointer, detail=error.detail)
    if event.type != TYPE:
        return dead_letter(
            record, service=SERVICE, reason="unknown_type", pointer="/headers/ce_type", detail=f"expected {TYPE}"
        )
    parsed = parse_case_created(event.data, parsed=event.body)
    if isinstance(parsed, Refusal):
        return dead_letter(record, service=SERVICE, reason=parsed.reason, pointer=parsed.pointer, detail=parsed.detail)
    return Arrival(
        key=parsed.key, decision_type=parsed.body["decision_type"], digest=parsed.canonical_sha256,
        body=parsed.body, data=event.data, partition=record.partition, traceparent=event.traceparent,
    )  # fmt: skip


def _parse(data: bytes) -> dict[str, Any]:
    """Read a body as the HTTP intake does: the same bytes are refused for the same reason."""
    found = read_json(data)
    if isinstance(found, Refusal):
        raise Unreadable(found.reason, found.pointer, found.detail)
    return found


def _scored_case(arrival: Arrival, body: bytes, time: str) -> ScoredCase:
    tenant, case_id = arrival.key
    event_id = derived_event_id(tenant, case_id, "scored")
    message = write_event(
        TOPIC, event_id=event_id, source=SOURCE, case_id=case_id, time=time, body=body, partition=arrival.partition
    )
    headers = stored_headers(TOPIC, event_id=event_id, source=SOURCE, case_id=case_id, time=time)
    return ScoredCase(arrival.key, arrival.digest, message, headers)


def _publication(arrival: Arrival, message: Message) -> Message:
    if arrival.traceparent is None:
        return message
    return message._replace(headers=(*message.headers, ("traceparent", arrival.traceparent)))


def _conflict(arrival: Arrival, record: Record) -> Message:
    tenant, case_id = arrival.key
    detail = f"case {case_id} of tenant {tenant} was accepted before with another body; withdraw it and send a new one"
    return dead_letter(record, service=SERVICE, reason="conflict", detail=detail)
