"""What somebody of some tenants, or a key for some of them, reaches of the desk: nothing of the others."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.integration.review.harness import API, BY, START, Client, Desk, facts, record, routed, updated

pytestmark = pytest.mark.postgres


async def narrow_key(desk: Desk, username: str, *tenants: str) -> Client:
    """Another program of somebody's, with a key for some of their tenants."""
    owner = await desk.parts.people.find(username)
    assert owner is not None
    _, key = await desk.parts.people.add_key(
        name="narrow", username=username, roles=owner["roles"], tenants=tenants, lasts=timedelta(days=1),
        environment="test", by=BY,
    )  # fmt: skip
    client = Client(desk.anonymous())
    client.http.headers["Authorization"] = f"Bearer {key}"
    return client


async def test_review_a_key_for_one_tenant_reaches_no_claim_of_another(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(tenant="south")))
    ana = await desk.client("ana", "reviewer", "lead")
    claim = await ana.claimed()
    north = await narrow_key(desk, "ana", "north")
    path = f"/claims/{claim['claim_id']}"
    assert (await north.get("/claims")).json()["items"] == []
    assert (await north.get("/queues/senior/items")).json()["items"] == []
    for told in ("", "/context", "/draft"):
        assert (await north.get(path + told)).status_code == 404, told
    version = {"If-Match": '"1"'}
    because = {"reason": "Because."}
    for action, body in (
        ("heartbeat", None), ("opened", None), ("release", None), ("skip", None), ("recuse", because),
        ("escalate", because), ("block", because), ("return", because), ("delegate", {"to": "ana"}),
        ("information", {"question": "Why?"}), ("preview", {"outcome": "approve"}),
    ):  # fmt: skip
        assert (await north.post(f"{path}/{action}", body, **version)).status_code == 404, action
    assert (await north.http.put(f"{API}{path}/draft", json={"draft": {}})).status_code == 404
    assert (await north.decide(claim)).status_code == 404
    # It is still there for its holder, who asks for the work of one tenant only.
    assert (await ana.post(f"{path}/opened?tenant=north")).status_code == 200
    assert len((await ana.get("/queues/senior/items?tenant=north")).json()["items"]) == 1


async def test_review_a_key_for_one_tenant_takes_back_no_answer_in_another(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(tenant="south", handling={"grace_seconds": 60})))
    ana = await desk.browser("ana")
    claim = await ana.claimed()
    made = (await ana.decide(claim)).json()["decision_id"]
    north = await narrow_key(desk, "ana", "north")
    assert (await north.get(f"/decisions/{made}")).status_code == 404
    assert (await north.post(f"/decisions/{made}/undo")).status_code == 404
    assert (await ana.post(f"/decisions/{made}/undo")).json()["state"] == "undone"


async def test_review_whoever_leaves_a_tenant_gives_back_what_they_hold_of_it(desk: Desk) -> None:
    await desk.take_in(
        record("case.routed", routed("a", tenant="north")), record("case.routed", routed("b", tenant="south")),
        record("case.routed", routed("c", tenant="south")),
    )  # fmt: skip
    ana, ben = await desk.client("ana"), await desk.client("ben", "reviewer", "lead")
    waiting = {row["case_id"]: row["review_id"] for row in (await ben.get("/queues/senior/items")).json()["items"]}
    assert [(await ana.claim(review_id=waiting[case])).status_code for case in ("a", "b")] == [201, 201]
    handed = (await ben.claim(review_id=waiting["c"])).json()["claim_id"]
    assert (await ben.post(f"/claims/{handed}/delegate", {"to": "ana"})).status_code == 204
    root = await desk.client("root", "admin")
    rights = {"display_name": "Ana", "roles": ["reviewer"], "authority": {"max_tier": "critical"}, "tenants": ["north"]}
    changed = await root.http.put(f"{API}/users/ana", json=rights, headers={"If-Match": '"1"'})
    assert changed.status_code == 200, changed.text
    assert [row["case_id"] for row in (await ana.get("/claims")).json()["items"]] == ["a"]
    assert await desk.pool.fetch("SELECT FROM reviews WHERE assigned_to IS NOT NULL") == []
    left = (await ben.get("/queues/senior/items")).json()["items"]
    assert sorted(row["case_id"] for row in left) == ["b", "c"]


