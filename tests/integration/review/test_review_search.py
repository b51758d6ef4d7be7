"""Finding cases, automatic ones included, and keeping searches."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from countersign_review.store import case_index, register
from countersign_review.store.case_index import CaseIndex
from countersign_review.store.events import SQL
from countersign_shared.postgres import Queries
from tests.integration.review.harness import START, Client, Desk, audited, automatic_decision, record, routed

pytestmark = pytest.mark.postgres


async def take(desk: Desk, *cases: dict[str, Any], index: bool = True) -> None:
    for case in cases:
        await desk.take_in(record("case.routed", case))
        if case["level"] <= 2:
            await desk.take_in(record("decision.made", automatic_decision(case)))
    if index:
        await CaseIndex(desk.pool, desk.parts.types, desk.clock, quiet_seconds=0.0).catch_up()


async def found(client: Client, query: str) -> list[str]:
    answer = await client.get(f"/cases?{query}")
    assert answer.status_code == 200, answer.text
    return sorted(row["case_id"] for row in answer.json()["items"])


async def test_review_cases_are_found_by_every_filter(desk: Desk) -> None:
    await take(
        desk,
        routed("auto-1", level=1, subject_ref="s-1"), routed("auto-2", level=2, tenant="other"),
        routed("hand-1", level=4, case={"title": "A house by the lake"}), routed("hand-2", level=3),
    )  # fmt: skip
    eve, ana = await desk.client("eve", "auditor"), await desk.client("ana")
    claim = await ana.claimed()
    assert (await ana.decide(claim)).status_code == 200
    decided = claim["context"]["decision_required"]["case_id"]
    open_one = ({"hand-1", "hand-2"} - {decided}).pop()
    both = ["auto-1", "auto-2"]
    for query, cases in {
        "q=auto": both, "q=HOUSE+lak": ["hand-1"], "q=house+nowhere": [],
        "case_id=auto-1": ["auto-1"], "subject=s-1": ["auto-1"], "tenant=other": ["auto-2"],
        "level=1&level=2": both, "level=5": [], "decided_by=automation": both, "decided_by=person": [decided],
        "state=decided": [*both, decided], "state=human_review": [open_one], "outcome=approve&level=1": ["auto-1"],
        "tier=high": ["hand-1", "hand-2"], "tier=critical": [], "decision_type=refund": [],
        "since=2026-03-03T00:00:00Z": [], "until=2026-03-01T00:00:00Z": [],
        "since=2026-03-02T00:00:00Z&until=2026-03-03T00:00:00Z": [*both, "hand-1", "hand-2"],
    }.items():  # fmt: skip
        assert await found(eve, query) == cases, query
    for bad in ("level=6", "q=", "q=%00", "since=yesterday", "colour=red", "cursor=x", "q=" + "a" * 300):
        answer = await eve.get(f"/cases?{bad}")
        assert answer.status_code == 422, bad
        assert answer.headers["content-type"] == "application/problem+json"


async def test_review_no_filter_tells_a_judgement_from_a_blind_decision(desk: Desk) -> None:
    blind = routed("blind", level=4, handling={"withhold": "blind"})
    await take(desk, audited("audit"), blind)
    ana = await desk.client("ana", "reviewer", "lead")
    for query in ("level=2", "level=4", "tier=high", "outcome=approve", "decided_by=automation", "state=decided"):
        assert await found(ana, query) == [], query
    for query in ("state=human_review", "q=audit", "q=blind", "case_id=audit"):
        items = (await ana.get(f"/cases?{query}")).json()["items"]
        assert items
        assert all((row["level"], row["tier"], row["outcome"]) == (None, None, None) for row in items)
    page = (await ana.get("/cases/default/audit")).json()
    assert (page["level"], page["level_name"], page["tier"]) == (None, None, None)


async def test_review_words_of_new_cases_wait_for_a_quiet_moment_and_the_answer_says_so(desk: Desk) -> None:
    await take(desk, routed("new-1", level=1), index=False)
    eve = await desk.client("eve", "auditor")
    answer = (await eve.get("/cases?q=new")).json()
    assert (answer["items"], answer["not_indexed"]) == ([], 1)
    busy = CaseIndex(desk.pool, desk.parts.types, desk.clock, quiet_seconds=3_600.0)
    assert await busy.catch_up() == 0
    desk.clock.now = START + timedelta(minutes=20)
    assert await busy.catch_up() == 1
    answer = (await eve.get("/cases?q=new")).json()
    assert ([row["case_id"] for row in answer["items"]], answer["not_indexed"]) == (["new-1"], 0)
    assert await busy.catch_up() == 0


async def test_review_what_another_instance_was_indexing_is_not_passed_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(case_index, "LATE", 0)
    await take(desk, routed("new-1", level=4), index=False)
    index = CaseIndex(desk.pool, desk.parts.types, desk.clock, quiet_seconds=0.0)
    async with desk.pool.acquire() as other, other.transaction():
        assert await other.fetchval(Queries.load(SQL / "case_index.sql").lock)
        assert await index.catch_up() == 0
    # The other one ended amid its batch: what it did not get done is still to do.
    assert await index.catch_up() == 1


async def test_review_a_search_without_an_index_says_how_far_it_looked(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(register, "WINDOW", 2)
    monkeypatch.setattr(register, "PATIENCE_SECONDS", 0.0)
    await take(desk, routed("first", level=4), *(routed(f"auto-{n}", level=1) for n in range(5)), index=False)
    eve = await desk.client("eve", "auditor")
    pages, cursor, items = 0, "", []
    while True:
        page = (await eve.get(f"/cases?state=human_review{cursor}")).json()
        pages, items = pages + 1, items + page["items"]
        if page["next_cursor"] is None:
            break
        assert page["searched_to"] is not None
        cursor = f"&cursor={page['next_cursor']}"
    assert [row["case_id"] for row in items] == ["first"]
    assert pages > 1


async def test_review_searches_are_kept_for_each_person(desk: Desk) -> None:
    ana, ben = await desk.client("ana"), await desk.client("ben")
    view = {"filters": {"q": "house", "level": [4], "since": "2026-03-02T00:00:00Z"}}
    for _ in range(2):
        kept = await ana.http.put("/api/review/v1/saved-views/My houses", json=view)
        assert kept.status_code == 200, kept.text
    kept_filters = kept.json()["filters"]
    assert (kept_filters["q"], kept_filters["level"], kept_filters["state"]) == ("house", [4], None)
    slashed = await ana.http.put("/api/review/v1/saved-views/flats%2Fhouses", json=view)
    assert (slashed.status_code, slashed.json()["name"]) == (200, "flats/houses")
    assert [one["name"] for one in (await ana.get("/saved-views")).json()["items"]] == ["My houses", "flats/houses"]
    assert (await ana.http.delete("/api/review/v1/saved-views/flats%2Fhouses")).status_code == 204
    assert (await ben.get("/saved-views")).json()["items"] == []
    wrong = await ana.http.put("/api/review/v1/saved-views/x", json={"filters": {"colour": "red"}})
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "/filters/colour")
    assert (await ben.http.delete("/api/review/v1/saved-views/My houses")).status_code == 404
    assert (await ana.http.delete("/api/review/v1/saved-views/My houses")).status_code == 204
    assert (await ana.get("/saved-views")).json()["items"] == []


async def test_review_nobody_keeps_views_without_end(desk: Desk) -> None:
    ana = await desk.client("ana")
    answers = [
        await ana.http.put(f"/api/review/v1/saved-views/v{number}", json={"filters": {}}) for number in range(51)
    ]
    assert [answer.status_code for answer in answers] == [200] * 50 + [409]
