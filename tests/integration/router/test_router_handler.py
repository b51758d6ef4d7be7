"""Batches on a real database: one routing per case, for ever the same bytes, whatever repeats or races."""

from __future__ import annotations

import asyncio

import asyncpg
import orjson
import pytest

from countersign_router.store import Store
from countersign_shared.contracts.events.decision import DecisionMade
from countersign_shared.contracts.events.routed import CaseRouted
from countersign_shared.errors import ConfigurationError, FatalError
from countersign_shared.ids import derived_event_id
from countersign_shared.messaging.records import Record
from tests.integration.router.desk import Replica, bodies, record
from tests.unit.router.cases import ALWAYS_DRAWN, bent, scored, shipped

pytestmark = pytest.mark.postgres


async def test_an_automatic_case_is_routed_and_decided_at_once(replica: Replica) -> None:
    messages = await replica.route(scored())
    assert [message.topic for message in messages] == ["case.routed", "decision.made"]
    assert {message.partition for message in messages} == {3}
    assert {message.key for message in messages} == {b"loan-000001"}
    routed, decision = bodies(messages, "case.routed")[0], bodies(messages, "decision.made")[0]
    CaseRouted.model_validate(routed)
    DecisionMade.model_validate(decision)
    headers = dict(messages[1].headers)
    assert headers["ce_id"].decode() == decision["decision_id"] == derived_event_id("default", "loan-000001", "decided")
    assert headers["ce_time"].decode() == decision["decided_at"]
    assert decision["routing"]["event_id"] == dict(messages[0].headers)["ce_id"].decode()
    assert (routed["level"], decision["mode"], decision["relation"]) == (1, "automatic", "agreed")
    assert (routed["sequence"], decision["sequence"]) == (1, 2)


async def test_a_case_for_people_is_not_decided(replica: Replica) -> None:
    messages = await replica.route(scored(outcome=None))
    assert [message.topic for message in messages] == ["case.routed"]
    routed = bodies(messages, "case.routed")[0]
    assert (routed["level"], routed["queue"], routed["band"]) == (4, "underwriting", None)
    assert routed["reasons"][0]["code"] == "abstained"
    assert {fact["field"] for fact in routed["handling"]["key_facts"]}.isdisjoint({"race", "sex"})


async def test_what_was_scored_is_taken_over_byte_for_byte(replica: Replica) -> None:
    body = scored()
    message = (await replica.route(body))[0]
    assert message.value.startswith(orjson.dumps(body)[:-1] + b",")


async def test_a_name_of_ours_in_the_scored_event_does_not_stand_twice(replica: Replica) -> None:
    message = (await replica.route({**scored(), "level": 1, "handling": {}, "sequence": 7}))[0]
    assert message.value.count(b'"level":1,') <= 2  # one of them is the reason's
    routed = orjson.loads(message.value)
    CaseRouted.model_validate(routed)
    assert routed["sequence"] == 1


async def test_a_replay_publishes_the_stored_bytes_even_under_another_policy(replica: Replica, store: Store) -> None:
    body = scored()
    first = await replica.route(body)
    strict = bent(version=2, never_automate="true")
    await replica.publish(strict)
    assert bodies(await replica.route(scored("loan-2")), "case.routed")[0]["level"] == 3
    assert await replica.route(body, partition=9) == first
    assert await Replica(store, draws=ALWAYS_DRAWN).route(body) == first


async def test_the_traceparent_belongs_to_one_delivery(replica: Replica) -> None:
    traced = record(scored(), traceparent=b"00-1-2-01")
    first = await replica.handler([traced])
    again = await replica.handler([record(scored(), traceparent=b"00-3-4-01")])
    assert [dict(message.headers)["traceparent"] for message in first] == [b"00-1-2-01"] * 2
    assert [dict(message.headers)["traceparent"] for message in again] == [b"00-3-4-01"] * 2
    assert [message.value for message in again] == [message.value for message in first]


async def test_a_case_that_comes_twice_in_a_batch_is_published_once(replica: Replica, pool: asyncpg.Pool) -> None:
    messages = await replica.route(scored(), scored(), scored("other"), scored())
    assert [message.topic for message in messages] == ["case.routed", "decision.made"] * 2
    assert await pool.fetchval("SELECT count(*) FROM routings") == 2


async def test_two_tenants_may_use_one_case_id(replica: Replica) -> None:
    messages = await replica.route(scored(tenant="a"), scored(tenant="b"))
    assert len({dict(message.headers)["ce_id"] for message in messages}) == 4


async def test_overlapping_batches_of_two_replicas_agree(replica: Replica, store: Store) -> None:
    other = Replica(store, draws=ALWAYS_DRAWN)
    cases = [scored(f"loan-{number:03}") for number in range(120)]
    results = await asyncio.gather(
        *(
            router.route(*(cases[start : start + 60] if forwards else reversed(cases[start : start + 60])))
            for start in (0, 30, 60)
            for router, forwards in ((replica, True), (other, False))
        )
    )
    seen: dict[tuple[str, bytes], bytes] = {}
    for messages in results:
        for message in messages:
            assert seen.setdefault((message.topic, message.key), message.value) == message.value
    assert len([key for key in seen if key[0] == "case.routed"]) == 120


