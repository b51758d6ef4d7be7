"""Bad input on the whole system: each is named, put aside or given to a person, and nothing else comes to harm."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import asyncpg
import httpx
import orjson
import pytest

from countersign_local.client import Client, open_client
from countersign_local.demo.access import Access, open_access
from countersign_local.demo.reviewer import ScriptedReviewer
from countersign_local.verifying import verified
from countersign_review.domain.administration import ALL_TENANTS, Administrator
from countersign_shared.clock import system_clock
from countersign_shared.messaging import Record, dead_letter, open_bus
from countersign_shared.messaging.topics import ensure_topics
from countersign_shared.observability import Health, Metrics
from countersign_shared.settings import ServiceSettings
from tests.contract.fits import misfits
from tests.e2e import bad_input
from tests.e2e.bad_input import Dead, Input, Request, Taken
from tests.e2e.bad_input_story import DEAD_LETTER, SETTLE_SECONDS, Case, Place, Story, Upstream
from tests.fixtures.stack import SERVICES, Stack

pytestmark = [pytest.mark.kafka, pytest.mark.slow, pytest.mark.timeout(600)]

GOOD = 60
PARTITIONS = 4
INTAKE = "/api/inference/v1/cases"
EACH_OUTCOME_SQL = """
SELECT tenant, case_id, count(*) AS count FROM (
    SELECT tenant, case_id FROM review.decisions
    UNION ALL
    SELECT tenant, case_id FROM review.reviews WHERE kind = 'decision' AND open
) AS outcomes GROUP BY tenant, case_id
"""


@pytest.fixture
async def story(kafka_bootstrap, topic_prefix, database_url, tmp_path: Path) -> AsyncIterator[Story]:
    await ensure_topics(kafka_bootstrap, prefix=topic_prefix, partitions=PARTITIONS)
    with Stack(tmp_path, database_url, kafka_bootstrap, topic_prefix) as stack:
        await asyncio.to_thread(stack.start)
        database = await asyncpg.connect(database_url)
        async with (
            open_access(database_url, stack.url("review"), tmp_path, system_clock) as access,
            httpx.AsyncClient(base_url=stack.url("review"), timeout=30) as http,
        ):
            keys = {"wide": access.api_key, "none": "", "wrong": "cs_local_nobody_nothing", **await _keys(access)}
            yield Story(stack, access, Upstream(kafka_bootstrap, topic_prefix), keys, http, database)
        await database.close()


async def _keys(access: Access) -> dict[str, str]:
    made = {}
    for name, roles, tenants in (("acme", ["submitter"], ["acme"]), ("reader", ["analyst"], ["*"])):
        _, made[name] = await access.people.add_key(
            name=name, username="command-line", roles=roles, tenants=tenants, lasts=timedelta(days=1),
            environment="local", by=Administrator({"kind": "service", "pseudonym": "test"}, ALL_TENANTS),
        )  # fmt: skip
    return made


async def test_whatever_comes_is_decided_given_to_a_person_or_put_aside_with_the_reason(story: Story):
    first = _mixed(bad_input.good(GOOD), [*bad_input.bad_records(), *bad_input.odd_records()])
    await asyncio.to_thread(story.upstream.send, first)
    await asyncio.to_thread(story.upstream.send, bad_input.bad_updates(), topic="case.updated")
    over_http = await submit_good_cases(story)
    story.sent += [*first, *bad_input.bad_updates(), *over_http]
    await story.settled(cases=_cases(story.sent), letters=_letters(story.sent))

    second = bad_input.second_wave({name: place[1] for name, place in story.upstream.places.items()}, PARTITIONS)
    await asyncio.to_thread(story.upstream.send, second)
    story.sent += second
    await refuse_bad_requests(story)
    records = await story.settled(cases=_cases(story.sent), letters=_letters(story.sent))

    check_letters(story, records)
    check_cases(story, records)
    await check_each_is_accounted_for_once(story, records)
    await let_people_decide(story)
    await handle_letters(story)
    await check_that_nothing_came_to_harm(story)


def _mixed(good: list[Input], others: list[Input]) -> list[Input]:
    """Every batch gets some of each."""
    return [one for pair in itertools.zip_longest(others, good) for one in pair if one is not None]


def _cases(sent: list[Input]) -> int:
    return len({one.case for one in sent if isinstance(one.fate, Taken) and one.case})


def _letters(sent: list[Input]) -> int:
    return sum(isinstance(one.fate, Dead) for one in sent)


def check_letters(story: Story, records: dict[str, list[Record]]) -> None:
    """Each bad record lies there with its bytes, who could not read it, why and where; nothing else lies there."""
    letters = {_origin(letter): letter for letter in records[DEAD_LETTER]}
    for one in story.sent:
        if not isinstance(one.fate, Dead):
            continue
        letter = letters.pop(story.upstream.places[one.name], None)
        assert letter is not None, f"{one.name} is not among the dead letters"
        said = {name: value.decode() for name, value in letter.headers if name.startswith("x-")}
        assert (said["x-reason"], said["x-pointer"]) == (one.fate.reason, one.fate.pointer), (one.name, said)
        assert said["x-detail"] or said["x-pointer"], one.name
        assert misfits(DEAD_LETTER, said) == [], one.name
        assert (one.value or b"").startswith(letter.value or b""), one.name
        assert len(letter.value or b"") == len(one.value or b"") or "x-cut-from" in said, one.name
    assert not letters, f"put aside although it is good: {[dict(letter.headers) for letter in letters.values()]}"


def _origin(letter: Record) -> Place:
    said = {name: value.decode() for name, value in letter.headers if name.startswith("x-")}
    return said["x-topic"], int(said["x-partition"]), int(said["x-offset"])


def check_cases(story: Story, records: dict[str, list[Record]]) -> None:
    """Doubtful cases go to people with the reason and the fields; what was sent arrives unharmed."""
    arrived: dict[Case, int] = {}
    routed = {_case(record): (orjson.loads(record.value or b""), record) for record in records["case.routed"]}
    for one in story.sent:
        if not isinstance(one.fate, Taken) or one.case is None:
            continue
        body, record = routed[one.case]
        assert body["case"] == one.body or one.name.startswith("repeat"), one.name
        assert (body.get("abstained") or {}).get("reason") == one.fate.abstained or not one.fate.abstained, one.name
        assert {wrong["pointer"] for wrong in body["invalid_fields"]} >= one.fate.invalid, one.name
        assert set(body["missing_fields"]) >= one.fate.missing, one.name
        assert body["level"] >= 3 or not one.fate.for_people, one.name
        if one.name in story.upstream.places:
            arrived.setdefault(one.case, story.upstream.places[one.name][1])
            assert record.partition == arrived[one.case], one.name
    automatic = sum(body["level"] <= 2 for body, _ in routed.values())
    assert automatic, "no good case was decided automatically"


def _case(record: Record) -> Case:
    body = orjson.loads(record.value or b"{}")
    return body["tenant"], body["case_id"]


async def check_each_is_accounted_for_once(story: Story, records: dict[str, list[Record]]) -> None:
    """Whatever lies on case.created is one dead letter or belongs to one case; a case has one outcome."""
    put_aside = Counter(_origin(letter) for letter in records[DEAD_LETTER])
    of_cases = {story.upstream.places[one.name] for one in story.sent if one.case and one.name in story.upstream.places}
    for topic in ("case.created", "case.updated"):
        for record in records[topic]:
            place = (record.topic, record.partition, record.offset)
            from_http = (record.header("ce_source") or b"").startswith(b"/countersign/submitters/")
            assert (place in put_aside) + (place in of_cases) + from_http == 1, (place, record.key)
    await check_outcomes(story)
    for topic in ("case.scored", "case.routed", "decision.made"):
        repeats = Counter((record.header("ce_id"), record.value) for record in records[topic])
        assert len({event_id for event_id, _ in repeats}) == len(repeats), topic


async def check_outcomes(story: Story) -> None:
    """Every case has exactly one outcome: a decision or an open review."""
    rows = await story.database.fetch(EACH_OUTCOME_SQL)
    cases = {one.case for one in story.sent if one.case}
    assert {(row["tenant"], row["case_id"]): row["count"] for row in rows} == dict.fromkeys(cases, 1)


async def submit_good_cases(story: Story) -> list[Input]:
    """Good cases over HTTP, one of them twice and one full of hostile text."""
    sent = [one for one in bad_input.odd_records() if one.name in {"odd-hostile", "odd-unknown-type"}]
    bodies = [{**(one.body or {}), "case_id": f"http-{one.name}"} for one in sent] + [bad_input.loan("http-good")]
    taken = []
    for body in [*bodies, bodies[-1]]:
        answer = await _post(story, Request("good", orjson.dumps(body), 202, ""))
        assert answer.status_code == 202, answer.text
        taken.append(answer.json())
    assert taken[-1] == taken[-2]
    return [Input(f"http-{body['case_id']}", orjson.dumps(body), Taken()) for body in bodies]


async def refuse_bad_requests(story: Story) -> None:
    for request in bad_input.bad_requests():
        answer = await _post(story, request)
        told = answer.headers.get("content-type"), answer.text[:300]
        assert answer.status_code == request.status, (request.name, told)
        assert answer.headers["content-type"] == "application/problem+json", (request.name, told)
        problem = answer.json()
        assert problem["type"] == f"https://countersign.dev/problems/{request.slug}", (request.name, told)
        assert problem["title"], request.name
        assert problem["trace_id"], request.name
        assert problem["status"] == request.status
        if request.pointer is not None:
            assert request.pointer in {error["pointer"] for error in problem["errors"]}, (request.name, told)
            assert all(error["detail"] for error in problem["errors"])


async def _post(story: Story, request: Request) -> httpx.Response:
    key = story.keys[request.key]
    headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
    return await story.http.post(INTAKE, content=request.content, headers={**headers, **request.headers})


async def let_people_decide(story: Story) -> None:
    """A person is told what is the matter, and decides what was given to people, whatever stands in it."""
    await story.access.link("pat", display_name="Pat", roles=("reviewer", "lead"))
    async with open_client(story.access.url) as client:
        await client.sign_in(await story.access.token("pat"))
        hostile = await client.get("/api/review/v1/cases/default/odd-hostile")
        assert hostile["case_id"] == "odd-hostile"
        unknown = await _take(client, "odd-unknown-type")
        assert unknown["context"]["actions"]["outcomes"] == []
        assert "unknown_decision_type" in {flag["code"] for flag in unknown["context"]["flags"]}
        withdrawn = [bad_input.withdrawal(case_id) for _, case_id in {
            one.case for one in story.sent if one.body and one.body["decision_type"] == "no_such_type" and one.case
        }]  # fmt: skip
        await asyncio.to_thread(story.upstream.send, withdrawn, topic="case.updated")
        story.sent += withdrawn
        await _until_none(story, WITHOUT_OUTCOMES_SQL)
        reviewer = ScriptedReviewer(client, Random(7))
        working = asyncio.create_task(reviewer.work())
        await _until_none(story, OPEN_SQL, working)
        working.cancel()
        with pytest.raises(asyncio.CancelledError):
            await working


async def _take(client: Client, case_id: str) -> dict[str, Any]:
    for queue in (await client.get("/api/review/v1/queues"))["items"]:
        for item in (await client.get(f"/api/review/v1/queues/{queue['queue']}/items", limit=200))["items"]:
            if item["case_id"] == case_id:
                path = f"/api/review/v1/queues/{queue['queue']}/claims"
                return dict(await client.post(path, {"review_id": item["review_id"]}))
    pytest.fail(f"{case_id} is in no queue")


async def _until_none(story: Story, query: str, working: asyncio.Task[None] | None = None) -> None:
    deadline = time.monotonic() + SETTLE_SECONDS
    while waiting := await story.database.fetchval(query):
        if working is not None and working.done():
            await working
        if time.monotonic() >= deadline:
            pytest.fail(f"{waiting} reviews are still open: {await story.database.fetch(LEFT_SQL)}")
        await asyncio.sleep(0.1)


# Whoever finds an automatic decision wrong leaves its reversal to somebody else, and here is nobody else.
OPEN_SQL = "SELECT count(*) FROM review.reviews WHERE open AND NOT (kind = 'reversal' AND excluded <> '{}')"
LEFT_SQL = """
SELECT r.case_id, r.state, r.stage, r.kind, r.queue, r.assigned_to, r.assigned_until, r.excluded, r.reviewers_required,
       c.state AS claim, c.lease_expires_at
