from __future__ import annotations

import asyncio

import pytest

from tests.integration.review.harness import API, Desk, content, decision, example, record, routed

pytestmark = pytest.mark.postgres


def problem(answer: object) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]  # type: ignore[attr-defined]


async def test_review_the_same_request_twice_is_one_decision(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    answers = await asyncio.gather(*(ana.decide(claim, key="k") for _ in range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.text for answer in answers}) == 1
    assert await desk.pool.fetchval("SELECT count(*) FROM answers") == 1
    sent = await desk.relay_once()
    assert [message.topic for message in sent].count("decision.made") == 1
    assert problem(await ana.decide(claim, "decline", key="k")) == (422, "idempotency-key-reused")


async def test_review_coming_too_late_says_who_decided_and_what(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    stale = await ana.claimed()
    desk.clock.forward(seconds=61)
    await desk.parts.claims.expire()
    claim = await ben.claimed()
    held = await ana.decide(stale)
    assert (problem(held), held.json()["held_by"]) == ((409, "lease-ended"), "Ben")
    assert (await ben.decide(claim, "decline")).status_code == 200
    late = await ana.decide(stale)
    assert problem(late) == (409, "already-decided")
    assert (late.json()["decided_by"], late.json()["outcome"]) == ("Ben", "decline")


async def test_review_version_and_preconditions(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    stale = await ana.decide(claim, version=7)
    assert problem(stale) == (409, "stale-version")
    assert stale.json()["version"] == 1
    path = f"{API}/claims/{claim['claim_id']}/decision"
    body = decision(claim, "approve")
    assert problem(await ana.http.post(path, json=body, headers={"Idempotency-Key": "k"})) == (428, "version-required")
    assert (await ana.http.post(path, json=body, headers={"If-Match": '"1"'})).status_code == 422
    bad = await ana.http.post(path, json=body, headers={"If-Match": "one", "Idempotency-Key": "k"})
    assert problem(bad) == (400, "bad-version")


@pytest.mark.parametrize("part", ["payload_sha256", "shown_sha256", "execute_sha256"])
async def test_review_a_wrong_digest_is_refused_by_name(desk: Desk, part: str) -> None:
    template = {"method": "POST", "url": "https://los.example/{case_id}", "body": {"outcome": "{outcome}"}}
    await desk.take_in(record("case.routed", routed(handling={"execute_template": template})))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    body = decision(claim, "approve")
    wrong = "f" * 64
    body["binding"][part] = [wrong] if part == "shown_sha256" else wrong
    answer = await ana.decide(claim, "approve", binding=body["binding"])
    assert problem(answer) == (409, "stale-binding")
    assert answer.json()["stale"] == [part]
    # The digest of another outcome is a wrong one too.
    body = decision(claim, "decline")
    body["binding"]["execute_sha256"] = claim["execute_sha256_by_outcome"]["approve"]
    assert problem(await ana.decide(claim, "decline", binding=body["binding"])) == (409, "stale-binding")


async def test_review_edited_terms_are_previewed_checked_and_carried_out(desk: Desk) -> None:
    template = {
        "method": "POST", "url": "https://los.example/applications/{case_id}/decision",
        "body": {"outcome": "{outcome}", "terms": "{outcome_params}"},
    }  # fmt: skip
    await desk.take_in(record("case.routed", routed(handling={"execute_template": template})))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    path = f"/claims/{claim['claim_id']}/preview"
    wrong = await ana.post(path, {"outcome": "approve", "outcome_params": {"term_months": 6_000}})
    assert problem(wrong) == (422, "invalid-answer")
    assert wrong.json()["errors"][0]["pointer"] == "/outcome_params/term_months"
    terms = {"loan_amount": "250000.00", "term_months": 240}
    preview = (await ana.post(path, {"outcome": "approve", "outcome_params": terms})).json()
    assert preview["execute"]["body"] == {"outcome": "approve", "terms": terms}
    binding = decision(claim, "approve")["binding"] | {"execute_sha256": preview["execute_sha256"]}
    answer = await ana.decide(claim, "approve", outcome_params=terms, binding=binding)
    assert answer.status_code == 200, answer.text
    made = next(content(message) for message in await desk.relay_once() if message.topic == "decision.made")
    assert made["execute"] == preview["execute"]
    assert made["binding"]["execute_sha256"] == preview["execute_sha256"]
    assert made["outcome_params"] == terms


@pytest.mark.parametrize(
    ("outcome", "changes", "pointer"),
    [
        ("perhaps", {}, "/outcome"),
        ("approve", {"reason": {"codes": []}}, "/reason/codes"),
        ("approve", {"reason": {"codes": ["nonsense"]}}, "/reason/codes/0"),
        ("approve", {"reason": {"codes": ["other"]}}, "/reason/other_text"),
        ("approve", {"reason": {"codes": ["missing_context"], "note": "a\0b"}}, "/reason/note"),
        ("approve", {"reason": {"codes": ["missing_context"], "note": "x" * 10_001}}, "/reason/note"),
        ("approve", {"principal_reasons": ["credit_history"]}, "/principal_reasons"),
        ("approve", {"outcome_params": {"rate": 1}}, "/outcome_params"),
        ("approve", {"outcome_params": {"loan_amount": "1\0"}}, "/outcome_params/loan_amount"),
        ("decline", {"principal_reasons": []}, "/principal_reasons"),
        ("decline", {"principal_reasons": ["made_up"]}, "/principal_reasons/0"),
        ("decline", {"principal_reasons": ["credit_history", "credit_history"]}, "/principal_reasons"),
        ("decline", {"reason": {"codes": []}}, "/reason/codes"),
        ("approve", {"mood": "good"}, "/mood"),
        ("approve", {"tags": ["x" * 101]}, "/tags/0"),
    ],
)
async def test_review_an_incomplete_answer_names_the_field(
    desk: Desk, outcome: str, changes: dict[str, object], pointer: str
) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    answer = await ana.decide(claim, outcome, **changes)
    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert any(error["pointer"].startswith(pointer) for error in answer.json()["errors"]), answer.text
    assert await desk.pool.fetchval("SELECT count(*) FROM answers") == 0


async def test_review_hostile_text_is_kept_as_it_is(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    note = "<script>alert(1)</script> '; DROP TABLE reviews; -- \u202eevil\n日本語 🎉"
    answer = await ana.decide(claim, reason={"codes": ["missing_context"], "note": note})
    assert answer.status_code == 200, answer.text
    made = next(content(message) for message in await desk.relay_once() if message.topic == "decision.made")
    assert made["reason"]["note"] == note


async def test_review_a_text_among_the_terms_is_kept_and_said_as_it_is(desk: Desk) -> None:
    await desk.take_in(record("case.routed", example("case.routed", "refund.abstained")))
    ana = await desk.client("ana")
    claim = await ana.claimed("refunds")
    text = "<script>alert(1)</script> {case_id} {outcome_params}\n'; DROP TABLE reviews; -- \u202eevil 日本語 🎉"
    terms = {"amount": {"value": "40.50", "currency": "EUR"}, "message": text}
    path = f"/claims/{claim['claim_id']}/preview"
    for wrong, says in (("a\0b", "Control characters"), ("x" * 2_001, "2000"), ("", "1 character"), (7, "string")):
        refused = await ana.post(path, {"outcome": "partial", "outcome_params": {**terms, "message": wrong}})
        assert problem(refused) == (422, "invalid-answer")
        assert [error["pointer"] for error in refused.json()["errors"]] == ["/outcome_params/message"]
        assert says in refused.text
    preview = (await ana.post(path, {"outcome": "partial", "outcome_params": terms})).json()
    binding = decision(claim, "partial")["binding"] | {"execute_sha256": preview["execute_sha256"]}
    assert (await ana.decide(claim, "partial", outcome_params=terms, binding=binding)).status_code == 200
    made = next(content(message) for message in await desk.relay_once() if message.topic == "decision.made")
    assert made["outcome_params"] == terms
    page = (await ana.get(f"/cases/{made['tenant']}/{made['case_id']}")).json()
    assert page["decisions"][0]["terms"] == [
        {"name": "amount", "label": "Amount to pay back", "formatted": "€40.50"},
        {"name": "message", "label": "Message to the customer", "formatted": text},
    ]


async def test_review_undo_takes_back_decision_and_message_together(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"grace_seconds": 5})))
    ana = await desk.browser("ana")
    claim = await ana.claimed()
    first = (await ana.decide(claim)).json()
    status = (await ana.get(f"/decisions/{first['decision_id']}")).json()
    assert (status["state"], status["sent_at"]) == ("recorded", None)
    assert "decision.made" not in [message.topic for message in await desk.relay_once()]

    undone = await ana.post(f"/decisions/{first['decision_id']}/undo")
    assert undone.json()["state"] == "undone"
    assert (await ana.post(f"/decisions/{first['decision_id']}/undo")).json()["state"] == "undone"
    assert await desk.pool.fetchval("SELECT count(*) FROM decisions") == 0

    held = (await ana.get(f"/claims/{claim['claim_id']}")).json()
    assert held["state"] == "held"
    assert problem(await ana.decide(claim)) == (422, "idempotency-key-reused")
    second = (await ana.decide(held, "decline", key="key-2")).json()
    desk.clock.forward(seconds=6)
    await desk.relay_once()
    made = [content(message) for message in desk.sent if message.topic == "decision.made"]
    assert [body["decision_id"] for body in made] == [second["decision_id"]]
    on_case = [content(message) for message in desk.sent if message.key == b"loan-1"]
    assert sorted(body["sequence"] for body in on_case) == list(range(1, len(on_case) + 1))
    assert "review.undone" in [body.get("kind") for body in on_case]
    assert (await ana.get(f"/decisions/{second['decision_id']}")).json()["state"] == "sent"
    assert problem(await ana.post(f"/decisions/{second['decision_id']}/undo")) == (409, "already-left")


async def test_review_whoever_needs_more_time_to_undo_chooses_it_and_nobody_gets_less(desk: Desk) -> None:
    for number in range(2):
        await desk.take_in(record("case.routed", routed(f"c-{number}", handling={"grace_seconds": 5})))
    ana = await desk.browser("ana")
    settings = f"{API}/me/settings"
    assert (await ana.http.put(settings, json={"undo_seconds": 61})).status_code == 422
    assert (await ana.http.put(settings, json={"undo_seconds": 2})).json()["undo_seconds"] == 2
    assert (await ana.claimed())["grace_seconds"] == 5
    assert (await ana.http.put(settings, json={"undo_seconds": 30})).status_code == 200
    assert (await ana.get("/me")).json()["undo_seconds"] == 30
    claim = await ana.claimed()
    assert claim["grace_seconds"] == 30
    decided = (await ana.decide(claim)).json()
    desk.clock.forward(seconds=29)
    await desk.relay_once()
    assert (await ana.post(f"/decisions/{decided['decision_id']}/undo")).json()["state"] == "undone"


async def test_review_programs_get_no_grace(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"grace_seconds": 5})))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    assert claim["grace_seconds"] == 0
    decided = (await ana.decide(claim)).json()
    await desk.relay_once()
    assert problem(await ana.post(f"/decisions/{decided['decision_id']}/undo")) == (409, "already-left")


async def test_review_a_decision_is_nobody_elses_to_read_or_undo(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"grace_seconds": 5})))
    ana, ben = await desk.browser("ana"), await desk.browser("ben")
    decided = (await ana.decide(await ana.claimed())).json()
    assert (await ben.get(f"/decisions/{decided['decision_id']}")).status_code == 404
    assert (await ben.post(f"/decisions/{decided['decision_id']}/undo")).status_code == 404


async def test_review_decision_and_message_are_one_transaction(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    await desk.pool.execute("ALTER TABLE outbox ADD CONSTRAINT full_disk CHECK (topic <> 'decision.made') NOT VALID")
    with pytest.raises(Exception, match="full_disk"):
        await ana.decide(claim)
    for table in ("answers", "decisions"):
        assert await desk.pool.fetchval(f"SELECT count(*) FROM {table}") == 0
    await desk.pool.execute("ALTER TABLE outbox DROP CONSTRAINT full_disk")
    assert (await ana.decide(claim)).status_code == 200
    sent = [content(message) for message in await desk.relay_once() if message.key == b"loan-1"]
    assert [body["sequence"] for body in sent] == [1, 2, 3]