async def test_a_test_case_is_routed_but_neither_executed_nor_counted(replica: Replica) -> None:
    decision = bodies(await replica.route(scored(test=True)), "decision.made")[0]
    assert (decision["test"], decision["execute"], decision["binding"]["execute_sha256"]) == (True, None, None)
    assert b'routing_total{decision_type="loan' not in replica.metrics.exposition()
    await replica.route(scored("real"))
    assert b'routing_total{band="high",decision_type="loan_application",level="1"' in replica.metrics.exposition()


async def test_the_wait_for_an_automatic_decision_is_timed_once(replica: Replica) -> None:
    """One that came twice was waited for once, and a case for people is timed where they decide."""
    await replica.route(scored(), scored("loan-2", confidence=0.85), scored("loan-3", outcome="decline"))
    await replica.route(scored(), scored("test", test=True))
    counted = [
        line for line in replica.metrics.exposition().decode().splitlines()
        if line.startswith("countersign_time_to_decision_seconds_count")
    ]  # fmt: skip
    assert counted == [
        f'countersign_time_to_decision_seconds_count{{decision_type="loan_application",level="{level}"}} 1.0'
        for level in (1, 2)
    ]


async def test_a_case_from_the_future_was_not_waited_for(replica: Replica) -> None:
    await replica.route(scored(occurred_at="2999-01-01T00:00:00Z"))
    exposition = replica.metrics.exposition().decode()
    assert 'time_to_decision_seconds_sum{decision_type="loan_application",level="1"} 0.0' in exposition


async def test_an_unknown_decision_type_goes_to_a_person(replica: Replica) -> None:
    messages = await replica.route(scored(decision_type="parole"))
    routed = bodies(messages, "case.routed")[0]
    CaseRouted.model_validate(routed)
    assert [message.topic for message in messages] == ["case.routed"]
    assert (routed["level"], routed["policy"], routed["queue"]) == (4, None, "unrouted")
    assert routed["reasons"][0]["code"] == "unknown_decision_type"
    assert b'decision_type="unknown"' in replica.metrics.exposition()


async def test_a_decision_type_without_a_policy_goes_to_its_own_queue(store: Store) -> None:
    routed = bodies(await Replica(store).route(scored()), "case.routed")[0]
    CaseRouted.model_validate(routed)
    assert (routed["level"], routed["queue"], routed["reasons"][0]["code"]) == (4, "loans", "no_policy")
    assert {one["outcome"] for one in routed["handling"]["allowed_outcomes"]} == {"approve", "decline"}


async def test_a_tenant_without_a_policy_of_its_own_gets_the_default_one(replica: Replica) -> None:
    await replica.publish(bent(tenant="strict", never_automate="true"))
    messages = await replica.route(scored("a", tenant="strict"), scored("b", tenant="other"))
    levels = {body["tenant"]: (body["level"], body["policy"]["id"]) for body in bodies(messages, "case.routed")}
    assert levels == {"strict": (3, "strict/loan_application"), "other": (1, "default/loan_application")}


async def test_a_published_policy_that_cannot_be_used_sends_its_cases_to_people(
    replica: Replica, store: Store, pool: asyncpg.Pool, caplog: pytest.LogCaptureFixture
) -> None:
    await pool.execute("UPDATE policies SET document = 'version: 1'")
    other = Replica(store)
    routed = bodies(await other.route(scored()), "case.routed")[0]
    assert (routed["level"], routed["queue"], routed["reasons"][0]["code"]) == (4, "loans", "policy_unusable")
    assert "cannot be used" in caplog.text


async def test_a_published_version_never_changes(replica: Replica) -> None:
    with pytest.raises(ConfigurationError, match=r"version 1 was published with other content.*raise `version`"):
        await replica.publish(bent(version=1, never_automate="true"))


async def test_an_older_file_does_not_replace_what_is_in_force(replica: Replica) -> None:
    await replica.publish(bent(version=3, never_automate="true"))
    await replica.publish(shipped())
    assert bodies(await replica.route(scored()), "case.routed")[0]["policy"]["version"] == 3


@pytest.mark.parametrize(
    "broken",
    [
        {"tenant": "default", "case_id": "x"},
        {**scored("x"), "signals": None},
        {**scored("x"), "case": None},
        {**scored("x"), "tenant": 5},
        {**scored("x"), "proposal": {"outcome": "approve", "confidence": 0.97}},
    ],
    ids=["empty", "no signals", "no case", "odd tenant", "proposal without explanation"],
)
async def test_an_event_of_ours_that_makes_no_sense_stops_the_service(
    replica: Replica, broken: dict[str, object]
) -> None:
    raw = record({"tenant": "default", "case_id": "x"})
    bad = Record(raw.topic, 3, 41, raw.timestamp_ms, raw.key, orjson.dumps(broken), raw.headers)
    with pytest.raises(FatalError, match=r"case.scored\[3\] at offset 41"):
        await replica.handler([record(scored("good")), bad])


@pytest.mark.parametrize("value", [None, b"{", b"[]", b"\xff"])
async def test_a_record_nobody_can_read_stops_the_service(replica: Replica, value: bytes | None) -> None:
    raw = record(scored())
    with pytest.raises(FatalError, match="no event of ours"):
        await replica.handler([Record(raw.topic, 3, 7, raw.timestamp_ms, raw.key, value, raw.headers)])


async def test_nothing_of_a_batch_that_failed_is_kept(replica: Replica, pool: asyncpg.Pool) -> None:
    bad = {**scored("zzz"), "signals": None}
    with pytest.raises(FatalError):
        await replica.route(scored("aaa"), bad)
    assert await pool.fetchval("SELECT count(*) FROM routings") == 0
