"""Replays over HTTP and from the command line: streamed, told from the first line to the last, and refused by name."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from countersign_local.cli.ending import exit_code
from countersign_router.api.replays import MOST_WAITING
from countersign_router.replaying.report import ReplayReport
from countersign_router.store import NewJudgement, Store
from countersign_shared.clock import system_clock
from countersign_shared.errors import CountersignError
from countersign_shared.http import Principal
from tests.fixtures.commands import Runner, whole
from tests.integration.router.desk import Replica
from tests.integration.router.door import calling, door, named
from tests.unit.router.cases import DRAWS, POLICIES, scored, shipped
from tests.unit.router.replays import varied

pytestmark = pytest.mark.postgres
PATH = "/api/router/v1/policies/replays"
PEOPLE = {
    "anna": Principal("p-anna", "anna", frozenset({"analyst"}), frozenset({"*"})),
    "nora": Principal("p-nora", "nora", frozenset({"analyst"}), frozenset({"north"})),
    "lars": Principal("p-lars", "lars", frozenset({"lead"}), frozenset({"*"})),
    "rita": Principal("p-rita", "rita", frozenset({"reviewer"}), frozenset({"*"})),
}
LOAN = (POLICIES / "loan_application.yaml").read_text(encoding="utf-8")
STRICTER = LOAN.replace("high: 0.90, medium: 0.70", "high: 0.985, medium: 0.90")


who = named(PEOPLE)


@pytest.fixture
async def app(store: Store, database_url: str) -> FastAPI:
    replica = Replica(store, draws=DRAWS)
    await replica.publish(shipped())
    await replica.route(*varied(80), scored("in-north", tenant="north"))
    return door(store, who, draws=DRAWS, replays_on=database_url)


@pytest.fixture
async def client(app: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    async with calling(app) as opened:
        yield opened


async def ask(client: httpx.AsyncClient, name: str = "anna", **asked: Any) -> httpx.Response:
    return await client.post(PATH, headers={"authorization": f"Bearer {name}"}, json=asked)


async def test_the_answer_is_progress_and_then_the_report(client: httpx.AsyncClient) -> None:
    answer = await ask(client, yaml=STRICTER, by=["race"], labels=[{"case_id": "loan-000001", "error": True}])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/x-ndjson")
    told = [json.loads(line) for line in answer.text.splitlines()]
    assert told[0] == {"kind": "progress", "done": 0, "total": 81}
    assert [one["kind"] for one in told] == ["progress"] * (len(told) - 1) + ["report"]
    report = ReplayReport.model_validate(told[-1]["report"])
    assert (report.against.cases, report.fidelity.same, report.draft) == (81, 81, True)
    assert report.raised > 0
    assert {one.field for one in report.segments} >= {"case.owner_occupied", "proposal.outcome", "tenant"}


async def test_audits_that_the_router_knows_estimate_the_error(client: httpx.AsyncClient, store: Store) -> None:
    known = [
        NewJudgement("default", f"loan-{number:06}", "loan_application", number % 2 == 0, 0.5, 0.0, system_clock())
        for number in range(80)
    ]
    await store.note_judgements(known)
    answer = await ask(client, yaml=STRICTER, labels=[{"case_id": "loan-000001", "error": True}])
    audited = json.loads(answer.text.splitlines()[-1])["report"]["audited"]
    assert 0 < audited["labels"] < 80, "of the judged ones only those count that chance had drawn"


async def test_a_published_version_is_named_by_its_hash(client: httpx.AsyncClient) -> None:
    answer = await ask(client, sha256=shipped().policy.sha256, against="last:10")
    report = json.loads(answer.text.splitlines()[-1])["report"]
    assert (report["draft"], report["against"]["cases"], report["changed"]) == (False, 10, 0)
    assert (await ask(client, sha256="0" * 64)).status_code == 404


@pytest.mark.parametrize(
    ("asked", "status", "pointer"),
    [
        ({"yaml": LOAN, "against": "last:0"}, 422, "/against"),
        ({"yaml": LOAN, "against": "since:yesterday"}, 422, "/against"),
        ({"yaml": LOAN.replace("case.loan_amount >", "case.loan_amont >", 1)}, 422, "/yaml"),
        ({"yaml": LOAN, "by": ["shoe_size"]}, 422, "/by/0"),
        ({}, 422, ""),
    ],
)  # fmt: skip
async def test_what_cannot_be_replayed_is_refused_before_anything_begins(
    client: httpx.AsyncClient, asked: dict[str, Any], status: int, pointer: str
) -> None:
    answer = await ask(client, **asked)
    assert answer.status_code == status
    assert answer.json()["errors"][0]["pointer"] == pointer


async def test_people_see_their_tenants_cases_and_those_who_answer_none(client: httpx.AsyncClient) -> None:
    assert (await ask(client, "lars", yaml=LOAN)).status_code == 403
    assert (await ask(client, "rita", yaml=LOAN)).status_code == 403
    assert (await ask(client, "nora", yaml=LOAN)).status_code == 403
    own = LOAN.replace("decision_type: loan_application", "decision_type: loan_application\ntenant: north")
    report = json.loads((await ask(client, "nora", yaml=own)).text.splitlines()[-1])["report"]
    assert report["against"]["cases"] == 1


async def test_replays_run_one_after_another_and_not_more_than_a_few_wait(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    turn = app.state.replays
    async with turn.lock:
        waiting = asyncio.create_task(ask(client, yaml=LOAN, against="last:5"))
        async with asyncio.timeout(10):
            while not turn.waiting:
                await asyncio.sleep(0.01)
        assert not waiting.done()
        turn.waiting += 10
        refused = await ask(client, yaml=LOAN)
        turn.waiting -= 10
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "15")
    first = json.loads((await waiting).text.splitlines()[0])
    assert first == {"kind": "progress", "done": 0, "total": None}
    assert turn.waiting == 0


async def test_replays_asked_for_in_the_same_moment_are_turned_away_like_later_ones(
    client: httpx.AsyncClient, app: FastAPI
) -> None:
    turn = app.state.replays
    async with turn.lock:
        waiting = {asyncio.create_task(ask(client, yaml=LOAN, against="last:5")) for _ in range(3 * MOST_WAITING)}
        refused: set[asyncio.Task[httpx.Response]] = set()
        async with asyncio.timeout(60):
            while len(waiting) > MOST_WAITING + 1:
                done, waiting = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
                refused |= done
    assert {one.result().status_code for one in refused} == {429}
    assert {answer.status_code for answer in await asyncio.gather(*waiting)} == {200}
    assert turn.waiting == 0


@pytest.fixture
async def url(app: FastAPI) -> AsyncIterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_level="critical", lifespan="off"))
        serving = asyncio.create_task(server.serve([listening]))
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        await serving


async def command(url: str, *words: str | Path, key: str = "anna") -> tuple[int, str]:
    def run() -> tuple[int, str]:
        environment = {"COUNTERSIGN_URL": url, "COUNTERSIGN_API_KEY": key}
        done = Runner().invoke(whole(), ["policy", *map(str, words)], env=environment)
        if isinstance(done.exception, CountersignError):
            return exit_code(done.exception), str(done.exception)
        return done.exit_code, done.stdout

    return await asyncio.to_thread(run)


async def test_the_command_prints_tables_and_draws(url: str, tmp_path: Path) -> None:
    policy, picture = tmp_path / "p.yaml", tmp_path / "p.svg"
    policy.write_text(STRICTER, encoding="utf-8")
    code, said = await command(url, "replay", policy, "--picture", picture, "--against", "last:1000")
    assert code == 0, said
    assert "against 81 cases (last:1000)" in said
    for title in ("Cases in each cell", "From level to level", "Queues", "By segment", "no longer be automatic"):
        assert title in said
    assert "all 81 stored routings came out the same" in said
    assert picture.read_text(encoding="utf-8").startswith("<svg ")
    code, said = await command(url, "replay", policy, "--json", "--against", "last:5")
    assert (code, json.loads(said)["against"]["cases"]) == (0, 5)


async def test_the_command_takes_judged_cases(url: str, tmp_path: Path, pool: Any) -> None:
    policy, labels = tmp_path / "p.yaml", tmp_path / "labels.csv"
    policy.write_text(STRICTER, encoding="utf-8")
    labels.write_text(
        "case_id,error\n" + "".join(f"loan-{number:06},{number % 2}\n" for number in range(80)), encoding="utf-8"
    )
    code, said = await command(url, "replay", policy, "--labels", labels, "--json")
    audited = json.loads(said)["audited"]
    drawn = await pool.fetchval("SELECT count(*) FROM routings WHERE level <= 2")
    assert code == 0
    # Only judged cases that chance had chosen count, so fewer than were given.
    assert 0 < audited["labels"] < 80
    assert audited["before"]["judged"] <= drawn
    assert audited["before"]["rate"] is None


async def test_the_command_says_what_is_wrong_and_ends_so(url: str, tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text(LOAN.replace("case.loan_amount >", "case.loan_amont >", 1), encoding="utf-8")
    code, said = await command(url, "replay", policy)
    assert (code, "case.loan_amont" in said) == (1, True)
    assert (await command(url, "replay", policy, key="rita"))[0] == 77
    assert (await command(url, "replay", tmp_path / "absent.yaml"))[0] == 66
    policy.write_text(LOAN, encoding="utf-8")
    code, said = await command(url, "replay", policy, "--against", "all")
    assert (code, "write last:100000" in said) == (1, True)
    assert (await command("http://127.0.0.1:9", "replay", policy))[0] == 69


async def test_diff_finds_the_version_in_force(url: str, tmp_path: Path) -> None:
    policy = tmp_path / "p.yaml"
    policy.write_text(STRICTER, encoding="utf-8")
    code, said = await command(url, "diff", policy)
    assert (code, "Band high rises from 0.90 to 0.985." in said) == (0, True)
    policy.write_text(
        LOAN.replace("decision_type: loan_application", "decision_type: loan_application\ntenant: south"),
        encoding="utf-8",
    )
    code, said = await command(url, "diff", policy)
    assert (code, "No version of south/loan_application is in force" in said) == (1, True)