async def test_review_work_is_handed_to_nobody_whose_tenants_are_not_yours(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(tenant="north")))
    nora = await desk.client("nora", "reviewer", "lead", tenants=["north"])
    await desk.add_user("cleo", "reviewer", "lead", tenants=["south"], max_tier="low")
    claim = await nora.claimed()
    for action in ("delegate", "escalate"):
        for nobody in ("cleo", "none"):
            body = {"to": nobody, "reason": "Away."}
            refused = await nora.post(f"/claims/{claim['claim_id']}/{action}", body)
            assert (refused.status_code, refused.json()["detail"]) == (
                404, f"Nobody called {nobody} works at this desk."
            )  # fmt: skip


async def test_review_a_stand_in_is_named_by_whoever_looks_after_all_of_the_work(desk: Desk) -> None:
    lead = await desk.client("lea", "lead", tenants=["north"])
    await desk.add_user("ben", tenants=["north", "south"])
    await desk.add_user("ana", tenants=["north"])
    root = await desk.client("root", "lead")
    wish = {"starts_at": START.isoformat(), "ends_at": (START + timedelta(days=9)).isoformat(), "delegate": "lea"}
    refused = await lead.post("/delegations", {**wish, "username": "ben"})
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (403, "beyond-you")
    assert (await lead.post("/delegations", {**wish, "username": "ana"})).status_code == 201
    made = (await root.post("/delegations", {**wish, "username": "ben"})).json()["delegation_id"]
    assert (await lead.post(f"/delegations/{made}/end")).status_code == 403
    north = await narrow_key(desk, "ben", "north")
    assert (await north.post(f"/delegations/{made}/end")).status_code == 403


async def test_review_what_only_decided_cases_have_is_not_told_before_the_unseen_answer(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed(handling={"withhold": "blind"})))
    await desk.take_in(
        updated("loan-1", "outcome_reported", {"kind": "default", "severity": 2, "date": "2026-05-01", "source": "x"}),
        updated("loan-1", "contested", {"decision_id": "d-1", "grounds": "No."}, event_id="u-2"),
    )

    async def history(who: Client) -> list[str]:
        return [row["kind"] for row in (await who.get("/cases/default/loan-1")).json()["history"]]

    ana, analyst = await desk.client("ana"), await desk.client("ned", "analyst")
    assert await history(ana) == ["case.routed"]
    assert await history(analyst) == ["case.routed", "outcome_reported", "contested"]


async def test_review_what_one_tenant_can_still_take_back_holds_up_no_case_of_another_by_the_same_name(
    desk: Desk,
) -> None:
    await desk.take_in(
        record("case.routed", routed("1001", tenant="acme", handling={"grace_seconds": 60})),
        record("case.routed", routed("1001", tenant="zeta", handling={"grace_seconds": 0})),
    )
    ana, zoe = await desk.browser("ana", tenants=["acme"]), await desk.client("zoe", tenants=["zeta"])
    assert (await ana.decide(await ana.claimed())).status_code == 200
    assert (await zoe.decide(await zoe.claimed())).status_code == 200
    assert [made["tenant"] for made in facts(await desk.relay_once(), "decision.made")] == ["zeta"]
    desk.clock.forward(seconds=61)
    assert [made["tenant"] for made in facts(await desk.relay_once(), "decision.made")] == ["acme"]


async def test_review_what_follows_an_answer_waits_with_it_in_its_own_case(desk: Desk) -> None:
    await desk.take_in(record("case.routed", routed("1001", handling={"grace_seconds": 60})))
    ana = await desk.browser("ana")
    assert (await ana.decide(await ana.claimed())).status_code == 200
    assert (await ana.post("/cases/default/1001/comments", {"comment": "Afterwards."})).status_code == 201
    assert facts(await desk.relay_once(), "review.commented") == []
    desk.clock.forward(seconds=61)
    said = await desk.relay_once()
    assert [len(facts(said, kind)) for kind in ("decision.made", "review.commented")] == [1, 1]
