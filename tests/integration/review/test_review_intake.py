from __future__ import annotations

from typing import Any

import asyncpg
import orjson
import pytest
from pydantic import TypeAdapter

from countersign_review.store.events import SOURCE
from countersign_review.store.routed import routed_of
from countersign_shared.contracts.events import EVENTS
from countersign_shared.errors import FatalError
from countersign_shared.messaging import Record
from tests.integration.review.harness import (
    Desk,
    audited,
    automatic_decision,
    content,
    count,
    record,
    routed,
    updated,
)

pytestmark = pytest.mark.postgres


@pytest.mark.parametrize("decided_first", [True, False])
async def test_review_what_people_decided_before_a_restore_is_not_asked_again(desk: Desk, decided_first: bool) -> None:
    case = routed("lost-1")
    made = automatic_decision(case) | {"mode": "human", "decision_id": "d-1"}
    back = record("decision.made", made, source=SOURCE)
    await desk.take_in(record("case.routed", routed("open-1")))
    for one in (back, record("case.routed", case)) if decided_first else (record("case.routed", case), back):
        await desk.take_in(one)
    rows = await desk.pool.fetch("SELECT case_id, state FROM reviews ORDER BY case_id")
    assert [tuple(row) for row in rows] == [("lost-1", "decided"), ("open-1", "waiting")]


async def test_review_whoever_holds_a_case_that_was_decided_in_a_lost_hour_is_told_so(desk: Desk) -> None:
    case = routed()
    await desk.take_in(record("case.routed", case))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    made = automatic_decision(case) | {"mode": "human", "decision_id": "d-1"}
    await desk.take_in(record("decision.made", made, source=SOURCE))
    told = (await ana.decide(claim)).json()
    assert (told["status"], told["type"].rsplit("/", 1)[1]) == (409, "already-decided")
    assert told["outcome"] == made["outcome"]


@pytest.mark.parametrize("mode", ["automatic", "human"])
async def test_review_what_was_withdrawn_or_sent_back_before_a_restore_is_not_asked_again(
    desk: Desk, mode: str
) -> None:
    case = routed()
    await desk.take_in(record("case.routed", case))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    closed = {"mode": mode, "decision_id": "d-1", "outcome": None, "closed_as": "withdrawn"}
    await desk.take_in(record("decision.made", automatic_decision(case) | closed, source=SOURCE))
    assert await desk.pool.fetchval("SELECT state FROM reviews") == "withdrawn"
    told = (await ana.decide(claim)).json()
    assert (told["status"], told["type"].rsplit("/", 1)[1]) == (409, "withdrawn")


async def test_review_automatic_cases_are_stored_and_ask_nobody(desk: Desk) -> None:
    case = routed("auto-1", level=2)
    await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    assert (await count(desk, "cases"), await count(desk, "decisions"), await count(desk, "reviews")) == (1, 1, 0)
    ana = await desk.client("ana", "auditor")
    page = (await ana.get("/cases/default/auto-1")).json()
    assert (page["state"], page["decided_by"]) == ("decided", "automation")
    assert page["decisions"][0]["mode"] == "automatic"


async def test_review_a_decision_may_come_before_its_case(desk: Desk) -> None:
    case = routed("auto-1", level=1)
    await desk.take_in(record("decision.made", automatic_decision(case)))
    ana = await desk.client("ana", "auditor")
    assert (await ana.get("/cases/default/auto-1")).status_code == 404
    await desk.take_in(record("case.routed", case))
    assert (await ana.get("/cases/default/auto-1")).json()["state"] == "decided"


async def test_review_a_repeat_creates_nothing_and_says_again_what_was_said(desk: Desk) -> None:
    arrival = record("case.routed", routed())
    assert await desk.take_in(arrival, arrival) == []
    ana = await desk.client("ana")
    await ana.decide(await ana.claimed())
    # What still waits in the outbox is not said twice.
    assert await desk.take_in(arrival) == []
    first = [message for message in await desk.relay_once() if message.key == b"loan-1"]
    again = await desk.take_in(arrival)
    assert list(again) == first
    for table, rows in (("cases", 1), ("reviews", 1), ("decisions", 1), ("answers", 1)):
        assert await count(desk, table) == rows
    # Its own decision comes back from the topic.
    made = next(message for message in first if message.topic == "decision.made")
    await desk.take_in(Record("decision.made", 3, 1, 0, made.key, made.value, made.headers))
    assert await count(desk, "decisions") == 1


