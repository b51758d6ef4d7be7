from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.integration.review.harness import BY, Client, Desk, content, facts, record, routed, updated

pytestmark = pytest.mark.postgres

WHY = {"reason": "For a reason."}


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def act(client: Client, claim: dict[str, Any], action: str, body: Any = WHY, **headers: str) -> Any:
    return await client.post(f"/claims/{claim['claim_id']}/{action}", body, **headers)


async def state_of(desk: Desk) -> str:
    state: str = await desk.pool.fetchval("SELECT state FROM reviews")
    return state


async def test_review_whoever_recuses_themselves_is_never_offered_the_case_again(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    claim = await ana.claimed()
    assert (await act(ana, claim, "recuse")).status_code == 204
    desk.clock.forward(hours=9)
    assert (await ana.claim()).status_code == 204
    assert (await ana.get("/queues")).json()["items"] == []
    assert (await ana.claim(review_id=claim["review_id"])).json()["lacks"] == ["conflict"]
    assert (await ben.claim()).status_code == 201
    [fact] = facts(await desk.relay_once(), "review.recused")
    assert (fact["body"]["reason"], fact["actor"]["role"]) == ("For a reason.", "reviewer")


async def test_review_an_escalated_case_is_for_leads(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben, dora = await desk.client("ana"), await desk.client("ben"), await desk.client("dora", "lead")
    eve = await desk.client("eve", "lead")
    claim = await ana.claimed()
    assert problem(await act(ana, claim, "escalate", {**WHY, "to": "nobody"})) == (404, "not-found")
    refused = await act(ana, claim, "escalate", {**WHY, "to": "ben"})
    assert (problem(refused), refused.json()["lacks"]) == ((409, "cannot-take-it"), ["lead"])
    assert (await act(ana, claim, "escalate", {**WHY, "to": "dora"})).status_code == 204
    assert [(await client.claim()).status_code for client in (ana, ben, eve)] == [204, 204, 204]
    [row] = (await dora.get("/queues/senior/items")).json()["items"]
    assert (row["escalated"], row["kept_for_me"]) == (True, True)
    held = await dora.claimed()
    told = {flag["code"]: flag["text"] for flag in held["context"]["flags"]}
    assert told["handed_on"] == "Ana passed it on to the leads: For a reason."
    assert (await dora.decide(held, "approve")).status_code == 200
    said = await desk.relay_once()
    [fact], [made] = facts(said, "review.escalated"), facts(said, "decision.made")
    assert fact["body"]["to_reviewer"] == made["deciders"][0]["pseudonym"]
    assert made["deciders"][0]["role"] == "lead"


async def test_review_a_delegated_case_is_the_colleagues_for_a_working_day(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben, cleo = [await desk.client(name) for name in ("ana", "ben", "cleo")]
    await desk.client("lowly", max_tier="low")
    claim = await ana.claimed()
    refused = await act(ana, claim, "delegate", {"to": "lowly"})
    assert refused.json()["lacks"] == ["tier"]
    assert "Lowly cannot take this" in refused.json()["detail"]
    assert problem(await act(ana, claim, "delegate", {"to": "ana"})) == (409, "cannot-take-it")
    assert (await act(ana, claim, "delegate", {"to": "ben"})).status_code == 204
    assert (await cleo.claim(review_id=claim["review_id"])).json()["lacks"] == ["assigned"]
    assert (await ben.get("/queues")).json()["items"][0]["depth"] == 1
    [row] = (await ben.get("/queues/senior/items")).json()["items"]
    assert (row["kept_for_me"], row["claimed_by_me"]) == (True, False)
    desk.clock.forward(hours=9)
    await desk.parts.claims.free_late()
    assert (await cleo.claim()).status_code == 201


async def test_review_a_lead_calls_back_what_somebody_holds_or_it_is_kept_for(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben, dora = await desk.client("ana"), await desk.client("ben"), await desk.client("dora", "lead")
    claim = await ana.claimed()
    path = f"/reviews/{claim['review_id']}/recall"
    assert problem(await ben.post(path)) == (403, "forbidden")
    assert (await dora.post(path, WHY)).status_code == 204
    assert problem(await ana.decide(claim)) == (409, "lease-ended")
    await act(ben, await ben.claimed(), "delegate", {"to": "ana"})
    [kept] = (await dora.get("/reviews?which=assigned")).json()["items"]
    assert kept["kept_for"] == "Ana"
    assert (await dora.post(path)).status_code == 204
    assert (await ben.claim()).status_code == 201
    assert len(facts(await desk.relay_once(), "review.recalled")) == 2


async def test_review_a_blocked_case_waits_for_a_lead(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, dora = await desk.client("ana"), await desk.client("dora", "lead", "reviewer")
    assert problem(await act(ana, await ana.claimed(), "block")) == (403, "not-for-you")
    [mine] = (await ana.get("/claims")).json()["items"]
    await ana.post(f"/claims/{mine['claim_id']}/release")
    claim = await dora.claimed()
    assert (await act(dora, claim, "block")).status_code == 204
    assert (await ana.claim()).status_code == 204
    assert problem(await dora.claim(review_id=claim["review_id"])) == (409, "blocked")
    assert [row["case_id"] for row in (await dora.get("/reviews?which=blocked")).json()["items"]] == ["loan-1"]
    assert (await ana.get("/cases/default/loan-1")).json()["state"] == "human_review"
    path = f"/reviews/{claim['review_id']}/unblock"
    assert (await dora.post(path, WHY)).status_code == 204
    assert problem(await dora.post(path, WHY)) == (409, "not-blocked")
    assert (await ana.claim()).status_code == 201
    kinds = [content(message).get("kind") for message in await desk.relay_once()]
    assert {"review.blocked", "review.unblocked"} <= set(kinds)


async def test_review_a_question_waits_aside_and_the_answer_comes_back_to_whoever_asked(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"sla": {
        "class": "standard", "due_at": "2026-03-03T09:15:01Z", "at_risk_at": "2026-03-03T03:15:01Z",
        "pauses_while_asked": True,
    }})))  # fmt: skip
    ana, ben = await desk.client("ana"), await desk.client("ben")
    claim = await ana.claimed()
    asked = await act(ana, claim, "information", {"question": "Which account?"})
    assert asked.status_code == 200, asked.text
    question_id = asked.json()["question_id"]
    assert (await state_of(desk), (await ben.claim()).status_code) == ("asked", 204)
    assert problem(await ben.claim(review_id=claim["review_id"])) == (409, "awaits-information")
    [fact] = facts(await desk.relay_once(), "review.information_requested")
    assert (fact["body"]["question_id"], fact["body"]["question"]) == (question_id, "Which account?")

    desk.clock.forward(hours=2)
    # What nobody asked for is evidence too, and answers no question.
    await desk.take_in(updated("loan-1", "information_provided", {"question_id": "other", "data": {"units": 2}}))
    assert await state_of(desk) == "asked"
    told = {"question_id": question_id, "data": {"net_worth": "99000.00", "which_account": "the joint one"}}
    await desk.take_in(updated("loan-1", "information_provided", told, event_id="u-2"))
    assert await state_of(desk) == "waiting"
    assert (await ben.claim()).status_code == 204
    back = await ana.claimed()
    assert (back["due_at"], back["at_risk_at"]) == ("2026-03-03T11:15:01Z", "2026-03-03T05:15:01Z")
    worth = next(fact for fact in back["context"]["key_facts"] if fact["field"] == "net_worth")
    assert (worth["formatted"], worth["flag"]) == ("$99,000", "new")
    # Upstream calls it as it likes: what was asked for is shown, though no field is declared for it.
    assert [(fact["label"], fact["formatted"], fact["flag"]) for fact in back["context"]["key_facts"]][-1] == (
        "Which account", "the joint one", "new",
    )  # fmt: skip
    assert "Which account?" in str(back["context"]["flags"])
    assert (await ana.decide(back)).status_code == 200
    [made] = facts(await desk.relay_once(), "decision.made")
    assert made["binding"]["payload_sha256"] == back["payload_sha256"] != claim["payload_sha256"]


async def test_review_a_deadline_set_while_upstream_is_asked_is_moved_by_the_time_since_alone(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"sla": {
        "class": "standard", "due_at": "2026-03-03T09:15:01Z", "at_risk_at": "2026-03-03T03:15:01Z",
        "pauses_while_asked": True,
    }})))  # fmt: skip
    ana = await desk.client("ana")
    claim = await ana.claimed()
    question_id = (await act(ana, claim, "information", {"question": "Which account?"})).json()["question_id"]
    desk.clock.forward(hours=20)
    await desk.take_in(updated("loan-1", "deadline_changed", {"deadline_at": "2026-03-05T12:00:00Z"}))
    desk.clock.forward(hours=1)
    await desk.take_in(
        updated("loan-1", "information_provided", {"question_id": question_id, "data": {"a": "b"}}, event_id="u-2")
    )
    assert (await ana.claimed())["due_at"] == "2026-03-05T13:00:00Z"


