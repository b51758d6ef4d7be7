from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from tests.integration.review.harness import Desk, audited, automatic_decision, record, routed

pytestmark = pytest.mark.postgres

MARKS = ("0.8765432", "MARK-SUMMARY", "MARK-FACTOR", "MARK-REASON", "MARK-WHY", "MARK-PROTECTED", "MARK-MODEL")


def marked(body: dict[str, Any]) -> dict[str, Any]:
    """The same case with a mark on everything that would tell."""
    body = copy.deepcopy(body)
    proposal = body["proposal"]
    proposal |= {"confidence": 0.8765432, "alternatives": [{**proposal["alternatives"][0], "why_lower": "MARK-WHY"}]}
    factor = {"field": "net_worth", "value": 1, "effect": 1.0, "direction": "for", "text": "MARK-FACTOR"}
    proposal["explanation"] = {"summary": "MARK-SUMMARY", "factors": [factor], "truncated": False}
    body["model"] |= {"name": "MARK-MODEL"}
    body["reasons"] = [
        {"code": code, "text": f"MARK-REASON {code}", "rule_id": None, "values_read": read}
        for code, read in (
            ("matrix", {"confidence": 0.8765432}), ("consequence", {}), ("audit_sample", {"probability": 0.1}),
            ("similarity_cap", {"signals.similarity": 0.2}), ("uncertified", {}), ("human_only_sample", {}),
        )
    ]  # fmt: skip
    body["reasons"].append({
        "code": "exception", "text": "MARK-REASON exception", "rule_id": "by-proposal",
        "values_read": {"proposal.outcome": "approve"},
    })  # fmt: skip
    body["case"]["payload"] |= {"race": "MARK-PROTECTED", "sex": "MARK-PROTECTED"}
    body["handling"]["key_facts"] = [
        *body["handling"]["key_facts"],
        {"field": "race", "label": "Race", "value": "MARK-PROTECTED", "formatted": "MARK-PROTECTED", "format": "text"},
    ]
    return body


async def everything(client: Any, desk: Desk) -> tuple[str, dict[str, Any]]:
    """Fetch everything a reviewer can reach before answering, as one text."""
    seen = [(await client.get("/queues")).text, (await client.get("/queues/senior/items")).text]
    claim = await client.claim()
    assert claim.status_code == 201
    claim_id = claim.json()["claim_id"]
    seen += [claim.text, str(claim.headers)]
    for path in (
        f"/claims/{claim_id}", f"/claims/{claim_id}/context", "/claims", "/cases", "/cases/default/c-1",
        "/cases?state=decided", "/cases?state=human_review", "/queues/senior/items",
    ):  # fmt: skip
        seen.append((await client.get(path)).text)
    seen.append((await client.post(f"/claims/{claim_id}/opened")).text)
    seen.append((await client.post(f"/claims/{claim_id}/preview", {"outcome": "approve"})).text)
    timeline = await client.get("/cases/default/c-1/timeline")
    assert (timeline.status_code, timeline.json()["type"].rsplit("/", 1)[1]) == (403, "answer-outstanding")
    return "\n".join(seen), claim.json()


@pytest.mark.parametrize("withheld", ["audit", "blind", "always"])
async def test_review_nothing_that_leaves_tells_before_the_answer(desk: Desk, withheld: str) -> None:
    if withheld == "audit":
        case = marked(audited("c-1"))
        await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    else:
        await desk.take_in(record("case.routed", marked(routed("c-1", handling={"withhold": withheld}))))
    ana = await desk.client("ana", "reviewer", "lead")
    text, claim = await everything(ana, desk)
    for mark in MARKS:
        assert mark not in text
    for word in ("automatic", "automation", "audit", "would_automate", '"decided_by":"'):
        assert word not in text
    context = claim["context"]
    assert context["withheld"] is True
    assert (context["recommendation"], context["no_recommendation"], context["matrix"], context["flags"]) == (
        None, None, None, [],
    )  # fmt: skip
    listed = (await ana.get("/cases")).json()["items"]
    assert [(row["state"], row["outcome"]) for row in listed] == [("human_review", None)]
    assert (await ana.get("/cases?state=decided")).json()["items"] == []


