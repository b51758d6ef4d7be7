"""Every record of the whole system fits its contract, whatever upstream sent."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

import orjson
import pytest

from countersign_inference.training.loanapp import applications
from countersign_shared.contracts.topics import contracts_dir, copartitioned_topics, load_topics
from countersign_shared.messaging import Message, open_bus, write_event
from countersign_shared.messaging.producer import open_publisher
from countersign_shared.messaging.records import Record
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings
from tests.contract.fits import misfits
from tests.fixtures.stack import Stack

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]

APPLICATIONS = 150
SETTLE_SECONDS = 90.0
MOMENT = "2026-03-02T09:15:00Z"
DEAD_LETTER = "countersign.dead-letter"


def upstream(topic: str, body: bytes, case_id: str, event_id: str) -> Message:
    return write_event(
        topic, event_id=event_id, source="/upstream/test", case_id=case_id, time=MOMENT, body=body, partition=None
    )


def created(body: dict[str, Any]) -> Message:
    return upstream("case.created", orjson.dumps(body), body["case_id"], f"up-{body['case_id']}")


def real_cases() -> list[dict[str, Any]]:
    """Real applications, said as briefly as the contract allows."""
    return [
        {
            "case_id": f"real-{number}",
            "decision_type": "loan_application",
            "payload": dict(application.payload),
            "submitted_by": "test",
            "occurred_at": MOMENT,
        }
        for number, application in zip(range(APPLICATIONS), applications(), strict=False)
    ]


def odd_cases() -> list[dict[str, Any]]:
    """The committed examples and bodies that no form would send, each a case all the same."""
    examples = [json.loads(path.read_bytes()) for path in sorted((contracts_dir() / "examples/case.created").glob("*"))]
    plain = {"decision_type": "loan_application", "payload": {}, "submitted_by": "test", "occurred_at": MOMENT}
    hostile = "\u0000'\"<script>{{7*7}}\u202e\ud7ff" * 20
    return [
        *examples,
        {**plain, "case_id": "odd-empty"},
        {**plain, "case_id": "odd-type", "decision_type": "no_such_type"},
        {**plain, "case_id": "odd-hostile", "payload": {hostile: [hostile], "loan_amount": hostile}},
        {**plain, "case_id": "odd-wrong", "payload": {"loan_amount": {"a": 1}, "term_months": 1e300, "units": None}},
        {**plain, "case_id": "odd-large", "payload": {"notes": "\u2603" * 60_000}},
        {
            **plain,
            "case_id": "odd-refund",
            "decision_type": "refund",
            "payload": {"order_id": "A", "amount": {"value": "1", "currency": "ZZZ"}, "message": "m\n" * 9_000},
        },
        {
            **plain,
            "case_id": "odd-proposal",
            "proposal": {"outcome": "no-such-outcome", "confidence": 0.5, "explanation": "first\nsecond"},
        },
    ]


def refused() -> list[Message]:
    sound = orjson.dumps({**real_cases()[0], "case_id": "bad"})
    bodies = [b"", b"{", b"[]", b'{"case_id":7}', sound[:-1] + b',"case_id":"bad"}', b"\xff" * 10, b"[" * 5_000]
    return [upstream("case.created", body, "bad", f"bad-{number}") for number, body in enumerate(bodies)]


async def read_everything(stack: Stack) -> dict[str, list[Record]]:
    settings = ServiceSettings(
        database_url="unused", kafka_bootstrap_servers=stack.bootstrap, http_port=0, topic_prefix=stack.topic_prefix
    )
    async with open_bus(settings, service="checker", health=Health(), metrics=Metrics("checker")) as bus:
        return {topic: await bus.read_all(topic) for topic in load_topics()}


async def settled(stack: Stack, *, routed: int, dead: int, decided: set[tuple[str, str]]) -> dict[str, list[Record]]:
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        records = await read_everything(stack)
        done = {identity(record) for record in records["decision.made"]}
        if len(records["case.routed"]) >= routed and len(records[DEAD_LETTER]) >= dead and decided <= done:
            return records
        counts = {topic: len(found) for topic, found in records.items()}
        words = {service: stack.last_words(service)[-500:] for service in stack.processes}
        assert time.monotonic() < deadline, f"{counts}, wanted {routed} routed, {dead} dead: {words}"
        await asyncio.sleep(1.0)


def identity(record: Record) -> tuple[str, str]:
    body = orjson.loads(record.value or b"{}")
    return body.get("tenant", "default"), body.get("case_id", "")


async def test_every_record_fits_its_contract(kafka_bootstrap, topic_prefix, database_url, tmp_path):
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix)
    cases = real_cases() + odd_cases()
    withdrawn = orjson.dumps(
        {
            "case_id": "odd-refund",
            "decision_type": "refund",
            "occurred_at": MOMENT,
            "kind": "withdrawn",
            "body": {"reason": "Settled\notherwise."},
        }
    )
    with Stack(tmp_path, database_url, kafka_bootstrap, topic_prefix) as stack:
        await asyncio.to_thread(stack.start)
        async with open_publisher(kafka_bootstrap, prefix=topic_prefix, client_id="upstream") as publisher:
            await publisher.publish([*map(created, cases), *refused()])
            await publisher.publish([upstream("case.updated", withdrawn, "odd-refund", "up-withdrawn")])
        records = await settled(stack, routed=len(cases), dead=len(refused()), decided={("default", "odd-refund")})
        assert set((await asyncio.to_thread(stack.stop)).values()) == {0}
    for topic, found in records.items():
        for record in found:
            assert faults(topic, record) == [], (topic, record.key)
    check_partitions(records)
    check_levels(records)


def faults(topic: str, record: Record) -> list[str]:
    headers = dict(record.headers)
    if topic == DEAD_LETTER:
        return misfits(topic, {name: value.decode() for name, value in headers.items() if name.startswith("x-")})
    if topic == "case.created":
        return []  # upstream's own words
    about = load_topics()[topic]
    expected = {"ce_specversion": b"1.0", "ce_type": about.event_type.encode(), "content-type": b"application/json"}
    if headers["ce_source"].startswith(b"/countersign/"):
        expected["ce_dataschema"] = about.dataschema.encode()
    wrong = [f"{name} is {headers.get(name)!r}" for name, value in expected.items() if headers.get(name) != value]
    wrong += [f"{name} is missing" for name in ("ce_id", "ce_source", "ce_time", "ce_subject") if not headers.get(name)]
    return wrong + misfits(topic, record.value or b"")


def check_partitions(records: dict[str, list[Record]]) -> None:
    """All that follows from a case is where the case arrived, under the same key."""
    arrived = {record.key: record.partition for record in records["case.created"]}
    for topic in copartitioned_topics():
        for record in records[topic]:
            if record.key in arrived:
                assert record.partition == arrived[record.key], topic


def check_levels(records: dict[str, list[Record]]) -> None:
    """Levels 1 and 2 are decided without people, and only they; no odd case is among them."""
    routed = {identity(record): orjson.loads(record.value or b"") for record in records["case.routed"]}
    decided = {identity(record): orjson.loads(record.value or b"") for record in records["decision.made"]}
    automatic = {
        case for case, body in decided.items() if body["mode"] == "automatic" and body["closed_as"] == "decided"
    }
    assert automatic == {case for case, body in routed.items() if body["level"] <= 2}
    assert automatic
    assert not [case for _, case in automatic if case.startswith("odd-")]
