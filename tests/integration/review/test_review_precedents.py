"""Similar decided cases in the context package."""

from __future__ import annotations

from typing import Any

import pytest

from tests.integration.review.harness import Desk, audited, automatic_decision, record, routed

pytestmark = pytest.mark.postgres


def loan(case_id: str, subject: str, *, level: int = 4, tenant: str = "default", **payload: Any) -> dict[str, Any]:
    made = routed(case_id, level=level, tenant=tenant, subject_ref=subject)
    made["case"] = {**made["case"], "payload": {**made["case"]["payload"], **payload}, "subject_ref": subject}
    return made


async def decide(desk: Desk, client: Any, case: dict[str, Any], outcome: str = "approve") -> None:
    await desk.take_in(record("case.routed", case))
    review = await desk.pool.fetchrow(
        "SELECT review_id, queue FROM reviews WHERE tenant = $1 AND case_id = $2", case["tenant"], case["case_id"]
    )
    claim = (await client.claim(review["queue"], review["review_id"])).json()
    answer = await client.decide(claim, outcome, key=case["tenant"] + case["case_id"])
    assert answer.status_code == 200, answer.text


async def similar(desk: Desk, client: Any, case: dict[str, Any]) -> list[dict[str, Any]]:
    await desk.take_in(record("case.routed", case))
    claim = await client.claimed()
    found: list[dict[str, Any]] = claim["context"]["history"]["similar"]
    assert (await client.post(f"/claims/{claim['claim_id']}/release")).status_code == 204
    return found


async def test_review_shows_what_people_decided_on_cases_like_it_most_alike_first(desk: Desk) -> None:
    ana = await desk.client("ana")
    await decide(desk, ana, loan("near", "s-1", loan_to_value=92.0), "decline")
    await decide(
        desk, ana, loan("far", "s-2", loan_to_value=20.0, term_months=60, monthly_income="90000", net_worth="9")
    )
    await decide(desk, ana, loan("same-subject", "s-9"))
    await decide(desk, ana, loan("other-tenant", "s-3", tenant="other"))
    found = await similar(desk, ana, loan("asked", "s-9"))
    assert [row["case_id"] for row in found] == ["near", "far"]
    assert (found[0]["outcome"], found[0]["outcome_label"], found[0]["state"]) == ("decline", "Decline", "decided")
    assert found[0]["likeness"] > found[1]["likeness"] > 0.3
    assert "Term" in found[1]["differs_in"]
    assert "Race" not in str(found)


async def test_review_shows_no_automatic_outcome_and_nothing_undecided_as_a_precedent(desk: Desk) -> None:
    ana, ben = await desk.client("ana"), await desk.browser("ben")
    automatic = loan("auto", "s-1", level=2)
    judged = audited("judged", subject_ref="s-2")
    for case in (automatic, judged):
        await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    assert (await ana.decide(await ana.claimed(), key="judged")).status_code == 200
    await desk.take_in(record("case.routed", loan("undone", "s-3")))
    claim = await ben.claimed()
    answer = (await ben.decide(claim, key="undone")).json()
    assert (await ben.post(f"/decisions/{answer['decision_id']}/undo")).status_code == 200
    assert await similar(desk, ana, loan("asked", "s-9")) == []


async def test_review_rules_that_took_effect_are_part_of_the_policy_reference(desk: Desk) -> None:
    ana = await desk.client("ana")
    rule = {"code": "exception", "text": "Above the limit for one person.", "rule_id": "large", "values_read": {}}
    told = {**rule, "rule_id": "by-proposal", "values_read": {"proposal.outcome": "approve"}}
    await desk.take_in(record("case.routed", routed("open", reasons=[rule, told])))
    await desk.take_in(record("case.routed", routed("blind", reasons=[rule, told], handling={"withhold": "blind"})))
    rules = {}
    for _ in range(2):
        context = (await ana.claimed())["context"]
        policy = context["policy_reference"]
        rules[context["decision_required"]["case_id"]] = [one["rule_id"] for one in policy["rules"]]
    assert rules == {"open": ["large", "by-proposal"], "blind": ["large"]}
