from __future__ import annotations

from typing import Any

import pytest

from tests.integration.review.harness import Desk, decision, facts, record, routed

pytestmark = pytest.mark.postgres


def drawn_blind(case_id: str = "c-1", **changes: Any) -> dict[str, Any]:
    """A case drawn to be answered before the proposal is shown; the proposal is to decline."""
    handling = {"withhold": "blind", **changes.pop("handling", {})}
    return routed(case_id, sampling={"blind": {"probability": 0.2, "selected": True}}, handling=handling, **changes)


def problem(answer: Any) -> tuple[int, str]:
    return answer.status_code, answer.json()["type"].rsplit("/", 1)[1]


async def test_review_a_blind_answer_is_the_label_and_only_then_is_the_proposal_shown(desk: Desk) -> None:
    await desk.take_in(record("case.routed", drawn_blind()))
    ana = await desk.browser("ana")
    claim = await ana.claimed()
    assert (claim["asks"], claim["context"]["recommendation"]) == ("answer", None)
    answer = await ana.decide(claim, "approve", key="blind")
    assert (answer.status_code, answer.json()["state"]) == (200, "revealed")
    assert (await ana.decide(claim, "approve", key="blind")).json() == answer.json()

    shown = await ana.read(claim)
    assert (shown["state"], shown["asks"], shown["blind_answer"]["outcome"]) == ("held", "confirmation", "approve")
    assert shown["context"]["recommendation"]["outcome"] == "decline"
    assert len(shown["shown_sha256_all"]) == 2
    # The label has left at once; the decision has not been made.
    said = await desk.relay_once()
    [label] = facts(said, "control.judged")
    assert (label["body"]["final_outcome"], label["body"]["error"]) == ("approve", True)
    assert label["body"]["routing"]["sampling"]["blind"] == {"probability": 0.2, "selected": True}
    assert {"model", "confidence", "would_automate", "tier"} <= label["body"]["routing"].keys()
    assert [fact["body"]["outcome"] for fact in facts(said, "review.answered_blind")] == ["approve"]
    assert [fact["body"]["shown_sha256"] for fact in facts(said, "review.revealed")] == [shown["shown_sha256"]]
    assert facts(said, "decision.made") == []

    # Confirming needs no new reason; the one given unseen stands.
    confirmed = await ana.decide(shown, "approve", key="final", reason={"codes": []})
    assert confirmed.json()["state"] == "recorded", confirmed.text
    desk.clock.forward(seconds=6)
    [made] = facts(await desk.relay_once(), "decision.made")
    assert (made["outcome"], made["relation"], made["mode"]) == ("approve", "overrode", "human_with_ai")
    assert [decider["blind"] for decider in made["deciders"]] == [True]
    assert made["reason"]["note"] == "As discussed."
    assert made["binding"]["shown_sha256"] == shown["shown_sha256_all"]