async def test_review_answers_and_deadlines_come_by_http_too_and_leave_on_the_topic_once(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, sam = await desk.client("ana"), await desk.client("sam", "submitter")
    claim = await ana.claimed()
    path = "/cases/default/loan-1/updates"
    told = {"kind": "information_provided", "body": {"question_id": "q", "data": {"net_worth": "1.00"}}}
    first, again = [await sam.post(path, told, **{"Idempotency-Key": "k"}) for _ in range(2)]
    assert (first.status_code, first.json()) == (202, again.json())
    assert problem(await ana.decide(claim)) == (409, "stale-version")
    other = await sam.post(path, {**told, "kind": "withdrawn"}, **{"Idempotency-Key": "k"})
    assert problem(other) == (422, "idempotency-key-reused")
    assert problem(await ana.post(path, {"kind": "withdrawn", "body": WHY})) == (403, "not-for-you")
    wrong = await sam.post(path, {"kind": "deadline_changed", "body": {"deadline_at": "soon"}})
    assert wrong.json()["errors"][0]["pointer"] == "/body/deadline_at"
    moved = await sam.post(path, {"kind": "deadline_changed", "body": {"deadline_at": "2026-03-02T20:00:00Z"}})
    assert moved.status_code == 202, moved.text
    assert (await ana.read(claim))["due_at"] == "2026-03-02T20:00:00Z"
    said = await desk.relay_once()
    out = [message for message in said if message.topic == "case.updated"]
    assert [content(message)["kind"] for message in out] == ["information_provided", "deadline_changed"]
    assert len(facts(said, "review.deadline_changed")) == 1
    # It comes back from the topic and is known.
    from countersign_shared.messaging import Record

    for number, message in enumerate(out):
        await desk.take_in(Record("case.updated", 3, number, 0, message.key, message.value, message.headers))
    assert await desk.pool.fetchval("SELECT revision FROM reviews") == 1
    on_case = sorted(content(message)["sequence"] for message in said if message.key == b"loan-1")
    assert on_case == list(range(1, len(on_case) + 1))


async def test_review_a_case_without_outcomes_is_sent_back_by_a_lead(desk: Desk) -> None:
    from tests.integration.review.harness import example

    await desk.take_in(record("case.routed", {**example("case.routed", "unknown_decision_type"), "tenant": "default"}))
    ana, dora = await desk.client("ana"), await desk.client("dora", "lead", "reviewer")
    claim = await ana.claimed("unrouted")
    others = {item["action"]: item for item in claim["context"]["actions"]["other"]}
    assert others["return"] == {"action": "return", "available": False, "why": "Only a lead can."}
    assert problem(await act(ana, claim, "return")) == (403, "not-for-you")
    await act(ana, claim, "escalate")
    held = await dora.claimed("unrouted")
    assert (await act(dora, held, "return")).status_code == 204
    [made] = facts(await desk.relay_once(), "decision.made")
    assert (made["closed_as"], made["outcome"], made["reason"]["codes"]) == ("withdrawn", None, ["returned"])
    page = (await dora.get("/cases/default/visa-000001")).json()
    assert (page["state"], page["state_label"]) == ("withdrawn", "Withdrawn")
    # What can be decided is not sent back.
    await desk.take_in(record("case.routed", routed()))
    assert problem(await act(dora, (await dora.claim()).json(), "return")) == (409, "outcomes-exist")


async def test_review_comments_are_read_by_colleagues_once_nobody_answers_unseen(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"withhold": "always"})))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    path = "/cases/default/loan-1/comments"
    made = await ana.post(path, {"comment": "<b>Look</b> at the co-owner."}, **{"Idempotency-Key": "c"})
    assert (made.status_code, made.json()["by"], made.json()["mine"]) == (201, "Ana", True)
    assert (
        await ana.post(path, {"comment": "<b>Look</b> at the co-owner."}, **{"Idempotency-Key": "c"})
    ).json() == made.json()
    assert [row["comment"] for row in (await ana.get(path)).json()["items"]] == ["<b>Look</b> at the co-owner."]
    assert (await ben.get(path)).json()["items"] == []
    await ana.decide(await ana.claimed())
    assert [(row["by"], row["mine"]) for row in (await ben.get(path)).json()["items"]] == [("Ana", False)]
    assert (await ana.post(path, {"comment": "bell \x07"})).status_code == 422
    assert [fact["body"]["note"] for fact in facts(await desk.relay_once(), "review.commented")] == [
        "<b>Look</b> at the co-owner."
    ]


