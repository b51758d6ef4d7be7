"""Everything that leaves for somebody who may still have to answer unseen: searched for whatever would tell."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest

from countersign_shared.runtime import serving
from tests.integration.review.harness import API, Client, Desk, audited, automatic_decision, decision, record, routed
from tests.integration.review.test_review_access import roles_of, routes_of
from tests.integration.review.test_review_blind import MARKS, marked
from tests.integration.review.test_review_stream import following, listening

pytestmark = pytest.mark.postgres
QUERIES = {
    f"{API}/cases": [
        "", "?q=c-1", "?q=loan", "?case_id=c-1", "?subject=applicant-93f0", "?state=decided", "?state=human_review",
        "?level=1&level=2", "?level=3&level=4&level=5", "?tier=high", "?outcome=approve", "?outcome=decline",
        "?decided_by=automation", "?decided_by=person", "?decision_type=loan_application",
    ],
}  # fmt: skip
WORDS = ("automatic", "automation", "would_automate", '"decided_by":"', "blind_said")


class Telling:
    """Stands where the router, the log and feedback stand: it answers every request with all that would tell."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        self.asked.append(scope["path"])
        case = {"tenant": "default", "case_id": "c-1", "outcome": "approve", "note": MARKS[0], "kind": "case.routed"}
        body = json.dumps(
            {
                "recent": [case, {**case, "case_id": "other", "note": ""}],
                "entries": [case, {**case, "kind": "seed.judged"}],
            }
        ).encode()
        await receive()
        kind = (b"content-type", b"application/json")
        await send({"type": "http.response.start", "status": 200, "headers": [kind]})
        await send({"type": "http.response.body", "body": body})


async def read_everything(desk: Desk, client: Client, claim: dict[str, Any]) -> dict[str, str]:
    """Call every route that reads, with everything that is known of the claim; returns what came, by address."""
    values = {
        "claim_id": claim["claim_id"], "queue": claim["queue"], "tenant": "default", "case_id": "c-1",
        "review_id": claim["review_id"], "username": "ana", "name": "n", "decision_id": "d", "answer_id": "d",
        "delegation_id": "d", "key_id": "k", "question_id": "q",
    }  # fmt: skip
    said = {}
    for route in routes_of(desk):
        forwarded = not route.path.startswith(API)
        if "GET" not in route.methods or roles_of(route) == {"public"} or forwarded or route.path.endswith("/stream"):
            continue
        for query in QUERIES.get(route.path, [""]):
            address = route.path.format(**values) + query
            answer = await client.http.get(address)
            assert answer.status_code < 500, (address, answer.text)
            said[address] = answer.text + str(answer.headers)
    return said


@pytest.mark.parametrize("withheld", ["audit", "blind"])
async def test_review_no_route_tells_what_is_withheld_until_the_answer_is_stored(desk: Desk, withheld: str) -> None:
    case = marked(audited("c-1") if withheld == "audit" else routed("c-1", handling={"withhold": "blind"}))
    taken = [record("case.routed", case)]
    if withheld == "audit":
        taken.append(record("decision.made", automatic_decision(case)))
    upstream = Telling()
    async with serving(upstream, "127.0.0.1", 0) as port, following(desk) as front:  # type: ignore[arg-type]
        for service in ("router", "audit", "feedback", "inference"):
            object.__setattr__(desk.parts.settings, f"{service}_url", f"http://127.0.0.1:{port}")
        key = await desk.add_user("eve", "lead")
        ana = await desk.client("ana", "reviewer", "lead")
        async with listening(front, key) as ear:
            await ear.next()
            await desk.take_in(*taken)
            await ear.change()
            await desk.parts.case_index.catch_up()
            claim = await ana.claimed()
            await ear.change()
            said = await read_everything(desk, ana, claim)
            said |= {"stream": "\n".join(ear.text), "claim": json.dumps(claim)}
        for address, mark in itertools.product(said, (*MARKS, *WORDS)):
            assert mark not in said[address], (address, mark)
        assert upstream.asked == []
        assert len(said) > 30
        answer = await ana.decide(claim)
        assert answer.status_code == 200
        if answer.json()["state"] == "revealed":
            assert (await ana.get("/cases/default/c-1/timeline")).status_code == 403
            shown = (await ana.get(f"/claims/{claim['claim_id']}")).json()
            bound = {**decision(shown, "approve")["binding"], "shown_sha256": shown["shown_sha256_all"]}
            assert (await ana.decide(shown, key="again", binding=bound)).status_code == 200
        timeline = await ana.get("/cases/default/c-1/timeline")
        assert (timeline.status_code, upstream.asked) == (200, ["/api/audit/v1/cases/c-1/timeline"])
        # That it was a seed is told to nobody who decides.
        assert [entry["outcome"] for entry in timeline.json()["entries"]] == ["approve"]


async def test_review_forwarded_apis_do_not_tell_what_the_desk_withholds(desk: Desk) -> None:
    case = marked(audited("c-1"))
    await desk.take_in(record("case.routed", case), record("decision.made", automatic_decision(case)))
    upstream = Telling()
    ana, lea = await desk.client("ana"), await desk.client("lea", "lead")
    both = await desk.client("kim", "lead", "auditor", "policy_author")
    async with serving(upstream, "127.0.0.1", 0) as port:  # type: ignore[arg-type]
        for service in ("router", "audit"):
            object.__setattr__(desk.parts.settings, f"{service}_url", f"http://127.0.0.1:{port}")
        for path in ("entries", "export", "access-log", "tile/entries/000", "cases/c-1/timeline", "cases/c-1/proof"):
            for client in (ana, lea):
                assert (await client.http.get(f"/api/audit/v1/{path}")).status_code == 403, path
        for path in ("policies", "controls"):
            assert (await ana.http.get(f"/api/router/v1/{path}")).status_code == 403, path
        for path in ("policies/replays", "policies/drafts/1/replay"):
            assert (await lea.http.post(f"/api/router/v1/{path}", json={})).status_code == 403, path
        assert upstream.asked == []
        stopped = await lea.http.post("/api/router/v1/controls/stop", json={})
        assert [one["case_id"] for one in stopped.json()["recent"]] == ["other"]
        # Whoever has a role of the office too may read the log, but not of a case that is still to be answered.
        assert (await both.http.get("/api/audit/v1/entries")).status_code == 200
        assert (await both.http.get("/api/audit/v1/cases/c-1/timeline")).status_code == 403
        assert (await both.http.post("/api/router/v1/policies/replays", json={})).status_code == 200
        assert (await lea.http.get("/api/audit/v1/checkpoint")).status_code == 200
    token = (await lea.post("/token", {"audience": "audit"})).json()["access_token"]
    claims = desk.parts.signer.read(token, audience="audit", now=desk.clock())
    assert claims is not None
    assert claims["roles"] == []