async def test_review_a_judgement_cannot_be_told_from_a_blind_decision(desk: Desk) -> None:
    audit = audited("c-1", subject_ref=None)
    blind = copy.deepcopy(audit)
    for place in (blind, blind["case"]):
        place["case_id"] = "c-2"
    blind |= {"level": 4, "level_name": "human_with_ai_assist"}
    blind["sampling"] = {**blind["sampling"], "audit": {"probability": 0.0, "selected": False}}
    await desk.take_in(record("case.routed", audit), record("decision.made", automatic_decision(audit)))
    await desk.take_in(record("case.routed", blind))
    ana = await desk.browser("ana")
    rows = (await ana.get("/queues/senior/items")).json()["items"]
    claims = {}
    for _ in range(2):
        claim = await ana.claimed()
        claims[claim["context"]["decision_required"]["case_id"]] = claim
    own = (
        "claim_id",
        "review_id",
        "case_id",
        "shown_sha256",
        "shown_sha256_all",
        "execute_sha256_by_outcome",
        "decision_id",
        "payload_sha256",
        "salt",
    )
    for one, other in (rows, [claims["c-1"], claims["c-2"]]):
        assert without(one, own) == without(other, own)


def without(value: Any, names: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {name: without(item, names) for name, item in value.items() if name not in names}
    return [without(item, names) for item in value] if isinstance(value, list) else value


async def test_review_asking_for_reasons_does_not_tell_the_proposal(desk: Desk) -> None:
    # Agreeing and differing, in the dark, are asked for the same.
    for number, outcome in enumerate(("approve", "decline")):
        await desk.take_in(record("case.routed", audited(f"c-{number}")))
        ana = await desk.client(f"r{number}")
        claim = await ana.claimed()
        answer = await ana.decide(claim, outcome, reason={"codes": []})
        assert [error["pointer"] for error in answer.json()["errors"]] == ["/reason/codes"]
        assert claim["context"]["actions"]["must_document"] == ["approve", "decline"]


async def test_review_after_the_answer_the_register_tells(desk: Desk) -> None:
    case = audited("c-1")
    await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    ana = await desk.client("ana", "reviewer", "lead")
    await ana.decide(await ana.claimed())
    page = (await ana.get("/cases/default/c-1")).json()
    assert (page["state"], page["decided_by"], page["withheld"]) == ("decided", "automation", False)


async def test_review_those_who_never_answer_are_told_the_truth(desk: Desk) -> None:
    case = audited("c-1")
    await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    eve = await desk.client("eve", "auditor")
    assert (await eve.get("/cases/default/c-1")).json()["state"] == "decided"


async def test_review_history_of_the_subject_keeps_what_is_still_to_be_judged(desk: Desk) -> None:
    earlier, judged, now = routed("old", level=2), audited("judged"), routed("new")
    for case in (earlier, judged):
        await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    await desk.take_in(record("case.routed", now | {"subject_ref": earlier["subject_ref"]}))
    await desk.pool.execute("UPDATE cases SET subject_ref = 'one'")
    await desk.pool.execute("UPDATE reviews SET subject_ref = 'one'")
    ana = await desk.client("ana")
    review_id = await desk.pool.fetchval("SELECT review_id FROM reviews WHERE case_id = 'new'")
    claim = (await ana.claim(review_id=review_id)).json()
    history = {row["case_id"]: (row["state"], row["outcome"]) for row in claim["context"]["history"]["subject"]}
    assert history == {"old": ("decided", "approve"), "judged": ("human_review", None)}


async def test_review_what_is_not_withheld_is_shown(desk: Desk) -> None:
    await desk.take_in(record("case.routed", marked(routed("c-1"))))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    context = claim["context"]
    assert context["recommendation"]["confidence"] == 0.8765432
    assert context["recommendation"]["second_choice"]["why_lower"] == "MARK-WHY"
    assert context["recommendation"]["factors"][0]["label"] == "Net worth"
    assert context["matrix"]["tier"] == "high"
    assert "MARK-PROTECTED" not in json.dumps(claim)
    assert "MARK-SUMMARY" not in (await ana.get("/queues/senior/items")).text
