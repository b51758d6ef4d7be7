from __future__ import annotations

from typing import Any

import pytest

from tests.integration.review.harness import Desk, audited, automatic_decision, facts, record, routed, updated

pytestmark = pytest.mark.postgres


def doubled(case_id: str = "c-1", **changes: Any) -> dict[str, Any]:
    handling = {"reviewers_required": 2, "grace_seconds": 0, **changes.pop("handling", {})}
    return routed(case_id, handling=handling, **changes)


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def test_review_two_people_who_agree_decide_and_the_second_knows_nothing_of_the_first(desk: Desk) -> None:
    await desk.take_in(record("case.routed", doubled()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    first = await ana.claimed()
    note = {"codes": ["missing_context"], "note": "FIRST-OPINION"}
    assert (await ana.decide(first, "decline", reason=note)).json()["state"] == "recorded"
    # Not the same person twice, and nothing has been decided.
    assert (await ana.claim()).status_code == 204
    assert facts(await desk.relay_once(), "decision.made") == []

    second = await ben.claimed()
    page = (await ben.get("/cases/default/c-1")).text
    told = [str(second), page, (await ben.get("/queues/senior/items")).text]
    assert all("FIRST-OPINION" not in text for text in told)
    assert '"review.answered' not in page
    assert problem(await ben.get("/cases/default/c-1/timeline")) == (403, "answer-outstanding")
    assert second["context"]["dispute"] is None
    same = {"codes": ["policy_exception"], "note": "Second."}
    assert (await ben.decide(second, "decline", reason=same)).status_code == 200
    [made] = facts(await desk.relay_once(), "decision.made")
    assert [decider["outcome"] for decider in made["deciders"]] == ["decline", "decline"]
    assert len({decider["pseudonym"] for decider in made["deciders"]}) == 2
    assert made["reason"]["codes"] == ["policy_exception", "missing_context"]
    assert made["binding"]["shown_sha256"] == list(dict.fromkeys([first["shown_sha256"], second["shown_sha256"]]))
    assert "More than one person" in made["disclosure"]


async def test_review_two_people_who_differ_are_settled_by_a_lead(desk: Desk) -> None:
    await desk.take_in(record("case.routed", doubled()))
    ana, ben, cleo = await desk.client("ana"), await desk.client("ben"), await desk.client("cleo")
    dora = await desk.client("dora", "lead")
    await ana.decide(await ana.claimed(), "decline")
    await ben.decide(await ben.claimed(), "approve")
    # Higher authority: another reviewer is not enough.
    refused = await cleo.claim(review_id=await desk.pool.fetchval("SELECT review_id FROM reviews"))
    assert refused.json()["lacks"] == ["lead"]
    settling = await dora.claimed()
    opinions = settling["context"]["dispute"]["opinions"]
    assert settling["asks"] == "adjudication"
    assert [(opinion["outcome"], opinion["reason"]["note"]) for opinion in opinions] == [
        ("decline", "As discussed."), ("approve", "As discussed."),
    ]  # fmt: skip
    assert "Ana" not in str(settling)
    assert (await dora.decide(settling, "approve")).status_code == 200
    [made] = facts(await desk.relay_once(), "decision.made")
    assert (made["outcome"], [d["outcome"] for d in made["deciders"]]) == ("approve", ["decline", "approve", "approve"])
    assert made["deciders"][2]["role"] == "lead"


async def test_review_other_terms_are_another_answer(desk: Desk) -> None:
    await desk.take_in(record("case.routed", doubled()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    for client, months in ((ana, 240), (ben, 120)):
        claim = await client.claimed()
        terms = {"term_months": months}
        path = f"/claims/{claim['claim_id']}/preview"
        preview = (await client.post(path, {"outcome": "approve", "outcome_params": terms})).json()
        binding = {
            "payload_sha256": claim["payload_sha256"], "shown_sha256": claim["shown_sha256_all"],
            "execute_sha256": preview["execute_sha256"],
        }  # fmt: skip
        assert (await client.decide(claim, "approve", outcome_params=terms, binding=binding)).status_code == 200
    assert await desk.pool.fetchval("SELECT stage FROM reviews") == "adjudication"


async def test_review_a_doubled_audit_is_one_judgement_after_adjudication(desk: Desk) -> None:
    case = audited("c-1", handling={"reviewers_required": 2, "grace_seconds": 0})
    await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    ana, ben, dora = await desk.client("ana"), await desk.client("ben"), await desk.client("dora", "lead")
    await ana.decide(await ana.claimed(), "approve")
    await ben.decide(await ben.claimed(), "decline")
    settling = await dora.claimed()
    assert settling["context"]["recommendation"] is None
    await dora.decide(settling, "decline")
    said = await desk.relay_once()
    [judged] = facts(said, "audit.judged")
    assert [answer["outcome"] for answer in judged["body"]["answers"]] == ["approve", "decline", "decline"]
    assert (judged["body"]["final_outcome"], judged["body"]["error"]) == ("decline", True)
    assert facts(said, "decision.made") == []


async def test_review_a_doubled_blind_control_is_one_label_and_nothing_is_revealed(desk: Desk) -> None:
    case = doubled(sampling={"blind": {"probability": 0.2, "selected": True}}, handling={"withhold": "blind"})
    await desk.take_in(record("case.routed", case))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    for client in (ana, ben):
        answer = await client.decide(await client.claimed(), "approve")
        assert answer.json()["state"] == "recorded"
    said = await desk.relay_once()
    [label], [made] = facts(said, "control.judged"), facts(said, "decision.made")
    assert ([answer["blind"] for answer in label["body"]["answers"]], label["body"]["error"]) == ([True, True], True)
    assert (made["mode"], made["outcome"]) == ("human", "approve")
    assert facts(said, "review.revealed") == []


async def test_review_an_opinion_can_be_taken_back_until_somebody_else_looks(desk: Desk) -> None:
    await desk.take_in(record("case.routed", doubled(handling={"grace_seconds": 5})))
    ana, ben = await desk.browser("ana"), await desk.browser("ben")
    first = (await ana.decide(await ana.claimed(), "decline")).json()
    undone = await ana.post(f"/decisions/{first['decision_id']}/undo")
    assert undone.json()["state"] == "undone", undone.text
    [mine] = (await ana.get("/claims")).json()["items"]
    again = await ana.decide(await ana.read(mine), "approve", key="key-2")
    assert again.status_code == 200, again.text
    await ben.claimed()
    assert problem(await ana.post(f"/decisions/{again.json()['decision_id']}/undo")) == (409, "already-left")


async def test_review_evidence_between_two_opinions_lets_both_answer_anew(desk: Desk) -> None:
    await desk.take_in(record("case.routed", doubled()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    await ana.decide(await ana.claimed(), "decline")
    await desk.take_in(updated("c-1", "information_provided", {"question_id": "q", "data": {"net_worth": "1.00"}}))
    for client in (ana, ben):
        claim = await client.claimed()
        assert (await client.decide(claim, "approve", key="key-2")).status_code == 200
    [made] = facts(await desk.relay_once(), "decision.made")
    assert [decider["outcome"] for decider in made["deciders"]] == ["approve", "approve"]
