"""`countersign policy publish`, `approve`, `roll-back` and `list`, against a router over real HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import NamedTuple

import asyncpg
import orjson
import pytest

from countersign_local.cli.ending import exit_code
from countersign_router.store import Store
from countersign_shared.errors import CountersignError
from countersign_shared.runtime import serving
from tests.fixtures.commands import Runner, whole
from tests.integration.router.desk import Replica
from tests.integration.router.door import door
from tests.integration.router.life import activities, everything_to_people, in_force
from tests.integration.router.test_router_life_api import certify, who
from tests.unit.router.cases import bent, scored, shipped

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


class Said(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Awaitable[Said]]


@pytest.fixture
async def run(replica: Replica, store: Store, database_url: str) -> AsyncIterator[Run]:
    """The command line as a person of ``test_router_life_api``, by their name in place of a key."""
    async with serving(door(store, who, replays_on=database_url), "127.0.0.1", 0) as port:

        async def said(name: str, *words: str) -> Said:
            environment = {"COUNTERSIGN_URL": f"http://127.0.0.1:{port}", "COUNTERSIGN_API_KEY": name}

            def call() -> Said:
                done = Runner().invoke(whole(), ["policy", *words], env=environment)
                if isinstance(done.exception, CountersignError):
                    return Said(exit_code(done.exception), done.stdout, str(done.exception))
                if done.exception is not None and not isinstance(done.exception, SystemExit):
                    raise done.exception
                return Said(done.exit_code, done.stdout, done.stderr)

            # In a thread: a command runs a loop of its own.
            return await asyncio.to_thread(call)

        yield said


async def test_a_policy_is_published_by_two_people_at_the_command_line(
    run: Run, replica: Replica, store: Store, pool: asyncpg.Pool, tmp_path: Path
) -> None:
    await certify(store, "default", "low", shipped().policy.automation_sha256)
    await replica.route(*(scored(f"case-{number}") for number in range(20)))
    file = tmp_path / "loan_application.yaml"
    file.write_bytes(everything_to_people().data)
    first = await run("anton", "publish", str(file), "--reason", "a safer start")
    assert first.code == 0, first.err
    assert (
        "Replayed against 20 cases: 20 come out otherwise (20 at a higher level, 0 at a lower one); "
        "automatic 20 before, 0 after." in first.out
    )
    assert "somebody with the role policy_approver other than p-anton" in first.out
    approve = next(line.split()[2:] for line in first.out.splitlines() if "policy approve" in line)
    # The author cannot go on alone: asking again says the same.
    assert (await run("anton", "publish", str(file), "--reason", "a safer start")).out == first.out
    own = await run("bea", "publish", str(file), "--reason", "mine as well")
    assert "somebody with the role policy_approver" in own.out
    refused = await run("anton", *approve)
    assert (refused.code, "(403 role-missing)" in refused.err, "policy_approver" in refused.err) == (77, True, True)
    shown = await run("petra", *approve[:2])
    assert ("It replaces version 1." in shown.out, "What decides about automation changes." in shown.out) == (
        True,
        True,
    )
    assert "  • The floor changes: " in shown.out
    assert "Publishing it voids the certificate c-default-low of default, low consequence: " in shown.out
    assert "Publishing it voids the certificate c-default-low of default, low" in first.out
    assert (await run("petra", *approve, "--comment", "agreed")).code == 0
    done = await run("anton", "publish", str(file), "--reason", "as agreed")
    assert (done.code, done.out.splitlines()[0]) == (0, "Version 2 of default/loan_application is in force.")
    assert "Voided the certificate c-default-low" in done.out
    assert (await in_force(pool))["state"]["version"] == 2
    told = [one for one in await activities(pool) if one["kind"] == "policy.replayed"]
    assert [one["body"]["result"]["cases"] for one in told] == [20]
    listed = orjson.loads((await run("anna", "list", "--json")).out)
    assert [(one["version"], one["in_force"]) for one in listed["versions"]][:2] == [(2, True), (1, False)]
    again = await run("anton", "publish", str(file), "--reason", "again")
    assert again.out == "Version 2 of default/loan_application is in force.\n"

    # The beginning of the hash, as the list shows it, is enough.
    beginning = shipped().policy.sha256[:12]
    assert beginning in (await run("anna", "list")).out
    back = await run("anton", "roll-back", beginning, "--reason", "it went wrong", "--json")
    waiting = orjson.loads(back.out)
    assert (waiting["returns"], waiting["needs"]) == (True, ["approval", "publish"])
    other = await run("petra", "approve", waiting["draft_id"], "0123456789ab")
    assert (other.code, "(412 hash-mismatch)" in other.err) == (1, True)
    assert (await run("petra", "approve", waiting["draft_id"], waiting["sha256"][:12])).code == 0
    done = await run("anton", "roll-back", waiting["sha256"], "--reason", "it went wrong")
    assert done.out == "Version 1 of default/loan_application is in force.\n"
    listed_lines = (await run("anna", "list")).out.splitlines()
    assert listed_lines[0] == "default/loan_application"
    assert [("in force" in line, line.split()[1]) for line in listed_lines[1:3]] == [(False, "2"), (True, "1")]
    again = await run("anton", "publish", str(file), "--reason", "again")
    assert (again.code, "policy roll-back" in again.err) == (1, True)


async def test_what_cannot_be_published_says_why(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "loan_application.yaml"
    file.write_text(
        everything_to_people().data.decode().replace("never_automate: 'true'", "never_automate: case.x > 5"),
        encoding="utf-8",
    )
    said = await run("anton", "publish", str(file), "--reason", "a try")
    assert (said.code, f"{file}:" in said.err, "(never_automate)" in said.err, "^^^" in said.err) == (
        1,
        True,
        True,
        True,
    )
    wrong = {"name": "wrong", "case": dict(scored()["case"]["payload"]), "expect": {"level": 5},
             "proposal": {"outcome": "approve", "confidence": 0.97}}  # fmt: skip
    file.write_bytes(bent(version=2, examples=[wrong]).data)
    said = await run("anton", "publish", str(file), "--reason", "a try")
    assert (said.code, "1 of 1 examples come out otherwise" in said.err, "wrong:" in said.err) == (1, True, True)
    file.write_bytes(bent(version=1, never_automate="true").data)
    said = await run("anton", "publish", str(file), "--reason", "a try")
    assert (said.code, "raise `version` to 2" in said.err) == (1, True)
    said = await run("anton", "publish", str(tmp_path / "none.yaml"), "--reason", "a try")
    assert (said.code, "cannot be read" in said.err) == (66, True)
