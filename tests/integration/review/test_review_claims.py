from __future__ import annotations

import asyncio
import base64
from datetime import timedelta

import pytest

from tests.integration.review.harness import API, Desk, content, record, routed

pytestmark = pytest.mark.postgres


def due(minutes: int) -> dict[str, object]:
    moment = f"2026-03-02T{10 + minutes // 60:02}:{minutes % 60:02}:00Z"
    return {"sla": {"class": "standard", "due_at": moment, "at_risk_at": "2026-03-02T09:30:00Z"}}


async def test_review_earliest_deadline_first_and_consequence_breaks_ties(desk: Desk) -> None:
    tier = {"tier": "critical", "factors": {}, "by_outcome": None}
    await desk.take_in(
        record("case.routed", routed("late", handling=due(90))),
        record("case.routed", routed("tie-high", handling=due(30))),
        record("case.routed", routed("tie-critical", handling=due(30), consequence=tier)),
    )
    ana = await desk.client("ana")
    listed = (await ana.get("/queues/senior/items")).json()["items"]
    assert [item["case_id"] for item in listed] == ["tie-critical", "tie-high", "late"]
    assert (await ana.claimed())["context"]["decision_required"]["case_id"] == "tie-critical"
    assert (await ana.claimed())["context"]["decision_required"]["case_id"] == "tie-high"