async def test_review_tags_of_automatic_cases_too(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1", level=1)))
    ana = await desk.client("ana")
    path = "/cases/default/c-1/tags"
    assert (await ana.post(path, {"add": ["teaching-example", "train-on-this"]})).json() == {
        "tags": ["teaching-example", "train-on-this"]
    }
    assert (await ana.post(path, {"add": [], "remove": ["train-on-this"]})).json() == {"tags": ["teaching-example"]}
    assert (await ana.get(path)).json() == {"tags": ["teaching-example"]}
    assert (await ana.post("/cases/default/none/tags", {"add": ["x"]})).status_code == 404
    assert len(facts(await desk.relay_once(), "review.tagged")) == 2


async def test_review_tags_of_others_wait_for_the_unseen_answer(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"withhold": "blind"})))
    ana, ben = await desk.client("ana"), await desk.client("ben", "lead")
    path = "/cases/default/loan-1/tags"
    assert (await ben.post(path, {"add": ["model-is-wrong", "vip"]})).json() == {"tags": ["model-is-wrong", "vip"]}
    assert (await ana.get(path)).json() == {"tags": []}
    # Not even whether somebody has set the same one, nor is one taken away unseen.
    changed = await ana.post(path, {"add": ["vip"], "remove": ["model-is-wrong"]})
    assert changed.json() == {"tags": ["vip"]}
    assert (await ana.get(path)).json() == {"tags": ["vip"]}
    claim = await ana.claimed()
    await ana.decide(claim)
    await ana.decide(await ana.read(claim), key="key-2")
    assert (await ana.get(path)).json() == {"tags": ["model-is-wrong", "vip"]}
    assert (await ana.post(path, {"remove": ["vip"]})).json() == {"tags": ["model-is-wrong"]}


