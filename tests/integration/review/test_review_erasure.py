"""A case that is erased leaves no row of review's behind, and does not come back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import asyncpg
import orjson
import pytest
from pydantic import TypeAdapter

from countersign_review.store.redaction import case_eraser
from countersign_shared.contracts.events import EVENTS
from countersign_shared.erasure import AGAIN_AFTER, Erasing
from countersign_shared.messaging import Record, write_event
from tests.fixtures.places import places_seen
from tests.integration.review.harness import Client, Desk, content, example, record, routed, updated

pytestmark = pytest.mark.postgres

SECRET = "Mrs Unforgettable"


def request(case_id: str, erasure_id: str = "era-1", *, source: str = "/countersign/audit") -> Record:
    body = example("activity.recorded", "erasure.requested") | {"case_id": case_id, "subject_ref": None}
    body["body"] = {"erasure_id": erasure_id, "cases": [case_id], "legal_basis": "GDPR 17(1)(a)"}
    message = write_event(
        "activity.recorded", event_id=f"{erasure_id}-{case_id}", source=source, case_id=case_id,
        time="2026-03-02T10:00:00.000000Z", body=orjson.dumps(body), partition=3,
    )  # fmt: skip
    return Record("activity.recorded", 3, 900, 1, message.key, message.value, message.headers)


async def found(desk: Desk, text: str) -> set[str]:
    """Name the tables that hold a text, in what is packed too."""
    return {name.removeprefix("review.") for name in await places_seen(desk.pool, text)}


async def sampled(desk: Desk, text: str) -> bool:
    """Tell whether the planner's statistics hold a text."""
    samples = await desk.pool.fetch("SELECT s::text AS said FROM pg_stats AS s WHERE schemaname = 'review'")
    return any(text in row["said"] for row in samples)


async def remarked(desk: Desk, ana: Client) -> None:
    """Leave a trace of the case in everything that people do beside answering it."""
    text = f"{SECRET} gone"
    made = await ana.post("/cases/default/gone/comments", {"comment": text}, **{"Idempotency-Key": "c"})
    assert made.json()["comment"] == text
    tagged = await ana.post("/cases/default/gone/tags", {"add": [text]}, **{"Idempotency-Key": "t"})
    assert tagged.json() == {"tags": [text]}
    for name, filters in (("case", {"case_id": "gone"}), ("person", {"subject": "gone"}), ("stays", {"subject": "s"})):
        await desk.pool.execute("INSERT INTO saved_views VALUES ('ana', $1, $2, now())", name, orjson.dumps(filters))
    review_id = await desk.pool.fetchval("SELECT review_id FROM reviews WHERE case_id = 'gone'")
    await desk.pool.execute(
        "INSERT INTO questions VALUES ('q', 'default', 'gone', $1, 'u', $2, now())", review_id, text
    )  # fmt: skip
    await desk.pool.execute("INSERT INTO drafts VALUES ('u', $1, now(), $2)", review_id, text.encode())
    await desk.pool.execute(
        "INSERT INTO judgements VALUES ('a', 'default', 'gone', 'loan', 'audit', true, 'approve', 2, now())"
    )
    await desk.pool.execute("INSERT INTO seeds VALUES ('default', 'other', 'loan', 'senior', now(), now(), 'gone')")