async def test_review_changing_a_blind_answer_needs_a_reason_and_leaves_the_label_alone(desk: Desk) -> None:
    await desk.take_in(record("case.routed", drawn_blind()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    await ana.decide(claim, "approve", key="blind")
    shown = await ana.read(claim)
    bare = await ana.decide(shown, "decline", key="final", reason={"codes": []})
    assert [error["pointer"] for error in bare.json()["errors"]] == ["/reason/codes", "/reason/codes"]
    assert problem(await ana.decide(shown, "decline", key="old", binding=decision(claim, "decline")["binding"])) == (
        409, "stale-binding",
    )  # fmt: skip
    assert (await ana.decide(shown, "decline", key="final")).status_code == 200
    said = await desk.relay_once()
    [made], [label] = facts(said, "decision.made"), facts(said, "control.judged")
    assert (made["outcome"], made["relation"]) == ("decline", "agreed")
    assert (label["body"]["final_outcome"], label["body"]["error"]) == ("approve", True)


async def test_review_the_label_is_written_once_whoever_decides_in_the_end(desk: Desk) -> None:
    await desk.take_in(record("case.routed", drawn_blind()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    claim = await ana.claimed()
    await ana.decide(claim, "approve")
    await ana.post(f"/claims/{claim['claim_id']}/release")
    # Who has seen the proposal cannot answer unseen again.
    assert (await ana.claim()).status_code == 204
    named = await ana.claim(review_id=claim["review_id"])
    assert (named.status_code, named.json()["lacks"]) == (403, ["conflict"])
    second = await ben.claimed()
    assert second["context"]["recommendation"] is None
    assert (await ben.decide(second, "decline")).json()["state"] == "revealed"
    assert (await ben.decide(await ben.read(second), "decline", key="key-2")).json()["state"] == "recorded"
    said = await desk.relay_once()
    assert [label["body"]["final_outcome"] for label in facts(said, "control.judged")] == ["approve"]
    assert [made["outcome"] for made in facts(said, "decision.made")] == ["decline"]


async def test_review_a_last_word_can_be_undone_and_a_blind_answer_cannot(desk: Desk) -> None:
    await desk.take_in(record("case.routed", drawn_blind(handling={"grace_seconds": 5})))
    ana = await desk.browser("ana")
    claim = await ana.claimed()
    blind = (await ana.decide(claim, "approve")).json()
    assert problem(await ana.post(f"/decisions/{blind['decision_id']}/undo")) == (409, "already-left")
    final = (await ana.decide(await ana.read(claim), "approve", key="key-2")).json()
    assert (await ana.post(f"/decisions/{final['decision_id']}/undo")).json()["state"] == "undone"
    held = await ana.read(claim)
    assert (held["state"], held["asks"]) == ("held", "confirmation")
    assert (await ana.decide(held, "decline", key="key-3")).status_code == 200
    desk.clock.forward(seconds=6)
    await desk.relay_once()
    assert [made["outcome"] for made in facts(desk.sent, "decision.made")] == ["decline"]
    assert len(facts(desk.sent, "control.judged")) == 1
    said = facts(desk.sent, "activity.recorded") + facts(desk.sent, "decision.made")
    numbers = sorted(body["sequence"] for body in said if body["case_id"] == "c-1")
    assert numbers == list(range(1, len(numbers) + 1))


async def test_review_a_human_only_sample_is_decided_unseen_and_its_label_leaves_with_it(desk: Desk) -> None:
    sampling = {"human_only": {"probability": 0.01, "selected": True}}
    handling = {"withhold": "always", "grace_seconds": 5}
    await desk.take_in(record("case.routed", routed("c-1", level=5, sampling=sampling, handling=handling)))
    ana = await desk.browser("ana")
    claim = await ana.claimed()
    first = (await ana.decide(claim, "approve")).json()
    assert first["state"] == "recorded"
    assert (await ana.post(f"/decisions/{first['decision_id']}/undo")).json()["state"] == "undone"
    assert await desk.pool.fetchval("SELECT count(*) FROM events WHERE kind = 'control.judged'") == 0
    assert (await ana.decide(await ana.read(claim), "decline", key="key-2")).status_code == 200
    desk.clock.forward(seconds=6)
    said = await desk.relay_once()
    [made], [label] = facts(said, "decision.made"), facts(said, "control.judged")
    assert (made["mode"], made["outcome"], label["body"]["final_outcome"]) == ("human", "decline", "decline")
    assert label["body"]["error"] is False
    on_case = [body["sequence"] for body in facts(desk.sent, "activity.recorded") if body["case_id"] == "c-1"]
    assert sorted([*on_case, made["sequence"]]) == list(range(1, len(on_case) + 2))


async def test_review_evidence_during_the_reveal_asks_for_another_look(desk: Desk) -> None:
    from tests.integration.review.harness import updated

    await desk.take_in(record("case.routed", drawn_blind()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    await ana.decide(claim, "approve")
    shown = await ana.read(claim)
    await desk.take_in(updated("c-1", "information_provided", {"question_id": "q", "data": {"net_worth": "1.00"}}))
    assert problem(await ana.decide(shown, "approve", key="key-2")) == (409, "stale-version")
    again = await ana.read(claim)
    assert (again["asks"], len(again["shown_sha256_all"])) == ("confirmation", 3)
    assert (await ana.decide(again, "approve", key="key-2")).status_code == 200