async def test_review_pages_of_a_queue_meet_end_to_end(desk: Desk) -> None:
    await desk.take_in(*(record("case.routed", routed(f"c-{n:02}", handling=due(n % 3))) for n in range(11)))
    ana = await desk.client("ana")
    seen, cursor = [], ""
    while True:
        page = (await ana.get(f"/queues/senior/items?limit=4{cursor}")).json()
        seen += [item["case_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert len(seen) == len(set(seen)) == 11
    for forged in (
        b"nonsense",
        b'[1e30,0,0,"x"]',
        b'[1,0,0,"\\u0000"]',
        b'[1,1000000000000,0,"x"]',
        b"[1,2,3,{}]",
        b"[true]",
    ):
        cursor = base64.urlsafe_b64encode(forged).decode()
        assert (await ana.http.get(f"{API}/queues/senior/items", params={"cursor": cursor})).status_code == 400, forged


async def test_review_twenty_reviewers_never_get_the_same_case(desk: Desk) -> None:
    await desk.take_in(*(record("case.routed", routed(f"c-{n}")) for n in range(60)))
    people = [await desk.client(f"r{n}") for n in range(20)]

    async def work(client: object) -> list[str]:
        done = []
        while True:
            answer = await client.claim()  # type: ignore[attr-defined]
            if answer.status_code == 204:
                return done
            claim = answer.json()
            decided = await client.decide(claim, key=claim["claim_id"])  # type: ignore[attr-defined]
            assert decided.status_code == 200, decided.text
            done.append(claim["context"]["decision_required"]["case_id"])

    done = [case for cases in await asyncio.gather(*map(work, people)) for case in cases]
    assert sorted(done) == sorted(f"c-{n}" for n in range(60))
    assert await desk.pool.fetchval("SELECT count(*) FROM decisions") == 60


async def test_review_a_reviewer_holds_two_at_most_even_when_asking_at_once(desk: Desk) -> None:
    await desk.take_in(*(record("case.routed", routed(f"c-{n}")) for n in range(6)))
    ana = await desk.client("ana")
    answers = await asyncio.gather(*(ana.claim() for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [201, 201, 409, 409, 409, 409]
    assert (await ana.claim()).json()["type"].endswith("/too-many-claims")
    assert len((await ana.get("/claims")).json()["items"]) == 2


async def test_review_a_named_review_can_be_taken_once(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("a")), record("case.routed", routed("b")))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    items = (await ana.get("/queues/senior/items")).json()["items"]
    wanted = items[1]["review_id"]
    assert (await ana.claim(review_id=wanted)).json()["review_id"] == wanted
    taken = await ben.claim(review_id=wanted)
    assert (taken.status_code, taken.json()["type"].rsplit("/", 1)[1]) == (409, "held-by-another")
    assert (await ben.claim(review_id="nothing")).status_code == 404
    mine = (await ana.get("/queues/senior/items")).json()["items"]
    assert [(item["review_id"], item["claimed_by_me"]) for item in mine] == [
        (wanted, True), (items[0]["review_id"], False),
    ]  # fmt: skip


async def test_review_lease_runs_out_and_the_case_is_free_again(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    claim = await ana.claimed()
    desk.clock.forward(seconds=59)
    beat = await ana.post(f"/claims/{claim['claim_id']}/heartbeat", **{"If-Match": '"1"'})
    assert beat.json()["lease_expires_at"] == claim["lease_expires_at"]  # not opened: the clock has not begun
    await ana.post(f"/claims/{claim['claim_id']}/opened")
    desk.clock.forward(seconds=300)
    assert (await ana.post(f"/claims/{claim['claim_id']}/heartbeat", **{"If-Match": '"1"'})).status_code == 200
    desk.clock.forward(seconds=599)
    assert await desk.parts.claims.expire() == 0
    assert (await ben.claim()).status_code == 204
    desk.clock.forward(seconds=2)
    late = await ana.decide(claim)
    assert (late.status_code, late.json()["type"].rsplit("/", 1)[1]) == (409, "lease-ended")
    assert await desk.parts.claims.expire() == 1
    assert desk.metrics.counter("claims_expired_total")._value.get() == 1
    again = await ben.claimed()
    assert again["context"]["decision_required"]["case_id"] == "loan-1"
    kinds = [content(message)["kind"] for message in await desk.relay_once() if message.key == b"loan-1"]
    assert kinds == ["review.claimed", "review.opened", "review.expired", "review.claimed"]


async def test_review_a_skip_is_the_reviewers_own(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    claim = await ana.claimed()
    assert (await ana.post(f"/claims/{claim['claim_id']}/skip")).status_code == 204
    assert (await ana.get("/queues")).json()["items"] == []
    assert (await ana.claim()).status_code == 204
    assert (await ben.get("/queues")).json()["items"][0]["depth"] == 1
    # Asked for by name it can be had, and a skip does not last for ever.
    again = await ana.claim(review_id=claim["review_id"])
    assert again.status_code == 201
    await ana.post(f"/claims/{again.json()['claim_id']}/skip")
    desk.clock.now += timedelta(hours=9)
    assert (await ana.claim()).status_code == 201


async def test_review_releasing_gives_the_case_back(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana = await desk.client("ana")
    claim = await ana.claimed()
    assert (await ana.post(f"/claims/{claim['claim_id']}/release")).status_code == 204
    again = await ana.post(f"/claims/{claim['claim_id']}/release")
    assert (again.status_code, again.json()["type"].rsplit("/", 1)[1]) == (409, "lease-ended")
    assert (await ana.claim()).status_code == 201


async def test_review_one_persons_claim_is_nobody_elses(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, ben = await desk.client("ana"), await desk.client("ben")
    claim = await ana.claimed()
    assert (await ben.get(f"/claims/{claim['claim_id']}")).status_code == 404
    assert (await ben.decide(claim)).status_code == 404
    assert (await ben.post(f"/claims/{claim['claim_id']}/release")).status_code == 404


async def test_review_leaving_frees_what_a_person_held(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed()))
    ana, root = await desk.client("ana"), await desk.client("root", "admin")
    await ana.claimed()
    gone = await root.post("/users/ana/disable")
    assert gone.status_code == 200
    assert gone.json()["disabled_at"] is not None
    assert (await ana.get("/me")).status_code == 401
    ben = await desk.client("ben")
    assert (await ben.claim()).status_code == 201


@pytest.mark.parametrize(
    ("case", "authority", "lack"),
    [
        ({}, {"max_tier": "medium"}, "tier"),
        ({}, {"decision_types": ["refund"]}, "decision_type"),
        ({"handling": {"skills": ["mortgage"]}}, {}, "skill"),
        ({"case": {"language": "fr"}}, {"languages": ["de"]}, "language"),
        ({"case": {"submitted_by": "ana"}}, {}, "own_submission"),
        ({"handling": {"authority": {"tier": None, "amount": None, "roles": ["lead"]}}}, {}, "role"),
    ],
)
async def test_review_authority_refuses_and_says_why(
    desk: Desk, case: dict[str, object], authority: dict[str, object], lack: str
) -> None:
    await desk.take_in(record("case.routed", routed(**case)))
    ana = await desk.client("ana", **authority)
    assert (await ana.claim()).status_code == 204
    assert (await ana.get("/queues")).json()["items"] == []
    review_id = await desk.pool.fetchval("SELECT review_id FROM reviews")
    refused = await ana.claim(review_id=review_id)
    assert refused.status_code == 403
    assert refused.json()["lacks"] == [lack]