FROM review.reviews AS r LEFT JOIN review.claims AS c USING (review_id) WHERE r.open LIMIT 5
"""
WITHOUT_OUTCOMES_SQL = f"{OPEN_SQL} AND decision_type = 'no_such_type'"


async def handle_letters(story: Story) -> None:
    """An operator looks, puts one aside, and sends one again once the world is repaired."""
    waiting = await story.command("list", "--json")
    assert len(waiting) == _letters(story.sent)
    by_key = {place: name for name, place in story.upstream.places.items()}
    named = {by_key[letter["topic"], letter["partition"], letter["offset"]]: letter for letter in waiting}
    shown = await story.command("show", named["malformed-surrogate"]["id"], "--json")
    assert shown["reason"] == "malformed_json"
    assert shown["body"] == '{"title":"\\ud800"}'
    plain = await story.command("show", named["value-of-title-1"]["id"])
    assert b"\x1b" not in plain
    assert b"invalid_value" in plain
    discarded = await story.command("discard", named["xml" if "xml" in named else "malformed-xml"]["id"], "--json")
    assert discarded["handled"] == "discarded"
    again = await story.command("replay", named["malformed-cut"]["id"], "--json")
    assert again["handled"] == "replayed"
    await replay_in_a_repaired_world(story)


async def replay_in_a_repaired_world(story: Story) -> None:
    """A letter that an earlier release could not read; this one can."""
    body = bad_input.loan("was-unreadable")
    one = Input("was-unreadable", orjson.dumps(body), Taken(), {"ce_id": b"up-was-unreadable"})
    earlier = Record("case.created", 0, 10**6, 1_700_000_000_000, one.name.encode(), one.value, tuple(one.headers()))
    settings = ServiceSettings(
        database_url="unused", kafka_bootstrap_servers=story.stack.bootstrap, http_port=0,
        topic_prefix=story.stack.topic_prefix,
    )  # fmt: skip
    async with open_bus(settings, service="checker", health=Health(), metrics=Metrics("checker")) as bus:
        await bus.publish([dead_letter(earlier, service="inference", reason="unknown_type")])
    (letter,) = [one for one in await story.command("list", "--json") if one["reason"] == "unknown_type"
                 and one["offset"] == 10**6]  # fmt: skip
    await story.command("replay", letter["id"])
    story.sent.append(one)
    # The one that was replayed without being mended comes back as a letter of its own.
    records = await story.settled(cases=_cases(story.sent), letters=_letters(story.sent) + 5)
    left = await story.command("list", "--json")
    assert len(left) == _letters(story.sent) - 2 + 1
    assert ("default", "was-unreadable") in {_case(record) for record in records["case.routed"]}
    every = {letter["id"]: letter["handled"] for letter in await story.command("list", "--all", "--json")}
    assert Counter(every.values()) == {None: len(left), "replayed": 2, "discarded": 1}


async def check_that_nothing_came_to_harm(story: Story) -> None:
    story.check_alive()
    await check_outcomes(story)
    assert all(story.stack.ready(service) for service in SERVICES)
    assert set((await asyncio.to_thread(story.stack.stop)).values()) == {0}
    for service in SERVICES:
        log = (story.stack.directory / f"{service}.log").read_bytes()
        assert b"Traceback" not in log, log[-3000:]
        assert not [line for line in log.splitlines() if any(byte < 0x20 for byte in line)], service
    log = await verified(story.stack.database_url, vkey=None, keys=story.stack.directory / "audit-keys")
    assert log["verified"], log