async def test_review_two_tenants_may_use_one_case_id(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(tenant="a")), record("case.routed", routed(tenant="b")))
    assert await count(desk, "reviews") == 2
    ana = await desk.client("ana", tenants=("b",))
    claim = await ana.claimed()
    assert claim["context"]["decision_required"]["tenant"] == "b"
    assert (await ana.claim()).status_code == 204
    assert (await ana.get("/cases/a/loan-1")).status_code == 404


async def test_review_another_body_for_a_known_case_changes_nothing(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    await desk.take_in(record("case.routed", routed()))
    await desk.take_in(record("case.routed", routed(priority=1)))
    assert "another body" in caplog.text
    assert routed_of(await desk.pool.fetchval("SELECT body FROM cases"))["priority"] == routed()["priority"]


async def test_review_a_second_decision_is_refused_with_an_alarm(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    made = automatic_decision(routed("auto-1", level=2))
    await desk.take_in(record("decision.made", made))
    await desk.take_in(record("decision.made", made | {"decision_id": "another"}))
    assert "another" in caplog.text
    assert await desk.pool.fetchval("SELECT decision_id FROM decisions") == made["decision_id"]


async def test_review_stops_rather_than_lose_what_it_cannot_read(desk: Desk) -> None:
    good, bad = record("case.routed", routed()), record("case.routed", routed("x"))
    for value in (b"{", b'{"tenant": "default"}', b'"text"'):
        broken = Record(bad.topic, bad.partition, bad.offset, 0, bad.key, value, bad.headers)
        with pytest.raises(FatalError, match=r"cannot read case\.routed\[3\] at offset"):
            await desk.take_in(good, broken)
    assert await count(desk, "cases") == 0


@pytest.mark.parametrize(
    ("value", "reason", "pointer"),
    [
        (b"{", "malformed_json", ""),
        (b"[]", "wrong_type", ""),
        (orjson.dumps({"kind": "withdrawn", "case_id": "loan-1"}), "missing_field", "/decision_type"),
        (orjson.dumps({"kind": "exploded"}), "invalid_value", "/kind"),
        (orjson.dumps({"case_id": "loan-1"}), "missing_field", "/kind"),
    ],
)
async def test_review_a_strangers_bad_update_is_a_dead_letter(
    desk: Desk, value: bytes, reason: str, pointer: str
) -> None:
    good = updated("loan-1", "withdrawn", {"reason": "sold"})
    bad = Record(good.topic, 3, 9, 0, good.key, value, good.headers)
    letters = await desk.take_in(bad, record("case.routed", routed("other")))
    headers = dict(letters[0].headers)
    assert (letters[0].topic, letters[0].value) == ("countersign.dead-letter", value)
    assert (headers["x-reason"].decode(), headers["x-pointer"].decode()) == (reason, pointer)
    assert await count(desk, "cases") == 1


async def test_review_an_audit_answer_is_a_judgement_never_a_decision(desk: Desk) -> None:
    agrees, differs = audited("a-1"), audited("a-2")
    for case in (agrees, differs):
        await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    ana = await desk.client("ana")
    for _ in range(2):
        claim = await ana.claimed()
        outcome = "approve" if claim["context"]["decision_required"]["case_id"] == "a-1" else "decline"
        answer = await ana.decide(claim, outcome, key=outcome)
        assert answer.status_code == 200, answer.text
    sent = await desk.relay_once()
    assert "decision.made" not in [message.topic for message in sent]
    judged = {content(m)["case_id"]: content(m) for m in sent if content(m).get("kind") == "audit.judged"}
    for body in judged.values():
        TypeAdapter(EVENTS["activity.recorded"]).validate_python(body)
    assert judged["a-1"]["body"]["error"] is False
    assert judged["a-2"]["body"]["error"] is True
    assert judged["a-2"]["body"]["judged_decision_id"] == automatic_decision(differs)["decision_id"]
    assert await desk.pool.fetchval("SELECT count(*) FROM decisions WHERE mode <> 'automatic'") == 0


async def test_review_copied_rows_are_those_that_an_insert_makes(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    human = routed("a-human", queue=None, priority=7)
    batch = [
        record("case.routed", human),
        record("case.routed", routed("b-auto", level=2)),
        record("decision.made", automatic_decision(routed("b-auto", level=2))),
    ]
    tables = ("cases", "case_counters", "reviews", "decisions")

    async def stored() -> list[list[dict[str, object]]]:
        found = [await desk.pool.fetch(f"SELECT * FROM {table} ORDER BY tenant, case_id") for table in tables]
        return [[{k: v for k, v in row.items() if k != "arrival"} for row in rows] for rows in found]

    await desk.take_in(*batch)
    inserted = await stored()
    await desk.pool.execute("TRUNCATE cases, case_counters, reviews, decisions CASCADE")
    copied, copy = [], asyncpg.Connection.copy_records_to_table

    async def watched(connection: asyncpg.Connection, table: str, **given: Any) -> str:
        copied.append(table)
        return await copy(connection, table, **given)

    monkeypatch.setattr(asyncpg.Connection, "copy_records_to_table", watched)
    await desk.take_in(*batch)
    assert sorted(copied) == sorted(tables)
    assert await stored() == inserted
    assert [len(rows) for rows in inserted] == [2, 1, 1, 1]


@pytest.mark.parametrize("known", ["case", "decision"])
async def test_review_a_batch_with_something_known_keeps_the_rest(desk: Desk, known: str) -> None:
    old = routed("old", level=2)
    first = record("case.routed", old) if known == "case" else record("decision.made", automatic_decision(old))
    await desk.take_in(first)
    new = routed("new", level=4)
    rest = [record("case.routed", new), record("decision.made", automatic_decision(routed("new-2", level=1)))]
    for _ in range(2):
        await desk.take_in(*rest, first)
        cases = await desk.pool.fetch("SELECT case_id FROM cases ORDER BY case_id")
        decisions = await desk.pool.fetch("SELECT case_id FROM decisions ORDER BY case_id")
        assert [row[0] for row in cases] == (["new", "old"] if known == "case" else ["new"])
        assert [row[0] for row in decisions] == (["new-2"] if known == "case" else ["new-2", "old"])
        assert await count(desk, "reviews") == 1


async def test_review_its_own_decisions_come_back_without_a_refused_copy(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    await ana.decide(await ana.claimed())
    made = next(message for message in await desk.relay_once() if message.topic == "decision.made")
    echo = Record("decision.made", 3, 1, 0, made.key, made.value, made.headers)
    await desk.take_in(echo, record("case.routed", routed("loan-2")))
    assert "is known" not in caplog.text
    assert (await count(desk, "decisions"), await count(desk, "cases")) == (1, 2)


@pytest.mark.parametrize("never", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.9999999Z"])
async def test_review_a_deadline_at_the_ends_of_the_calendar_is_long_ago_or_never(desk: Desk, never: str) -> None:
    sla = {**routed()["handling"]["sla"], "pauses_while_asked": True}
    # Twice: the first batch is inserted, the second copied.
    for case_id in ("c-1", "c-2"):
        await desk.take_in(record("case.routed", routed(case_id, case={"deadline_at": never}, handling={"sla": sla})))
        await desk.take_in(updated(case_id, "deadline_changed", {"deadline_at": never}))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    asked = (await ana.post(f"/claims/{claim['claim_id']}/information", {"question": "?"})).json()
    desk.clock.forward(hours=2)
    told = {"question_id": asked["question_id"], "data": {}}
    await desk.take_in(
        updated(claim["context"]["decision_required"]["case_id"], "information_provided", told, event_id="u-2")
    )
    await desk.parts.dispatch.measure()
    listed = (await ana.get("/queues/senior/items")).json()["items"]
    assert {item["due_at"][:4] for item in listed} == ({"1970"} if never.startswith("0") else {"9000"})
    assert (await ana.claim()).status_code == 201