async def test_review_of_very_many_comments_the_newest_are_read(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1", level=1)))
    ana = await desk.client("ana")
    await desk.pool.execute(
        "INSERT INTO comments SELECT 'c' || n, 'default', 'c-1', 'u_x', $1::timestamptz + n * interval '1 s', n::text "
        "FROM generate_series(1, 201) AS n", desk.clock() - timedelta(days=1),
    )  # fmt: skip
    read = (await ana.get("/cases/default/c-1/comments")).json()["items"]
    assert [row["comment"] for row in read] == [str(number) for number in range(2, 202)]


async def test_review_a_draft_is_its_writers_alone_and_gone_with_the_answer(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    claim = await ana.claimed()
    path = f"/claims/{claim['claim_id']}/draft"
    assert (await ana.get(path)).json() == {"draft": {}, "saved_at": None}
    saved = await ana.http.put(f"/api/review/v1{path}", json={"draft": {"note": "So far"}})
    assert saved.json()["draft"] == {"note": "So far"}
    assert (await ben.get(path)).status_code == 404
    await ana.post(f"/claims/{claim['claim_id']}/release")
    again = await ana.claimed()
    assert (await ana.get(f"/claims/{again['claim_id']}/draft")).json()["draft"] == {"note": "So far"}
    await ana.decide(again)
    assert await desk.pool.fetchval("SELECT count(*) FROM drafts") == 0
    assert "So far" not in str([content(message) for message in await desk.relay_once()])


async def test_review_the_same_action_twice_is_done_once(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    key = {"Idempotency-Key": "once"}
    answers = [await act(ana, claim, "information", {"question": "Which?"}, **key) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()
    assert problem(await act(ana, claim, "information", {"question": "Other?"}, **key)) == (
        422,
        "idempotency-key-reused",
    )
    assert problem(await act(ana, claim, "recuse")) == (409, "lease-ended")
    assert len(facts(await desk.relay_once(), "review.information_requested")) == 1


async def test_review_what_nobody_may_take_says_what_is_missing(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("c-1", handling={"skills": ["astrology"]})))
    await desk.take_in(record("case.routed", routed("c-2")))
    await desk.client("ana")
    dora = await desk.client("dora", "lead", max_tier="low")
    rows = (await dora.get("/reviews?which=unassignable")).json()["items"]
    assert [(row["case_id"], row["missing"]) for row in rows] == [
        ("c-1", [{"code": "skill", "text": "skill astrology"}])
    ]


async def test_review_disabling_a_colleague_frees_what_was_kept_for_them(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, cleo = await desk.client("ana"), await desk.client("cleo")
    await desk.client("ben")
    await act(ana, await ana.claimed(), "delegate", {"to": "ben"})
    assert (await cleo.claim()).status_code == 204
    await desk.parts.departures.disable("ben", by=BY)
    assert (await cleo.claim()).status_code == 201