async def test_an_erased_case_is_in_no_table_and_does_not_come_back(desk: Desk) -> None:
    erase = case_eraser(desk.clock)
    erasing = Erasing(desk.handler, desk.pool, erase, service="review", clock=desk.clock, guards=True)
    arrivals = [
        record("case.routed", routed(name, subject_ref=name, case={"subject_ref": name, "title": f"{SECRET} {name}"}))
        for name in ("gone", "stays")
    ]
    arrivals.append(updated("gone", "contested", {"decision_id": "d", "grounds": SECRET}))
    await erasing(arrivals)
    ana = await desk.client("ana")
    for _ in range(2):
        claim = await ana.claimed()
        assert (await ana.decide(claim, "approve", key=claim["claim_id"])).status_code == 200
    await remarked(desk, ana)
    desk.clock.forward(minutes=5)
    await desk.relay_once()
    assert {"comments", "questions", "drafts"} <= await found(desk, f"{SECRET} gone")
    assert {"case_tags", "judgements", "seeds", "saved_views"} <= await found(desk, "gone")
    await desk.pool.execute("ANALYZE cases")
    assert await sampled(desk, f"{SECRET} gone")
    assert {"cases", "reviews", "shown", "updates"} <= await found(desk, SECRET)
    assert "shown" in await found(desk, "gone")
    assert {"cases", "events", "decisions", "reviews"} <= await found(desk, "gone")

    (confirmed,) = await erasing([request("gone")])
    TypeAdapter(EVENTS["activity.recorded"]).validate_python(content(confirmed))
    said = content(confirmed)
    assert (said["kind"], said["case_id"], said["body"]["service"]) == ("erasure.completed", "gone", "review")
    assert said["body"]["rows_blanked"] > 8
    assert await found(desk, f"{SECRET} gone") == set()
    # Its id stays as its tombstone, and for minutes in what tells open pages that something changed.
    assert await found(desk, "gone") - {"live"} == {"erasures"}
    assert await desk.pool.fetchval("SELECT count(*) FROM cases") == 1
    assert await desk.pool.fetchval("SELECT count(*) FROM saved_views") == 1
    desk.clock.forward(seconds=(AGAIN_AFTER + timedelta(seconds=1)).total_seconds())
    await erasing.erase_again()
    assert not await sampled(desk, f"{SECRET} gone")

    # Whatever is delivered again, in whichever order, changes nothing; the same request is confirmed in the same words.
    assert await erasing(arrivals) == await erasing(arrivals[1:2])
    assert await erasing([request("gone"), arrivals[0]]) == [confirmed]
    assert await found(desk, "gone") - {"live"} == {"erasures"}
    (second,) = await erasing([request("gone", "era-2")])
    assert content(second)["sequence"] == said["sequence"] + 1
    # Somebody else asks for nothing.
    assert await erasing([request("stays", source="/countersign/review")]) == []
    assert await desk.pool.fetchval("SELECT count(*) FROM cases") == 1


async def test_what_another_replica_wrote_just_after_is_erased_a_minute_later(desk: Desk) -> None:
    erase = case_eraser(desk.clock)
    erasing = Erasing(desk.handler, desk.pool, erase, service="review", clock=desk.clock, guards=True)
    await erasing([request("gone")])
    await desk.handler([record("case.routed", routed("gone"))])
    assert await found(desk, "gone") >= {"cases"}
    desk.clock.forward(seconds=(AGAIN_AFTER + timedelta(seconds=1)).total_seconds())
    await erasing.erase_again()
    assert await found(desk, "gone") - {"live"} == {"erasures"}


async def test_what_is_to_be_erased_once_more_is_erased_although_the_first_try_fails(desk: Desk) -> None:
    erase, fails = case_eraser(desk.clock), [False, True, False]

    async def at_times(connection: Any, tenant: str, case_id: str) -> int:
        rows = await erase(connection, tenant, case_id)
        if fails.pop(0):
            raise asyncpg.DeadlockDetectedError("somebody at the desk was in the way")
        return rows

    erasing = Erasing(desk.handler, desk.pool, at_times, service="review", clock=desk.clock, guards=True)
    await erasing([request("gone")])
    await desk.handler([record("case.routed", routed("gone"))])
    desk.clock.forward(seconds=(AGAIN_AFTER + timedelta(seconds=1)).total_seconds())
    with pytest.raises(asyncpg.DeadlockDetectedError):
        await erasing.erase_again()
    await erasing.erase_again()
    assert await found(desk, "gone") - {"live"} == {"erasures"}


@pytest.mark.parametrize("key", [None, b"", b"of-their-own"])
async def test_what_upstream_says_of_an_erased_case_is_not_kept_whatever_its_key(desk: Desk, key: bytes | None) -> None:
    erase = case_eraser(desk.clock)
    erasing = Erasing(desk.handler, desk.pool, erase, service="review", clock=desk.clock, guards=True)
    await erasing([request("gone")])
    late = updated("gone", "information_provided", {"question_id": "q-1", "data": {"name": SECRET}})
    assert await erasing([late._replace(key=key)]) == []
    assert await found(desk, SECRET) == set()
