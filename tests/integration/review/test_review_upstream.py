"""What upstream says of a case after it has sent it."""

from __future__ import annotations

import asyncio

import orjson
import pytest
from pydantic import TypeAdapter

from countersign_review.store import updates
from countersign_shared.contracts.events import EVENTS
from tests.integration.review.harness import (
    Desk,
    automatic_decision,
    content,
    count,
    decision,
    kinds,
    record,
    routed,
    updated,
)

pytestmark = pytest.mark.postgres


async def test_review_withdrawal_ends_review_and_claim(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    withdrawal = updated("loan-1", "withdrawn", {"reason": "house sold"})
    await desk.take_in(withdrawal)
    late = await ana.decide(claim)
    assert late.status_code == 409
    assert late.json()["type"].endswith("/withdrawn")
    assert late.json()["reason"] == "house sold"
    assert (await ana.get("/claims")).json()["items"] == []
    sent = [message for message in await desk.relay_once() if message.key == b"loan-1"]
    assert kinds(sent) == ["review.claimed", "case.withdrawn", "decision.made"]
    for message in sent:
        TypeAdapter(EVENTS[message.topic]).validate_python(content(message))
    made = content(sent[-1])
    assert (made["closed_as"], made["outcome"], made["deciders"]) == ("withdrawn", None, [])
    await desk.take_in(withdrawal)
    assert await desk.relay_once() == []
    assert (await ana.get("/cases/default/loan-1")).json()["state"] == "withdrawn"


async def test_review_withdrawal_may_come_before_its_case(desk: Desk) -> None:
    await desk.take_in(updated("loan-1", "withdrawn", {"reason": "typo"}))
    assert await desk.relay_once() == []
    await desk.take_in(record("case.routed", routed()))
    assert kinds(await desk.relay_once()) == ["case.withdrawn", "decision.made"]
    assert (await (await desk.client("ana")).claim()).status_code == 204


async def test_review_withdrawal_and_case_in_transactions_that_do_not_see_each_other(desk: Desk) -> None:
    async with desk.pool.acquire() as connection, connection.transaction():
        # The case's transaction is still open while the withdrawal's begins and ends.
        body = orjson.dumps(content_of_update())
        await connection.execute(
            "INSERT INTO updates (tenant, case_id, source, event_id, kind, received_at, body)"
            " VALUES ('default', 'loan-1', '/upstream', 'u-1', 'withdrawn', now(), $1)",
            body,
        )
        await desk.take_in(record("case.routed", routed()))
    assert await count(desk, "decisions") == 0
    assert await desk.updates.sweep() == 1
    assert kinds(await desk.relay_once()) == ["case.withdrawn", "decision.made"]
    assert await desk.updates.sweep() == 0


def content_of_update() -> dict[str, object]:
    body: dict[str, object] = orjson.loads(updated("loan-1", "withdrawn", {"reason": "sold"}).value or b"")
    return body


async def test_review_withdrawal_after_the_decision_is_only_on_record(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    await ana.decide(await ana.claimed())
    case = routed("auto-1", level=2)
    await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    await desk.take_in(
        updated("loan-1", "withdrawn", {"reason": "late"}),
        updated("auto-1", "withdrawn", {"reason": "late"}, event_id="u-2"),
    )
    sent = await desk.relay_once()
    assert [message.topic for message in sent].count("decision.made") == 1
    withdrawn = [content(message) for message in sent if content(message).get("kind") == "case.withdrawn"]
    assert [body["body"].get("ended_review_id") for body in withdrawn] == [None, None]
    assert (await ana.get("/cases/default/auto-1")).json()["state"] == "decided"


async def test_review_withdrawal_racing_with_a_decision_leaves_exactly_one(desk: Desk) -> None:
    await desk.take_in(*(record("case.routed", routed(f"c-{n}")) for n in range(20)))
    people = [await desk.client(f"r{n}") for n in range(10)]
    claims = [await person.claimed() for person in people for _ in range(2)]
    decisions = [people[n // 2].decide(claim, key=f"k-{n}") for n, claim in enumerate(claims)]
    withdrawals = [
        desk.take_in(updated(f"c-{n}", "withdrawn", {"reason": "race"}, event_id=f"u-{n}")) for n in range(20)
    ]
    answers = await asyncio.gather(*(task for pair in zip(decisions, withdrawals, strict=True) for task in pair))
    assert {answer.status_code for answer in answers[::2]} <= {200, 409}  # type: ignore[union-attr]
    made = [content(message) for message in await desk.relay_once() if message.topic == "decision.made"]
    assert sorted(body["case_id"] for body in made) == sorted(f"c-{n}" for n in range(20))


async def test_review_new_evidence_makes_open_claims_stale(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    data = {"net_worth": "99000.00", "race": "PROTECTED-RACE", "mood": "UNDECLARED"}
    await desk.take_in(updated("loan-1", "information_provided", {"question_id": "q-1", "data": data}))
    stale = await ana.decide(claim)
    assert (stale.status_code, stale.json()["type"].rsplit("/", 1)[1]) == (409, "stale-version")
    assert (stale.json()["changed"], stale.json()["changed_at"]) == ("evidence", "2026-03-02T09:15:02.000000Z")
    fresh = (await ana.get(f"/claims/{claim['claim_id']}")).json()
    assert (fresh["version"], fresh["payload_sha256"] != claim["payload_sha256"]) == (2, True)
    worth = next(fact for fact in fresh["context"]["key_facts"] if fact["field"] == "net_worth")
    assert (worth["formatted"], worth["flag"]) == ("$99,000", "new")
    assert "PROTECTED-RACE" not in str(fresh)
    assert "new_evidence" in [flag["code"] for flag in fresh["context"]["flags"]]
    # Both views were served, so both are quoted.
    newest = decision(fresh, "approve")["binding"] | {"shown_sha256": [fresh["shown_sha256"]]}
    alone = await ana.decide(fresh, binding=newest)
    assert alone.json()["stale"] == ["shown_sha256"]
    binding = decision(fresh, "approve")["binding"] | {"shown_sha256": [claim["shown_sha256"], fresh["shown_sha256"]]}
    assert (await ana.decide(fresh, binding=binding)).status_code == 200
    sent = await desk.relay_once()
    told = [content(message) for message in sent if content(message).get("kind") == "review.information_provided"]
    assert told[0]["body"]["evidence_sha256"] == fresh["payload_sha256"]


async def test_review_a_page_loaded_again_can_still_quote_what_it_showed_before(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    views = [claim["shown_sha256"]]
    assert claim["shown_sha256_all"] == views
    for number, worth in enumerate(("99000.00", "98000.00")):
        told = {"question_id": f"q-{number}", "data": {"net_worth": worth}}
        await desk.take_in(updated("loan-1", "information_provided", told, event_id=f"u-{number}"))
        views.append((await ana.get(f"/claims/{claim['claim_id']}")).json()["shown_sha256"])
    loaded = (await ana.get(f"/claims/{claim['claim_id']}")).json()
    assert (len(set(views)), loaded["shown_sha256_all"]) == (3, views)
    binding = decision(loaded, "approve")["binding"] | {"shown_sha256": loaded["shown_sha256_all"]}
    assert (await ana.decide(loaded, binding=binding)).status_code == 200
    made = [content(message) for message in await desk.relay_once() if message.topic == "decision.made"]
    assert made[0]["binding"]["shown_sha256"] == views


async def test_review_a_case_that_was_shown_many_times_can_be_decided(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    for number in range(11):
        told = {"question_id": f"q-{number}", "data": {"net_worth": f"{number}.00"}}
        await desk.take_in(updated("loan-1", "information_provided", told, event_id=f"u-{number}"))
        claim = await ana.read(claim)
    assert len(claim["shown_sha256_all"]) == 12
    answer = await ana.decide(claim)
    assert answer.status_code == 200, answer.text
    [made] = [content(message) for message in await desk.relay_once() if message.topic == "decision.made"]
    assert made["binding"]["shown_sha256"] == claim["shown_sha256_all"]


async def test_review_another_deadline_moves_the_case_in_its_queue(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("a")), record("case.routed", routed("b")))
    await desk.take_in(updated("b", "deadline_changed", {"deadline_at": "2026-03-02T10:00:00Z"}))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    assert claim["context"]["decision_required"]["case_id"] == "b"
    assert claim["due_at"] == "2026-03-02T10:00:00Z"


async def test_review_objections_and_outcomes_are_kept_and_shown(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    await desk.take_in(
        updated("loan-1", "contested", {"decision_id": "d-1", "grounds": "The income is wrong."}),
        updated("loan-1", "outcome_reported", {"kind": "default", "severity": 2, "date": "2026-05-01", "source": "x"},
                event_id="u-2"),
    )  # fmt: skip
    ana = await desk.client("ana")
    history = [entry["kind"] for entry in (await ana.get("/cases/default/loan-1")).json()["history"]]
    assert {"contested", "outcome_reported"} <= set(history)
    # An objection to a decision nobody knows is waited with for a day.
    desk.clock.forward(hours=25)
    await desk.updates.sweep()
    assert await desk.pool.fetchval("SELECT count(*) FROM updates WHERE applied_at IS NULL") == 0


async def test_review_objections_without_a_decision_keep_no_other_waiting(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updates, "SWEEP", 2)
    many = record("case.routed", routed("a-1", tenant="acme"))
    body = routed("z-1", level=2, tenant="zeta")
    made = automatic_decision(body)
    await desk.take_in(many, record("case.routed", body))
    unknown = {"decision_id": "nobody's", "grounds": "No."}
    await desk.take_in(
        *(updated("a-1", "contested", unknown, event_id=f"u-{n}", tenant="acme") for n in range(70)),
        updated("z-1", "contested", {"decision_id": made["decision_id"], "grounds": "No."}, tenant="zeta"),
    )
    await desk.take_in(record("decision.made", made))
    # All of them are tried again every half a minute, and a round takes some: each gets its turn.
    for _ in range(66):
        desk.clock.forward(seconds=1)
        await desk.updates.sweep()
    assert await desk.pool.fetchval("SELECT count(*) FROM reviews WHERE kind = 'reversal'") == 1
